//! Orders, which paid sessions become.

mod change;
mod change_once;
pub(super) mod find;
mod get;
mod refund;

pub(super) mod view;

use clap::Subcommand;

use crate::commands::help::text::after_help;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};

/// Show and refund the orders of paid sessions
///
/// A paid session becomes an order. Refer to it by its ID, its session, your reference, or an ID prefix.
#[derive(Debug, Subcommand)]
#[command(after_help = after_help("\
Examples:
  kustom orders get receipt-1001
  kustom orders refund receipt-1001 --amount 50.00 --reason 'Broken zip'
  kustom orders refund receipt-1001 --item SKU-001,qty=1

Next:
  kustom payouts list
"))]
pub(crate) enum Command {
    Get(get::Args),
    Refund(refund::Args),
    Capture(change::CaptureArgs),
    Cancel(change::CancelArgs),
    Release(change::ReleaseArgs),
}

impl Command {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        match self {
            Self::Get(args) => context.run_until_cancelled(args.run(context)).await,
            Self::Refund(args) => args.run(context).await,
            Self::Capture(args) => args.run(context).await,
            Self::Cancel(args) => args.run(context).await,
            Self::Release(args) => args.run(context).await,
        }
    }
}
