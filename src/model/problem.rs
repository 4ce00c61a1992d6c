//! Error bodies of the API.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::text::truncate;

/// More is not a code or an ID.
const MAX_CODE_CHARS: usize = 100;

/// An error body: RFC 7807 problem details (observed), the errors of the sister APIs (documented), or neither.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Problem {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    pub status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Messages by field.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub errors: Map<String, Value>,
    /// Why Order Management, Settlements or Checkout rejected the request (documented).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Kustom's support needs it to find the request (documented for the same APIs).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// Whether the body is an HTML page, which comes from a firewall or a proxy and not from the API (observed).
    #[serde(skip)]
    pub is_html: bool,
}

impl Problem {
    /// Parses an error body leniently; an empty or non-JSON body yields an empty `Problem`.
    pub fn parse(status: u16, body: &[u8]) -> Self {
        let Ok(Value::Object(mut body)) = serde_json::from_slice(body) else {
            let is_html = body.trim_ascii_start().starts_with(b"<");
            return Self { status, is_html, ..Self::default() };
        };
        let mut text = |field: &str| match body.remove(field) {
            Some(Value::String(text)) if !text.trim().is_empty() => Some(text),
            _ => None,
        };
        let kind = text("type");
        let short = |text: String| truncate(&text, MAX_CODE_CHARS);
        let error_code = text("error_code").map(short);
        let title = text("title").or_else(|| error_code.clone());
        let correlation_id = text("correlation_id").map(short);
        let detail =
            text("detail").or_else(|| text("message")).or_else(|| match body.remove("error_messages") {
                Some(Value::Array(messages)) => join_messages(&messages),
                _ => None,
            });
        let errors = match body.remove("errors") {
            Some(Value::Object(errors)) => errors,
            _ => Map::new(),
        };
        Self { kind, title, status, detail, errors, error_code, correlation_id, is_html: false }
    }

    /// The field messages, or else the detail, or else the title.
    pub fn message(&self) -> Option<String> {
        let format = |(field, message)| format!("{field}: {}", format_message(message));
        let fields: Vec<_> = self.errors.iter().map(format).collect();
        if fields.is_empty() {
            self.detail.clone().or_else(|| self.title.clone())
        } else {
            Some(fields.join("; "))
        }
    }
}

fn format_message(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(messages) => join_messages(messages).unwrap_or_default(),
        other => other.to_string(),
    }
}

fn join_messages(messages: &[Value]) -> Option<String> {
    let texts: Vec<_> = messages.iter().map(format_message).collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::Problem;

    #[test]
    fn field_messages_come_before_detail_before_title() {
        let message = |body: &str| Problem::parse(400, body.as_bytes()).message().unwrap_or_default();
        let all = r#"{"title":"T","detail":"D","errors":{"b":"is bad","a":["one","two"]}}"#;
        assert_eq!(message(all), "b: is bad; a: one, two");
        assert_eq!(message(r#"{"title":"T","detail":"D","errors":{}}"#), "D");
        assert_eq!(message(r#"{"title":"T","detail":" "}"#), "T");
        assert_eq!(message(r#"{"error_code":"BAD_VALUE","error_messages":["a","b"]}"#), "a, b");
        for body in ["", "<html>", "[]", "{}", "null", r#"{"title":5}"#] {
            assert_eq!(message(body), "", "{body}");
        }
    }
}
