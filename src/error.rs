//! Errors as they are reported, and exit codes. Commands decide on the error types of their modules, before those become
//! an [`Error`].

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::model::SessionStatus;
use crate::text::{escape_control, pluralize};

/// The outcome of a command that did not fail itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    Success,
    SessionCancelled,
    SessionExpired,
    SessionFailed,
    /// The session was still open at the end of the wait.
    SessionOpen,
    /// The enrollment code expired before a phone used it.
    CodeExpired,
    /// No phone had used the enrollment code at the end of the wait.
    NotPaired,
    /// The expected callback had not arrived at the end of the wait.
    NoDelivery,
    /// The most serious failed check of `doctor` is of this kind.
    CheckFailed(ErrorKind),
    /// A comparison found differences.
    Differences,
    /// A scenario failed at a step whose own command would have this exit code.
    ScenarioFailed(u8),
}

impl ExitStatus {
    pub const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::SessionCancelled => 10,
            Self::SessionExpired | Self::CodeExpired => 11,
            Self::SessionFailed => 12,
            Self::SessionOpen | Self::NotPaired | Self::NoDelivery => 13,
            Self::Differences => 14,
            Self::CheckFailed(kind) => kind.code(),
            Self::ScenarioFailed(code) => code,
        }
    }

    /// The outcome of a wait for a session with this status.
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

/// The kinds of failure, ordered by severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The reader of stdout closed it. This is not reported.
    ClosedPipe,
    /// Arguments, configuration or input were refused before anything was sent.
    Usage,
    /// A required confirmation or value was not given.
    Unconfirmed,
    /// The sale already has a session, or may have one.
    Duplicate,
    /// The device has an open session.
    Busy,
    /// A session was created, but the wait for it failed. The session may still be open.
    SessionOpen,
    NotFound,
    /// The API rejected the request.
    Refused,
    /// No key, a rejected key, or a key of another environment.
    Credentials,
    /// The API is unavailable after retries. Nothing was processed.
    Unavailable,
    Interrupted,
    /// Interrupted by SIGTERM.
    Terminated,
    /// A bug in kustom.
    Bug,
    /// The command succeeded, but its output could not be written.
    Output,
    /// The request may have been processed.
    Unknown,
}

impl ErrorKind {
    pub const fn code(self) -> u8 {
        match self {
            Self::ClosedPipe => 0,
            Self::Bug => 1,
            Self::Usage => 2,
            Self::Credentials => 3,
            Self::NotFound => 4,
            Self::Refused => 5,
            Self::Unavailable => 6,
            Self::Output | Self::Unknown => 7,
            Self::Unconfirmed => 8,
            Self::Duplicate | Self::Busy => 9,
            Self::SessionOpen => 13,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

/// A resource that an ambiguous name may refer to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What distinguishes candidates of the same name, such as the location of a device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
}

/// A command's failure. It is printed once, by `run`.
#[derive(Debug, Clone)]
pub struct Error {
    pub kind: ErrorKind,
    /// What failed and why. It may have several lines.
    pub message: String,
    /// The resources that an ambiguous name may refer to.
    pub candidates: Vec<Candidate>,
    /// Actions to take next, with the command.
    pub hints: Vec<String>,
    /// More fields of the JSON error, such as the HTTP status, the API's messages by field, or IDs.
    pub details: Option<Box<Map<String, Value>>>,
    /// Further failures of a command that processed several items.
    pub also: Vec<Error>,
}

impl Error {
    /// The message is one line: text from outside in it cannot begin another.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: escape_control(&message.into()).into_owned(),
            candidates: Vec::new(),
            hints: Vec::new(),
            details: None,
            also: Vec::new(),
        }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// A message of several lines.
    pub fn with_lines<T: AsRef<str>>(kind: ErrorKind, lines: impl IntoIterator<Item = T>) -> Self {
        let lines: Vec<_> =
            lines.into_iter().map(|line| escape_control(line.as_ref()).into_owned()).collect();
        Self { message: lines.join("\n"), ..Self::new(kind, "") }
    }

    /// Adds an indented line to the message.
    pub fn line(mut self, text: &str) -> Self {
        self.message.extend(["\n  ", &escape_control(text)]);
        self
    }

    /// Adds to the last line of the message.
    pub fn append(mut self, text: &str) -> Self {
        self.message.push_str(&escape_control(text));
        self
    }

    /// A name that several resources match.
    pub fn ambiguous(query: &str, noun: &str, candidates: Vec<Candidate>) -> Self {
        let (query, number) = (escape_control(query), pluralize(candidates.len(), noun));
        let message = format!("'{query}' is ambiguous: it matches {number}");
        Self { candidates, ..Self::usage(message) }.hint(format!("use the ID of the {noun}"))
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(escape_control(&hint.into()).into_owned());
        self
    }

    /// Adds a field to the JSON error.
    pub fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.get_or_insert_default().insert(name.to_owned(), value.into());
        self
    }

    /// Prefixes the message with the action that failed.
    pub fn context(mut self, action: &str) -> Self {
        self.message = format!("{}: {}", escape_control(action), self.message);
        self
    }

    /// Combines failures. The most serious one comes first and decides the exit code.
    pub fn combine(mut errors: Vec<Self>) -> Option<Self> {
        // `max_by_key` returns the last maximum, so this finds the first of equally serious failures.
        let worst = (0..errors.len()).rev().max_by_key(|index| errors[*index].kind)?;
        let mut lead = errors.remove(worst);
        lead.also.append(&mut errors);
        Some(lead)
    }

    pub fn to_json(&self) -> Value {
        let mut error = json!({"kind": self.kind, "exit_code": self.kind.code(), "message": self.message});
        for (name, value) in self.details.as_deref().into_iter().flatten() {
            error[name] = value.clone();
        }
        if !self.candidates.is_empty() {
            error["candidates"] = json!(self.candidates);
        }
        error["hints"] = json!(self.hints);
        if !self.also.is_empty() {
            error["also"] = self.also.iter().map(Self::to_json).collect();
        }
        json!({ "error": error })
    }
}

/// Secrets and webhook IDs are checked before they are used.
impl From<standardwebhooks::WebhookError> for Error {
    fn from(error: standardwebhooks::WebhookError) -> Self {
        Self::new(ErrorKind::Bug, error.to_string())
    }
}

impl From<&clap::Error> for Error {
    fn from(error: &clap::Error) -> Self {
        let mut text = error.to_string();
        if let Some(reason) = std::error::Error::source(error).map(ToString::to_string) {
            text = text.replace(&reason, &escape_control(&reason));
        }
        let (message, more) = text.split_once("\n\n").unwrap_or((&text, ""));
        let message = message.strip_prefix("error: ").unwrap_or(message).trim_end();
        let tips = more.lines().filter_map(|line| line.trim_start().strip_prefix("tip: "));
        // clap indents the lines after the first, which are lists.
        let mut lines = message.split("\n  ");
        let report = Self::usage(lines.next().unwrap_or_default());
        tips.fold(lines.fold(report, Self::line), Self::hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_begins_no_line_of_its_own() {
        let text = "x\nerror: y\u{2028}z\r";
        let escaped = "x\\nerror: y\\u{2028}z\\r";
        let error = Error::usage(text).context(text).append(text).line(text).hint(text);
        assert_eq!(error.message, format!("{escaped}: {escaped}{escaped}\n  {escaped}"));
        assert_eq!(error.hints, [escaped]);
        let error = Error::with_lines(ErrorKind::Usage, [text, "a\tb"]);
        assert_eq!(error.message, format!("{escaped}\na\\tb"));
    }

    #[test]
    fn the_most_serious_of_several_failures_comes_first() {
        let kinds = [ErrorKind::NotFound, ErrorKind::Unknown, ErrorKind::Refused];
        let combined = Error::combine(kinds.map(|kind| Error::new(kind, "x")).to_vec()).unwrap();
        assert_eq!(combined.kind, ErrorKind::Unknown);
        let also: Vec<_> = combined.also.iter().map(|error| error.kind).collect();
        assert_eq!(also, [ErrorKind::NotFound, ErrorKind::Refused]);
        assert!(Error::combine(Vec::new()).is_none());
    }
}
