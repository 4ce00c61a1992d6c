//! The faults of a server. The API has none of these routes; `docs/emulator.yaml` describes them.

use axum::routing::MethodFilter;
use http::StatusCode;
use serde_json::json;

use super::fields::Fields;
use super::request::ApiRequest;
use super::{OperationResult, ServerRoute, json as json_response};
use crate::emulator::state::Rejection;
use crate::emulator::{Emulator, Fault, Faults};

pub(super) const ROUTES: [ServerRoute; 3] = [
    (MethodFilter::GET, "/emulator/faults", list),
    (MethodFilter::POST, "/emulator/faults", add),
    (MethodFilter::DELETE, "/emulator/faults", clear),
];

const NO_FAULTS: &str = "This emulator runs inside kustom itself, where no faults can be injected. Start one with \
                         `kustom dev emulator`.";

fn faults(emulator: &Emulator) -> Result<&Faults, Rejection> {
    emulator.setup().faults.as_ref().ok_or_else(|| Rejection::conflict(NO_FAULTS))
}

fn list(_: &ApiRequest, emulator: &Emulator) -> OperationResult {
    faults(emulator)?.change(|table| {
        Ok(json_response(StatusCode::OK, &json!({"seed": table.seed(), "faults": table.list()})))
    })
}

fn add(request: &ApiRequest, emulator: &Emulator) -> OperationResult {
    let faults = faults(emulator)?;
    let mut body = request.body()?;
    let text = body.required("fault", Fields::string);
    let fault: Option<Fault> =
        text.parse().map_err(|error| body.add_error("fault", format!("is not a fault: {error}"))).ok();
    body.finish()?;
    let added = fault
        .and_then(|fault| faults.change(|table| table.add(fault)))
        .ok_or_else(|| Rejection::conflict("There are too many faults. Remove all faults first."))?;
    Ok(json_response(StatusCode::CREATED, &added))
}

fn clear(_: &ApiRequest, emulator: &Emulator) -> OperationResult {
    faults(emulator)?.change(|table| {
        Ok(json_response(StatusCode::OK, &json!({"seed": table.seed(), "faults": table.clear()})))
    })
}
