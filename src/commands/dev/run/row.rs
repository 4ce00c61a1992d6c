//! How scenarios and their results are printed.

use serde::Serialize;

use crate::error::ErrorKind;
use crate::output::{Cell, CellStyle, Column, View};
use crate::scenario::runner::{RunResult, RunStatus};
use crate::scenario::{Mismatch, Scenario};

/// A scenario, as `--list` prints it.
#[derive(Debug, Serialize)]
pub(super) struct ScenarioListRow {
    scenario: String,
    file: String,
    steps: usize,
    description: Option<String>,
    /// Why it does not run on an account.
    emulator_only: Option<String>,
}

impl From<&Scenario> for ScenarioListRow {
    fn from(scenario: &Scenario) -> Self {
        Self {
            scenario: scenario.name.clone(),
            file: scenario.file.clone(),
            steps: scenario.steps.len(),
            description: scenario.description.clone(),
            emulator_only: scenario.find_unsupported(false).map(|(_, reason)| reason),
        }
    }
}

impl View for ScenarioListRow {
    const NOUN: &'static str = "scenario";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("SCENARIO", |row| row.scenario.as_str().into()),
        Column::new("STEPS", |row| row.steps.to_string().into()),
        Column::new("RUNS ON", |row| {
            if row.emulator_only.is_some() { "emulator" } else { "emulator, account" }.into()
        }),
        Column::new("FILE", |row| Cell::styled(row.file.as_str(), CellStyle::Muted)),
    ];
}

impl RunResult {
    /// Whether any step ran, or a failure or a skip was found.
    pub(super) fn has_result(&self) -> bool {
        self.status != RunStatus::Stopped || self.steps_passed > 0
    }

    /// Whether it failed because the account rejects the key or cannot be reached, so that all others would fail too.
    pub(super) fn is_account_unusable(&self) -> bool {
        [ErrorKind::Credentials, ErrorKind::Unavailable].map(ErrorKind::code).contains(&self.exit_code)
    }

    pub(super) fn location(&self) -> String {
        self.line.map(|line| format!("{}:{line}", self.file)).unwrap_or_default()
    }

    /// Why the scenario failed or was skipped.
    pub(super) fn message(&self) -> String {
        if let Some(reason) = &self.reason {
            return reason.clone();
        }
        let Some(step) = &self.failed_action else { return String::new() };
        let differences: Vec<_> = self.mismatches.iter().map(format_mismatch).collect();
        format!("{step}: {}", differences.join("; "))
    }
}

fn format_mismatch(Mismatch { what, expected, actual }: &Mismatch) -> String {
    if what == "step" {
        return format!("expected {expected}, got {actual}");
    }
    format!("{what} expected {expected}, got {actual}")
}

impl View for RunResult {
    const NOUN: &'static str = "scenario";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("SCENARIO", |row| row.scenario.as_str().into()),
        Column::new("RESULT", |row| match row.status {
            RunStatus::Passed => Cell::styled("passed", CellStyle::Success),
            RunStatus::Failed => Cell::styled("failed", CellStyle::Error),
            RunStatus::Skipped => Cell::styled("skipped", CellStyle::Muted),
            RunStatus::Stopped => Cell::styled("stopped", CellStyle::Pending),
        }),
        Column::new("STEPS", |row| match row {
            RunResult { status: RunStatus::Passed, steps, .. } => steps.to_string().into(),
            RunResult { steps, steps_passed, .. } => format!("{steps_passed} of {steps}").into(),
        }),
        Column::new("WHERE", |row| row.location().into()),
        Column::new("WHAT", |row| row.message().into()),
    ];
}
