//! Error bodies of the API.

use serde::Serialize;
use serde_json::{Map, Value};

/// An error body: RFC 7807 problem details (observed), the Checkout API's errors (documented there), or neither.
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
    /// Kustom's support needs it to find the request (documented for the Checkout API).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
}

impl Problem {
    /// Parses an error body leniently; an empty or non-JSON body yields an empty `Problem`.
    pub fn parse(status: u16, body: &[u8]) -> Self {
        let Ok(Value::Object(mut body)) = serde_json::from_slice(body) else {
            return Self { status, ..Self::default() };
        };
        let mut text = |field: &str| match body.remove(field) {
            Some(Value::String(text)) if !text.trim().is_empty() => Some(text),
            _ => None,
        };
        let kind = text("type");
        let title = text("title").or_else(|| text("error_code"));
        let correlation_id = text("correlation_id");
        let detail =
            text("detail").or_else(|| text("message")).or_else(|| match body.remove("error_messages") {
                Some(Value::Array(messages)) => join_messages(&messages),
                _ => None,
            });
        let errors = match body.remove("errors") {
            Some(Value::Object(errors)) => errors,
            _ => Map::new(),
        };
        Self { kind, title, status, detail, errors, correlation_id }
    }

    pub fn has_field(&self, name: &str) -> bool {
        self.errors.contains_key(name)
    }

    /// The field messages, or else the detail, or else the title.
    pub fn message(&self) -> Option<String> {
        if !self.errors.is_empty() {
            let fields: Vec<_> = self
                .errors
                .iter()
                .map(|(field, message)| format!("{field}: {}", format_message(message)))
                .collect();
            return Some(fields.join("; "));
        }
        self.detail.clone().or_else(|| self.title.clone())
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
        for (body, expected) in [
            (
                r#"{"title":"T","detail":"D","errors":{"b":"is bad","a":["one","two"]}}"#,
                Some("b: is bad; a: one, two"),
            ),
            (r#"{"title":"T","detail":"D","errors":{}}"#, Some("D")),
            (r#"{"title":"T","detail":" "}"#, Some("T")),
            (r#"{"error_code":"BAD_VALUE","error_messages":["a","b"]}"#, Some("a, b")),
            (r#"{"error_code":"BAD_VALUE"}"#, Some("BAD_VALUE")),
            ("", None),
            ("<html>", None),
            ("[]", None),
            ("null", None),
            (r#"{"title":5}"#, None),
        ] {
            assert_eq!(Problem::parse(400, body.as_bytes()).message().as_deref(), expected, "{body}");
        }
        let problem = Problem::parse(400, br#"{"correlation_id":"c-1"}"#);
        assert_eq!(problem.correlation_id.as_deref(), Some("c-1"));
    }
}
