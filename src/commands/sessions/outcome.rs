//! What a session's status means, in words and as an exit code.

use crate::error::Exit;
use crate::journal::What;
use crate::model::{Received, Session, SessionStatus};
use crate::text::visible;

/// What the journal keeps of a session that was seen, if it tells anything.
pub(super) fn seen(session: &Session) -> Option<What> {
    Some(What::Seen {
        session_id: session.session_id.clone()?,
        status: session.status.as_ref()?.to_string(),
        order_id: session.order_id.clone(),
    })
}

/// How bad the end of a wait is: of several sessions the worst decides the exit code.
pub(super) fn badness(exit: Exit) -> u8 {
    match exit {
        Exit::SessionOpen => 4,
        Exit::SessionFailed => 3,
        Exit::SessionExpired => 2,
        Exit::SessionCancelled => 1,
        Exit::Done
        | Exit::CodeExpired
        | Exit::NotPaired
        | Exit::NothingCame
        | Exit::Unwell(_)
        | Exit::Unmet(_) => 0,
    }
}

/// What the session's status means for the sale.
pub(in crate::commands) fn in_words(session: &Received<Session>) -> String {
    match &session.status {
        Some(SessionStatus::Created) => {
            "Waiting on the device: no method of payment has been chosen yet.".to_owned()
        }
        Some(SessionStatus::Active) => {
            "The customer can pay now; after a decline the clerk may try again on the phone.".to_owned()
        }
        Some(SessionStatus::Finalized) => match session.order_id.as_deref() {
            Some(order) => format!("Paid. The order to capture or refund by is {}.", visible(order)),
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
                visible(status)
            )
        }
        None => "The API named no status.".to_owned(),
    }
}
