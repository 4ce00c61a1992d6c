//! One line of `doctor`.

use serde::Serialize;

use super::redact::ReportRedactor;
use crate::error::{Error, ErrorKind};
use crate::output::{Cell, CellStyle, Column, View};

/// How good it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Level {
    Ok,
    Warning,
    Failure,
}

/// What was found, and what to do about it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct CheckResult {
    level: Level,
    check: &'static str,
    #[serde(rename = "finding")]
    text: String,
    next: Option<String>,
    #[serde(skip)]
    kind: Option<ErrorKind>,
}

impl CheckResult {
    pub(super) fn ok(check: &'static str, text: String) -> Self {
        Self { level: Level::Ok, check, text, next: None, kind: None }
    }

    /// Makes it a warning or a failure, with what to do.
    pub(super) fn with_remedy(mut self, level: Level, next: &str) -> Self {
        self.level = level;
        self.next = Some(next.to_owned());
        self.kind = (level == Level::Failure).then_some(ErrorKind::Usage);
        self
    }

    /// What keeps commands from working.
    pub(super) fn failure(check: &'static str, error: Error) -> Self {
        let Error { kind, message, hints, .. } = error;
        let next = (!hints.is_empty()).then(|| hints.join("; "));
        Self { level: Level::Failure, check, text: message, next, kind: Some(kind) }
    }

    /// Without what is nobody else's business.
    pub(super) fn redacted(self, discretion: &ReportRedactor) -> Self {
        let Self { level, check, text, next, kind } = self;
        let next = next.map(|next| discretion.redact(&next));
        Self { level, check, text: discretion.redact(&text), next, kind }
    }

    pub(super) fn is_failure(&self) -> bool {
        self.level == Level::Failure
    }

    /// The kind of a failure, which decides the exit code.
    pub(super) const fn kind(&self) -> Option<ErrorKind> {
        self.kind
    }
}

impl View for CheckResult {
    const NOUN: &'static str = "finding";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("LEVEL", |finding| match finding.level {
            Level::Ok => Cell::styled("ok", CellStyle::Success),
            Level::Warning => Cell::styled("warning", CellStyle::Pending),
            Level::Failure => Cell::styled("failure", CellStyle::Error),
        }),
        Column::new("CHECK", |finding| finding.check.into()),
        Column::new("FINDING", |finding| finding.text.as_str().into()),
        Column::new("NEXT", |finding| Cell::optional(finding.next.as_deref())),
    ];
}
