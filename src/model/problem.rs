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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
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
        let mut problem = Self { status: Some(status), ..Self::default() };
        let Ok(Value::Object(mut body)) = serde_json::from_slice(body) else {
            return problem;
        };
        let mut text = |field: &str| match body.remove(field) {
            Some(Value::String(text)) if !text.trim().is_empty() => Some(text),
            _ => None,
        };
        problem.kind = text("type");
        problem.title = text("title").or_else(|| text("error_code"));
        problem.detail = text("detail").or_else(|| text("message"));
        problem.correlation_id = text("correlation_id");
        if let Some(Value::Object(errors)) = body.remove("errors") {
            problem.errors = errors;
        }
        if problem.detail.is_none()
            && let Some(Value::Array(messages)) = body.remove("error_messages")
        {
            problem.detail = join_messages(&messages);
        }
        problem
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

    fn message(body: &str) -> Option<String> {
        Problem::parse(400, body.as_bytes()).message()
    }

    #[test]
    fn field_messages_come_before_detail_before_title() {
        let whole = r#"{"title":"T","detail":"D","errors":{"b":"is bad","a":["one","two"]}}"#;
        assert_eq!(message(whole).as_deref(), Some("b: is bad; a: one, two"));
        assert_eq!(message(r#"{"title":"T","detail":"D","errors":{}}"#).as_deref(), Some("D"));
        assert_eq!(message(r#"{"title":"T","detail":" "}"#).as_deref(), Some("T"));
    }

    #[test]
    fn the_errors_of_the_checkout_api_are_parsed() {
        let body = r#"{"error_code":"BAD_VALUE","error_messages":["a","b"],"correlation_id":"c-1"}"#;
        let problem = Problem::parse(400, body.as_bytes());
        assert_eq!(problem.message().as_deref(), Some("a, b"));
        assert_eq!(problem.title.as_deref(), Some("BAD_VALUE"));
        assert_eq!(problem.correlation_id.as_deref(), Some("c-1"));
    }

    #[test]
    fn an_empty_or_unknown_body_has_no_message() {
        for body in ["", "<html>", "[]", "{}", "null", r#"{"title":5}"#] {
            assert_eq!(message(body), None, "{body}");
        }
    }
}
