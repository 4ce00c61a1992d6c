//! The flags that every command takes.

use std::time::Duration;

use clap::Args;

use crate::args::duration;
use crate::output::{ColorWhen, Format};

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
