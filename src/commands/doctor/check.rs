//! One row of the report.

use serde::Serialize;

use super::redact::ReportRedactor;
use crate::error::{Error, ErrorKind};
use crate::output::{Cell, CellStyle, CheckLine, Column, Output, View};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Level {
    Ok,
    Warning,
    Failure,
}

/// The result of one check.
#[derive(Debug, Clone, Serialize)]
pub(super) struct CheckResult {
    pub(super) level: Level,
    check: &'static str,
    #[serde(rename = "finding")]
    text: String,
    /// What to do about a warning or failure.
    next: Option<String>,
    /// The kind of a failure, for the exit code.
    #[serde(skip)]
    pub(super) kind: Option<ErrorKind>,
}

impl CheckResult {
    pub(super) fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Self { level: Level::Ok, check, text: text.into(), next: None, kind: None }
    }

    pub(super) fn warning(check: &'static str, text: impl Into<String>, next: &str) -> Self {
        Self { level: Level::Warning, next: Some(next.to_owned()), ..Self::ok(check, text) }
    }

    pub(super) fn failure(check: &'static str, error: Error) -> Self {
        let Error { kind, message, hints, .. } = error;
        let next = (!hints.is_empty()).then(|| hints.join("; "));
        Self { level: Level::Failure, next, kind: Some(kind), ..Self::ok(check, message) }
    }

    /// The result as it is printed: without secrets, and with commands for the same profile.
    pub(super) fn finish(mut self, redactor: &ReportRedactor, output: &Output) -> Self {
        self.text = redactor.redact(&self.text);
        self.next = self.next.map(|next| output.add_profile_flag(&redactor.redact(&next)));
        self
    }

    /// The result as people read it: a mark, the check and what was found; the next step below it.
    pub(super) fn checkup(&self) -> CheckLine<'_> {
        let (mark, style) = match self.level {
            Level::Ok => ("✓", CellStyle::Success),
            Level::Warning => ("!", CellStyle::Pending),
            Level::Failure => ("✗", CellStyle::Error),
        };
        CheckLine { mark, style, title: self.check, text: &self.text, next: self.next.as_deref() }
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
