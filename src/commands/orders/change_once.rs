//! Makes an intended change of an order once: its idempotency key is stored before it is sent, and reused for every repetition.

use uuid::Uuid;

use super::find::read_order;
use crate::api::{Error as ApiError, Request, Response, SideEffect};
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind};
use crate::ledger::{
    ChangeDecision, ChangeIntent, ChangeOutcome, OrderChange, OrderOperation, decide_change, movements,
};
use crate::model::{Order, shares_line};
use crate::output::{format_amount, format_time};

/// The change that a person confirms: a new one, or the one that was started before. `describe` names its amount and its order.
pub(super) fn question(
    verb: &str,
    intent: &ChangeIntent,
    started: Option<&OrderChange>,
    describe: impl Fn(&ChangeIntent) -> String,
) -> String {
    match started {
        None => format!("{verb} {}", describe(intent)),
        Some(change) => format!(
            "finish the {} that was started {}: {}",
            intent.operation.noun(),
            format_time(change.at),
            describe(&change.intent)
        ),
    }
}

/// Finds out whether the change was made or started before. Fails with exit 9 if it was made. Returns the one that was
/// started: it may have been processed, and its key is used again.
pub(super) async fn find_started(
    intent: &ChangeIntent,
    order: &Order,
    again: bool,
    context: &ApiContext<'_>,
) -> Result<Option<OrderChange>, Error> {
    let ledger = context.ledger().await?;
    let earlier = ledger.changes_of_order(&intent.order_id).await?;
    match decide_change(intent, ledger.account(), &earlier, again) {
        ChangeDecision::Resume(change) => return Ok(Some(*change)),
        ChangeDecision::Exists(change) => return Err(exists_error(&change)),
        ChangeDecision::Start => {}
    }
    // A machine with another ledger may have made it. Without a reference, nothing shows that it is the same.
    let same = movements(order, intent.operation).into_iter().find(|movement| {
        let is_known = earlier
            .iter()
            .any(|change| change.processed_id().is_some() && change.processed_id() == movement.id);
        intent.reference.is_some() && movement.reference == intent.reference.as_deref() && !is_known
    });
    if let (Some(movement), false) = (same, again) {
        let noun = intent.operation.noun();
        let amount = format_amount(movement.amount, intent.currency());
        let reference = intent.reference.as_deref().unwrap_or_default();
        let when = movement.at.map(format_time).unwrap_or_default();
        let message =
            format!("the order has a {noun} of {amount} with the reference {reference}, made {when}");
        return Err(Error::new(ErrorKind::Duplicate, message)
            .detail(id_field(intent.operation), movement.id)
            .detail("order_id", intent.order_id.as_str()));
    }
    Ok(None)
}

/// The name of the ID of a refund or a capture in the details of an error.
const fn id_field(operation: OrderOperation) -> &'static str {
    match operation {
        OrderOperation::Capture => "capture_id",
        _ => "refund_id",
    }
}

fn exists_error(change: &OrderChange) -> Error {
    let ChangeIntent { order_id, operation, amount, reference, .. } = &change.intent;
    let noun = operation.noun();
    let amount = format_amount(Some(*amount), change.intent.currency());
    let reference = reference.as_ref().map(|text| format!(", reference {text}")).unwrap_or_default();
    let origin = change.origin.describe().map(|origin| format!(", {origin}")).unwrap_or_default();
    let id = change.processed_id().map(|id| format!(", {noun} {id}")).unwrap_or_default();
    let message = format!("this {noun} was made {}: {amount}{reference}{id}{origin}", format_time(change.at));
    let error = Error::new(ErrorKind::Duplicate, message)
        .detail("attempt", change.id.to_string())
        .detail("order_id", order_id.as_str())
        .hint(format!("see what is left of the order with `kustom orders get {order_id}`"));
    match operation {
        OrderOperation::Refund | OrderOperation::Capture => {
            error.detail(id_field(*operation), change.processed_id()).hint(format!(
                "add --again if it is another {noun} of the same kind, or give it a --reference of its own"
            ))
        }
        OrderOperation::Cancel | OrderOperation::Release => error,
    }
}

/// Stores the intent, which was planned from `order`, sends the request for it, and stores its outcome. Returns the change
/// that was processed. Not to be canceled: until the request is sent, an interruption ends it. A canceled request returns an
/// error that says whether it may have been processed, and the outcome must be stored.
pub(super) async fn change_once(
    order_id: Uuid,
    order: &Order,
    intent: &ChangeIntent,
    request: impl Fn(&OrderChange) -> Request,
    again: bool,
    context: &ApiContext<'_>,
) -> Result<OrderChange, Error> {
    let ledger = context.ledger().await?;
    let prepare = async {
        match ledger.begin_change(intent, again).await? {
            (change, ChangeDecision::Start) => {
                check_lines(&change, order, context).await?;
                Ok((change, false, None))
            }
            (_, ChangeDecision::Resume(change)) => {
                let processed = find_processed(order_id, &change, context).await?;
                Ok((*change, true, processed))
            }
            (_, ChangeDecision::Exists(change)) => Err(exists_error(&change)),
        }
    };
    let (change, is_resumed, processed) = context.run_until_cancelled(prepare).await?;
    if let Some(processed) = processed {
        return Ok(processed);
    }
    let error = match context.client.send(&request(&change)).await {
        Ok(response) => {
            let outcome = ChangeOutcome::Processed { id: id_of(&response, change.intent.operation) };
            if let Err(error) = ledger.finish_change(&change, &outcome).await {
                // Its outcome counts as unknown. A repetition has the same key, so it changes nothing more.
                let noun = change.intent.operation.noun();
                context
                    .output
                    .warn(&format!("{}; the ledger lacks the outcome of the {noun}", error.message));
            }
            return Ok(OrderChange { outcome, ..change });
        }
        Err(error) => error,
    };
    if !may_be_processed(&error, is_resumed) {
        let error = Error::from(error).context(&format!("order {order_id}"));
        ledger.finish_change(&change, &ChangeOutcome::Refused(error.message.clone())).await?;
        return Err(error);
    }
    let error = Error::from(error);
    ledger.finish_change(&change, &ChangeOutcome::Unknown(error.message.clone())).await?;
    if !context.cancel.is_cancelled()
        && let Ok(Some(processed)) = find_processed(order_id, &change, context).await
    {
        return Ok(processed);
    }
    Err(unknown_error(error, &change))
}

/// The API may not count the pieces of a line. Fails if the order from which this refund was planned lacks another one of
/// the same line. Of two at the same time, each may find the other and be rejected.
async fn check_lines(change: &OrderChange, order: &Order, context: &ApiContext<'_>) -> Result<(), Error> {
    if change.intent.lines.is_empty() {
        return Ok(());
    }
    let ledger = context.ledger().await?;
    let all = ledger.changes_of_order(&change.intent.order_id).await?;
    let is_in_order = |other: &OrderChange| match other.processed_id() {
        Some(id) => order.refunds.iter().any(|refund| refund.refund_id.as_deref() == Some(id)),
        None => other.find_processed(order, &all).is_some(),
    };
    let conflict = all.iter().find(|other| {
        other.id != change.id
            && !matches!(other.outcome, ChangeOutcome::Refused(_))
            && shares_line(&change.intent.lines, &other.intent.lines)
            && !is_in_order(other)
    });
    let Some(other) = conflict else { return Ok(()) };
    let message = if other.outcome.is_unknown() {
        format!(
            "a refund of the same line that was started {} may have been processed",
            format_time(other.at)
        )
    } else {
        "the same line was refunded at the same time".to_owned()
    };
    ledger.finish_change(change, &ChangeOutcome::Refused(message.clone())).await?;
    let error = Error::new(ErrorKind::Busy, format!("{message}; this one was not sent"));
    Err(if other.outcome.is_unknown() {
        error.hint("run the command of that refund again to finish it, and then this one")
    } else {
        error.hint("run the command again")
    })
}

/// A refusal shows that nothing was changed, unless an earlier request may have been processed. Then only a refusal of
/// this very change does.
fn may_be_processed(error: &ApiError, is_resumed: bool) -> bool {
    error.side_effect == SideEffect::Possible || (is_resumed && !error.is_rejection())
}

fn unknown_error(error: Error, change: &OrderChange) -> Error {
    let mut error = Error { kind: ErrorKind::Unknown, ..error }
        .context(&format!("the {} may have been processed", change.intent.operation.noun()))
        .detail("attempt", change.id.to_string())
        .detail("order_id", change.intent.order_id.as_str());
    error.hints = vec![
        "run the same command again: it has the same idempotency key, so it cannot be processed twice"
            .to_owned(),
    ];
    error
}

/// Looks for the change in the order, and stores that it was processed.
async fn find_processed(
    order_id: Uuid,
    change: &OrderChange,
    context: &ApiContext<'_>,
) -> Result<Option<OrderChange>, Error> {
    let ledger = context.ledger().await?;
    let order = read_order(order_id, change.intent.currency(), context).await?;
    let others = ledger.changes_of_order(&change.intent.order_id).await?;
    let Some(outcome) = change.find_processed(&order, &others) else { return Ok(None) };
    ledger.finish_change(change, &outcome).await?;
    Ok(Some(OrderChange { outcome, ..change.clone() }))
}

/// The ID from the headers of the response, neither of which is documented.
fn id_of(response: &Response, operation: OrderOperation) -> Option<String> {
    let header = match operation {
        OrderOperation::Refund => "refund-id",
        OrderOperation::Capture => "capture-id",
        OrderOperation::Cancel | OrderOperation::Release => return None,
    };
    let from_location = || response.header("location")?.trim_end_matches('/').rsplit('/').next();
    let id = response.header(header).or_else(from_location)?.trim();
    Some(id.to_owned()).filter(|id| !id.is_empty())
}
