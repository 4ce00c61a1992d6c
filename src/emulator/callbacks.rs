//! Delivers the events of sessions to the merchant's endpoint.
//!
//! That an event is sent again until the response is a 2xx is documented; how often is not. Delivering the events of a
//! session in order is our choice: the next one is not sent until the previous one is acknowledged.

use std::cell::Cell;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::events::{EventQueue, MAX_QUEUED_EVENTS};
use super::history::{History, RecordedAttempt};
use super::request_log::millis;
use super::state::Event;
use crate::callback_poster::{CallbackPoster, DeliveryError};

/// Maximum number of simultaneous requests.
const MAX_IN_FLIGHT: usize = 64;

const MAX_RETRY_DELAY: Duration = Duration::from_secs(30);

/// Is called with the event, the number and the result of an attempt.
type Observer = dyn Fn(&Event, u32, &RecordedAttempt);

pub struct Callbacks {
    /// The destinations. Each gets every event, whatever happens to the others.
    posters: Vec<CallbackPoster>,
    /// The delay after the first attempt. It doubles each time, up to [`MAX_RETRY_DELAY`].
    retry_delay: Duration,
    observer: Box<Observer>,
    pending: Rc<Cell<usize>>,
    history: History,
}

impl Callbacks {
    /// Without destinations, events are only recorded.
    pub fn new(posters: Vec<CallbackPoster>) -> Self {
        let retry_delay = Duration::from_millis(500);
        let (observer, history) = (Box::new(|_: &_, _, _: &_| {}), History::default());
        Self { posters, retry_delay, observer, pending: Rc::default(), history }
    }

    /// Records every event and every attempt.
    pub fn with_history(self, history: History) -> Self {
        Self { history, ..self }
    }

    /// Calls `observer` after every attempt.
    pub fn with_observer(self, observer: impl Fn(&Event, u32, &RecordedAttempt) + 'static) -> Self {
        Self { observer: Box::new(observer), ..self }
    }

    /// The number of events that are not acknowledged yet, which is updated during the delivery.
    pub fn pending_count(&self) -> Rc<Cell<usize>> {
        Rc::clone(&self.pending)
    }

    /// Delivers events until `stop` completes and then until all are acknowledged. Dropping the future loses the rest.
    pub async fn deliver(self, events: EventQueue, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let mut is_stopped = false;
        let in_flight = Semaphore::new(MAX_IN_FLIGHT);
        // For each session with an event in delivery to a destination, its later events.
        let mut queues: HashMap<(Uuid, usize), VecDeque<Event>> = HashMap::new();
        let mut deliveries = FuturesUnordered::new();
        loop {
            let pending = deliveries.len() + queues.values().map(VecDeque::len).sum::<usize>();
            self.pending.set(pending);
            tokio::select! {
                biased;
                Some(key) = deliveries.next(), if !deliveries.is_empty() => {
                    match queues.get_mut(&key).and_then(VecDeque::pop_front) {
                        Some(next) => deliveries.push(self.deliver_with_retry(next, key.1, &in_flight)),
                        None => drop(queues.remove(&key)),
                    }
                }
                // While too many events are pending, new ones stay in the bounded `EventQueue`.
                received = events.recv(), if pending < MAX_QUEUED_EVENTS => for event in received {
                    self.history.add_event(&event, self.posters.len());
                    for destination in 0..self.posters.len() {
                        let event = event.clone();
                        match queues.entry((event.session_id, destination)) {
                            Entry::Occupied(mut queue) => queue.get_mut().push_back(event),
                            Entry::Vacant(place) => {
                                place.insert(VecDeque::new());
                                deliveries.push(self.deliver_with_retry(event, destination, &in_flight));
                            }
                        }
                    }
                },
                () = &mut stop, if !is_stopped => is_stopped = true,
                () = std::future::ready(()), if is_stopped && deliveries.is_empty() => return,
            }
        }
    }

    /// Posts an event to a destination until it is acknowledged, and returns the ID of its session and the destination.
    async fn deliver_with_retry(
        &self,
        event: Event,
        destination: usize,
        in_flight: &Semaphore,
    ) -> (Uuid, usize) {
        let poster = &self.posters[destination];
        let callback = event.to_callback();
        let id = callback.id.clone().unwrap_or_default();
        // Serialization cannot fail: all values are strings.
        let body = serde_json::to_vec(&callback).unwrap_or_default();
        let (mut attempt, mut delay) = (1, self.retry_delay);
        loop {
            // The semaphore is never closed.
            let permit = in_flight.acquire().await;
            let (at, started) = (Timestamp::now(), Instant::now());
            let (headers, response) = poster.post(&id, body.clone()).await;
            drop(permit);
            let response = response.map_err(DeliveryError::reason);
            let to = poster.display_url();
            let mut recorded = RecordedAttempt::new(at, to, &headers, response, started.elapsed());
            let is_acknowledged = recorded.is_success();
            recorded.retry_in_ms = (!is_acknowledged).then(|| millis(delay));
            self.history.add_attempt(&id, recorded.clone());
            (self.observer)(&event, attempt, &recorded);
            if is_acknowledged {
                return (event.session_id, destination);
            }
            tokio::time::sleep(delay).await;
            attempt = attempt.saturating_add(1);
            delay = MAX_RETRY_DELAY.min(delay * 2);
        }
    }
}

#[cfg(test)]
#[path = "callbacks_tests.rs"]
mod tests;
