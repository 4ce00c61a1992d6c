//! `kustom dev emulator clock`

use std::time::Duration;

use clap::Subcommand;
use jiff::SignedDuration;

use super::GUARD;
use crate::args;
use crate::commands::help::text::after_help;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::model::{Clock, Resource};
use crate::output::{Cell, Column, View, format_time};

/// Show and advance the clock of an emulator
///
/// Advance the clock to let codes and sessions expire without waiting.
#[derive(Debug, Subcommand)]
#[command(after_help = after_help("\
Examples:
  kustom dev emulator clock show
  kustom dev emulator clock advance 20m

Next:
  kustom sessions list --refresh     # sessions that have expired"))]
pub(super) enum Command {
    /// Show the time of an emulator's clock
    ///
    /// It is the time of this machine plus the durations by which the clock was advanced.
    #[command(after_help = after_help("\
Examples:
  kustom dev emulator clock show
  kustom dev emulator clock show -o json

Next:
  kustom dev emulator clock advance 2h"))]
    Show,

    /// Advance an emulator's clock
    ///
    /// The clock never goes back.
    #[command(after_help = after_help("\
Examples:
  kustom dev emulator clock advance 20m      # lets sessions expire, after fifteen minutes
  kustom dev emulator clock advance 2h       # also lets enrollment codes expire

Next:
  kustom sessions list --refresh"))]
    Advance {
        /// Duration such as 20m or 2h
        #[arg(value_name = "DURATION", value_parser = parse_advance, allow_hyphen_values = true)]
        by: Duration,
    },
}

fn parse_advance(text: &str) -> Result<Duration, String> {
    if text.starts_with('-') {
        return Err("the clock never goes back: write a duration such as 20m".to_owned());
    }
    args::parse_duration(text)
}

impl Command {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let clock = match self {
            Self::Show => context.client.clock().await,
            Self::Advance { by } => {
                let by = SignedDuration::try_from(by)
                    .map_err(|_| Error::usage("the clock cannot be advanced that far"))?;
                context.client.advance_clock(by).await
            }
        };
        let hint = "show the time with `kustom dev emulator clock show`";
        context.output.print_item(&GUARD.check(clock, context, hint).await?)?;
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
