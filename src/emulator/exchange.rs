//! The bodies of a request and of its response, without secrets.

use std::collections::BTreeMap;

use http::HeaderMap;
use jiff::Timestamp;
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

/// The parts of a request that the log does not have.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchange {
    pub(super) at: Timestamp,
    pub(super) query: Option<String>,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Option<Value>,
    pub(super) response: Option<Value>,
    pub(super) ignored: Vec<String>,
    pub(super) size: usize,
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
