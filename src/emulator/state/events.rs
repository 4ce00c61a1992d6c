//! The events of sessions and orders, which callbacks report. `sessions`, `pos` and `orders` create them.
//!
//! Events are not part of the state: only the process in which one occurs delivers it.

use jiff::Timestamp;
use uuid::Uuid;

use crate::emulator::MERCHANT_ID;
use crate::model::{Callback, CallbackData, CallbackType, TapOutcome};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub id: Uuid,
    pub at: Timestamp,
    pub kind: CallbackType,
    /// The session that was paid, if the event is about an order. The callback then omits it (documented).
    pub session_id: Uuid,
    /// Set if the session was paid.
    pub order_id: Option<Uuid>,
    /// Set if a payment failed.
    pub failure_reason: Option<TapOutcome>,
    pub capture_id: Option<Uuid>,
    pub refund_id: Option<Uuid>,
}

impl Event {
    /// The values of `failure_reason` are not documented; these are the outcomes of a simulated tap (inferred).
    pub fn to_callback(&self) -> Callback {
        Callback {
            id: Some(format!("kevt_{}", self.id.simple())),
            merchant_id: Some(MERCHANT_ID.to_owned()),
            timestamp: Some(format!("{:.9}", self.at)),
            kind: Some(self.kind.to_string()),
            data: Some(CallbackData {
                session_id: (!self.kind.is_about_order()).then(|| self.session_id.to_string()),
                order_id: self.order_id.map(|id| id.to_string()),
                failure_reason: self.failure_reason.map(|reason| reason.as_str().to_owned()),
                capture_id: self.capture_id.map(|id| id.to_string()),
                refund_id: self.refund_id.map(|id| id.to_string()),
            }),
        }
    }
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
