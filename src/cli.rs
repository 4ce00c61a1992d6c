//! The root of the command line: the global flags and the commands.

use clap::{CommandFactory as _, Parser};

use crate::commands::{Command, help};
use crate::global_args::Global;

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
    pub global: Global,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Builds the root command with every subcommand and its help.
pub(crate) fn command() -> clap::Command {
    help::set_templates(Cli::command())
}
