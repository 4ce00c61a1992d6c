//! The root of the grammar: the global flags, and the commands below them.

use std::time::Duration;

use clap::{Args, Parser};

use crate::commands::Command;
use crate::commands::args::duration;
use crate::terminal::{ColorWhen, Format};

/// The command line of Kustom In-Person Payments.
///
/// Pair phones, take payments and see their outcome. Everything works without an account and without a network
/// on the emulator: add `--profile local`, or run `kustom demo`.
///
/// This is an independent client, not one of Kustom's.
#[derive(Debug, Parser)]
#[command(name = "kustom", version, propagate_version = false, subcommand_required = false)]
#[command(after_help = TRY_IT, after_long_help = EXIT_CODES)]
pub struct Cli {
    /// The global flags.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

const TRY_IT: &str = "\
Try it without an account: `kustom demo` shows the whole flow, and --profile local runs any command on an emulator.
See `kustom --help` for the exit codes.";

const EXIT_CODES: &str = "\
Exit codes:
    0  done; a session that was waited for is FINALIZED
    1  a bug in kustom, or output that could not be written
    2  arguments, configuration or input refused before anything was sent
    3  no key, a key that was refused, or a key of the wrong environment
    4  not found
    5  the API refused it, or did something else than a scenario expects; a callback was refused
    6  unavailable after retries; nothing was carried out
    7  unknown: the request may have been carried out
    8  a confirmation was needed and not given
   10  the session was CANCELLED    11  EXPIRED, as was an enrollment code    12  FAILED
   13  the session was still open, no phone was paired, or no callback had come, when the wait ended
  130  interrupted";

/// The flags of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
#[allow(clippy::doc_markdown, reason = "help is text for people, not Markdown")]
pub struct Global {
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
