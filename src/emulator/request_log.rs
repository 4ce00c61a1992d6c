//! A record of each request that a server received. It contains no secrets.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::secret::{redact, redact_value};

/// In bytes. A longer body is not kept.
const MAX_BODY: usize = 64 * 1024;

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

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RequestRecord {
    /// Its number in the history, which gives it.
    pub id: u64,
    pub at: Timestamp,
    pub method: String,
    /// The path without its query. Clients may put an enrollment code or a key where an ID belongs, so unless the ID
    /// was found, this is the route, such as `/ipp/v1/sessions/{session_id}`, or `…` if there is no such route.
    pub path: String,
    /// Values of unknown parameters are replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    pub headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    pub outcome: RequestOutcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Value>,
    /// Fields and query parameters that the emulator does not know.
    pub ignored: Vec<String>,
    /// The number of the fault that was injected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<u32>,
    pub duration_ms: u64,
    /// Whether the history has it, and its bodies: it is not a request that only reads what the emulator shows.
    #[serde(skip)]
    pub(super) is_kept: bool,
    /// Of what was captured, in bytes.
    #[serde(skip)]
    pub(super) size: usize,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestOutcome {
    Answered,
    Truncated,
    /// A fault closed the connection without a response.
    Dropped,
    /// The client disconnected before the response.
    #[default]
    Abandoned,
}

impl RequestRecord {
    /// Whether it is a request to the API, and not one that only the emulator has.
    pub fn is_api(&self) -> bool {
        !self.path.starts_with("/emulator/")
    }

    pub fn is_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }

    /// Why it was rejected: the detail of the response's problem.
    pub fn rejection(&self) -> Option<&str> {
        self.status.filter(|status| *status >= 400)?;
        self.response.as_ref()?.get("detail")?.as_str()
    }

    pub(super) fn capture_request(&mut self, query: Option<&str>, headers: &HeaderMap, body: &[u8]) {
        let text = |name: &&str| {
            let value = headers.get(*name)?.to_str().ok()?;
            Some(((*name).to_owned(), redact(value).into_owned()))
        };
        self.is_kept = true;
        self.query = query.filter(|query| !query.is_empty()).map(redact_query);
        self.headers = KEPT_HEADERS.iter().filter_map(text).collect();
        self.body = capture(body);
        self.size = usize::from(self.body.is_some()) + self.query.as_ref().map_or(0, String::len);
    }

    pub(super) fn capture_response(&mut self, body: &[u8], ignored: Vec<String>) {
        self.response = capture(body);
        self.ignored = ignored;
        self.size += body.len().min(MAX_BODY);
    }
}

/// A request that is being served. It is recorded when this is dropped, which also happens when the client disconnects.
pub(super) struct PendingRecord<F: FnMut(&RequestRecord)> {
    pub(super) record: RequestRecord,
    path: String,
    started: Instant,
    observer: F,
}

impl<F: FnMut(&RequestRecord)> PendingRecord<F> {
    pub(super) fn new(method: &Method, path: &str, route: Option<&str>, observer: F) -> Self {
        let record = RequestRecord {
            at: Timestamp::now(),
            method: method.to_string(),
            path: route.unwrap_or("…").to_owned(),
            ..RequestRecord::default()
        };
        Self { record, path: path.to_owned(), started: Instant::now(), observer }
    }

    pub(super) fn finish(mut self, outcome: RequestOutcome, status: Option<StatusCode>) {
        self.record.outcome = outcome;
        self.record.status = status.map(|status| status.as_u16());
        if self.record.is_success() || status == Some(StatusCode::CONFLICT) {
            self.record.path = std::mem::take(&mut self.path);
        } else if let Some(response) = &mut self.record.response {
            // The error may repeat what the path does not show.
            let shown: Vec<_> = self.record.path.split('/').collect();
            let hidden = self.path.split('/').filter(|segment| segment.len() > 3 && !shown.contains(segment));
            let hidden: Vec<_> = hidden.collect();
            change_strings(response, &|text| {
                hidden.iter().fold(text, |text, hidden| text.replace(hidden, "…"))
            });
        }
    }
}

impl<F: FnMut(&RequestRecord)> Drop for PendingRecord<F> {
    fn drop(&mut self) {
        self.record.duration_ms = millis(self.started.elapsed());
        (self.observer)(&self.record);
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
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
    redact_value(&mut value);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn record(path: &str, route: Option<&str>, status: Option<u16>) -> RequestRecord {
        let mut records = Vec::new();
        let pending = PendingRecord::new(&Method::GET, path, route, |record: &RequestRecord| {
            records.push(record.clone());
        });
        if let Some(status) = status {
            pending.finish(RequestOutcome::Answered, Some(StatusCode::from_u16(status).unwrap()));
        } else {
            drop(pending);
        }
        records.remove(0)
    }

    #[test]
    fn a_path_shows_an_id_only_if_it_was_found() {
        let (path, route) = ("/ipp/v1/sessions/ABCD2345", Some("/ipp/v1/sessions/{session_id}"));
        assert_eq!(record(path, route, Some(200)).path, path);
        assert_eq!(record(path, route, Some(409)).path, path);
        assert_eq!(record(path, route, Some(404)).path, "/ipp/v1/sessions/{session_id}");
        assert_eq!(record("/kco_test_api_0123456789abcdef", None, Some(404)).path, "…");
        let abandoned = record(path, route, None);
        assert_eq!((&*abandoned.path, abandoned.outcome), (route.unwrap(), RequestOutcome::Abandoned));
    }

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
