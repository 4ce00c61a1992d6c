//! What went wrong, for people and for scripts: the one place that knows exit codes.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::api::{self, FailureCause, SideEffect};
use crate::journal::JournalError;
use crate::model::SessionStatus;
use crate::profiles::StoreError;
use crate::text::escape_control;

/// How a command that worked ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// Done; a session that was waited for is FINALIZED.
    Success,
    /// The session that was waited for is CANCELLED.
    SessionCancelled,
    /// The session that was waited for is EXPIRED.
    SessionExpired,
    /// The session that was waited for is FAILED.
    SessionFailed,
    /// The session was still open when the wait ended.
    SessionOpen,
    /// The enrollment code expired before a phone used it.
    CodeExpired,
    /// No phone had used the enrollment code when the wait ended.
    NotPaired,
    /// The callback that was waited for had not come when the wait ended.
    NoDelivery,
    /// `doctor` found something of this kind.
    CheckFailed(ErrorKind),
    /// A scenario failed at a step whose own command would have this exit code.
    ScenarioFailed(u8),
}

impl ExitStatus {
    /// The process's exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::SessionCancelled => 10,
            Self::SessionExpired | Self::CodeExpired => 11,
            Self::SessionFailed => 12,
            Self::SessionOpen | Self::NotPaired | Self::NoDelivery => 13,
            Self::CheckFailed(kind) => kind.code(),
            Self::ScenarioFailed(code) => code,
        }
    }

    /// How a wait for a session ends that stands like this.
    pub const fn from_session_status(status: &SessionStatus) -> Self {
        match status {
            SessionStatus::Finalized => Self::Success,
            SessionStatus::Cancelled => Self::SessionCancelled,
            SessionStatus::Expired => Self::SessionExpired,
            SessionStatus::Failed => Self::SessionFailed,
            SessionStatus::Created | SessionStatus::Active | SessionStatus::Other(_) => Self::SessionOpen,
        }
    }
}

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// stdout was closed by whoever read it; nothing to say.
    ClosedPipe,
    /// Arguments, configuration or input were refused before anything was sent.
    Usage,
    /// A confirmation was needed and not given.
    Unconfirmed,
    /// A session was created, and the wait for it failed: as far as is known it is open.
    SessionOpen,
    /// Not found.
    NotFound,
    /// The API refused it.
    Refused,
    /// No key, a key that was refused, or a key of the wrong environment.
    Credentials,
    /// Unavailable after retries; nothing was carried out.
    Unavailable,
    /// Interrupted by the user.
    Interrupted,
    /// A bug in kustom, or output that could not be written.
    Bug,
    /// The request may have been carried out.
    Unknown,
}

impl ErrorKind {
    /// The process's exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::ClosedPipe => 0,
            Self::Bug => 1,
            Self::Usage => 2,
            Self::Credentials => 3,
            Self::NotFound => 4,
            Self::Refused => 5,
            Self::Unavailable => 6,
            Self::Unknown => 7,
            Self::Unconfirmed => 8,
            Self::SessionOpen => 13,
            Self::Interrupted => 130,
        }
    }
}

/// A command's failure. It is printed once, by `run`.
#[derive(Debug, Clone)]
pub struct Error {
    /// What kind.
    pub kind: ErrorKind,
    /// What happened and why; may have several lines.
    pub message: String,
    /// What to do or type next.
    pub hints: Vec<String>,
    /// What a script may want to know besides: the HTTP status, the API's messages by field, ids.
    pub facts: Option<Box<Map<String, Value>>>,
    /// Further failures of a command that worked on several things.
    pub also: Vec<Error>,
}

impl Error {
    /// A failure of this kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let (hints, also) = (Vec::new(), Vec::new());
        Self { kind, message: message.into(), hints, facts: None, also }
    }

    /// Arguments, configuration or input that cannot be used.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// Adds what to do or type next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds something that a script may want to know.
    pub fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.get_or_insert_default().insert(name.to_owned(), value.into());
        self
    }

    /// Puts what was being done in front of the message.
    pub fn context(mut self, doing: &str) -> Self {
        self.message = format!("{doing}: {}", self.message);
        self
    }

    /// One failure of several: the most serious one leads, and decides the exit code. `None` of none.
    pub fn combine(errors: Vec<Self>) -> Option<Self> {
        let mut errors = errors;
        let worst = errors.iter().enumerate().max_by_key(|(index, error)| {
            // Of equals the first, which is what a person sees first.
            (error.kind, std::cmp::Reverse(*index))
        })?;
        let mut lead = errors.remove(worst.0);
        lead.also.append(&mut errors);
        Some(lead)
    }

    /// The failure as one JSON object.
    pub fn to_json(&self) -> Value {
        let mut error = Map::new();
        error.insert("kind".into(), serde_json::to_value(self.kind).unwrap_or_default());
        error.insert("exit_code".into(), self.kind.code().into());
        error.insert("message".into(), self.message.as_str().into());
        if let Some(facts) = &self.facts {
            error.extend((**facts).clone());
        }
        error.insert("hints".into(), self.hints.clone().into());
        if !self.also.is_empty() {
            error.insert("also".into(), self.also.iter().map(Self::to_json).collect());
        }
        let mut whole = Map::new();
        whole.insert("error".into(), Value::Object(error));
        Value::Object(whole)
    }
}

/// What the parser of arguments says, its tips as hints.
impl From<&clap::Error> for Error {
    fn from(error: &clap::Error) -> Self {
        let text = error.to_string();
        let (message, more) = text.split_once("\n\n").unwrap_or((&text, ""));
        let message = message.strip_prefix("error: ").unwrap_or(message).trim_end();
        let tips = more.lines().filter_map(|line| line.trim_start().strip_prefix("tip: "));
        tips.fold(Self::usage(message), Self::hint)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::Io { .. } => Self::usage(message)
                .hint("check the folder with `kustom doctor`, or name another file in KUSTOM_CONFIG"),
            StoreError::Encoding(_) | StoreError::Mistake { .. } => {
                Self::usage(message).hint("correct the file in an editor; nothing was changed")
            }
        }
    }
}

impl From<JournalError> for Error {
    fn from(error: JournalError) -> Self {
        Self::usage(error.to_string())
            .hint("mend the state folder, or name another one in KUSTOM_STATE; `kustom doctor` looks at it")
    }
}

impl From<api::Error> for Error {
    fn from(error: api::Error) -> Self {
        let kind = kind_of(&error);
        // What the server says is not ours: it must not move the cursor of whoever reads it.
        let said = escape_control(&error.why.message()).into_owned();
        let tried = if error.attempts > 1 { format!(" ({} tries)", error.attempts) } else { String::new() };
        let message = match kind {
            ErrorKind::Credentials => format!("the API does not accept the key: {said}"),
            ErrorKind::NotFound | ErrorKind::Refused | ErrorKind::Usage => said,
            ErrorKind::Interrupted => "interrupted".to_owned(),
            _ => format!("{}: {said}{tried}", error.request),
        };
        let mut whole = Self::new(kind, message);
        if let Some(status) = error.status() {
            whole = whole.detail("status", status);
        }
        if let Some(problem) = error.problem().filter(|problem| !problem.errors.is_empty()) {
            whole = whole.detail("errors", Value::Object(problem.errors.clone()));
        }
        if let Some(id) = error.problem().and_then(|problem| problem.correlation_id.as_ref()) {
            whole = whole.hint(format!("support will ask for the correlation id {}", escape_control(id)));
        }
        match (&error.why, kind) {
            (_, ErrorKind::Credentials) => {
                whole.hint("see which key is used and where it comes from with `kustom doctor`")
            }
            (_, ErrorKind::Unknown) => {
                whole.hint("the request may have been carried out: look before you send it again")
            }
            (FailureCause::Redirect { .. } | FailureCause::Unreadable { .. }, _) => {
                whole.hint("check the base URL with `kustom doctor`")
            }
            (FailureCause::Status { .. } | FailureCause::Lost(_), ErrorKind::Unavailable) => {
                match error.retry_after {
                    Some(wait) => {
                        whole.hint(format!("the API asks to be left alone for {} seconds", wait.as_secs()))
                    }
                    None => whole.hint("try again later; `kustom doctor` looks at the connection"),
                }
            }
            (FailureCause::NotSent { .. }, _) => {
                whole.hint("nothing was sent; check the network with `kustom doctor`")
            }
            (FailureCause::State(_), _) => {
                whole.hint("name another folder in KUSTOM_STATE, or mend this one")
            }
            _ => whole,
        }
    }
}

fn kind_of(error: &api::Error) -> ErrorKind {
    match (&error.why, error.carried_out) {
        (FailureCause::State(_), _) => ErrorKind::Usage,
        (FailureCause::Cancelled, SideEffect::None) => ErrorKind::Interrupted,
        (FailureCause::Status { status: 401 | 403, .. }, _) => ErrorKind::Credentials,
        (FailureCause::Status { status: 404, .. }, _) => ErrorKind::NotFound,
        (_, SideEffect::Possible) => ErrorKind::Unknown,
        (FailureCause::Status { status: 408 | 429, .. }, _) => ErrorKind::Unavailable,
        (FailureCause::Status { status: 400..=499, .. }, _) => ErrorKind::Refused,
        _ => ErrorKind::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Problem;

    fn answered(request: &str, status: u16, body: &str, carried_out: SideEffect) -> Error {
        let problem = Box::new(Problem::parse(status, body.as_bytes()));
        let why = FailureCause::Status { status, problem };
        api::Error { request: request.into(), why, carried_out, attempts: 1, retry_after: None }.into()
    }

    #[test]
    fn the_exit_code_follows_the_answer() {
        let code = |status, carried_out| answered("GET /x", status, "", carried_out).kind.code();
        for (status, expected) in [
            (400, 5),
            (401, 3),
            (403, 3),
            (404, 4),
            (409, 5),
            (422, 5),
            (418, 5),
            (429, 6),
            (500, 6),
            (599, 6),
        ] {
            assert_eq!(code(status, SideEffect::None), expected, "{status}");
        }
        assert_eq!(code(500, SideEffect::Possible), 7);
        assert_eq!(code(408, SideEffect::Possible), 7);
    }

    #[test]
    fn a_servers_text_cannot_drive_the_terminal() {
        let error = answered("GET /x", 400, r#"{"detail":"\u001b[2Jgone"}"#, SideEffect::None);
        assert_eq!(error.message, "\\u{1b}[2Jgone (HTTP 400)");
    }

    #[test]
    fn of_several_failures_the_most_serious_leads() {
        let kinds = [ErrorKind::NotFound, ErrorKind::Unknown, ErrorKind::Refused];
        let whole = Error::combine(kinds.map(|kind| Error::new(kind, "x")).to_vec()).unwrap();
        assert_eq!(whole.kind, ErrorKind::Unknown);
        assert_eq!(
            whole.also.iter().map(|error| error.kind).collect::<Vec<_>>(),
            [ErrorKind::NotFound, ErrorKind::Refused]
        );
        assert!(Error::combine(Vec::new()).is_none());
    }
}
