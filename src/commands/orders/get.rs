use super::find::{FoundOrder, find_order};
use crate::commands::help::text::after_help;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::model::remove_personal_fields;

/// Show an order: what was captured, refunded and can still be refunded
///
/// An order carries personal data of the customer, which is omitted in every format unless --show-personal-data is given.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom orders get receipt-1001                       # by your reference
  kustom orders get SESSION -o json                    # by the session, as the API returns it

Next:
  kustom orders refund ORDER
"))]
pub(crate) struct Args {
    /// Order ID, session ID, your reference, or an ID prefix; if omitted on a terminal, you pick a sale that was paid here
    #[arg(value_name = "ORDER", add = complete::orders())]
    order: Option<String>,
    /// Also print addresses and other data of the customer
    #[arg(long)]
    show_personal_data: bool,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { order, show_personal_data } = self;
        let FoundOrder { mut order, .. } = find_order(order.as_deref(), context).await?;
        if !show_personal_data {
            remove_personal_fields(order.raw_mut());
        }
        context.output.print_item(&order)?;
        Ok(ExitStatus::Success)
    }
}
