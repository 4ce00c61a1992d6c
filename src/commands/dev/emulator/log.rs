//! How what happens on a server is told on stderr.

use serde_json::json;

use crate::emulator::{DeliveryAttempt, RequestOutcome, RequestRecord, ServerEvent};
use crate::output::{Output, log_line};

/// A line a request, and one an attempt to deliver a callback, for people or for programs.
#[derive(Clone, Copy)]
pub(super) struct RequestLogFormat {
    is_quiet: bool,
    is_json: bool,
}

impl RequestLogFormat {
    pub(super) fn of(output: &Output) -> Self {
        Self { is_quiet: output.is_quiet(), is_json: output.format().is_json() }
    }

    pub(super) fn log_request(self, notice: &ServerEvent<'_>) {
        match notice {
            ServerEvent::Served(_) if self.is_quiet => {}
            ServerEvent::Served(served) if self.is_json => log_line(&format_json(served)),
            ServerEvent::Served(served) => log_line(&format_text(served)),
            ServerEvent::StateFile(error) if self.is_json => {
                log_line(&json!({"warning": {"message": error.to_string()}}).to_string());
            }
            ServerEvent::StateFile(error) => log_line(&format!("warning: {error}")),
        }
    }

    /// An event, its session, which attempt it was and what came of it. Where it is posted to is not told: a URL can
    /// hold a secret.
    pub(super) fn log_callback(self, delivered: &DeliveryAttempt<'_>) {
        let DeliveryAttempt { event, attempt, outcome, again_in } = delivered;
        // What was not acknowledged is no mere talk.
        if self.is_quiet && again_in.is_none() {
            return;
        }
        let again_ms = again_in.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        log_line(&if self.is_json {
            let (status, error) = match outcome {
                Ok(status) => (Some(status), None),
                Err(reason) => (None, Some(reason)),
            };
            let callback = json!({
                "type": event.kind.as_str(), "id": event.callback().id, "session_id": event.session_id,
                "attempt": attempt, "status": status, "error": error, "again_in_ms": again_ms,
            });
            json!({ "callback": callback }).to_string()
        } else {
            let came = match outcome {
                Ok(status) => status.to_string(),
                Err(reason) => reason.clone(),
            };
            let again = again_ms.map(|ms| format!(", again in {ms} ms")).unwrap_or_default();
            let (kind, session) = (&event.kind, event.session_id);
            format!("callback {kind} {session} attempt {attempt}: {came}{again}")
        });
    }
}

fn format_text(served: &RequestRecord) -> String {
    let ending = match served.outcome {
        RequestOutcome::Answered(status) => status.as_u16().to_string(),
        RequestOutcome::Truncated(status) => format!("{} broken off", status.as_u16()),
        RequestOutcome::Dropped => "not answered".to_owned(),
        RequestOutcome::Abandoned => "the client hung up".to_owned(),
    };
    let fault = served.fault.map(|id| format!(" (fault {id})")).unwrap_or_default();
    format!("{} {} {ending}{fault} {} ms", served.method, served.path, served.duration.as_millis())
}

fn format_json(served: &RequestRecord) -> String {
    let (status, ending) = match served.outcome {
        RequestOutcome::Answered(status) => (Some(status.as_u16()), "answered"),
        RequestOutcome::Truncated(status) => (Some(status.as_u16()), "broken_off"),
        RequestOutcome::Dropped => (None, "not_answered"),
        RequestOutcome::Abandoned => (None, "client_hung_up"),
    };
    let request = json!({
        "method": served.method.as_str(),
        "path": served.path,
        "status": status,
        "ending": ending,
        "fault": served.fault,
        "ms": u64::try_from(served.duration.as_millis()).unwrap_or(u64::MAX),
    });
    json!({ "request": request }).to_string()
}
