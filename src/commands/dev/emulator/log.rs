//! The log of requests and callbacks on stderr.

use serde_json::json;

use crate::emulator::{Event, RecordedAttempt, RequestOutcome, RequestRecord, ServerEvent};
use crate::output::{Output, log_line};

/// One line per request and per attempt to deliver a callback, as text or as JSON.
#[derive(Clone, Copy)]
pub(super) struct RequestLogFormat {
    is_quiet: bool,
    is_json: bool,
}

impl RequestLogFormat {
    pub(super) fn new(output: &Output) -> Self {
        Self { is_quiet: output.is_quiet(), is_json: output.format().is_json() }
    }

    pub(super) fn log_request(self, event: &ServerEvent<'_>) {
        match event {
            ServerEvent::Served(_) if self.is_quiet => {}
            ServerEvent::Served(request) if self.is_json => log_line(&format_json(request)),
            ServerEvent::Served(request) => log_line(&format_text(request)),
            ServerEvent::StateFile(error) if self.is_json => {
                log_line(&json!({"warning": {"message": error.to_string()}}).to_string());
            }
            ServerEvent::StateFile(error) => log_line(&format!("warning: {error}")),
        }
    }

    /// The URL is not logged, because it may contain a secret.
    pub(super) fn log_callback(self, event: &Event, number: u32, attempt: &RecordedAttempt) {
        let RecordedAttempt { status, error, retry_in_ms, .. } = attempt;
        // Failures are logged even with --quiet.
        if self.is_quiet && retry_in_ms.is_none() {
            return;
        }
        log_line(&if self.is_json {
            let callback = json!({
                "type": event.kind.as_str(), "id": event.to_callback().id, "session_id": event.session_id,
                "attempt": number, "status": status, "error": error, "again_in_ms": retry_in_ms,
            });
            json!({ "callback": callback }).to_string()
        } else {
            let result =
                status.map(|status| status.to_string()).or_else(|| error.clone()).unwrap_or_default();
            let retry = retry_in_ms.map(|ms| format!(", retry in {ms} ms")).unwrap_or_default();
            let (kind, session) = (&event.kind, event.session_id);
            format!("callback {kind} {session} attempt {number}: {result}{retry}")
        });
    }
}

fn format_text(request: &RequestRecord) -> String {
    let status = request.status.unwrap_or_default();
    let outcome = match request.outcome {
        RequestOutcome::Answered => status.to_string(),
        RequestOutcome::Truncated => format!("{status} truncated"),
        RequestOutcome::Dropped => "no response".to_owned(),
        RequestOutcome::Abandoned => "client disconnected".to_owned(),
    };
    let fault = request.fault.map(|id| format!(" (fault {id})")).unwrap_or_default();
    let ignored = match &request.ignored[..] {
        [] => String::new(),
        names => format!(" (ignored: {})", names.join(", ")),
    };
    format!("{} {} {outcome}{fault}{ignored} {} ms", request.method, request.path, request.duration_ms)
}

fn format_json(request: &RequestRecord) -> String {
    let ending = match request.outcome {
        RequestOutcome::Answered => "answered",
        RequestOutcome::Truncated => "broken_off",
        RequestOutcome::Dropped => "not_answered",
        RequestOutcome::Abandoned => "client_hung_up",
    };
    let record = json!({
        "method": request.method,
        "path": request.path,
        "status": request.status,
        "ending": ending,
        "fault": request.fault,
        "ignored": request.ignored,
        "ms": request.duration_ms,
    });
    json!({ "request": record }).to_string()
}
