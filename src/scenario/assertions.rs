//! Compares the result of a step with what the scenario expects.

use serde::Serialize;
use serde_json::{Map, Value};

use super::model::{Action, Expect, Step};
use crate::model::CallbackType;
use crate::text::{format_duration, pluralize};

/// The result of a step.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct StepResult {
    /// HTTP status, if there was a response.
    pub http: Option<u16>,
    /// Exit code of the equivalent command.
    pub exit_code: u8,
    /// Body of the response or of the error.
    pub response: Option<Map<String, Value>>,
    /// Error message.
    pub message: Option<String>,
    /// Status of the session or code, if the step expects one.
    pub status: Option<String>,
    /// Callbacks the step caused; `None` if the target does not reveal them.
    pub callbacks: Option<Vec<CallbackType>>,
}

/// An expectation that was not met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Mismatch {
    /// Key of `expect`, or `step` for a step that had to succeed.
    pub what: String,
    pub expected: String,
    pub actual: String,
}

impl Mismatch {
    fn new(what: impl Into<String>, expected: impl Into<String>, actual: impl Into<String>) -> Self {
        Self { what: what.into(), expected: expected.into(), actual: actual.into() }
    }
}

pub(crate) fn check_expectations(step: &Step, result: &StepResult) -> Vec<Mismatch> {
    let mut mismatches = check_outcome(step, result);
    if !mismatches.is_empty() {
        // A step with another outcome has another response too; its mismatches would add nothing.
        return mismatches;
    }
    let Expect { status, http: _, exit: _, response, has, lacks, message, callbacks } = &step.expect;
    if let Some(expected) = status
        && result.status.as_ref() != Some(expected)
    {
        mismatches.push(Mismatch::new("status", expected, result.status.as_deref().unwrap_or("none")));
    }
    if let Some(expected) = message {
        let actual = result.message.as_deref().unwrap_or("nothing");
        if !actual.to_lowercase().contains(&expected.to_lowercase()) {
            mismatches.push(Mismatch::new("says", expected, actual));
        }
    }
    compare_fields(response, result.response.as_ref(), "response.", &mut mismatches);
    for path in has {
        if find_field(result.response.as_ref(), path).is_none() {
            mismatches.push(Mismatch::new("has", path, "nothing"));
        }
    }
    for path in lacks {
        if let Some(value) = find_field(result.response.as_ref(), path) {
            mismatches.push(Mismatch::new("lacks", format!("no {path}"), value.to_string()));
        }
    }
    if let (Some(expected), Some(actual)) = (callbacks, &result.callbacks) {
        // A scenario about sessions need not list the callbacks about their orders.
        let lists_orders = expected.iter().any(CallbackType::is_about_order);
        let actual: Vec<_> =
            actual.iter().filter(|kind| lists_orders || !kind.is_about_order()).cloned().collect();
        if *expected != actual {
            mismatches.push(Mismatch::new("callbacks", join_types(expected), join_types(&actual)));
        }
    }
    mismatches
}

/// Checks whether the step succeeded or failed as expected.
fn check_outcome(step: &Step, result: &StepResult) -> Vec<Mismatch> {
    let Expect { http, exit, .. } = &step.expect;
    let with_message = |text: String| match &result.message {
        Some(message) => format!("{text}: {message}"),
        None => text,
    };
    let mut mismatches = Vec::new();
    if let Some(expected) = http
        && result.http.as_ref() != Some(expected)
    {
        let actual = result.http.map_or_else(|| "no response".to_owned(), |status| status.to_string());
        mismatches.push(Mismatch::new("http", expected.to_string(), with_message(actual)));
    }
    if let Some(expected) = exit
        && result.exit_code != *expected
    {
        let actual = result.exit_code.to_string();
        mismatches.push(Mismatch::new("exit", expected.to_string(), with_message(actual)));
    }
    // A 2xx response can still be invalid, which only the exit code shows.
    let must_succeed = exit.is_none() && http.is_none_or(|status| (200..300).contains(&status));
    if mismatches.is_empty() && must_succeed && result.exit_code != 0 {
        let expected = match &step.action {
            Action::Wait { until, within, .. } => format!("{until} within {}", format_duration(*within)),
            _ => "exit 0".to_owned(),
        };
        let actual = format!("exit {}", result.exit_code);
        mismatches.push(Mismatch::new("step", expected, with_message(actual)));
    }
    mismatches
}

/// Compares the fields that are named, also in nested objects.
fn compare_fields(
    expected: &Map<String, Value>,
    actual: Option<&Map<String, Value>>,
    path: &str,
    mismatches: &mut Vec<Mismatch>,
) {
    for (name, expected) in expected {
        let actual = actual.and_then(|actual| actual.get(name));
        compare_value(expected, actual, &format!("{path}{name}"), mismatches);
    }
}

fn compare_value(expected: &Value, actual: Option<&Value>, path: &str, mismatches: &mut Vec<Mismatch>) {
    match (expected, actual) {
        (Value::Object(expected), Some(Value::Object(actual))) => {
            compare_fields(expected, Some(actual), &format!("{path}."), mismatches);
        }
        (Value::Array(expected), Some(Value::Array(actual))) if expected.len() == actual.len() => {
            for (index, (expected, actual)) in expected.iter().zip(actual).enumerate() {
                compare_value(expected, Some(actual), &format!("{path}[{index}]"), mismatches);
            }
        }
        (Value::Array(expected), Some(Value::Array(actual))) => {
            let length = |list: &[Value]| pluralize(list.len(), "element");
            mismatches.push(Mismatch::new(path, length(expected), length(actual)));
        }
        (expected, Some(actual)) if expected == actual => {}
        (expected, actual) => {
            let actual = actual.map_or_else(|| "nothing".to_owned(), Value::to_string);
            mismatches.push(Mismatch::new(path, expected.to_string(), actual));
        }
    }
}

/// A field of the response that is not null, by its path, such as `credentials.bearer_token`.
fn find_field<'a>(response: Option<&'a Map<String, Value>>, path: &str) -> Option<&'a Value> {
    let mut names = path.split('.');
    let first = response?.get(names.next()?)?;
    names.try_fold(first, |value, name| value.get(name)).filter(|value| !value.is_null())
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
