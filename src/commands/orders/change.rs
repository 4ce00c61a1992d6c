//! `kustom orders capture`, `cancel` and `release`. In-person orders are captured by Kustom, so the API usually refuses them.

use uuid::Uuid;

use super::change_once::{change_once, find_started, question};
use super::find::{FoundOrder, currency_of, ensure_order_named, find_order, read_order};
use crate::api::{Request, cancel_order_request, capture_request, release_order_request};
use crate::commands::help::text::after_help;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::ledger::{ChangeIntent, OrderChange, OrderOperation};
use crate::model::{Order, OrderStatus, parse_amount, remove_personal_fields};
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

Exit codes:
    5  the API refused it; nothing was changed
    7  unknown: run the same command again, which makes no second capture
    9  this capture was made before (--again repeats it)

Next:
  kustom orders get ORDER"))]
pub(crate) struct CaptureArgs {
    #[arg(value_name = "ORDER", help = ORDER_HELP, add = complete::orders())]
    order: Option<String>,
    /// Amount to capture [default: everything that is authorized]
    #[arg(long, value_name = "AMOUNT")]
    amount: Option<String>,
    /// Reference of the capture, which settlement files show
    #[arg(long, value_name = "TEXT")]
    reference: Option<String>,
    /// Make the capture even if the same one was made before
    #[arg(long)]
    again: bool,
}

/// Cancel an order of which nothing is captured
///
/// Kustom captures in-person orders when the customer pays, so the API usually refuses this: exit 5. Refund the order instead.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom orders cancel ORDER
  kustom orders cancel ORDER --yes                     # on production in a script

Exit codes:
    5  the API refused it; nothing was changed
    7  unknown: run the same command again, which makes no second cancellation
    9  this cancellation was made before

Next:
  kustom orders refund ORDER         # if it is captured"))]
pub(crate) struct CancelArgs {
    #[arg(value_name = "ORDER", help = ORDER_HELP, add = complete::orders())]
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

Exit codes:
    5  the API refused it; nothing was changed
    7  unknown: run the same command again, which makes no second release
    9  this release was made before

Next:
  kustom orders get ORDER"))]
pub(crate) struct ReleaseArgs {
    #[arg(value_name = "ORDER", help = ORDER_HELP, add = complete::orders())]
    order: Option<String>,
}

impl CaptureArgs {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { order, amount, reference, again } = self;
        let found = find(order.as_deref(), context).await?;
        let remaining = found.order.remaining_authorized_amount.unwrap_or_default();
        let is_all = amount.is_none();
        let amount = match amount {
            None => remaining,
            Some(text) => parse_amount(&text, currency_of(&found.order)?)
                .map_err(|error| Error::usage(format!("--amount: {error}")))?,
        };
        let check = check_capture(&found.order, amount, remaining);
        let intent = ChangeIntent {
            operation: OrderOperation::Capture,
            reference: reference.map(|text| text.trim().to_owned()),
            is_all,
            ..intent(&found, Some(amount))
        };
        perform(&found, &intent, again, check, context).await
    }
}

impl CancelArgs {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let found = find(self.order.as_deref(), context).await?;
        let is_possible = found.order.status == Some(OrderStatus::Authorized)
            || found.order.captured_amount.unwrap_or_default() == 0;
        let check = if is_possible { Ok(()) } else { Err(not_possible(&found.order, "canceled")) };
        let intent = ChangeIntent {
            operation: OrderOperation::Cancel,
            is_all: true,
            ..intent(&found, found.order.order_amount)
        };
        perform(&found, &intent, false, check, context).await
    }
}

impl ReleaseArgs {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let found = find(self.order.as_deref(), context).await?;
        let remaining = found.order.remaining_authorized_amount;
        let is_possible = remaining.unwrap_or_default() > 0;
        let check = if is_possible { Ok(()) } else { Err(not_possible(&found.order, "released")) };
        let intent =
            ChangeIntent { operation: OrderOperation::Release, is_all: true, ..intent(&found, remaining) };
        perform(&found, &intent, false, check, context).await
    }
}

fn intent(found: &FoundOrder, amount: Option<i64>) -> ChangeIntent {
    ChangeIntent {
        order_id: found.id.to_string(),
        amount: amount.unwrap_or_default(),
        currency: found.order.currency().unwrap_or_default(),
        ..ChangeIntent::default()
    }
}

/// Fails before any request if the order is not named, or if nobody can confirm the change.
async fn find(query: Option<&str>, context: &ApiContext<'_>) -> Result<FoundOrder, Error> {
    ensure_order_named(query, context)?;
    context.ensure_can_confirm()?;
    context.run_until_cancelled(find_order(query, context)).await
}

fn check_capture(order: &Order, amount: i64, remaining: i64) -> Result<(), Error> {
    if remaining <= 0 {
        return Err(not_possible(order, "captured"));
    }
    if (1..=remaining).contains(&amount) {
        return Ok(());
    }
    let currency = order.currency();
    let format = |amount| format_amount(Some(amount), currency.as_deref());
    let (amount, remaining) = (format(amount), format(remaining));
    Err(Error::usage(format!("{amount} cannot be captured: {remaining} is authorized")))
}

/// The error of the API for an in-person order, without sending the request.
fn not_possible(order: &Order, participle: &str) -> Error {
    let status = order.status.as_ref().map_or("of no known status", OrderStatus::as_str);
    let message = format!(
        "nothing of the order can be {participle}: it is {status}, because Kustom captures in-person orders when the customer pays"
    );
    Error::new(ErrorKind::Refused, message).hint("give the money back with `kustom orders refund`")
}

fn request(order: Uuid, change: &OrderChange) -> Request {
    let ChangeIntent { operation, amount, reference, .. } = &change.intent;
    let currency = change.intent.currency();
    match operation {
        OrderOperation::Cancel => cancel_order_request(order, currency, change.id),
        OrderOperation::Release => release_order_request(order, currency, change.id),
        _ => capture_request(order, *amount, reference.as_deref(), currency, change.id),
    }
}

/// Makes the change, if `check` found it possible. One that was started before may have been processed, so it may not be
/// possible any more.
async fn perform(
    found: &FoundOrder,
    intent: &ChangeIntent,
    again: bool,
    check: Result<(), Error>,
    context: &ApiContext<'_>,
) -> Result<ExitStatus, Error> {
    let FoundOrder { id, order, .. } = found;
    let (verb, done) = match intent.operation {
        OrderOperation::Cancel => ("cancel", "Canceled"),
        OrderOperation::Release => ("release", "Released"),
        _ => ("capture", "Captured"),
    };
    let describe = |intent: &ChangeIntent| {
        format!("{} of order {id}", format_amount(Some(intent.amount), intent.currency()))
    };
    let prepare = async {
        let started = find_started(intent, order, again, context).await?;
        if started.is_none() {
            check?;
        }
        context.confirm(&question(verb, intent, started.as_ref(), describe)).await
    };
    context.run_until_cancelled(prepare).await?;
    let change = change_once(*id, order, intent, |change| request(*id, change), again, context).await?;
    let intent = change.intent;
    let after = read_order(*id, intent.currency(), context).await;
    // Except for an interruption, the exit code of the read would mean that nothing was processed.
    let mut after = after.map_err(|error| {
        let amount = format_amount(Some(intent.amount), intent.currency());
        let kind = match error.kind {
            ErrorKind::Interrupted => ErrorKind::Interrupted,
            _ => ErrorKind::Unknown,
        };
        let done = done.to_lowercase();
        Error { kind, ..error }.context(&format!("{amount} was {done}, but the order cannot be read"))
    })?;
    remove_personal_fields(after.raw_mut());
    context.output.print_item(&after)?;
    context.output.status(&format!("{done} {}.", describe(&intent)));
    Ok(ExitStatus::Success)
}
