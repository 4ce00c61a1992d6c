//! How what happens on a server is told on stderr.

use serde_json::json;

use crate::emulator::{Delivered, Ending, Notice, Served};
use crate::terminal::{Lines, Terminal};

/// A line a request, and one an attempt to deliver a callback, for people or for programs.
#[derive(Clone, Copy)]
pub(super) struct LogManner {
    is_quiet: bool,
    is_json: bool,
}

impl LogManner {
    pub(super) fn of(terminal: &Terminal) -> Self {
        Self { is_quiet: terminal.is_quiet(), is_json: terminal.format().is_json() }
    }

    pub(super) fn note(self, notice: &Notice<'_>, lines: &Lines) {
        match notice {
            Notice::Served(_) if self.is_quiet => {}
            Notice::Served(served) if self.is_json => lines.write(object(served)),
            Notice::Served(served) => lines.write(words(served)),
            Notice::StateFile(error) if self.is_json => {
                lines.write(json!({"warning": {"message": error.to_string()}}).to_string());
            }
            Notice::StateFile(error) => lines.write(format!("warning: {error}")),
        }
    }

    /// An event, its session, which attempt it was and what came of it. Where it is posted to is not told: a URL can
    /// hold a secret.
    pub(super) fn note_callback(self, delivered: &Delivered<'_>, lines: &Lines) {
        let Delivered { event, attempt, outcome, again_in } = delivered;
        // What was not acknowledged is no mere talk.
        if self.is_quiet && again_in.is_none() {
            return;
        }
        let again_ms = again_in.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        lines.write(if self.is_json {
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

fn words(served: &Served) -> String {
    let ending = match served.ending {
        Ending::Answered(status) => status.as_u16().to_string(),
        Ending::BrokenOff(status) => format!("{} broken off", status.as_u16()),
        Ending::Dropped => "not answered".to_owned(),
        Ending::Abandoned => "the client hung up".to_owned(),
    };
    let fault = served.fault.map(|id| format!(" (fault {id})")).unwrap_or_default();
    format!("{} {} {ending}{fault} {} ms", served.method, served.path, served.took.as_millis())
}

fn object(served: &Served) -> String {
    let (status, ending) = match served.ending {
        Ending::Answered(status) => (Some(status.as_u16()), "answered"),
        Ending::BrokenOff(status) => (Some(status.as_u16()), "broken_off"),
        Ending::Dropped => (None, "not_answered"),
        Ending::Abandoned => (None, "client_hung_up"),
    };
    let request = json!({
        "method": served.method.as_str(),
        "path": served.path,
        "status": status,
        "ending": ending,
        "fault": served.fault,
        "ms": u64::try_from(served.took.as_millis()).unwrap_or(u64::MAX),
    });
    json!({ "request": request }).to_string()
}
