//! The root of the command line: the global flags and the commands.

use clap::{CommandFactory as _, Parser};

use crate::commands::Command;
use crate::commands::help;
use crate::complete;
use crate::global_args::GlobalArgs;

/// Command line for Kustom In-Person Payments
///
/// Pair phones, take payments and see their outcome. Every command works offline and without an account against a built-in
/// emulator: add `--profile local`, or run `kustom demo`.
///
/// This is an independent client, not one of Kustom's.
#[derive(Debug, Parser)]
#[command(name = "kustom", version, disable_help_subcommand = true, after_help = help::learn_more())]
pub(crate) struct Cli {
    #[command(flatten)]
    pub global: GlobalArgs,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Builds the root command, which parses every command line. [`help::set_templates`] adds the layout of the help.
pub(crate) fn command() -> clap::Command {
    // Added here and not to the flag, because settings read the flags, and completions read the settings.
    Cli::command().mut_arg("profile", |arg| arg.add(complete::profiles()))
}
