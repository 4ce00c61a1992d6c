//! The emulator's clock. These routes are the emulator's own; `docs/emulator.yaml` describes them.

use axum::routing::MethodFilter;
use http::StatusCode;

use super::body::JsonFields;
use super::request::ApiRequest;
use super::response::ApiResponse;
use super::{OpContext, OperationResult, Route, State};

pub(super) const ROUTES: [Route; 2] =
    [(MethodFilter::GET, "/emulator/clock", show), (MethodFilter::POST, "/emulator/clock", advance)];

#[allow(clippy::unnecessary_wraps, reason = "the same signature as the others")]
fn show(_: &ApiRequest, state: &mut State, moment: &mut OpContext<'_>) -> OperationResult {
    Ok(ApiResponse::json(StatusCode::OK, &state.clock(moment.now)))
}

fn advance(call: &ApiRequest, state: &mut State, moment: &mut OpContext<'_>) -> OperationResult {
    let mut body = call.body()?;
    let by = body.required("advance", JsonFields::duration);
    body.finish()?;
    Ok(ApiResponse::json(StatusCode::OK, &state.advance_clock(by, moment)?))
}
