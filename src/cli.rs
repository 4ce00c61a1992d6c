//! The root of the grammar: the global flags, and the commands below them.

use std::time::Duration;

use clap::builder::StyledStr;
use clap::{Args, CommandFactory, Parser};

use crate::commands::Command;
use crate::commands::args::duration;
use crate::commands::help::text;
use crate::output::{ColorWhen, Format};

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

/// The flags of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
#[allow(clippy::doc_markdown, reason = "help is text for people, not Markdown")]
pub(crate) struct Global {
    /// The profile to use; `local` is built in and runs the emulator [env: KUSTOM_PROFILE]
    #[arg(long, global = true, value_name = "PROFILE")]
    pub profile: Option<String>,
    /// How data is written; table unless told otherwise [env: KUSTOM_OUTPUT]
    #[arg(short, long, global = true, value_name = "FORMAT", value_enum)]
    pub output: Option<Format>,
    /// Print data, warnings and errors only
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Show requests on stderr; twice shows their bodies too, without secrets
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Never ask; a missing answer is exit 8
    #[arg(long, global = true)]
    pub no_input: bool,
    /// Answer every confirmation with yes
    #[arg(short, long, global = true)]
    pub yes: bool,
    /// When to use colours [env: NO_COLOR]
    #[arg(long, global = true, value_name = "WHEN", value_enum)]
    pub color: Option<ColorWhen>,
    /// The longest time for one request, 30s unless told otherwise; for what waits (a session, a phone) the longest wait
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration)]
    pub timeout: Option<Duration>,
}
