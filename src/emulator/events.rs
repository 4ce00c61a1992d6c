//! The queue of events between the emulator and the delivery of callbacks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::state::Event;

/// Maximum number of queued events.
pub(super) const MAX_QUEUED_EVENTS: usize = 10_000;

/// A single-consumer queue. Without a consumer, only the newest events are kept. Clones share the queue.
#[derive(Debug, Clone, Default)]
pub struct EventQueue(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    events: Mutex<VecDeque<Event>>,
    added: Notify,
}

impl EventQueue {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Event>> {
        self.0.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn drain(&self) -> Vec<Event> {
        self.lock().drain(..).collect()
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

    /// Adds events, and wakes the consumer.
    pub(super) fn add(&self, events: Vec<Event>) {
        if events.is_empty() {
            return;
        }
        let mut queue = self.lock();
        queue.extend(events);
        let surplus = queue.len().saturating_sub(MAX_QUEUED_EVENTS);
        queue.drain(..surplus);
        drop(queue);
        self.0.added.notify_one();
    }
}
