//! What can be told of a request without telling a secret.

use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use uuid::Uuid;

/// The longest part of an unknown path that is shown.
const MAX_SEGMENT_LEN: usize = 24;

/// A request that came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRecord {
    pub method: Method,
    /// Its path without what may be a secret: no query, and `…` for what could be a code.
    pub path: String,
    /// How it ended.
    pub ending: RequestOutcome,
    /// The fault that hit it.
    pub fault: Option<u32>,
    /// How long it took.
    pub took: Duration,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestOutcome {
    /// With an answer.
    Answered(StatusCode),
    /// With an answer that breaks off, because of a fault.
    Truncated(StatusCode),
    /// With no answer, because of a fault.
    Dropped,
    /// The client went away before it was answered.
    Abandoned,
}

/// A request that has no end yet. However it ends, it is told.
pub(super) struct PendingRecord<T: FnMut(&RequestRecord)> {
    method: Method,
    path: String,
    begun: Instant,
    ending: RequestOutcome,
    fault: Option<u32>,
    tell: T,
}

impl<T: FnMut(&RequestRecord)> PendingRecord<T> {
    pub(super) fn begin(method: &Method, path: &str, tell: T) -> Self {
        let (method, path) = (method.clone(), path.to_owned());
        Self { method, path, begun: Instant::now(), ending: RequestOutcome::Abandoned, fault: None, tell }
    }

    /// It is hit by a fault.
    pub(super) fn hit(&mut self, fault: u32) {
        self.fault = Some(fault);
    }

    pub(super) fn ended(mut self, ending: RequestOutcome) {
        self.ending = ending;
    }
}

impl<T: FnMut(&RequestRecord)> Drop for PendingRecord<T> {
    fn drop(&mut self) {
        let served = RequestRecord {
            method: self.method.clone(),
            path: path_without_secrets(&self.path, self.ending),
            ending: self.ending,
            fault: self.fault,
            took: self.begun.elapsed(),
        };
        (self.tell)(&served);
    }
}

/// A path as it can be told. What was found is an id. What was not found may be anything, an enrollment code in the
/// wrong place among others, so only what can be none is shown of it: a lower-case word.
fn path_without_secrets(path: &str, ending: RequestOutcome) -> String {
    let is_found = |status: StatusCode| status.is_success() || status == StatusCode::CONFLICT;
    let is_found = matches!(ending, RequestOutcome::Answered(status) | RequestOutcome::Truncated(status) if is_found(status));
    let parts = path.split('/').map(|part| {
        let is_id = is_found && Uuid::try_parse(part).is_ok();
        if is_id || is_word(part) { part } else { "…" }
    });
    parts.collect::<Vec<_>>().join("/")
}

fn is_word(part: &str) -> bool {
    let of_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    part.len() <= MAX_SEGMENT_LEN
        && part.bytes().all(of_word)
        && !part.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    const ID: &str = "51e2a9c4-7b0d-4f63-9d18-3ac5f0e72b41";

    fn shown(path: &str, status: u16) -> String {
        path_without_secrets(path, RequestOutcome::Answered(StatusCode::from_u16(status).unwrap()))
    }

    #[test]
    fn an_id_that_was_found_is_shown_and_what_could_be_a_code_is_not() {
        assert_eq!(shown("/", 200), "/");
        assert_eq!(shown("/ipp/v1/sessions", 200), "/ipp/v1/sessions");
        assert_eq!(
            shown(&format!("/ipp/v1/sessions/{ID}/cancel"), 200),
            format!("/ipp/v1/sessions/{ID}/cancel")
        );
        // A code that lives long is a UUID too.
        assert_eq!(shown(&format!("/ipp/v1/enrollments/{ID}"), 404), "/ipp/v1/enrollments/…");
        assert_eq!(shown("/ipp/v1/enrollments/ABCD2345", 404), "/ipp/v1/enrollments/…");
        assert_eq!(shown("/ipp/v1/enrolments", 404), "/ipp/v1/enrolments");
        assert_eq!(shown("/kco_test_api_0123456789abcdef", 404), "/…");
        assert_eq!(shown("/%1b[2J/é", 404), "/…/…");
        assert_eq!(path_without_secrets(&format!("/a/{ID}"), RequestOutcome::Abandoned), "/a/…");
    }

    #[test]
    fn a_request_that_nobody_answers_is_told_too() {
        let told = RefCell::new(Vec::new());
        let begin = || {
            PendingRecord::begin(&Method::GET, "/x", |served: &RequestRecord| {
                told.borrow_mut().push(served.ending);
            })
        };
        begin().ended(RequestOutcome::Answered(StatusCode::OK));
        drop(begin());
        assert_eq!(*told.borrow(), [RequestOutcome::Answered(StatusCode::OK), RequestOutcome::Abandoned]);
    }
}
