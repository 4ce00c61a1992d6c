//! The events of an emulator on their way from its rules to whoever delivers them.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::state::{Event, EventLog};

/// What happens to the sessions of an emulator, until somebody takes it. Clones are the same queue, and each event is
/// taken once: by one who delivers them. Nobody need, and then only the latest are kept.
#[derive(Debug, Clone, Default)]
pub struct EventQueue(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    log: Mutex<EventLog>,
    added: Notify,
}

impl EventQueue {
    /// Takes what happened since the last time, in its order.
    pub fn drain(&self) -> Vec<Event> {
        self.with(EventLog::drain)
    }

    /// The same, but waits until there is something to take. Nothing is lost when it is dropped while it waits.
    pub async fn recv(&self) -> Vec<Event> {
        loop {
            let events = self.drain();
            if !events.is_empty() {
                return events;
            }
            self.0.added.notified().await;
        }
    }

    /// Lets something happen that notes its events, and wakes whoever waits for them.
    pub(super) fn with<R>(&self, happen: impl FnOnce(&mut EventLog) -> R) -> R {
        let (result, is_empty) = {
            // A rule that panicked has noted what it noted.
            let mut log = self.0.log.lock().unwrap_or_else(PoisonError::into_inner);
            let result = happen(&mut log);
            (result, log.is_empty())
        };
        if !is_empty {
            self.0.added.notify_one();
        }
        result
    }
}
