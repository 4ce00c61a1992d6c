//! `kustom orders capture`, `cancel` and `release`. In-person orders are captured by Kustom, so the API usually refuses them.

use clap_complete::engine::ArgValueCompleter;
use uuid::Uuid;

use super::find::{FoundOrder, ensure_order_named, find_order, read_order};
use super::view::without_personal_data;
use crate::api::{Request, SideEffect, cancel_order_request, capture_request, release_order_request};
use crate::commands::help::text::after_help;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::model::{Currency, Order, OrderStatus, parse_amount};
use crate::output::format_amount;

const ORDER_HELP: &str = "Order ID, session ID, your reference, or an ID prefix; if omitted on a terminal, you pick a sale that was paid here";

/// Capture an authorized amount
///
/// Kustom captures in-person orders when the customer pays, so the API usually refuses this: exit 5.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom orders capture ORDER                          # everything that is authorized
  kustom orders capture ORDER --amount 50.00

Next:
  kustom orders get ORDER"))]
pub(crate) struct CaptureArgs {
    #[arg(add = ArgValueCompleter::new(complete::orders))]
    #[arg(value_name = "ORDER", help = ORDER_HELP)]
    order: Option<String>,
    /// Amount to capture [default: everything that is authorized]
    #[arg(long, value_name = "AMOUNT")]
    amount: Option<String>,
    /// Reference of the capture, which settlement files show
    #[arg(long, value_name = "TEXT")]
    reference: Option<String>,
}

/// Cancel an order of which nothing is captured
///
/// Kustom captures in-person orders when the customer pays, so the API usually refuses this: exit 5. Refund the order instead.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom orders cancel ORDER
  kustom orders cancel ORDER --yes                     # on production in a script

Next:
  kustom orders refund ORDER         # if it is captured"))]
pub(crate) struct CancelArgs {
    #[arg(add = ArgValueCompleter::new(complete::orders))]
    #[arg(value_name = "ORDER", help = ORDER_HELP)]
    order: Option<String>,
}

/// Release what is authorized and not captured
///
/// Kustom captures in-person orders when the customer pays, so the API usually refuses this: exit 5.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom orders release ORDER
  kustom orders release ORDER --yes                    # on production in a script

Next:
  kustom orders get ORDER"))]
pub(crate) struct ReleaseArgs {
    #[arg(add = ArgValueCompleter::new(complete::orders))]
    #[arg(value_name = "ORDER", help = ORDER_HELP)]
    order: Option<String>,
}

/// An operation that changes an order.
struct Change {
    verb: &'static str,
    done: &'static str,
    amount: Option<i64>,
    request: Request,
    /// Whether the order shows that the operation was processed.
    is_processed: Box<dyn Fn(&Order) -> bool>,
}

impl CaptureArgs {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { order, amount, reference } = self;
        let found = find(order.as_deref(), context).await?;
        let remaining = found.order.remaining_authorized_amount.unwrap_or_default();
        let amount = match amount {
            None => remaining,
            Some(text) => parse_amount(&text, currency_of(&found.order)?)
                .map_err(|error| Error::usage(format!("--amount: {error}")))?,
        };
        if remaining <= 0 {
            return Err(not_possible(&found.order, "captured"));
        }
        if amount <= 0 || amount > remaining {
            let currency = found.order.currency();
            let (amount, remaining) = (
                format_amount(Some(amount), currency.as_deref()),
                format_amount(Some(remaining), currency.as_deref()),
            );
            return Err(Error::usage(format!("{amount} cannot be captured: {remaining} is authorized")));
        }
        let currency = found.order.currency();
        let (reference, currency) = (reference.as_deref(), currency.as_deref());
        let request = capture_request(found.id, amount, reference, currency, Uuid::new_v4());
        let captured = found.order.captured_amount.unwrap_or_default();
        let is_processed = Box::new(move |after: &Order| {
            after.captured_amount.and_then(|now| now.checked_sub(captured)) == Some(amount)
        });
        let change =
            Change { verb: "capture", done: "Captured", amount: Some(amount), request, is_processed };
        perform(found, change, context).await
    }
}

impl CancelArgs {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let found = find(self.order.as_deref(), context).await?;
        if found.order.status != Some(OrderStatus::Authorized)
            && found.order.captured_amount.unwrap_or_default() != 0
        {
            return Err(not_possible(&found.order, "canceled"));
        }
        let request = cancel_order_request(found.id, found.order.currency().as_deref(), Uuid::new_v4());
        let is_processed = Box::new(|after: &Order| after.status == Some(OrderStatus::Cancelled));
        let amount = found.order.order_amount;
        perform(found, Change { verb: "cancel", done: "Canceled", amount, request, is_processed }, context)
            .await
    }
}

impl ReleaseArgs {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let found = find(self.order.as_deref(), context).await?;
        let amount = found.order.remaining_authorized_amount;
        if amount.unwrap_or_default() <= 0 {
            return Err(not_possible(&found.order, "released"));
        }
        let request = release_order_request(found.id, found.order.currency().as_deref(), Uuid::new_v4());
        let is_processed = Box::new(|after: &Order| after.remaining_authorized_amount == Some(0));
        perform(found, Change { verb: "release", done: "Released", amount, request, is_processed }, context)
            .await
    }
}

/// Fails before any request if the order is not named, or if nobody can confirm the change.
async fn find(query: Option<&str>, context: &ApiContext<'_>) -> Result<FoundOrder, Error> {
    ensure_order_named(query, context)?;
    context.ensure_can_confirm()?;
    find_order(query, context).await
}

fn currency_of(order: &Order) -> Result<Currency, Error> {
    let code = order.currency().unwrap_or_default();
    code.parse()
        .map_err(|error| Error::new(ErrorKind::Unavailable, format!("the currency of the order: {error}")))
}

/// The error of the API for an in-person order, without sending the request.
fn not_possible(order: &Order, participle: &str) -> Error {
    let status = order.status.as_ref().map_or("of no known status", OrderStatus::as_str);
    let message = format!(
        "nothing of the order can be {participle}: it is {}, because Kustom captures in-person orders when the customer pays",
        crate::text::escape_control(status)
    );
    Error::new(ErrorKind::Refused, message).hint("give the money back with `kustom orders refund`")
}

async fn perform(found: FoundOrder, change: Change, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
    let FoundOrder { id, order, .. } = found;
    let Change { verb, done, amount, request, is_processed } = change;
    let currency = order.currency();
    let amount = format_amount(amount, currency.as_deref());
    context.confirm(&format!("{verb} {amount} of order {id}")).await?;
    let result = context.client.send(&request).await;
    let after = read_order(id, currency.as_deref(), context).await;
    if let Err(error) = result {
        let was_processed = error.side_effect == SideEffect::Possible
            && after.as_ref().is_ok_and(|after| is_processed(after));
        if !was_processed {
            return Err(Error::from(error).context(&format!("order {id}")));
        }
    }
    // Except for an interruption, the exit code of the read would mean that nothing was processed.
    let after = after.map_err(|error| {
        let done = done.to_lowercase();
        let kind = match error.kind {
            ErrorKind::Interrupted => ErrorKind::Interrupted,
            _ => ErrorKind::Unknown,
        };
        Error { kind, ..error }.context(&format!("{amount} was {done}, but not confirmed"))
    })?;
    context.output.print_item(&without_personal_data(after, false))?;
    context.output.status(&format!("{done} {amount} of order {id}."));
    Ok(ExitStatus::Success)
}
