//! Rejections: the error responses of the emulated API.

use http::StatusCode;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// A rejected request, which changed nothing. The response has RFC 7807 problem details (observed).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Rejection {
    pub status: StatusCode,
    pub detail: String,
    pub errors: FieldErrors,
    /// The `error_code` of the sister APIs; without one it follows from the status.
    pub code: Option<&'static str>,
}

/// Messages by field, so that a response reports all wrong fields of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldErrors(Vec<(String, String)>);

impl FieldErrors {
    /// Adds a message, which follows the name of the field. Only the first message for a field is kept.
    pub fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        let field = field.into();
        if self.0.iter().all(|(name, _)| *name != field) {
            self.0.push((field, message.into()));
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn into_result(self) -> Result<(), Rejection> {
        if self.is_empty() {
            return Ok(());
        }
        let sentences: Vec<_> = self.0.iter().map(|(field, message)| format!("{field} {message}")).collect();
        Err(Rejection {
            status: StatusCode::BAD_REQUEST,
            detail: sentences.join("; "),
            errors: self,
            code: None,
        })
    }
}

impl Rejection {
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), errors: FieldErrors::default(), code: None }
    }

    /// The message follows the name of the field.
    pub fn for_field(status: StatusCode, field: &str, message: &str) -> Self {
        let mut errors = FieldErrors::default();
        errors.add(field, message);
        Self { status, detail: format!("{field} {message}"), errors, code: None }
    }

    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    pub fn code(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    /// The error body of Order Management and Settlements (documented).
    pub fn to_order_problem_json(&self, correlation_id: Uuid) -> Value {
        let code = self.code.unwrap_or(match self.status.as_u16() {
            400 => "BAD_VALUE",
            401 => "UNAUTHORIZED",
            403 => "NOT_ALLOWED",
            404 => "NOT_FOUND",
            405 => "METHOD_NOT_ALLOWED",
            500.. => "INTERNAL_ERROR",
            _ => "REJECTED",
        });
        let fields = self.errors.0.iter().map(|(field, message)| format!("{field} {message}"));
        let mut messages: Vec<_> = fields.collect();
        if messages.is_empty() {
            messages.push(self.detail.clone());
        }
        json!({"error_code": code, "error_messages": messages, "correlation_id": correlation_id})
    }

    /// `about:blank` is the type that RFC 7807 reserves for problems whose title is the reason phrase of the status.
    pub fn to_problem_json(&self) -> Value {
        let mut problem = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Rejected"),
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
        let rejection = errors.into_result().unwrap_err();
        assert_eq!(
            rejection.to_problem_json(),
            json!({
                "type": "about:blank", "title": "Bad Request", "status": 400,
                "detail": "b is required; a must be a string",
                "errors": {"b": "is required", "a": "must be a string"},
            })
        );
    }
}
