//! What is done on a phone. These routes are the emulator's own: the API has none of them, because there a person
//! with a phone in the hand does it. `docs/emulator.yaml` describes them.

use axum::routing::MethodFilter;
use http::StatusCode;

use super::body::JsonFields;
use super::request::ApiRequest;
use super::response::ApiResponse;
use super::{OpContext, OperationResult, Route, State};
use crate::emulator::state::Phone;
use crate::model::{PaymentMethod, Platform, TapOutcome};

/// The phone's routes, in the order of a sale.
pub(super) const ROUTES: [Route; 7] = [
    (MethodFilter::POST, "/emulator/pos/pair", pair),
    (MethodFilter::POST, "/emulator/pos/sessions/{session_id}/choose", choose),
    (MethodFilter::POST, "/emulator/pos/sessions/{session_id}/pay", pay),
    (MethodFilter::POST, "/emulator/pos/sessions/{session_id}/decline", decline),
    (MethodFilter::POST, "/emulator/pos/sessions/{session_id}/cancel", cancel),
    (MethodFilter::POST, "/emulator/pos/devices/{device_id}/offline", offline),
    (MethodFilter::POST, "/emulator/pos/devices/{device_id}/online", online),
];

fn pair(call: &ApiRequest, state: &mut State, moment: &mut OpContext<'_>) -> OperationResult {
    let mut body = call.body()?;
    let code = body.required("enrollment_code", filled);
    let phone = Phone { name: filled(&mut body, "name"), platform: Platform::Android };
    body.finish()?;
    Ok(ApiResponse::json(StatusCode::OK, &state.use_enrollment_code(&code, phone, moment)?))
}

fn choose(call: &ApiRequest, state: &mut State, moment: &mut OpContext<'_>) -> OperationResult {
    let id = call.id("session")?;
    let mut body = call.body()?;
    let chosen = body.required("method", method);
    body.finish()?;
    Ok(ApiResponse::json(StatusCode::OK, &state.choose_method(id, chosen, moment)?))
}

fn pay(call: &ApiRequest, state: &mut State, moment: &mut OpContext<'_>) -> OperationResult {
    let id = call.id("session")?;
    let mut body = call.optional_body()?;
    let method = method(&mut body, "method");
    body.finish()?;
    Ok(ApiResponse::json(StatusCode::OK, &state.pay(id, method, moment)?))
}

fn decline(call: &ApiRequest, state: &mut State, moment: &mut OpContext<'_>) -> OperationResult {
    let id = call.id("session")?;
    let mut body = call.optional_body()?;
    let outcome = outcome(&mut body, "outcome").unwrap_or(TapOutcome::DeclinedGeneric);
    body.finish()?;
    Ok(ApiResponse::json(StatusCode::OK, &state.decline(id, outcome, moment)?))
}

fn cancel(call: &ApiRequest, state: &mut State, moment: &mut OpContext<'_>) -> OperationResult {
    let id = call.id("session")?;
    call.optional_body()?.finish()?;
    Ok(ApiResponse::json(StatusCode::OK, &state.cancel_on_phone(id, moment)?))
}

fn offline(call: &ApiRequest, state: &mut State, _: &mut OpContext<'_>) -> OperationResult {
    set_offline(call, state, true)
}

fn online(call: &ApiRequest, state: &mut State, _: &mut OpContext<'_>) -> OperationResult {
    set_offline(call, state, false)
}

fn set_offline(call: &ApiRequest, state: &mut State, offline: bool) -> OperationResult {
    let id = call.id("device")?;
    call.optional_body()?.finish()?;
    Ok(ApiResponse::json(StatusCode::OK, &state.set_offline(id, offline)?))
}

/// A text that is not empty.
fn filled(body: &mut JsonFields, name: &str) -> Option<String> {
    let text = body.text(name)?;
    if text.is_empty() {
        body.add_error(name, "must not be empty");
    }
    Some(text)
}

fn method(body: &mut JsonFields, name: &str) -> Option<PaymentMethod> {
    let found = PaymentMethod::find(&body.text(name)?);
    if found.is_none() {
        let all = PaymentMethod::ALL.map(PaymentMethod::as_str).join(", ");
        body.add_error(name, format!("must be one of {all}"));
    }
    found
}

fn outcome(body: &mut JsonFields, name: &str) -> Option<TapOutcome> {
    let text = body.text(name)?;
    // The command line's spelling is not the API's.
    let found = TapOutcome::ALL.into_iter().find(|outcome| outcome.as_str() == text);
    if found.is_none() {
        body.add_error(name, "must be one of the documented declines, such as INSUFFICIENT_FUNDS");
    }
    found
}
