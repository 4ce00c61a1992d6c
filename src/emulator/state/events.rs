//! What happens to sessions and is told in callbacks. Which event arises when is decided where the status changes,
//! in `sessions` and `pos`; this is where the events wait for whoever delivers them.
//!
//! They are no part of the state: they are told once, by the process in which they happen.

use std::collections::VecDeque;

use jiff::Timestamp;
use uuid::Uuid;

use crate::emulator::MERCHANT_ID;
use crate::model::{Callback, CallbackData, CallbackType, TapOutcome};

/// How many events wait at most. Nobody need take them: then the oldest are forgotten.
pub const MAX_QUEUED_EVENTS: usize = 10_000;

/// Something that happened to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What it is known by.
    pub id: Uuid,
    /// When it happened.
    pub at: Timestamp,
    pub kind: CallbackType,
    /// To which session.
    pub session_id: Uuid,
    /// The order, if that is what came of it.
    pub order_id: Option<Uuid>,
    /// Why the payment failed, if that is what happened.
    pub failure_reason: Option<TapOutcome>,
}

impl Event {
    /// What is told of it. The spelling of a reason is not documented: here it is that of a simulated tap's outcome
    /// (inferred).
    pub fn callback(&self) -> Callback {
        Callback {
            id: Some(format!("kevt_{}", self.id.simple())),
            merchant_id: Some(MERCHANT_ID.to_owned()),
            timestamp: Some(format!("{:.9}", self.at)),
            kind: Some(self.kind.to_string()),
            data: Some(CallbackData {
                session_id: Some(self.session_id.to_string()),
                order_id: self.order_id.map(|id| id.to_string()),
                failure_reason: self.failure_reason.map(|reason| reason.as_str().to_owned()),
            }),
        }
    }
}

/// The events that nobody has taken yet, in the order in which they happened.
#[derive(Debug, Default)]
pub struct EventLog {
    waiting: VecDeque<Event>,
}

impl EventLog {
    /// Takes all that wait.
    pub fn drain(&mut self) -> Vec<Event> {
        self.waiting.drain(..).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(in crate::emulator) fn push(&mut self, event: Event) {
        if self.waiting.len() >= MAX_QUEUED_EVENTS {
            self.waiting.pop_front();
        }
        self.waiting.push_back(event);
    }
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
