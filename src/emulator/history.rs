//! The history of a server: requests with their bodies, and callbacks with their attempts.
//!
//! It is kept in memory, and only the newest entries. Credentials, enrollment codes and signing secrets are redacted
//! before an entry is kept.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderMap, Response};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

use super::request_log::{RequestRecord, millis};
use super::state::Event;
use crate::secret::redact;

const MAX_REQUESTS: usize = 1000;
const MAX_CALLBACKS: usize = 1000;
const MAX_ATTEMPTS: usize = 20;

/// In bytes, for the bodies of all requests.
const MAX_TOTAL: usize = 4 * 1024 * 1024;

/// In characters, for the response of an application to a callback.
const MAX_RESPONSE: usize = 2000;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecordedCallback {
    /// The webhook ID, which is the same for every attempt.
    pub id: String,
    pub payload: Value,
    pub status: CallbackStatus,
    /// The newest ones.
    pub attempts: Vec<RecordedAttempt>,
    /// How many destinations have not acknowledged it.
    #[serde(skip)]
    waiting: usize,
    #[serde(skip)]
    event: Event,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackStatus {
    /// There is no URL to send it to.
    NotSent,
    Pending,
    Acknowledged,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecordedAttempt {
    pub at: Timestamp,
    /// The URL without its query, which may contain a secret.
    pub to: String,
    pub headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why there is no response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
    pub duration_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_in_ms: Option<u64>,
}

impl RecordedCallback {
    pub fn kind(&self) -> &str {
        self.payload["type"].as_str().unwrap_or_default()
    }

    pub fn session_id(&self) -> Option<&str> {
        self.payload["data"]["session_id"].as_str()
    }
}

/// Clones share the entries.
#[derive(Debug, Clone, Default)]
pub struct History(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    entries: Mutex<Entries>,
    /// Is notified of each change, of the entries and of the state, and becomes true when the server stops.
    is_closed: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Entries {
    last_id: u64,
    size: usize,
    requests: VecDeque<RequestRecord>,
    callbacks: VecDeque<RecordedCallback>,
}

impl History {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<R>(&self, change: impl FnOnce(&mut Entries) -> R) -> R {
        let result = change(&mut self.entries());
        self.notify();
        result
    }

    /// Wakes everything that shows the state.
    pub(super) fn notify(&self) {
        self.0.is_closed.send_modify(|_| {});
    }

    /// Reports changes, with the value true when the server stops.
    pub(super) fn changes(&self) -> watch::Receiver<bool> {
        self.0.is_closed.subscribe()
    }

    /// Ends everything that waits for changes.
    pub(super) fn close(&self) {
        self.0.is_closed.send_replace(true);
    }

    pub(super) fn add_request(&self, record: &RequestRecord) {
        if record.is_kept {
            let mut entries = self.entries();
            entries.last_id += 1;
            let request = RequestRecord { id: entries.last_id, ..record.clone() };
            entries.size += request.size;
            entries.requests.push_back(request);
            while entries.requests.len() > MAX_REQUESTS || entries.size > MAX_TOTAL {
                let Some(removed) = entries.requests.pop_front() else { break };
                entries.size -= removed.size;
            }
        }
        self.notify();
    }

    /// All requests, the oldest first.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.entries().requests.iter().cloned().collect()
    }

    /// The callbacks, the oldest first.
    pub fn callbacks(&self) -> Vec<RecordedCallback> {
        self.entries().callbacks.iter().cloned().collect()
    }

    pub(super) fn clear(&self) {
        // IDs go on, so that an ID never means two requests.
        self.change(|entries| *entries = Entries { last_id: entries.last_id, ..Entries::default() });
    }

    pub(super) fn clear_requests(&self) -> usize {
        self.change(|entries| {
            entries.size = 0;
            std::mem::take(&mut entries.requests).len()
        })
    }

    /// Adds an event that becomes a callback, unless it is sent again.
    pub(super) fn add_event(&self, event: &Event, destinations: usize) {
        let status = if destinations == 0 { CallbackStatus::NotSent } else { CallbackStatus::Pending };
        let callback = event.to_callback();
        let id = callback.id.clone().unwrap_or_default();
        self.change(|entries| {
            if let Some(known) = entries.callbacks.iter_mut().find(|known| known.id == id) {
                (known.status, known.waiting) = (status, destinations);
                return;
            }
            entries.callbacks.push_back(RecordedCallback {
                id,
                payload: serde_json::to_value(&callback).unwrap_or_default(),
                status,
                attempts: Vec::new(),
                waiting: destinations,
                event: event.clone(),
            });
            if entries.callbacks.len() > MAX_CALLBACKS {
                entries.callbacks.pop_front();
            }
        });
    }

    pub(super) fn add_attempt(&self, id: &str, attempt: RecordedAttempt) {
        self.change(|entries| {
            let callback = entries.callbacks.iter_mut().rfind(|callback| callback.id == id);
            let Some(callback) = callback else { return };
            callback.waiting = callback.waiting.saturating_sub(usize::from(attempt.is_success()));
            callback.status =
                if callback.waiting == 0 { CallbackStatus::Acknowledged } else { CallbackStatus::Pending };
            callback.attempts.push(attempt);
            if callback.attempts.len() > MAX_ATTEMPTS {
                callback.attempts.remove(0);
            }
        });
    }

    /// The event of a callback, to send it again.
    pub(super) fn event(&self, id: &str) -> Option<(Event, CallbackStatus)> {
        let entries = self.entries();
        let callback = entries.callbacks.iter().rfind(|callback| callback.id == id)?;
        Some((callback.event.clone(), callback.status))
    }
}

impl RecordedAttempt {
    pub fn is_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }

    /// `outcome` is the response, or why there is none.
    pub(super) fn new(
        at: Timestamp,
        to: String,
        headers: &HeaderMap,
        outcome: Result<Response<Vec<u8>>, String>,
        duration: Duration,
    ) -> Self {
        let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            (name.to_string(), value.to_str().unwrap_or("…").to_owned())
        };
        // An application may repeat its configuration, including the secret.
        let redact = |text: &str| -> String { redact(text).chars().take(MAX_RESPONSE).collect() };
        let (status, error, response) = match outcome {
            Ok(response) => {
                let body = &response.body()[..response.body().len().min(4 * MAX_RESPONSE)];
                let body = redact(&String::from_utf8_lossy(body));
                (Some(response.status().as_u16()), None, Some(body).filter(|body| !body.is_empty()))
            }
            Err(reason) => (None, Some(redact(&reason)), None),
        };
        Self {
            at,
            to,
            headers: headers.iter().map(header).collect(),
            status,
            error,
            response,
            duration_ms: millis(duration),
            retry_in_ms: None,
        }
    }
}
