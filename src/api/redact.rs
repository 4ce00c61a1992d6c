//! Keeps secrets out of everything that is shown.

use base64::Engine as _;
use memchr::memmem;
use serde_json::Value;

use crate::secret::{ApiKey, MIN_REDACT_LEN, REDACTED};

/// Takes the key out of bytes that came from outside: a server, or a proxy in between, may repeat the request
/// it did not like.
#[derive(Clone)]
pub(super) struct Redactor {
    needles: Vec<Vec<u8>>,
}

impl Redactor {
    pub(super) fn new(key: &ApiKey, authorization: &str) -> Self {
        let key = key.expose();
        let mut needles: Vec<Vec<u8>> = Vec::new();
        // It comes first: without a part of it, which the key can be, the rest would not be found.
        if let Some(token) = authorization.strip_prefix("Basic ")
            && token.len() >= MIN_REDACT_LEN
        {
            needles.push(token.into());
        }
        if key.len() >= MIN_REDACT_LEN {
            needles.push(key.into());
            needles.push(base64::engine::general_purpose::STANDARD.encode(key).into());
        }
        Self { needles }
    }

    pub(super) fn scrub(&self, bytes: Vec<u8>) -> Vec<u8> {
        self.needles.iter().fold(bytes, |bytes, needle| {
            if memmem::find(&bytes, needle).is_none() {
                return bytes;
            }
            let mut clean = Vec::with_capacity(bytes.len());
            let mut rest = 0;
            for at in memmem::find_iter(&bytes, needle) {
                clean.extend_from_slice(&bytes[rest..at]);
                clean.extend_from_slice(REDACTED.as_bytes());
                rest = at + needle.len();
            }
            clean.extend_from_slice(&bytes[rest..]);
            clean
        })
    }

    /// A body without the key, also where JSON wrote it with escapes.
    pub(super) fn scrub_body(&self, body: Vec<u8>) -> Vec<u8> {
        let body = self.scrub(body);
        if memchr::memchr(b'\\', &body).is_none() {
            return body;
        }
        let Ok(mut value) = serde_json::from_slice::<Value>(&body) else { return body };
        if self.scrub_value(&mut value) { value.to_string().into_bytes() } else { body }
    }

    /// Takes the key out of every text of a value. Whether it was in any.
    fn scrub_value(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => {
                let clean = self.scrub_text(text.clone());
                let held = clean != *text;
                *text = clean;
                held
            }
            Value::Array(items) => self.scrub_values(items.iter_mut()),
            Value::Object(fields) => self.scrub_values(fields.values_mut()),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    fn scrub_values<'a>(&self, values: impl Iterator<Item = &'a mut Value>) -> bool {
        let mut held = false;
        for value in values {
            held |= self.scrub_value(value);
        }
        held
    }

    pub(super) fn scrub_text(&self, text: String) -> String {
        String::from_utf8_lossy(&self.scrub(text.into_bytes())).into_owned()
    }
}

/// Replaces what is secret in a resource (enrollment codes, device credentials) for a log.
pub(crate) fn hide_secret_fields(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if matches!(name.as_str(), "enrollment_code" | "bearer_token" | "api_key") {
                    *field = Value::String(REDACTED.to_owned());
                } else {
                    hide_secret_fields(field);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide_secret_fields),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_answer_that_repeats_the_key_is_cleaned() {
        let key = ApiKey::parse("kco_test_api_abcdef").unwrap();
        let redactor = Redactor::new(&key, "Basic dXNlcjprY29fdGVzdA==");
        let echo = "key kco_test_api_abcdef kco_test_api_abcdef, header dXNlcjprY29fdGVzdA==.";
        assert_eq!(redactor.scrub_text(echo.into()), "key [redacted] [redacted], header [redacted].");
        assert_eq!(redactor.scrub_text("nothing".into()), "nothing");
        let escaped = br#"{"a":["kco_\u0074est_api_abcdef"],"b":"1\/2"}"#;
        assert_eq!(redactor.scrub_body(escaped.to_vec()), br#"{"a":["[redacted]"],"b":"1/2"}"#);
        let harmless = br#"{"b" : "1\/2"}"#;
        assert_eq!(redactor.scrub_body(harmless.to_vec()), harmless, "what holds no key stays as it came");
    }

    #[test]
    fn codes_and_credentials_are_hidden_at_any_depth() {
        let mut value =
            json!({"content": [{"enrollment_code": "AB", "id": 1}], "credentials": {"bearer_token": "t"}});
        hide_secret_fields(&mut value);
        assert_eq!(
            value,
            json!({"content": [{"enrollment_code": REDACTED, "id": 1}], "credentials": {"bearer_token": REDACTED}})
        );
    }
}
