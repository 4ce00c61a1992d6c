//! The faults of a server. These routes are the emulator's own; `docs/emulator.yaml` describes them.

use axum::routing::MethodFilter;
use http::StatusCode;
use serde::Serialize;
use serde_json::json;

use super::Outcome;
use super::answer::Answer;
use super::body::Fields;
use super::call::Call;
use crate::emulator::faults::{Fault, FaultTable};
use crate::emulator::state::Refusal;

type Operation = fn(&Call, &mut FaultTable) -> Outcome;

pub(super) const ROUTES: [(MethodFilter, &str, Operation); 3] = [
    (MethodFilter::GET, "/emulator/faults", list),
    (MethodFilter::POST, "/emulator/faults", add),
    (MethodFilter::DELETE, "/emulator/faults", clear),
];

#[allow(clippy::unnecessary_wraps, reason = "the same signature as the others")]
fn list(_: &Call, table: &mut FaultTable) -> Outcome {
    let faults = table.list();
    Ok(show(table, &faults))
}

fn add(call: &Call, table: &mut FaultTable) -> Outcome {
    let mut body = call.body()?;
    let fault = body.required("fault", fault);
    body.finish()?;
    let added = fault.and_then(|fault| table.add(fault));
    let shown = added.ok_or_else(|| Refusal::conflict("There are too many faults: take them away first."))?;
    Ok(Answer::json(StatusCode::CREATED, &shown))
}

#[allow(clippy::unnecessary_wraps, reason = "the same signature as the others")]
fn clear(_: &Call, table: &mut FaultTable) -> Outcome {
    let faults = table.clear();
    Ok(show(table, &faults))
}

fn show(table: &FaultTable, faults: &impl Serialize) -> Answer {
    Answer::json(StatusCode::OK, &json!({"seed": table.seed(), "faults": faults}))
}

/// A fault, as something that has a default.
#[allow(clippy::option_option, reason = "what is required has a default: here none, which is never used")]
fn fault(body: &mut Fields, name: &str) -> Option<Option<Fault>> {
    let text = body.text(name)?;
    match text.parse() {
        Ok(fault) => Some(Some(fault)),
        Err(error) => {
            body.wrong(name, format!("is no fault: {error}"));
            None
        }
    }
}
