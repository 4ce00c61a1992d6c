//! Why a rule says no.

use http::StatusCode;
use serde_json::{Map, Value, json};

/// A refusal by the emulated API: nothing was changed. It is answered as RFC 7807 problem details (observed).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Rejection {
    /// The HTTP status it is answered with.
    pub status: StatusCode,
    /// What is wrong, as a sentence.
    pub detail: String,
    /// What is wrong, field by field; empty when no field is to blame.
    pub errors: FieldErrors,
}

/// Messages by field. Everything that is wrong with a request is collected before any of it is reported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldErrors(Vec<(String, String)>);

impl FieldErrors {
    /// Notes what is wrong with a field, as the end of a sentence that begins with its name. The first message
    /// for a field is the one that is kept.
    pub fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        let field = field.into();
        if self.message(&field).is_none() {
            self.0.push((field, message.into()));
        }
    }

    /// What was noted for a field.
    pub fn message(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == field).map(|(_, message)| message.as_str())
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Ends the collecting.
    pub fn into_result(self) -> Result<(), Rejection> {
        if self.is_empty() {
            return Ok(());
        }
        let sentences: Vec<_> = self.0.iter().map(|(field, message)| format!("{field} {message}")).collect();
        Err(Rejection { status: StatusCode::BAD_REQUEST, detail: sentences.join("; "), errors: self })
    }
}

impl Rejection {
    /// A refusal that no single field is to blame for.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), errors: FieldErrors::default() }
    }

    /// A refusal because of one field; the message is the end of a sentence that begins with its name.
    pub fn for_field(status: StatusCode, field: &str, message: &str) -> Self {
        let mut errors = FieldErrors::default();
        errors.add(field, message);
        Self { status, detail: format!("{field} {message}"), errors }
    }

    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// The problem details. There are no problem types of its own, so `type` is the one that RFC 7807 reserves
    /// for that and `title` is the status in words.
    pub fn to_problem_json(&self) -> Value {
        let mut problem = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Refused"),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if !self.errors.is_empty() {
            let errors: Map<_, _> =
                self.errors.0.iter().map(|(field, message)| (field.clone(), json!(message))).collect();
            problem["errors"] = Value::Object(errors);
        }
        problem
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_fields_are_reported_and_each_once() {
        let mut errors = FieldErrors::default();
        errors.add("b", "is required");
        errors.add("a", "must be a string");
        errors.add("b", "must be a number");
        let refusal = errors.into_result().unwrap_err();
        assert_eq!(
            refusal.to_problem_json(),
            json!({
                "type": "about:blank", "title": "Bad Request", "status": 400,
                "detail": "b is required; a must be a string",
                "errors": {"b": "is required", "a": "must be a string"},
            })
        );
    }

    #[test]
    fn no_field_means_no_errors() {
        assert_eq!(FieldErrors::default().into_result(), Ok(()));
        assert_eq!(Rejection::not_found("gone").to_problem_json().get("errors"), None);
    }
}
