//! What a scenario, and what came of it, looks like.

use serde::Serialize;

use crate::error::{ErrorKind, ExitStatus};
use crate::output::{Cell, CellStyle, Column, View};
use crate::scenario::runner::{FailedStep, RunOutcome, RunResult};
use crate::scenario::{Mismatch, Scenario};

/// A scenario in a list.
#[derive(Debug, Serialize)]
pub(super) struct ScenarioListRow {
    scenario: String,
    file: String,
    steps: usize,
    description: Option<String>,
    /// Why it runs on an emulator only.
    emulator_only: Option<String>,
}

impl From<&Scenario> for ScenarioListRow {
    fn from(scenario: &Scenario) -> Self {
        Self {
            scenario: scenario.name.clone(),
            file: scenario.file.clone(),
            steps: scenario.steps.len(),
            description: scenario.description.clone(),
            emulator_only: scenario.missing_capability(|_| false).map(|(_, reason)| reason),
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

/// What came of a scenario.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ScenarioResultRow {
    pub(super) scenario: String,
    pub(super) file: String,
    pub(super) result: ScenarioStatus,
    /// How many steps there are, and how many of them were as expected.
    steps: usize,
    steps_passed: usize,
    /// The step that was not, or that cannot be done: where it begins, and what it does.
    line: Option<usize>,
    step: Option<&'static str>,
    failures: Vec<Difference>,
    exit_code: u8,
    /// Why it was skipped.
    pub(super) reason: Option<String>,
    /// What could not be cleared away.
    left: Vec<String>,
    #[serde(skip)]
    pub(super) exit: ExitStatus,
}

/// How a scenario ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ScenarioStatus {
    Passed,
    Failed,
    Skipped,
    Stopped,
}

#[derive(Debug, Clone, Serialize)]
struct Difference {
    what: String,
    expected: String,
    actual: String,
}

impl ScenarioResultRow {
    pub(super) fn new(scenario: &Scenario, played: RunResult) -> Self {
        let RunResult { verdict, steps, left } = played;
        let whole = Self {
            scenario: scenario.name.clone(),
            file: scenario.file.clone(),
            result: ScenarioStatus::Passed,
            steps: scenario.steps.len(),
            steps_passed: steps,
            line: None,
            step: None,
            failures: Vec::new(),
            exit_code: 0,
            reason: None,
            left,
            exit: ExitStatus::Success,
        };
        match verdict {
            RunOutcome::Passed => whole,
            RunOutcome::Skipped { line, reason } => {
                Self { result: ScenarioStatus::Skipped, line: Some(line), reason: Some(reason), ..whole }
            }
            RunOutcome::Stopped => Self { result: ScenarioStatus::Stopped, ..whole },
            RunOutcome::Failed(FailedStep { line, verb, unmet, exit }) => {
                let difference = |Mismatch { what, expected, actual }| Difference { what, expected, actual };
                Self {
                    result: ScenarioStatus::Failed,
                    line: Some(line),
                    step: Some(verb),
                    failures: unmet.into_iter().map(difference).collect(),
                    exit_code: exit.code(),
                    exit,
                    ..whole
                }
            }
        }
    }

    /// Whether anything was done.
    pub(super) fn was_begun(&self) -> bool {
        self.result != ScenarioStatus::Stopped || self.steps_passed > 0
    }

    /// Whether it failed because the account does not take the key, or cannot be reached.
    pub(super) const fn cannot_be_asked(&self) -> bool {
        matches!(self.exit, ExitStatus::ScenarioFailed(ErrorKind::Credentials | ErrorKind::Unavailable))
    }

    /// Where it failed, or what it was skipped for, as compilers write it.
    pub(super) fn location(&self) -> String {
        self.line.map(|line| format!("{}:{line}", self.file)).unwrap_or_default()
    }

    /// What was not as expected, or why it was skipped.
    pub(super) fn failure_message(&self) -> String {
        if let Some(reason) = &self.reason {
            return reason.clone();
        }
        let Some(step) = self.step else { return String::new() };
        let differences: Vec<_> = self.failures.iter().map(Difference::in_words).collect();
        format!("{step}: {}", differences.join("; "))
    }

    /// What could not be cleared away.
    pub(super) fn left(&self) -> &[String] {
        &self.left
    }
}

impl Difference {
    fn in_words(&self) -> String {
        let Self { what, expected, actual } = self;
        if what == "step" {
            return format!("expected {expected}, got {actual}");
        }
        format!("{what} expected {expected}, got {actual}")
    }
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
        Column::new("WHAT", |row| row.failure_message().into()),
    ];
}
