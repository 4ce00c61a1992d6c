use crate::api::TransactionFilter;
use crate::commands::help::text::after_help;
use crate::commands::orders::find::find_order;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};

/// List the transactions of a payout or of an order
///
/// Without a payout and an order, all transactions are listed.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom payouts transactions REFERENCE -o csv > payout.csv
  kustom payouts transactions --order receipt-1001

Next:
  kustom report reconcile --payout REFERENCE
"))]
pub(crate) struct Args {
    /// Payment reference of the payout
    #[arg(value_name = "REFERENCE")]
    reference: Option<String>,
    /// Order ID, session ID, your reference, or an ID prefix
    #[arg(long, value_name = "ORDER", conflicts_with = "reference", add = complete::orders())]
    order: Option<String>,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { reference, order } = self;
        let order_id = match order {
            Some(query) => Some(find_order(Some(&query), context).await?.id.to_string()),
            None => None,
        };
        let filter = TransactionFilter { payment_reference: reference, order_id };
        let transactions = context.client.transactions(&filter).await?;
        context.output.print_list(transactions)?;
        Ok(ExitStatus::Success)
    }
}
