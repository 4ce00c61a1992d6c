//! Whether a step came to what was expected of it.

use serde_json::{Map, Value};

use super::action::Action;
use super::model::{Expect, Step};
use crate::error::ExitStatus;
use crate::model::CallbackType;
use crate::text::{format_duration, pluralize};

/// What a step came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct StepResult {
    /// The HTTP status of the answer, if there was one.
    pub http: Option<u16>,
    /// How the command for the step would have ended.
    pub exit: Option<ExitStatus>,
    /// The answer, also one that refuses.
    pub answer: Option<Map<String, Value>>,
    /// What the step says about itself when it did not work.
    pub said: Option<String>,
    /// The status of what the step is about, where it was looked at and there is one.
    pub status: Option<String>,
    /// The callbacks that came of it; none where they cannot be seen.
    pub callbacks: Option<Vec<CallbackType>>,
}

/// An expectation that was not met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// What it is about: a key of `expect`, or `step` for one that had to work.
    pub what: String,
    /// What was expected.
    pub expected: String,
    /// What was there instead.
    pub actual: String,
}

impl Mismatch {
    /// An expectation that was not met.
    pub(crate) fn new(
        what: impl Into<String>,
        expected: impl Into<String>,
        actual: impl Into<String>,
    ) -> Self {
        Self { what: what.into(), expected: expected.into(), actual: actual.into() }
    }
}

/// Everything that was expected of a step and is not so.
pub(crate) fn check_expectations(step: &Step, seen: &StepResult) -> Vec<Mismatch> {
    let outcome = outcome(step, seen);
    if !outcome.is_empty() {
        // Where a step did not even do what it should, its answer is another one too, and says nothing new.
        return outcome;
    }
    let Expect { status, http: _, exit: _, answer, has, lacks, says, callbacks } = &step.expect;
    let mut unmet = Vec::new();
    if let Some(expected) = status
        && seen.status.as_ref() != Some(expected)
    {
        unmet.push(Mismatch::new("status", expected, seen.status.as_deref().unwrap_or("none")));
    }
    if let Some(expected) = says {
        let said = seen.said.as_deref().unwrap_or_default();
        if !said.to_lowercase().contains(&expected.to_lowercase()) {
            unmet.push(Mismatch::new("says", expected, if said.is_empty() { "nothing" } else { said }));
        }
    }
    fields(answer, seen.answer.as_ref(), "", &mut unmet);
    for path in has {
        if find(seen.answer.as_ref(), path).is_none_or(Value::is_null) {
            unmet.push(Mismatch::new("has", path, "nothing"));
        }
    }
    for path in lacks {
        if let Some(value) = find(seen.answer.as_ref(), path).filter(|value| !value.is_null()) {
            unmet.push(Mismatch::new("lacks", format!("no {path}"), value.to_string()));
        }
    }
    // Where callbacks cannot be seen, nothing can be said about them.
    if let (Some(expected), Some(seen)) = (callbacks, &seen.callbacks)
        && expected != seen
    {
        unmet.push(Mismatch::new("callbacks", join_types(expected), join_types(seen)));
    }
    unmet
}

/// Whether the step worked, or was refused, as it should.
fn outcome(step: &Step, seen: &StepResult) -> Vec<Mismatch> {
    let Expect { http, exit, .. } = &step.expect;
    let code = seen.exit.map_or(0, ExitStatus::code);
    let with_reason = |figure: String| match seen.said.as_deref() {
        Some(said) if !said.is_empty() => format!("{figure}: {said}"),
        _ => figure,
    };
    let mut unmet = Vec::new();
    if let Some(expected) = *http
        && seen.http != Some(expected)
    {
        let actual = seen.http.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        unmet.push(Mismatch::new("http", expected.to_string(), with_reason(actual)));
    }
    if let Some(expected) = *exit
        && code != expected
    {
        unmet.push(Mismatch::new("exit", expected.to_string(), with_reason(code.to_string())));
    }
    // An answer with the right status can still be one that cannot be used.
    let has_to_work = exit.is_none() && http.is_none_or(|status| (200..300).contains(&status));
    if unmet.is_empty() && has_to_work && code != 0 {
        unmet.push(Mismatch::new(
            "step",
            success_description(&step.act),
            with_reason(format!("exit {code}")),
        ));
    }
    unmet
}

/// What a step comes to when it works.
fn success_description(act: &Action) -> String {
    match act {
        Action::Wait { until, within, .. } => format!("{until} within {}", format_duration(*within)),
        _ => "exit 0".to_owned(),
    }
}

/// Compares fields: of a table those that are named, of anything else all.
fn fields(
    expected: &Map<String, Value>,
    actual: Option<&Map<String, Value>>,
    path: &str,
    unmet: &mut Vec<Mismatch>,
) {
    for (name, expected) in expected {
        value(expected, actual.and_then(|actual| actual.get(name)), &format!("{path}{name}"), unmet);
    }
}

fn value(expected: &Value, actual: Option<&Value>, path: &str, unmet: &mut Vec<Mismatch>) {
    let differs = |actual: String| Mismatch::new(format!("answer.{path}"), expected.to_string(), actual);
    match (expected, actual) {
        (Value::Object(expected), Some(Value::Object(actual))) => {
            fields(expected, Some(actual), &format!("{path}."), unmet);
        }
        (Value::Array(expected), Some(Value::Array(actual))) => {
            if expected.len() != actual.len() {
                let elements = |list: &[Value]| pluralize(list.len(), "element");
                unmet.push(Mismatch::new(format!("answer.{path}"), elements(expected), elements(actual)));
                return;
            }
            for (index, (expected, actual)) in expected.iter().zip(actual).enumerate() {
                value(expected, Some(actual), &format!("{path}[{index}]"), unmet);
            }
        }
        (expected, Some(actual)) if expected == actual => {}
        (_, Some(actual)) => unmet.push(differs(actual.to_string())),
        (_, None) => unmet.push(differs("nothing".to_owned())),
    }
}

/// A field of the answer by its path, such as `credentials.bearer_token`.
fn find<'a>(answer: Option<&'a Map<String, Value>>, path: &str) -> Option<&'a Value> {
    let mut names = path.split('.');
    let first = answer?.get(names.next()?)?;
    names.try_fold(first, |value, name| value.get(name))
}

fn join_types(types: &[CallbackType]) -> String {
    if types.is_empty() {
        return "none".to_owned();
    }
    types.iter().map(CallbackType::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
#[path = "assertions_tests.rs"]
mod tests;
