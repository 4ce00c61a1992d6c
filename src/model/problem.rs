//! What the API says when it refuses: problem details, or whatever came in their place.

use serde::Serialize;
use serde_json::{Map, Value};

/// A refusal, read from any body: RFC 7807 problem details (observed), the Checkout API's errors (documented
/// there), or neither.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Problem {
    /// The kind of problem, a URI.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The kind of problem in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// This problem in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Field to message.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub errors: Map<String, Value>,
    /// What support asks for (documented for the Checkout API).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
}

impl Problem {
    /// Reads a body of any kind; one that is empty or not JSON gives a problem that says nothing.
    pub fn read(status: u16, body: &[u8]) -> Self {
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
            problem.detail = joined(&messages);
        }
        problem
    }

    /// The message for one field, if the API named it.
    pub fn field(&self, name: &str) -> Option<String> {
        self.errors.get(name).map(message_of)
    }

    /// The messages by field, in the API's order.
    pub fn fields(&self) -> impl Iterator<Item = (&str, String)> {
        self.errors.iter().map(|(field, message)| (field.as_str(), message_of(message)))
    }

    /// What it says, field messages first, then the detail, then the title; `None` when it says nothing.
    pub fn sentence(&self) -> Option<String> {
        if !self.errors.is_empty() {
            let fields: Vec<_> =
                self.fields().map(|(field, message)| format!("{field}: {message}")).collect();
            return Some(fields.join("; "));
        }
        self.detail.clone().or_else(|| self.title.clone())
    }
}

fn message_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(messages) => joined(messages).unwrap_or_default(),
        other => other.to_string(),
    }
}

fn joined(messages: &[Value]) -> Option<String> {
    let texts: Vec<_> = messages.iter().map(message_of).collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::Problem;

    fn sentence(body: &str) -> Option<String> {
        Problem::read(400, body.as_bytes()).sentence()
    }

    #[test]
    fn field_messages_come_before_detail_before_title() {
        let whole = r#"{"title":"T","detail":"D","errors":{"b":"is bad","a":["one","two"]}}"#;
        assert_eq!(sentence(whole).as_deref(), Some("b: is bad; a: one, two"));
        assert_eq!(sentence(r#"{"title":"T","detail":"D","errors":{}}"#).as_deref(), Some("D"));
        assert_eq!(sentence(r#"{"title":"T","detail":" "}"#).as_deref(), Some("T"));
    }

    #[test]
    fn the_checkout_shape_is_understood() {
        let body = r#"{"error_code":"BAD_VALUE","error_messages":["a","b"],"correlation_id":"c-1"}"#;
        let problem = Problem::read(400, body.as_bytes());
        assert_eq!(problem.sentence().as_deref(), Some("a, b"));
        assert_eq!(problem.title.as_deref(), Some("BAD_VALUE"));
        assert_eq!(problem.correlation_id.as_deref(), Some("c-1"));
    }

    #[test]
    fn a_body_that_says_nothing_is_no_sentence() {
        for body in ["", "<html>", "[]", "{}", "null", r#"{"title":5}"#] {
            assert_eq!(sentence(body), None, "{body}");
        }
    }
}
