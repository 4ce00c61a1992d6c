//! The faults of a server. These routes are the emulator's own; `docs/emulator.yaml` describes them.

use axum::routing::MethodFilter;
use http::StatusCode;
use serde::Serialize;
use serde_json::json;

use super::OperationResult;
use super::body::JsonFields;
use super::request::ApiRequest;
use super::response::ApiResponse;
use crate::emulator::faults::{Fault, FaultTable};
use crate::emulator::state::Rejection;

type Operation = fn(&ApiRequest, &mut FaultTable) -> OperationResult;

pub(super) const ROUTES: [(MethodFilter, &str, Operation); 3] = [
    (MethodFilter::GET, "/emulator/faults", list),
    (MethodFilter::POST, "/emulator/faults", add),
    (MethodFilter::DELETE, "/emulator/faults", clear),
];

#[allow(clippy::unnecessary_wraps, reason = "the same signature as the others")]
fn list(_: &ApiRequest, table: &mut FaultTable) -> OperationResult {
    let faults = table.list();
    Ok(show(table, &faults))
}

fn add(call: &ApiRequest, table: &mut FaultTable) -> OperationResult {
    let mut body = call.body()?;
    let fault = body.required("fault", fault);
    body.finish()?;
    let added = fault.and_then(|fault| table.add(fault));
    let shown =
        added.ok_or_else(|| Rejection::conflict("There are too many faults: take them away first."))?;
    Ok(ApiResponse::json(StatusCode::CREATED, &shown))
}

#[allow(clippy::unnecessary_wraps, reason = "the same signature as the others")]
fn clear(_: &ApiRequest, table: &mut FaultTable) -> OperationResult {
    let faults = table.clear();
    Ok(show(table, &faults))
}

fn show(table: &FaultTable, faults: &impl Serialize) -> ApiResponse {
    ApiResponse::json(StatusCode::OK, &json!({"seed": table.seed(), "faults": faults}))
}

/// A fault, as something that has a default.
#[allow(clippy::option_option, reason = "what is required has a default: here none, which is never used")]
fn fault(body: &mut JsonFields, name: &str) -> Option<Option<Fault>> {
    let text = body.text(name)?;
    match text.parse() {
        Ok(fault) => Some(Some(fault)),
        Err(error) => {
            body.add_error(name, format!("is no fault: {error}"));
            None
        }
    }
}
