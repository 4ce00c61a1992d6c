//! The flags that every command takes.

use std::time::Duration;

use clap::Args;

use crate::args::parse_duration;
use crate::output::{ColorWhen, Format};

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct GlobalArgs {
    /// Profile to use; `local` is the built-in emulator [env: KUSTOM_PROFILE]
    #[arg(long, global = true, value_name = "PROFILE")]
    pub profile: Option<String>,
    /// Output format [default: table] [env: KUSTOM_OUTPUT]
    #[arg(short, long, global = true, value_name = "FORMAT", value_enum)]
    pub output: Option<Format>,
    /// Columns of tables and CSV, such as id,name,location.name,metadata.till
    #[arg(long, global = true, value_name = "COLUMNS", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// Omit the header of tables and CSV
    #[arg(long, global = true)]
    pub no_header: bool,
    /// Filter JSON output with a jq expression; without --output, it implies -o json
    #[arg(long, global = true, value_name = "EXPRESSION")]
    pub jq: Option<String>,
    /// Print only data, warnings and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Print requests to stderr; -vv also prints their bodies, without secrets
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Never prompt; a missing answer is exit code 8
    #[arg(long, global = true)]
    pub no_input: bool,
    /// Answer yes to every confirmation
    #[arg(short, long, global = true)]
    pub yes: bool,
    /// When to use color [default: auto] [env: NO_COLOR]
    #[arg(long, global = true, value_name = "WHEN", value_enum)]
    pub color: Option<ColorWhen>,
    /// Timeout of each request [default: 30s], or of the wait if the command waits for something
    #[arg(long, global = true, value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Option<Duration>,
    /// Allow plain http to this host of a private network, for an emulator or an application [env: KUSTOM_ALLOW_HTTP]
    #[arg(long, global = true, value_name = "HOST")]
    pub allow_http: Option<String>,
}
