//! Makes an intended refund once: its idempotency key is stored before it is sent, and reused for every repetition.

use uuid::Uuid;

use super::find::read_order;
use crate::api::{Error as ApiError, Response, SideEffect, refund_request};
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind};
use crate::ledger::{RefundAttempt, RefundDecision, RefundIntent, RefundOutcome};
use crate::model::{Order, RefundRequest, shares_line};
use crate::output::{format_amount, format_time};
use crate::text::escape_control;

/// An intended refund, before anything is sent.
pub(super) enum Intended {
    New,
    /// An earlier attempt that may have been processed, and whose key is used again.
    Resumed(Box<RefundAttempt>),
}

/// Finds out whether the refund was made or started before. Fails with exit 9 if it was made.
pub(super) async fn check_earlier(
    intent: &RefundIntent,
    order: &Order,
    again: bool,
    context: &ApiContext<'_>,
) -> Result<Intended, Error> {
    let ledger = context.ledger().await?;
    let earlier = ledger.refunds_of_order(&intent.order_id).await?;
    match crate::ledger::decide_refund(intent, ledger.account(), &earlier, again) {
        RefundDecision::Resume(attempt) => return Ok(Intended::Resumed(attempt)),
        RefundDecision::Exists(attempt) => return Err(exists_error(&attempt, context)),
        RefundDecision::Start => {}
    }
    // A machine with another ledger may have made it. Without a reference, nothing shows that it is the same.
    let same = order.refunds.iter().find(|refund| {
        let is_known = earlier.iter().any(|attempt| {
            attempt.refund_id().is_some() && attempt.refund_id() == refund.refund_id.as_deref()
        });
        intent.reference.is_some() && refund.reference == intent.reference && !is_known
    });
    if let (Some(refund), false) = (same, again) {
        let amount = format_amount(refund.refunded_amount, Some(&intent.currency));
        let reference = escape_control(intent.reference.as_deref().unwrap_or_default()).into_owned();
        let when = refund.refunded_at.map(format_time).unwrap_or_default();
        let message =
            format!("the order has a refund of {amount} with the reference {reference}, made {when}");
        return Err(Error::new(ErrorKind::Duplicate, message)
            .detail("refund_id", refund.refund_id.clone())
            .detail("order_id", intent.order_id.as_str()));
    }
    Ok(Intended::New)
}

fn exists_error(attempt: &RefundAttempt, context: &ApiContext<'_>) -> Error {
    let RefundIntent { order_id, amount, currency, reference, .. } = &attempt.intent;
    let amount = format_amount(Some(*amount), Some(currency));
    let reference = reference.as_ref().map(|text| format!(", reference {text}")).unwrap_or_default();
    let origin = attempt.origin.describe().map(|origin| format!(", {origin}")).unwrap_or_default();
    let refund = attempt.refund_id().map(|id| format!(", refund {id}")).unwrap_or_default();
    let message =
        format!("this refund was made {}: {amount}{reference}{refund}{origin}", format_time(attempt.at));
    let flag = context.settings.profile_flag();
    Error::new(ErrorKind::Duplicate, escape_control(&message))
        .detail("attempt", attempt.id.to_string())
        .detail("refund_id", attempt.refund_id())
        .detail("order_id", order_id.as_str())
        .hint(format!("see what can still be refunded with `kustom{flag} orders get {order_id}`"))
        .hint("add --again if it is another refund of the same kind, or give it a --reference of its own")
}

/// A refund that was processed.
pub(super) struct Processed {
    pub(super) attempt: RefundAttempt,
    pub(super) refund_id: Option<String>,
}

/// Stores the intent, which was planned from `order`, sends the refund, and stores its outcome.
pub(super) async fn refund_once(
    order_id: Uuid,
    order: &Order,
    intent: &RefundIntent,
    reason: Option<String>,
    again: bool,
    context: &ApiContext<'_>,
) -> Result<Processed, Error> {
    let ledger = context.ledger().await?;
    let (attempt, is_resumed) = match ledger.begin_refund(intent, again).await? {
        (attempt, RefundDecision::Start) => (attempt, false),
        (_, RefundDecision::Resume(attempt)) => (*attempt, true),
        (_, RefundDecision::Exists(attempt)) => return Err(exists_error(&attempt, context)),
    };
    if is_resumed && let Some(processed) = find_processed(order_id, &attempt, context).await? {
        return Ok(processed);
    }
    if !is_resumed {
        check_lines(&attempt, order, context).await?;
    }
    let body = RefundRequest {
        refunded_amount: attempt.intent.amount,
        reference: attempt.intent.reference.clone(),
        description: reason,
        order_lines: attempt.intent.lines.clone(),
    };
    // Nothing between the response and the ledger waits for anything else, so that an interruption does not lose it.
    let request = refund_request(order_id, &body, Some(&attempt.intent.currency), attempt.id);
    let error = match context.client.send(&request).await {
        Ok(response) => {
            let refund_id = refund_id_of(&response);
            let outcome = RefundOutcome::Refunded { refund_id: refund_id.clone() };
            if let Err(error) = ledger.finish_refund(&attempt, &outcome).await {
                // The attempt counts as unknown. A repetition has the same key, so it refunds nothing more.
                context
                    .output
                    .warn(&format!("{}; the ledger lacks the outcome of the refund", error.message));
            }
            return Ok(Processed { attempt, refund_id });
        }
        Err(error) => error,
    };
    if !may_be_processed(&error, is_resumed) {
        let error = Error::from(error).context(&format!("order {order_id}"));
        ledger.finish_refund(&attempt, &RefundOutcome::Refused(error.message.clone())).await?;
        return Err(error);
    }
    let error = Error::from(error);
    ledger.finish_refund(&attempt, &RefundOutcome::Unknown(error.message.clone())).await?;
    if !context.cancel.is_cancelled()
        && let Ok(Some(processed)) = find_processed(order_id, &attempt, context).await
    {
        return Ok(processed);
    }
    Err(unknown_error(error, &attempt))
}

/// The API may not count the pieces of a line. Fails if the order from which this refund was planned lacks another one of
/// the same line. Of two at the same time, each may find the other.
async fn check_lines(attempt: &RefundAttempt, order: &Order, context: &ApiContext<'_>) -> Result<(), Error> {
    let ledger = context.ledger().await?;
    let all = ledger.refunds_of_order(&attempt.intent.order_id).await?;
    let is_in_order = |other: &RefundAttempt| match other.refund_id() {
        Some(id) => order.refunds.iter().any(|refund| refund.refund_id.as_deref() == Some(id)),
        None => other.find_processed(order, &all).is_some(),
    };
    let conflict = all.iter().find(|other| {
        other.id != attempt.id
            && !matches!(other.outcome, RefundOutcome::Refused(_))
            && shares_line(&attempt.intent.lines, &other.intent.lines)
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
    ledger.finish_refund(attempt, &RefundOutcome::Refused(message.clone())).await?;
    let error = Error::new(ErrorKind::Busy, format!("{message}; this one was not sent"));
    Err(if other.outcome.is_unknown() {
        error.hint("run the command of that refund again to finish it, and then this one")
    } else {
        error.hint("run the command again")
    })
}

/// A refusal shows that nothing was refunded, unless an earlier request may have been processed. Then only a refusal of
/// this very refund does.
fn may_be_processed(error: &ApiError, is_resumed: bool) -> bool {
    error.side_effect == SideEffect::Possible || (is_resumed && !error.is_rejection())
}

fn unknown_error(error: Error, attempt: &RefundAttempt) -> Error {
    let mut error = Error { kind: ErrorKind::Unknown, ..error }
        .context("the refund may have been processed")
        .detail("attempt", attempt.id.to_string())
        .detail("order_id", attempt.intent.order_id.as_str());
    error.hints = vec![
        "run the same command again: it has the same idempotency key, so it cannot refund twice".to_owned(),
    ];
    error
}

/// Looks for the refund in the order, and stores that it was processed.
async fn find_processed(
    order_id: Uuid,
    attempt: &RefundAttempt,
    context: &ApiContext<'_>,
) -> Result<Option<Processed>, Error> {
    let ledger = context.ledger().await?;
    let order = read_order(order_id, Some(&attempt.intent.currency), context).await?;
    let others = ledger.refunds_of_order(&attempt.intent.order_id).await?;
    let Some(refund) = attempt.find_processed(&order, &others) else { return Ok(None) };
    let refund_id = refund.refund_id.clone();
    let outcome = RefundOutcome::Refunded { refund_id: refund_id.clone() };
    ledger.finish_refund(attempt, &outcome).await?;
    Ok(Some(Processed { attempt: attempt.clone(), refund_id }))
}

/// The ID from the headers of the response, neither of which is documented.
fn refund_id_of(response: &Response) -> Option<String> {
    let from_location = || response.header("location")?.trim_end_matches('/').rsplit('/').next();
    let id = response.header("refund-id").or_else(from_location)?.trim();
    Some(id.to_owned()).filter(|id| !id.is_empty())
}
