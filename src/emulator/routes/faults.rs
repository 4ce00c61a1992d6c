//! The faults of a server. The API has none of these routes; `docs/emulator.yaml` describes them.

use axum::response::Response;
use axum::routing::MethodFilter;
use http::StatusCode;
use serde::Serialize;

use super::fields::Fields;
use super::request::ApiRequest;
use super::{OperationResult, json};
use crate::emulator::faults::{Fault, FaultTable};
use crate::emulator::state::Rejection;

type Operation = fn(&ApiRequest, &mut FaultTable) -> OperationResult;

pub(super) const ROUTES: [(MethodFilter, &str, Operation); 3] = [
    (MethodFilter::GET, "/emulator/faults", list),
    (MethodFilter::POST, "/emulator/faults", add),
    (MethodFilter::DELETE, "/emulator/faults", clear),
];

fn list(_: &ApiRequest, table: &mut FaultTable) -> OperationResult {
    Ok(list_response(table, &table.list()))
}

fn add(request: &ApiRequest, table: &mut FaultTable) -> OperationResult {
    let mut body = request.body()?;
    let text = body.required("fault", Fields::string);
    let fault: Option<Fault> =
        text.parse().map_err(|error| body.add_error("fault", format!("is not a fault: {error}"))).ok();
    body.finish()?;
    let added = fault
        .and_then(|fault| table.add(fault))
        .ok_or_else(|| Rejection::conflict("There are too many faults. Remove all faults first."))?;
    Ok(json(StatusCode::CREATED, &added))
}

fn clear(_: &ApiRequest, table: &mut FaultTable) -> OperationResult {
    let faults = table.clear();
    Ok(list_response(table, &faults))
}

fn list_response(table: &FaultTable, faults: &impl Serialize) -> Response {
    json(StatusCode::OK, &serde_json::json!({"seed": table.seed(), "faults": faults}))
}
