//! What a scenario, and what came of it, looks like.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::commands::list::object_of;
use crate::error::{Exit, Kind};
use crate::scenario::play::{Failure, Played, Verdict};
use crate::scenario::{Scenario, Unmet};
use crate::terminal::{Cell, Column, Tone, View};

/// A scenario in a list.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    scenario: String,
    file: String,
    steps: usize,
    description: Option<String>,
    /// Why it runs on an emulator only.
    emulator_only: Option<String>,
}

impl From<&Scenario> for Listed {
    fn from(scenario: &Scenario) -> Self {
        Self {
            scenario: scenario.name.clone(),
            file: scenario.file.clone(),
            steps: scenario.steps.len(),
            description: scenario.description.clone(),
            emulator_only: scenario.lacks(|_| false).map(|(_, reason)| reason),
        }
    }
}

impl View for Listed {
    const NOUN: &'static str = "scenario";
    const FIELDS: &'static [&'static str] = &["scenario", "file", "steps", "description", "emulator_only"];
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("SCENARIO", |row, _| row.scenario.as_str().into()),
        Column::new("STEPS", |row, _| row.steps.to_string().into()),
        Column::new("RUNS ON", |row, _| {
            if row.emulator_only.is_some() { "emulator" } else { "emulator, account" }.into()
        }),
        Column::new("FILE", |row, _| Cell::toned(row.file.as_str(), Tone::Faint)),
    ];

    fn object(&self) -> Cow<'_, Map<String, Value>> {
        object_of(self)
    }
}

/// What came of a scenario.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Row {
    pub(super) scenario: String,
    pub(super) file: String,
    pub(super) result: Ended,
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
    pub(super) exit: Exit,
}

/// How a scenario ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ended {
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

impl Row {
    pub(super) fn new(scenario: &Scenario, played: Played) -> Self {
        let Played { verdict, steps, left } = played;
        let whole = Self {
            scenario: scenario.name.clone(),
            file: scenario.file.clone(),
            result: Ended::Passed,
            steps: scenario.steps.len(),
            steps_passed: steps,
            line: None,
            step: None,
            failures: Vec::new(),
            exit_code: 0,
            reason: None,
            left,
            exit: Exit::Done,
        };
        match verdict {
            Verdict::Passed => whole,
            Verdict::Skipped { line, reason } => {
                Self { result: Ended::Skipped, line: Some(line), reason: Some(reason), ..whole }
            }
            Verdict::Stopped => Self { result: Ended::Stopped, ..whole },
            Verdict::Failed(Failure { line, verb, unmet, exit }) => {
                let difference = |Unmet { what, expected, actual }| Difference { what, expected, actual };
                Self {
                    result: Ended::Failed,
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
        self.result != Ended::Stopped || self.steps_passed > 0
    }

    /// Whether it failed because the account does not take the key, or cannot be reached.
    pub(super) const fn cannot_be_asked(&self) -> bool {
        matches!(self.exit, Exit::Unmet(Kind::Credentials | Kind::Unavailable))
    }

    /// Where it failed, or what it was skipped for, as compilers write it.
    pub(super) fn place(&self) -> String {
        self.line.map(|line| format!("{}:{line}", self.file)).unwrap_or_default()
    }

    /// What was not as expected, or why it was skipped.
    pub(super) fn what(&self) -> String {
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

impl View for Row {
    const NOUN: &'static str = "scenario";
    const FIELDS: &'static [&'static str] = &[
        "scenario",
        "file",
        "result",
        "steps",
        "steps_passed",
        "line",
        "step",
        "failures",
        "exit_code",
        "reason",
        "left",
    ];
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("SCENARIO", |row, _| row.scenario.as_str().into()),
        Column::new("RESULT", |row, _| match row.result {
            Ended::Passed => Cell::toned("passed", Tone::Good),
            Ended::Failed => Cell::toned("failed", Tone::Bad),
            Ended::Skipped => Cell::toned("skipped", Tone::Faint),
            Ended::Stopped => Cell::toned("stopped", Tone::Busy),
        }),
        Column::new("STEPS", |row, _| match row.result {
            Ended::Passed => row.steps.to_string().into(),
            _ => format!("{} of {}", row.steps_passed, row.steps).into(),
        }),
        Column::new("WHERE", |row, _| row.place().into()),
        Column::new("WHAT", |row, _| row.what().into()),
    ];

    fn object(&self) -> Cow<'_, Map<String, Value>> {
        object_of(self)
    }
}
