//! What a server received and sent: requests with their bodies, and callbacks with their attempts.
//!
//! It is kept in memory, and only the newest entries. Credentials, enrollment codes and signing secrets are redacted
//! before an entry is kept.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

use super::request_log::{RequestOutcome, RequestRecord};
use super::state::Event;
use crate::secret::{redact, redact_fields};

const MAX_REQUESTS: usize = 1000;
const MAX_CALLBACKS: usize = 1000;
const MAX_ATTEMPTS: usize = 20;

/// In bytes, for the bodies of all requests.
const MAX_TOTAL: usize = 4 * 1024 * 1024;

/// In bytes. A longer body is not kept.
const MAX_BODY: usize = 64 * 1024;

/// In characters, for the response of an application to a callback.
const MAX_RESPONSE: usize = 2000;

/// Headers that a request needs to be sent again, and that cannot be secret.
const KEPT_HEADERS: [&str; 4] = ["content-type", "x-merchant-id", "klarna-idempotency-key", "user-agent"];

/// Query parameters whose values are shown.
const KNOWN_PARAMETERS: [&str; 13] = [
    "location_id",
    "metadata",
    "include_consumed",
    "page_number",
    "page_size",
    "outcome",
    "currency_code",
    "start_date",
    "end_date",
    "offset",
    "size",
    "order_id",
    "payment_reference",
];

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecordedRequest {
    pub id: u64,
    pub at: Timestamp,
    pub method: String,
    /// As in the log: an ID is only shown if it was found.
    pub path: String,
    /// Values of unknown parameters are replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    pub headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// `answered`, `truncated`, `dropped` or `abandoned`.
    pub outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Value>,
    /// Fields and query parameters that the emulator does not know.
    pub ignored: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<u32>,
    pub duration_ms: u64,
    #[serde(skip)]
    size: usize,
}

impl RecordedRequest {
    /// Whether it is a request to the API, and not one that only the emulator has.
    pub fn is_api(&self) -> bool {
        !self.path.starts_with("/emulator/")
    }

    /// Why it was rejected: the detail of the response's problem.
    pub fn rejection(&self) -> Option<&str> {
        self.status.filter(|status| *status >= 400)?;
        self.response.as_ref()?.get("detail")?.as_str()
    }

    pub fn is_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// The parts of a request that the log does not have.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchange {
    at: Timestamp,
    query: Option<String>,
    headers: BTreeMap<String, String>,
    body: Option<Value>,
    pub(super) response: Option<Value>,
    pub(super) ignored: Vec<String>,
    size: usize,
}

impl Exchange {
    pub(super) fn of_request(query: Option<&str>, headers: &HeaderMap, body: &[u8]) -> Self {
        let text = |name: &&str| {
            let value = headers.get(*name)?.to_str().ok()?;
            Some(((*name).to_owned(), redact(value).into_owned()))
        };
        let (query, body) = (query.filter(|query| !query.is_empty()).map(redact_query), capture(body));
        let size = body.as_ref().map_or(0, |_| 1) + query.as_ref().map_or(0, String::len);
        let headers = KEPT_HEADERS.iter().filter_map(text).collect();
        Self { at: Timestamp::now(), query, headers, body, response: None, ignored: Vec::new(), size }
    }

    pub(super) fn hide_in_response(&mut self, hidden: &[&str]) {
        if let Some(response) = &mut self.response {
            change_strings(response, &|text| {
                hidden
                    .iter()
                    .filter(|hidden| hidden.len() > 3)
                    .fold(text, |text, hidden| text.replace(hidden, "…"))
            });
        }
    }

    pub(super) fn add_response(&mut self, body: &[u8]) {
        self.response = capture(body);
        self.size += body.len().min(MAX_BODY);
    }
}

fn redact_query(query: &str) -> String {
    let mut redacted = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let is_known = KNOWN_PARAMETERS.contains(&&*name);
        let value = if is_known { redact(&value).into_owned() } else { "…".to_owned() };
        redacted.append_pair(&if is_known { name } else { display_name(&name).into() }, &value);
    }
    redacted.finish()
}

/// The name of a field or parameter that a client made up. It is shown if it looks like a name, and not like a code.
pub(super) fn display_name(name: &str) -> String {
    let is_name = name.len() <= 60
        && name.bytes().any(|byte| byte.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_[].".contains(&byte));
    if is_name { name.to_owned() } else { "…".to_owned() }
}

/// A body without its secrets. Only JSON can be searched for them, so nothing else is kept.
fn capture(body: &[u8]) -> Option<Value> {
    if body.is_empty() {
        return None;
    }
    if body.len() > MAX_BODY {
        return Some(format!("({} bytes)", body.len()).into());
    }
    let mut value: Value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(_) => return Some(format!("({} bytes that are not JSON)", body.len()).into()),
    };
    redact_fields(&mut value);
    change_strings(&mut value, &|text| redact(&text).into_owned());
    Some(value)
}

fn change_strings(value: &mut Value, change: &impl Fn(String) -> String) {
    match value {
        Value::String(text) => *text = change(std::mem::take(text)),
        Value::Array(items) => items.iter_mut().for_each(|item| change_strings(item, change)),
        Value::Object(fields) => fields.values_mut().for_each(|field| change_strings(field, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecordedCallback {
    /// The webhook ID, which is the same for every attempt.
    pub id: String,
    pub payload: Value,
    pub status: CallbackStatus,
    /// The newest ones.
    pub attempts: Vec<RecordedAttempt>,
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
#[derive(Debug, Clone)]
pub struct History(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    entries: Mutex<Entries>,
    /// Counts the changes, of the entries and of the state. It is closed when the server stops.
    changes: Mutex<Option<watch::Sender<u64>>>,
}

#[derive(Debug, Default)]
struct Entries {
    last_id: u64,
    size: usize,
    requests: VecDeque<RecordedRequest>,
    callbacks: VecDeque<RecordedCallback>,
}

impl Default for History {
    fn default() -> Self {
        let changes = Mutex::new(Some(watch::Sender::new(0)));
        Self(Arc::new(Shared { entries: Mutex::default(), changes }))
    }
}

impl History {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes everything that shows the state.
    pub(super) fn notify(&self) {
        if let Some(changes) = &*self.0.changes.lock().unwrap_or_else(PoisonError::into_inner) {
            changes.send_modify(|count| *count = count.wrapping_add(1));
        }
    }

    /// Reports changes until the server stops.
    pub(super) fn changes(&self) -> Option<watch::Receiver<u64>> {
        self.0.changes.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(watch::Sender::subscribe)
    }

    /// Ends everything that waits for changes.
    pub(super) fn close(&self) {
        *self.0.changes.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(super) fn add_request(&self, record: &RequestRecord) {
        if let Some(exchange) = record.exchange.clone() {
            let (outcome, status) = match record.outcome {
                RequestOutcome::Answered(status) => ("answered", Some(status.as_u16())),
                RequestOutcome::Truncated(status) => ("truncated", Some(status.as_u16())),
                RequestOutcome::Dropped => ("dropped", None),
                RequestOutcome::Abandoned => ("abandoned", None),
            };
            let Exchange { at, query, headers, body, response, ignored, size } = exchange;
            let mut entries = self.entries();
            entries.last_id += 1;
            let request = RecordedRequest {
                id: entries.last_id,
                at,
                method: record.method.to_string(),
                path: record.path.clone(),
                query,
                headers,
                body,
                outcome,
                status,
                response,
                ignored,
                fault: record.fault,
                duration_ms: millis(record.duration),
                size,
            };
            entries.size += request.size;
            entries.requests.push_back(request);
            while entries.requests.len() > MAX_REQUESTS || entries.size > MAX_TOTAL {
                let removed = entries.requests.pop_front().map_or(0, |removed| removed.size);
                entries.size = entries.size.saturating_sub(removed);
                if entries.requests.is_empty() {
                    break;
                }
            }
        }
        self.notify();
    }

    /// All requests, the oldest first.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.entries().requests.iter().cloned().collect()
    }

    /// The callbacks, the oldest first.
    pub fn callbacks(&self) -> Vec<RecordedCallback> {
        self.entries().callbacks.iter().cloned().collect()
    }

    pub(super) fn clear(&self) {
        let mut entries = self.entries();
        // IDs go on, so that an ID never means two requests.
        *entries = Entries { last_id: entries.last_id, ..Entries::default() };
        drop(entries);
        self.notify();
    }

    pub(super) fn clear_requests(&self) -> usize {
        let mut entries = self.entries();
        entries.size = 0;
        let removed = std::mem::take(&mut entries.requests).len();
        drop(entries);
        self.notify();
        removed
    }

    /// Adds an event that becomes a callback, unless it is sent again.
    pub(super) fn add_event(&self, event: &Event, status: CallbackStatus) {
        let callback = event.to_callback();
        let id = callback.id.clone().unwrap_or_default();
        let mut entries = self.entries();
        if let Some(known) = entries.callbacks.iter_mut().find(|known| known.id == id) {
            known.status = status;
        } else {
            let payload = serde_json::to_value(&callback).unwrap_or_default();
            let event = event.clone();
            entries.callbacks.push_back(RecordedCallback {
                id,
                payload,
                status,
                attempts: Vec::new(),
                event,
            });
            if entries.callbacks.len() > MAX_CALLBACKS {
                entries.callbacks.pop_front();
            }
        }
        drop(entries);
        self.notify();
    }

    pub(super) fn add_attempt(&self, id: &str, attempt: RecordedAttempt) {
        let mut entries = self.entries();
        if let Some(callback) = entries.callbacks.iter_mut().rfind(|callback| callback.id == id) {
            let is_acknowledged = attempt.status.is_some_and(|status| (200..300).contains(&status));
            callback.status =
                if is_acknowledged { CallbackStatus::Acknowledged } else { CallbackStatus::Pending };
            callback.attempts.push(attempt);
            if callback.attempts.len() > MAX_ATTEMPTS {
                callback.attempts.remove(0);
            }
        }
        drop(entries);
        self.notify();
    }

    /// The event of a callback, to send it again.
    pub(super) fn event(&self, id: &str) -> Option<(Event, CallbackStatus)> {
        let entries = self.entries();
        let callback = entries.callbacks.iter().rfind(|callback| callback.id == id)?;
        Some((callback.event.clone(), callback.status))
    }
}

impl RecordedAttempt {
    /// `outcome` is the status and the body of the response, or why there is none.
    pub(super) fn new(
        at: Timestamp,
        headers: &HeaderMap,
        outcome: Result<(u16, &[u8]), &str>,
        duration: Duration,
        retry_in: Option<Duration>,
    ) -> Self {
        let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            (name.to_string(), value.to_str().unwrap_or("…").to_owned())
        };
        // An application may repeat its configuration, including the secret.
        let redact = |text: &str| -> String { redact(text).chars().take(MAX_RESPONSE).collect() };
        let (status, error, response) = match outcome {
            Ok((status, body)) => {
                let body = redact(&String::from_utf8_lossy(&body[..body.len().min(4 * MAX_RESPONSE)]));
                (Some(status), None, Some(body).filter(|body| !body.is_empty()))
            }
            Err(reason) => (None, Some(redact(reason)), None),
        };
        Self {
            at,
            headers: headers.iter().map(header).collect(),
            status,
            error,
            response,
            duration_ms: millis(duration),
            retry_in_ms: retry_in.map(millis),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_and_queries_are_kept_without_secrets() {
        let body =
            br#"{"enrollment_code": "ABCD2345", "note": "kco_live_api_x", "data": [{"bearer_token": "t"}]}"#;
        let kept = capture(body).unwrap().to_string();
        for secret in ["ABCD2345", "live_api_x", "\"t\""] {
            assert!(!kept.contains(secret), "{kept}");
        }
        assert_eq!(capture(b"enrollment_code=ABCD2345"), Some("(24 bytes that are not JSON)".into()));
        assert_eq!(capture(b""), None);
        let query = redact_query("outcome=SUCCESS&code=ABCD2345&ABCD2345=1&outcom=x");
        assert_eq!(query, "outcome=SUCCESS&code=%E2%80%A6&%E2%80%A6=%E2%80%A6&outcom=%E2%80%A6");
    }
}
