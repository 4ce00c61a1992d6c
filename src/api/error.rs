//! Failed requests, and whether they may have been processed.

use std::time::Duration;

use serde_json::Value;

use crate::error::{self, ErrorKind};
use crate::model::Problem;
use crate::text::truncate;

/// Whether a failed request may have changed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SideEffect {
    /// It was never sent, was rejected, or only reads.
    None,
    /// It may have been processed.
    Possible,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq)]
pub enum FailureCause {
    Status {
        status: u16,
        problem: Box<Problem>,
    },
    /// Never followed: the target could be another host, which must not get the key.
    Redirect {
        status: u16,
        to: String,
    },
    /// A success whose body cannot be read.
    Unreadable {
        status: u16,
        reason: String,
    },
    /// A success whose body is about something else than the request.
    OtherResource {
        status: u16,
        difference: String,
    },
    /// DNS, connection or TLS.
    NotSent {
        reason: String,
        /// False for failures that no retry can fix, such as an invalid certificate.
        transient: bool,
    },
    /// The request may have arrived, but no complete response did: timeout, reset, or a truncated response.
    Lost(String),
    /// The program was interrupted before the request was sent, or before its response arrived.
    Cancelled,
    /// The emulator's state file could not be read or written, so nothing changed.
    State(String),
}

/// A request that failed, after all its attempts.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", .cause.message())]
pub struct Error {
    /// The request, such as `GET /ipp/v1/devices`.
    pub request: String,
    /// Cause of the last failure.
    pub cause: FailureCause,
    /// Covers all attempts.
    pub side_effect: SideEffect,
    pub attempts: u32,
    pub retry_after: Option<Duration>,
}

impl Error {
    pub const fn status(&self) -> Option<u16> {
        match &self.cause {
            FailureCause::Status { status, .. }
            | FailureCause::Redirect { status, .. }
            | FailureCause::Unreadable { status, .. }
            | FailureCause::OtherResource { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether the same request may succeed later: the failure is one of the network or of the server.
    pub fn is_transient(&self) -> bool {
        match &self.cause {
            FailureCause::Status { status, .. } => {
                matches!(status, 408 | 429) || !(400..500).contains(status)
            }
            FailureCause::NotSent { transient, .. } => *transient,
            FailureCause::Redirect { .. } | FailureCause::Unreadable { .. } | FailureCause::Lost(_) => true,
            FailureCause::OtherResource { .. } | FailureCause::Cancelled | FailureCause::State(_) => false,
        }
    }

    /// Whether the API rejected what the request asks for, rather than its credentials, its path or its rate.
    pub fn is_rejection(&self) -> bool {
        !self.is_from_firewall()
            && self.status().is_some_and(|status| {
                (400..500).contains(&status) && !matches!(status, 401 | 404 | 408 | 429)
            })
    }

    /// A 403 that is an HTML page comes from a firewall in front of the API, which refuses some regions (observed).
    pub fn is_from_firewall(&self) -> bool {
        self.problem().is_some_and(|problem| problem.status == 403 && problem.is_html)
    }

    /// Whether a rejection is about this field or header of the request.
    pub fn names_field(&self, field: &str) -> bool {
        let Some(problem) = self.problem().filter(|problem| problem.status == 400) else { return false };
        let names = |text: &String| text.to_ascii_lowercase().contains(field);
        problem.errors.keys().any(names) || problem.detail.as_ref().is_some_and(names)
    }

    /// Whether the device of a new session has no connection.
    pub fn is_offline(&self) -> bool {
        let problem = self.problem().filter(|problem| (400..500).contains(&problem.status));
        problem.and_then(Problem::message).is_some_and(|message| message.to_lowercase().contains("offline"))
    }

    pub fn problem(&self) -> Option<&Problem> {
        match &self.cause {
            FailureCause::Status { problem, .. } => Some(problem),
            _ => None,
        }
    }
}

/// How much of the API's words is printed, and stored in the ledger.
const MAX_CHARS: usize = 500;

/// How many messages by field are printed.
const MAX_FIELDS: usize = 20;

impl FailureCause {
    pub fn message(&self) -> String {
        truncate(&self.full_message(), MAX_CHARS)
    }

    fn full_message(&self) -> String {
        match self {
            Self::Status { status, problem } => {
                if *status == 403 && problem.is_html {
                    "a firewall in front of the API refused the request (HTTP 403, an HTML page)".to_owned()
                } else if let Some(message) = problem.message() {
                    let code = problem.error_code.as_ref().filter(|code| **code != message);
                    let code = code.map(|code| format!("{code}, ")).unwrap_or_default();
                    format!("{message} ({code}HTTP {status})")
                } else {
                    let code = http::StatusCode::from_u16(*status).ok();
                    let phrase = code.and_then(|code| code.canonical_reason()).unwrap_or_default();
                    format!("the API responded with {status} {phrase}").trim_end().to_owned()
                }
            }
            Self::Redirect { status, to } => {
                format!(
                    "the API responded with {status}, a redirect to {to}, which is not followed with a key"
                )
            }
            Self::Unreadable { status, reason } => {
                format!("the response (HTTP {status}) cannot be read: {reason}")
            }
            Self::OtherResource { status, difference } => {
                format!("the response (HTTP {status}) does not match the request: {difference}")
            }
            Self::Cancelled => "interrupted while waiting for the response".to_owned(),
            Self::NotSent { reason, .. } => format!("cannot reach the Kustom API: {reason}"),
            Self::Lost(reason) | Self::State(reason) => reason.clone(),
        }
    }
}

/// A value with short texts and few elements.
fn shorten(value: &Value) -> Value {
    match value {
        Value::String(text) => truncate(text, MAX_CHARS).into(),
        Value::Array(items) => items.iter().take(MAX_FIELDS).map(shorten).collect(),
        Value::Object(fields) => {
            let fields = fields.iter().take(MAX_FIELDS);
            Value::Object(fields.map(|(name, value)| (truncate(name, MAX_CHARS), shorten(value))).collect())
        }
        other => other.clone(),
    }
}

impl From<Error> for error::Error {
    fn from(error: Error) -> Self {
        let kind = kind_of(&error);
        let reason = error.cause.message();
        let attempts =
            if error.attempts > 1 { format!(" ({} attempts)", error.attempts) } else { String::new() };
        let message = match kind {
            ErrorKind::Credentials => format!("the API does not accept the key: {reason}"),
            ErrorKind::NotFound | ErrorKind::Refused | ErrorKind::Usage => reason,
            ErrorKind::Interrupted => "interrupted".to_owned(),
            _ => format!("{reason}{attempts}"),
        };
        let mut report = Self::new(kind, message).detail("request", error.request.as_str());
        if let Some(status) = error.status() {
            report = report.detail("status", status);
        }
        if let Some(problem) = error.problem().filter(|problem| !problem.errors.is_empty()) {
            report = report.detail("errors", shorten(&Value::Object(problem.errors.clone())));
        }
        if let Some(code) = error.problem().and_then(|problem| problem.error_code.as_ref()) {
            report = report.detail("error_code", code.as_str());
        }
        if let Some(id) = error.problem().and_then(|problem| problem.correlation_id.as_ref()) {
            report = report
                .detail("correlation_id", id.as_str())
                .hint(format!("give the correlation ID {id} to support"));
        }
        if error.names_field("location_id") {
            report = report
                .hint("name a location with --location; `kustom locations list` lists them")
                .hint("set a default location with `kustom profiles set location NAME`");
        }
        if error.names_field("x-merchant-id") || error.names_field("merchant_id") {
            report = report.hint("set the merchant ID with `kustom profiles set merchant_id ID`");
        }
        if error.is_offline() {
            report = report.hint("check on the phone that the Kustom POS app is open and has a network");
        }
        let try_later = match error.retry_after {
            Some(delay) => format!("try again in {} seconds, as the API requests", delay.as_secs()),
            None => "try again later; `kustom doctor` checks the connection".to_owned(),
        };
        let hint = match (&error.cause, kind) {
            (_, ErrorKind::Credentials) => {
                "see which key is used and where it comes from with `kustom doctor`"
            }
            _ if error.is_from_firewall() => {
                "the firewall refuses some regions: try again without a VPN, or from another network"
            }
            (_, ErrorKind::Unknown) => "the request may have been processed: check before you send it again",
            (
                FailureCause::Redirect { .. }
                | FailureCause::Unreadable { .. }
                | FailureCause::OtherResource { .. },
                _,
            ) => "check the base URL with `kustom doctor`",
            (FailureCause::Status { .. } | FailureCause::Lost(_), ErrorKind::Unavailable) => &try_later,
            (FailureCause::NotSent { .. }, _) => "nothing was sent; check the network with `kustom doctor`",
            (FailureCause::State(_), _) => "fix the state folder, or name another one in KUSTOM_STATE",
            _ => return report,
        };
        report.hint(hint)
    }
}

fn kind_of(error: &Error) -> ErrorKind {
    match (&error.cause, error.side_effect) {
        (FailureCause::State(_), _) => ErrorKind::Usage,
        (FailureCause::Cancelled, SideEffect::None) => ErrorKind::Interrupted,
        (FailureCause::Status { status: 401, .. }, _) => ErrorKind::Credentials,
        (FailureCause::Status { status: 404, .. }, _) => ErrorKind::NotFound,
        (_, SideEffect::Possible) => ErrorKind::Unknown,
        (FailureCause::Status { status: 408 | 429, .. }, _) => ErrorKind::Unavailable,
        _ if error.is_from_firewall() => ErrorKind::Unavailable,
        (FailureCause::Status { status: 400..=499, .. }, _) => ErrorKind::Refused,
        _ => ErrorKind::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(status: u16, body: &str, side_effect: SideEffect) -> error::Error {
        let problem = Box::new(Problem::parse(status, body.as_bytes()));
        let cause = FailureCause::Status { status, problem };
        Error { request: "GET /x".into(), cause, side_effect, attempts: 1, retry_after: None }.into()
    }

    #[test]
    fn the_exit_code_follows_the_response() {
        let code = |status, side_effect| report(status, "", side_effect).kind.code();
        for (expected, statuses) in
            [(3, &[401][..]), (4, &[404]), (5, &[400, 403, 409, 418, 422]), (6, &[429, 500, 599])]
        {
            for status in statuses {
                assert_eq!(code(*status, SideEffect::None), expected, "{status}");
            }
        }
        for status in [408, 500] {
            assert_eq!(code(status, SideEffect::Possible), 7, "{status}");
        }
    }

    #[test]
    fn only_a_401_is_about_the_key() {
        let html = report(403, "\n<html>Forbidden</html>", SideEffect::None);
        assert_eq!((html.kind, html.hints.len()), (ErrorKind::Unavailable, 1));
        assert!(html.message.contains("firewall") && html.hints[0].contains("regions"), "{html:?}");
        let body =
            r#"{"error_code":"REFUND_NOT_ALLOWED","error_messages":["Too much"],"correlation_id":"c-1"}"#;
        let refused = report(403, body, SideEffect::None);
        assert_eq!(refused.kind, ErrorKind::Refused);
        assert_eq!(refused.message, "Too much (REFUND_NOT_ALLOWED, HTTP 403)");
        assert_eq!(refused.hints, ["give the correlation ID c-1 to support"]);
    }

    #[test]
    fn the_words_of_the_api_are_shortened() {
        let long = "ü".repeat(100_000);
        for body in [
            serde_json::json!({"detail": long, "error_code": long, "correlation_id": long}),
            serde_json::json!({"errors": {(&long): [long, long], "b": {"c": vec![&long; 100]}}}),
        ] {
            let error = report(400, &body.to_string(), SideEffect::None);
            assert!(error.message.chars().count() <= MAX_CHARS + 1, "{}", error.message.len());
            let json = error.to_json().to_string();
            assert!(json.chars().count() < 2 * MAX_FIELDS * MAX_CHARS, "{}", json.len());
        }
    }
}
