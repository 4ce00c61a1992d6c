//! What a session's status means, in words and as an exit code.

use crate::error::ExitStatus;
use crate::journal::EventKind;
use crate::model::{Resource, Session, SessionStatus};
use crate::text::escape_control;

/// What the journal keeps of a session that was seen, if it tells anything.
pub(super) fn status_event(session: &Session) -> Option<EventKind> {
    Some(EventKind::StatusObserved {
        session_id: session.session_id.clone()?,
        status: session.status.as_ref()?.to_string(),
        order_id: session.order_id.clone(),
    })
}

/// How bad the end of a wait is: of several sessions the worst decides the exit code.
pub(super) fn severity(exit: ExitStatus) -> u8 {
    match exit {
        ExitStatus::SessionOpen => 4,
        ExitStatus::SessionFailed => 3,
        ExitStatus::SessionExpired => 2,
        ExitStatus::SessionCancelled => 1,
        ExitStatus::Success
        | ExitStatus::CodeExpired
        | ExitStatus::NotPaired
        | ExitStatus::NoDelivery
        | ExitStatus::CheckFailed(_)
        | ExitStatus::ScenarioFailed(_) => 0,
    }
}

/// What the session's status means for the sale.
pub(in crate::commands) fn describe_status(session: &Resource<Session>) -> String {
    match &session.status {
        Some(SessionStatus::Created) => {
            "Waiting on the device: no method of payment has been chosen yet.".to_owned()
        }
        Some(SessionStatus::Active) => {
            "The customer can pay now; after a decline the clerk may try again on the phone.".to_owned()
        }
        Some(SessionStatus::Finalized) => match session.order_id.as_deref() {
            Some(order) => format!("Paid. The order to capture or refund by is {}.", escape_control(order)),
            None => "Paid.".to_owned(),
        },
        Some(SessionStatus::Cancelled) => "Cancelled: nothing was charged.".to_owned(),
        Some(SessionStatus::Expired) => "Expired: nobody paid in time, and nothing was charged.".to_owned(),
        Some(SessionStatus::Failed) => {
            "Failed: the payment could not be carried out. The sale needs a new session.".to_owned()
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
