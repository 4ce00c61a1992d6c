//! `kustom dev emulator clock`

use std::time::Duration;

use clap::Subcommand;
use jiff::SignedDuration;

use super::RUNNING;
use crate::api;
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
  kustom sessions list --refresh     # which have expired
";

/// The clock of an emulator
///
/// Put it forward to see codes and sessions expire without waiting.
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

/// What the emulator's clock shows
///
/// It is the time of this machine, and as much ahead as it was put forward.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE_OF_SHOW))]
pub(super) struct ShowArgs {}

const MORE_OF_ADVANCE: &str = "\
Examples:
  kustom dev emulator clock advance 20m      # sessions of fifteen minutes have expired
  kustom dev emulator clock advance 2h       # so have codes of two hours

Next:
  kustom sessions list --refresh
";

/// Put the emulator's clock forward
///
/// It stays ahead, and is never put back.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE_OF_ADVANCE))]
pub(super) struct AdvanceArgs {
    /// How far, such as 20m or 2h
    #[arg(value_name = "DURATION", value_parser = args::duration)]
    by: Duration,
}

impl Command {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let shown = match self {
            Self::Show(ShowArgs {}) => context.client.clock().await,
            Self::Advance(AdvanceArgs { by }) => {
                let by = SignedDuration::try_from(by)
                    .map_err(|_| Error::usage("the clock cannot be put forward that far"))?;
                context.client.advance_clock(by).await
            }
        };
        show(shown, context).await
    }
}

async fn show(
    shown: Result<Resource<Clock>, api::Error>,
    context: &ApiContext<'_>,
) -> Result<ExitStatus, Error> {
    match shown {
        Ok(clock) => context.output.print_item(&clock)?,
        Err(error) => {
            let next = "see what it shows with `kustom dev emulator clock show`".to_owned();
            return Err(RUNNING.add_hint(error, context, next).await);
        }
    }
    Ok(ExitStatus::Success)
}

impl View for Resource<Clock> {
    const NOUN: &'static str = "clock";
    const CSV_FIELDS: &'static [&'static str] = &["now", "ahead"];
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("NOW", |clock| Cell::optional(clock.now.map(format_time))),
        Column::new("AHEAD", |clock| Cell::optional(clock.ahead.as_deref())),
    ];
}
