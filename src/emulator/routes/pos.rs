//! Actions on the phone. The API has none of these routes, because there a person taps on a real phone.
//! `docs/emulator.yaml` describes them.

use axum::routing::MethodFilter;
use http::StatusCode;

use super::fields::Fields;
use super::request::ApiRequest;
use super::{OpContext, OperationResult, Route, State, json};
use crate::emulator::state::Phone;
use crate::model::{Platform, TapOutcome};

pub(super) const ROUTES: [Route; 7] = [
    (MethodFilter::POST, "/emulator/pos/pair", pair),
    (MethodFilter::POST, "/emulator/pos/sessions/{session_id}/choose", choose),
    (MethodFilter::POST, "/emulator/pos/sessions/{session_id}/pay", pay),
    (MethodFilter::POST, "/emulator/pos/sessions/{session_id}/decline", decline),
    (MethodFilter::POST, "/emulator/pos/sessions/{session_id}/cancel", cancel),
    (MethodFilter::POST, "/emulator/pos/devices/{device_id}/offline", set_offline),
    (MethodFilter::POST, "/emulator/pos/devices/{device_id}/online", set_online),
];

fn pair(request: &ApiRequest, state: &mut State, context: &mut OpContext<'_>) -> OperationResult {
    let mut body = request.body()?;
    let code = body.required("enrollment_code", Fields::non_empty_string);
    let phone = Phone { name: body.non_empty_string("name"), platform: Platform::Android };
    body.finish()?;
    Ok(json(StatusCode::OK, &state.use_enrollment_code(&code, phone, context)?))
}

fn choose(request: &ApiRequest, state: &mut State, context: &mut OpContext<'_>) -> OperationResult {
    let id = request.id("session")?;
    let mut body = request.body()?;
    let method = body.required("method", Fields::payment_method);
    body.finish()?;
    Ok(json(StatusCode::OK, &state.choose_method(id, method, context)?))
}

fn pay(request: &ApiRequest, state: &mut State, context: &mut OpContext<'_>) -> OperationResult {
    let id = request.id("session")?;
    let mut body = request.optional_body()?;
    let method = body.payment_method("method");
    body.finish()?;
    Ok(json(StatusCode::OK, &state.pay(id, method, context)?))
}

fn decline(request: &ApiRequest, state: &mut State, context: &mut OpContext<'_>) -> OperationResult {
    let id = request.id("session")?;
    let mut body = request.optional_body()?;
    let outcome = body.tap_outcome("outcome").unwrap_or(TapOutcome::DeclinedGeneric);
    body.finish()?;
    Ok(json(StatusCode::OK, &state.decline(id, outcome, context)?))
}

fn cancel(request: &ApiRequest, state: &mut State, context: &mut OpContext<'_>) -> OperationResult {
    let id = request.id("session")?;
    request.optional_body()?.finish()?;
    Ok(json(StatusCode::OK, &state.cancel_on_phone(id, context)?))
}

fn set_offline(request: &ApiRequest, state: &mut State, _: &mut OpContext<'_>) -> OperationResult {
    let id = request.id("device")?;
    request.optional_body()?.finish()?;
    Ok(json(StatusCode::OK, &state.set_offline(id, true)?))
}

fn set_online(request: &ApiRequest, state: &mut State, _: &mut OpContext<'_>) -> OperationResult {
    let id = request.id("device")?;
    request.optional_body()?.finish()?;
    Ok(json(StatusCode::OK, &state.set_offline(id, false)?))
}
