//! A session's status: in the ledger, and in words.

use serde_json::{Map, Value};

use crate::context::ApiContext;
use crate::error::{Error, ErrorKind};
use crate::model::{Resource, Session, SessionStatus, find_difference};
use crate::text::escape_control;

/// Fails if the session is not the one that was requested, such as one of another amount.
pub(in crate::commands) fn check_requested(
    sent: &Map<String, Value>,
    session: &Resource<Session>,
    kind: ErrorKind,
) -> Result<(), Error> {
    let Some(difference) = find_difference(sent, session.raw()) else { return Ok(()) };
    let status = session.status.as_ref().map_or("of no known status", SessionStatus::as_str);
    let id = session.session_id.as_deref().unwrap_or_default();
    let message = format!("session {id} is not as requested: {difference}; it is {status}");
    Err(Error::new(kind, message)
        .detail("session_status", status)
        .hint(format!("compare it with the sale: kustom sessions get {id}")))
}

/// Stores a session's status in the ledger. A failure is only a warning, since the duplicate check requests the status
/// again when it needs it.
pub(super) async fn store_status(session: &Resource<Session>, context: &ApiContext<'_>) {
    let record = async { context.ledger().await?.record_status(session).await };
    if let Err(error) = record.await {
        context.output.warn(&error.message);
    }
}

/// Stores how a session of the ledger ended, for lists and reports. A ledger that cannot be written is no error: a
/// command that decides by the status requests it again.
pub(in crate::commands) async fn store_end(session: &Resource<Session>, context: &ApiContext<'_>) {
    let (Some(id), Some(status)) = (&session.session_id, &session.status) else { return };
    if !status.is_terminal() {
        return;
    }
    let record = async {
        let ledger = context.ledger().await?;
        match ledger.attempt_of_session(id).await? {
            Some(attempt) if attempt.status() != Some(status) => ledger.record_status(session).await,
            _ => Ok(()),
        }
    };
    let _ = record.await;
}

/// Explains a session's status in a sentence.
pub(in crate::commands) fn describe_status(session: &Resource<Session>) -> String {
    match &session.status {
        Some(SessionStatus::Created) => {
            "Waiting on the device: no payment method has been chosen yet.".to_owned()
        }
        Some(SessionStatus::Active) => {
            "The customer can pay now; after a decline the clerk may try again on the phone.".to_owned()
        }
        Some(SessionStatus::Finalized) => match session.order_id.as_deref() {
            Some(order) => format!("Paid. Order {}.", escape_control(order)),
            None => "Paid.".to_owned(),
        },
        Some(SessionStatus::Cancelled) => "Canceled: nothing was charged.".to_owned(),
        Some(SessionStatus::Expired) => "Expired: nobody paid in time, and nothing was charged.".to_owned(),
        Some(SessionStatus::Failed) => {
            "Failed: the payment could not be processed. The sale needs a new session.".to_owned()
        }
        Some(SessionStatus::Other(status)) => {
            format!(
                "The status {} is new to this version of kustom; see the session itself.",
                escape_control(status)
            )
        }
        None => "The API named no status.".to_owned(),
    }
}
