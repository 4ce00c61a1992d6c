//! Reports on the sales of the ledger.

mod chart;
mod compare;
mod daily;
mod pos_file;
mod reconcile;
mod summary;

use clap::Subcommand;

use crate::commands::help::text::after_help;
use crate::context::App;
use crate::error::{Error, ExitStatus};

/// Show the totals of a day: sales, refunds, net and tax, by currency
///
/// The figures are those of the ledger: sessions that were created here, or by all machines that share the ledger. Open,
/// unknown and unpaid sessions are counted apart. Currencies are never mixed.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom report                                        # today
  kustom report --day 2026-11-26 --by device -o csv > day.csv
  kustom report --since 2026-11-01 --until 2026-11-30 --by hour

Next:
  kustom report reconcile --pos export.csv             # compare with the point of sale
"))]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(flatten)]
    daily: daily::DailyArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Reconcile(Box<reconcile::Args>),
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { daily, command } = self;
        app.run_with_api(async |context| match command {
            None => daily.run(&context).await,
            Some(Command::Reconcile(args)) => args.run(&context).await,
        })
    }
}
