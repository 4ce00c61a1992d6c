//! The root of the grammar: the global flags, and the commands below them.

use clap::builder::StyledStr;
use clap::{CommandFactory, Parser};

use crate::commands::Command;
use crate::commands::help::text;
use crate::global_args::Global;

/// The command line of Kustom In-Person Payments.
///
/// Pair phones, take payments and see their outcome. Everything works without an account and without a network
/// on the emulator: add `--profile local`, or run `kustom demo`.
///
/// This is an independent client, not one of Kustom's.
#[derive(Debug, Parser)]
#[command(name = "kustom", version, propagate_version = false, subcommand_required = false)]
#[command(disable_help_subcommand = true, override_help = text::ROOT_HELP)]
pub(crate) struct Cli {
    /// The global flags.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

impl Cli {
    /// The whole grammar, with its help. The verbs of a noun are made when it is named, or by `build`.
    pub(crate) fn command() -> clap::Command {
        // Commands show them in a line each, below what is their own.
        <Self as CommandFactory>::command().mut_args(|arg| {
            let hidden = arg.is_global_set();
            arg.hide_short_help(hidden).hide_long_help(hidden)
        })
    }

    /// The help of the program itself: the commands in groups.
    pub(crate) fn root_help() -> StyledStr {
        text::highlight(text::ROOT_HELP)
    }
}
