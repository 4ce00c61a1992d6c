//! The queue of events between the emulator and the delivery of callbacks.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::state::{Event, EventLog};

/// A single-consumer queue. Without a consumer, only the newest events are kept. Clones share the queue.
#[derive(Debug, Clone, Default)]
pub struct EventQueue(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    log: Mutex<EventLog>,
    added: Notify,
}

impl EventQueue {
    pub fn drain(&self) -> Vec<Event> {
        self.with(EventLog::drain)
    }

    /// Waits for events. No event is lost if the future is dropped.
    pub async fn recv(&self) -> Vec<Event> {
        loop {
            let events = self.drain();
            if !events.is_empty() {
                return events;
            }
            self.0.added.notified().await;
        }
    }

    /// Calls `add`, which may add events, and wakes the consumer.
    pub(super) fn with<R>(&self, add: impl FnOnce(&mut EventLog) -> R) -> R {
        let (result, is_empty) = {
            // A panic leaves the log valid.
            let mut log = self.0.log.lock().unwrap_or_else(PoisonError::into_inner);
            let result = add(&mut log);
            (result, log.is_empty())
        };
        if !is_empty {
            self.0.added.notify_one();
        }
        result
    }
}
