//! A command whose verbs or arguments are looked at when it is named, and not before: most of the grammar is of no concern to a
//! command, and making it all takes as long as the rest of the start.

use clap::{ArgMatches, Args, Command, Error, FromArgMatches, Id, Subcommand};

use super::help::text::with_help_template;

/// The verbs or the arguments of a command. What is told of the command beside the others stands at its variant.
#[derive(Debug)]
pub(crate) struct Deferred<T>(pub(super) T);

impl<T: FromArgMatches> FromArgMatches for Deferred<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches(matches).map(Self)
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches_mut(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }

    fn update_from_arg_matches_mut(&mut self, matches: &mut ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches_mut(matches)
    }
}

impl<T: Subcommand> Subcommand for Deferred<T> {
    fn augment_subcommands(noun: Command) -> Command {
        noun.defer(|noun| with_help_template(T::augment_subcommands(noun)))
    }

    fn augment_subcommands_for_update(noun: Command) -> Command {
        noun.defer(T::augment_subcommands_for_update)
    }

    fn has_subcommand(name: &str) -> bool {
        T::has_subcommand(name)
    }
}

impl<T: Args> Args for Deferred<T> {
    fn group_id() -> Option<Id> {
        T::group_id()
    }

    fn augment_args(command: Command) -> Command {
        command.defer(|command| with_help_template(T::augment_args(command)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        command.defer(T::augment_args_for_update)
    }
}
