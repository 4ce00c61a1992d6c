//! Callbacks of the emulator: what happened to sessions, posted to the merchant's endpoint until it is acknowledged.
//!
//! Which event arises when is a rule of [`state`](super::state). That an event is sent again until it is answered with
//! a 2xx is documented, how often is not. That a session's events come in their order is our choice: an endpoint that
//! refuses one is not told what came after it.

use std::cell::Cell;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::EventQueue;
use super::state::{Event, MAX_QUEUED_EVENTS};
use crate::callback_poster::{CallbackPoster, DeliveryError};

/// How many deliveries are under way at the same time.
const MAX_IN_FLIGHT: usize = 64;

/// How long to wait before a delivery is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// After the first attempt; each later wait is twice as long.
    pub first: Duration,
    /// But never longer.
    pub longest: Duration,
}

impl Default for Backoff {
    /// From half a second to half a minute.
    fn default() -> Self {
        Self { first: Duration::from_millis(500), longest: Duration::from_secs(30) }
    }
}

impl Backoff {
    /// The wait after this attempt, of which the first is 1.
    pub fn after(&self, attempt: u32) -> Duration {
        let doubled =
            2_u32.checked_pow(attempt.saturating_sub(1)).and_then(|factor| self.first.checked_mul(factor));
        doubled.map_or(self.longest, |wait| wait.min(self.longest))
    }
}

/// One attempt to deliver an event, once it has ended.
#[derive(Debug)]
pub struct DeliveryAttempt<'a> {
    /// What was told.
    pub event: &'a Event,
    pub attempt: u32,
    /// The status it was answered with, or why there is none, in words.
    pub outcome: Result<u16, String>,
    /// How long until it is sent again; none if it was acknowledged.
    pub again_in: Option<Duration>,
}

/// Delivers the events of an emulator.
pub struct Callbacks {
    poster: CallbackPoster,
    backoff: Backoff,
    tell: Box<dyn Fn(&DeliveryAttempt<'_>)>,
    undelivered: Rc<Cell<usize>>,
}

impl Callbacks {
    pub fn new(poster: CallbackPoster) -> Self {
        let (backoff, tell) = (Backoff::default(), Box::new(|_: &DeliveryAttempt<'_>| {}));
        Self { poster, backoff, tell, undelivered: Rc::default() }
    }

    /// Waits like this before an event is sent again.
    pub fn with_backoff(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }

    /// Tells every attempt when it has ended.
    pub fn with_observer(self, tell: impl Fn(&DeliveryAttempt<'_>) + 'static) -> Self {
        Self { tell: Box::new(tell), ..self }
    }

    /// How many events were taken and are not acknowledged yet; it keeps counting.
    pub fn pending_count(&self) -> Rc<Cell<usize>> {
        Rc::clone(&self.undelivered)
    }

    /// Delivers what happens until `stop` is done, and then until all that has happened is acknowledged. It can be
    /// dropped at any time; what is not acknowledged then is lost.
    pub async fn deliver(self, events: EventQueue, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let mut is_stopped = false;
        let in_flight = Semaphore::new(MAX_IN_FLIGHT);
        // Of each session that has something to tell, what waits behind the event that is being told.
        let mut behind: HashMap<Uuid, VecDeque<Event>> = HashMap::new();
        let mut telling = FuturesUnordered::new();
        loop {
            let undelivered = telling.len() + behind.values().map(VecDeque::len).sum::<usize>();
            self.undelivered.set(undelivered);
            tokio::select! {
                biased;
                Some(session_id) = telling.next(), if !telling.is_empty() => {
                    match behind.get_mut(&session_id).and_then(VecDeque::pop_front) {
                        Some(next) => telling.push(self.deliver_with_retry(next, &in_flight)),
                        None => drop(behind.remove(&session_id)),
                    }
                }
                // An endpoint that is gone for good does not fill the memory: what is not taken is forgotten in time.
                happened = events.recv(), if undelivered < MAX_QUEUED_EVENTS => for event in happened {
                    match behind.entry(event.session_id) {
                        Entry::Occupied(mut queue) => queue.get_mut().push_back(event),
                        Entry::Vacant(place) => {
                            place.insert(VecDeque::new());
                            telling.push(self.deliver_with_retry(event, &in_flight));
                        }
                    }
                },
                () = &mut stop, if !is_stopped => is_stopped = true,
                // Nothing that has happened is left.
                () = std::future::ready(()), if is_stopped && telling.is_empty() => return,
            }
        }
    }

    /// Sends an event until it is acknowledged, and gives its session.
    async fn deliver_with_retry(&self, event: Event, in_flight: &Semaphore) -> Uuid {
        let callback = event.callback();
        let id = callback.id.clone().unwrap_or_default();
        // Texts cannot fail to be JSON.
        let body = serde_json::to_vec(&callback).unwrap_or_default();
        let mut attempt = 1;
        loop {
            let outcome = {
                // The semaphore is never closed.
                let _permit = in_flight.acquire().await;
                let response = self.poster.post(&id, body.clone()).await;
                response.map(|response| response.status().as_u16()).map_err(DeliveryError::reason)
            };
            let is_acknowledged = matches!(outcome, Ok(200..=299));
            let again_in = (!is_acknowledged).then(|| self.backoff.after(attempt));
            (self.tell)(&DeliveryAttempt { event: &event, attempt, outcome, again_in });
            match again_in {
                None => return event.session_id,
                Some(wait) => tokio::time::sleep(wait).await,
            }
            attempt = attempt.saturating_add(1);
        }
    }
}

#[cfg(test)]
#[path = "callbacks_tests.rs"]
mod tests;
