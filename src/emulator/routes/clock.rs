//! The emulator's clock. The API has none of these routes; `docs/emulator.yaml` describes them.

use axum::routing::MethodFilter;
use http::StatusCode;

use super::fields::Fields;
use super::request::ApiRequest;
use super::{OpContext, OperationResult, Route, State, json};

pub(super) const ROUTES: [Route; 2] =
    [(MethodFilter::GET, "/emulator/clock", show), (MethodFilter::POST, "/emulator/clock", advance)];

fn show(_: &ApiRequest, state: &mut State, context: &mut OpContext<'_>) -> OperationResult {
    Ok(json(StatusCode::OK, &state.clock(context.now)))
}

fn advance(request: &ApiRequest, state: &mut State, context: &mut OpContext<'_>) -> OperationResult {
    let mut body = request.body()?;
    let by = body.required("advance", Fields::duration);
    body.finish()?;
    Ok(json(StatusCode::OK, &state.advance_clock(by, context)?))
}
