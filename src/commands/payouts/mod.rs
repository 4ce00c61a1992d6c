//! Payouts: what was paid to the merchant's bank account.

mod get;
mod list;
mod transactions;
mod view;

use clap::Subcommand;

use crate::commands::help::text::after_help;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};

/// List payouts, and the sales and refunds in them
///
/// Sales in stores and online are in the same payouts. A sale is paid out one to ten business days later.
#[derive(Debug, Subcommand)]
#[command(after_help = after_help("\
Examples:
  kustom payouts list --since 2026-11-01
  kustom payouts transactions REFERENCE -o csv > payout.csv

Next:
  kustom report reconcile
"))]
pub(crate) enum Command {
    List(list::Args),
    Get(get::Args),
    Transactions(transactions::Args),
}

impl Command {
    pub(super) async fn run(self, context: ApiContext<'_>) -> Result<ExitStatus, Error> {
        match self {
            Self::List(args) => args.run(&context).await,
            Self::Get(args) => args.run(&context).await,
            Self::Transactions(args) => args.run(&context).await,
        }
    }
}
