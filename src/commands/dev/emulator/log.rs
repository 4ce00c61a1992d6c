//! The log of requests and callbacks on stderr.

use serde_json::json;

use crate::emulator::{DeliveryAttempt, RequestOutcome, RequestRecord, ServerEvent};
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
    pub(super) fn log_callback(self, delivery: &DeliveryAttempt<'_>) {
        let DeliveryAttempt { event, attempt, outcome, retry_in } = delivery;
        // Failures are logged even with --quiet.
        if self.is_quiet && retry_in.is_none() {
            return;
        }
        let retry_ms = retry_in.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        log_line(&if self.is_json {
            let callback = json!({
                "type": event.kind.as_str(), "id": event.to_callback().id, "session_id": event.session_id,
                "attempt": attempt, "status": outcome.as_ref().ok(), "error": outcome.as_ref().err(),
                "again_in_ms": retry_ms,
            });
            json!({ "callback": callback }).to_string()
        } else {
            let result = outcome.as_ref().map_or_else(String::clone, ToString::to_string);
            let retry = retry_ms.map(|ms| format!(", retry in {ms} ms")).unwrap_or_default();
            let (kind, session) = (&event.kind, event.session_id);
            format!("callback {kind} {session} attempt {attempt}: {result}{retry}")
        });
    }
}

fn format_text(request: &RequestRecord) -> String {
    let outcome = match request.outcome {
        RequestOutcome::Answered(status) => status.as_u16().to_string(),
        RequestOutcome::Truncated(status) => format!("{} truncated", status.as_u16()),
        RequestOutcome::Dropped => "no response".to_owned(),
        RequestOutcome::Abandoned => "client disconnected".to_owned(),
    };
    let fault = request.fault.map(|id| format!(" (fault {id})")).unwrap_or_default();
    let ignored = match request.ignored() {
        [] => String::new(),
        names => format!(" (ignored: {})", names.join(", ")),
    };
    format!(
        "{} {} {outcome}{fault}{ignored} {} ms",
        request.method,
        request.path,
        request.duration.as_millis()
    )
}

fn format_json(request: &RequestRecord) -> String {
    let (status, ending) = match request.outcome {
        RequestOutcome::Answered(status) => (Some(status.as_u16()), "answered"),
        RequestOutcome::Truncated(status) => (Some(status.as_u16()), "broken_off"),
        RequestOutcome::Dropped => (None, "not_answered"),
        RequestOutcome::Abandoned => (None, "client_hung_up"),
    };
    let record = json!({
        "method": request.method.as_str(),
        "path": request.path,
        "status": status,
        "ending": ending,
        "fault": request.fault,
        "ignored": request.ignored(),
        "ms": u64::try_from(request.duration.as_millis()).unwrap_or(u64::MAX),
    });
    json!({ "request": record }).to_string()
}
