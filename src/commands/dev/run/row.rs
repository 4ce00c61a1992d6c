//! How scenarios and their results are printed.

use serde::Serialize;

use crate::error::ErrorKind;
use crate::output::{Cell, CellStyle, Column, View};
use crate::scenario::runner::{RunOutcome, RunResult};
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

/// The result of a scenario.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ScenarioResultRow {
    pub(super) scenario: String,
    pub(super) file: String,
    pub(super) result: ScenarioStatus,
    steps: usize,
    steps_passed: usize,
    /// Line of the step that failed or cannot run.
    line: Option<usize>,
    /// Action of the step that failed.
    step: Option<String>,
    failures: Vec<Mismatch>,
    pub(super) exit_code: u8,
    /// Why it was skipped.
    pub(super) reason: Option<String>,
    /// Resources that could not be removed from the account, each with the reason.
    pub(super) left: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ScenarioStatus {
    Passed,
    Failed,
    Skipped,
    Stopped,
}

impl ScenarioResultRow {
    pub(super) fn new(scenario: &Scenario, result: RunResult) -> Self {
        let RunResult { outcome, steps_passed, leftovers } = result;
        let row = Self {
            scenario: scenario.name.clone(),
            file: scenario.file.clone(),
            result: ScenarioStatus::Passed,
            steps: scenario.steps.len(),
            steps_passed,
            line: None,
            step: None,
            failures: Vec::new(),
            exit_code: 0,
            reason: None,
            left: leftovers,
        };
        match outcome {
            RunOutcome::Passed => row,
            RunOutcome::Cancelled => Self { result: ScenarioStatus::Stopped, ..row },
            RunOutcome::Skipped { line, reason } => {
                Self { result: ScenarioStatus::Skipped, line: Some(line), reason: Some(reason), ..row }
            }
            RunOutcome::Failed { line, action_name, mismatches, exit_code } => Self {
                result: ScenarioStatus::Failed,
                line: Some(line),
                step: Some(action_name),
                failures: mismatches,
                exit_code,
                ..row
            },
        }
    }

    /// Whether any step ran, or a failure or a skip was found.
    pub(super) fn has_result(&self) -> bool {
        self.result != ScenarioStatus::Stopped || self.steps_passed > 0
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
        let Some(step) = &self.step else { return String::new() };
        let differences: Vec<_> = self.failures.iter().map(format_mismatch).collect();
        format!("{step}: {}", differences.join("; "))
    }
}

fn format_mismatch(Mismatch { what, expected, actual }: &Mismatch) -> String {
    if what == "step" {
        return format!("expected {expected}, got {actual}");
    }
    format!("{what} expected {expected}, got {actual}")
}

impl View for ScenarioResultRow {
    const NOUN: &'static str = "scenario";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("SCENARIO", |row| row.scenario.as_str().into()),
        Column::new("RESULT", |row| match row.result {
            ScenarioStatus::Passed => Cell::styled("passed", CellStyle::Success),
            ScenarioStatus::Failed => Cell::styled("failed", CellStyle::Error),
            ScenarioStatus::Skipped => Cell::styled("skipped", CellStyle::Muted),
            ScenarioStatus::Stopped => Cell::styled("stopped", CellStyle::Pending),
        }),
        Column::new("STEPS", |row| match row.result {
            ScenarioStatus::Passed => row.steps.to_string().into(),
            _ => format!("{} of {}", row.steps_passed, row.steps).into(),
        }),
        Column::new("WHERE", |row| row.location().into()),
        Column::new("WHAT", |row| row.message().into()),
    ];
}
