//! `kustom dev emulator clock`

use std::time::Duration;

use clap::Subcommand;
use jiff::SignedDuration;

use super::RUNNING;
use crate::args;
use crate::commands::help::text::after_help;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::model::{Clock, Resource};
use crate::output::{Cell, Column, View, format_time};

const MORE: &str = "\
Examples:
  kustom dev emulator clock show
  kustom dev emulator clock advance 20m

Next:
  kustom sessions list --refresh     # sessions that have expired
";

/// Show and advance the clock of an emulator
///
/// Advance the clock to let codes and sessions expire without waiting.
#[derive(Debug, Subcommand)]
#[command(after_help = after_help(MORE))]
pub(super) enum Command {
    Show(ShowArgs),
    Advance(AdvanceArgs),
}

const MORE_OF_SHOW: &str = "\
Examples:
  kustom dev emulator clock show
  kustom dev emulator clock show -o json

Next:
  kustom dev emulator clock advance 2h
";

/// Show the time of an emulator's clock
///
/// It is the time of this machine plus the durations by which the clock was advanced.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE_OF_SHOW))]
pub(super) struct ShowArgs {}

const MORE_OF_ADVANCE: &str = "\
Examples:
  kustom dev emulator clock advance 20m      # lets sessions expire, after fifteen minutes
  kustom dev emulator clock advance 2h       # also lets enrollment codes expire

Next:
  kustom sessions list --refresh
";

/// Advance an emulator's clock
///
/// The clock never goes back.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE_OF_ADVANCE))]
pub(super) struct AdvanceArgs {
    /// Duration such as 20m or 2h
    #[arg(value_name = "DURATION", value_parser = args::parse_duration)]
    by: Duration,
}

impl Command {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let clock = match self {
            Self::Show(ShowArgs {}) => context.client.clock().await,
            Self::Advance(AdvanceArgs { by }) => {
                let by = SignedDuration::try_from(by)
                    .map_err(|_| Error::usage("the clock cannot be advanced that far"))?;
                context.client.advance_clock(by).await
            }
        };
        match clock {
            Ok(clock) => context.output.print_item(&clock)?,
            Err(error) => {
                let next = "show the time with `kustom dev emulator clock show`".to_owned();
                return Err(RUNNING.add_hint(error, context, next).await);
            }
        }
        Ok(ExitStatus::Success)
    }
}

impl View for Resource<Clock> {
    const NOUN: &'static str = "clock";
    const CSV_FIELDS: &'static [&'static str] = &["now", "ahead"];
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("NOW", |clock| Cell::optional(clock.now.map(format_time))),
        Column::new("AHEAD", |clock| Cell::optional(clock.ahead.as_deref())),
    ];
}
