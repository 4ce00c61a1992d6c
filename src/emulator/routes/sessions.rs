//! Sessions, and simulated taps on them.

use axum::response::IntoResponse as _;
use axum::routing::MethodFilter;
use http::StatusCode;

use super::fields::Fields;
use super::request::ApiRequest;
use super::{OpContext, OperationResult, Route, State, json};
use crate::emulator::state::{NewSession, Purchase, TapAnswer};
use crate::model::{Currency, OrderItem};

pub(super) const ROUTES: [Route; 4] = [
    (MethodFilter::POST, "/ipp/v1/sessions", create),
    (MethodFilter::GET, "/ipp/v1/sessions/{session_id}", get),
    (MethodFilter::PUT, "/ipp/v1/sessions/{session_id}/cancel", cancel),
    (MethodFilter::POST, "/ipp/v1/dev/sessions/{sessionId}/simulate-tap", simulate_tap),
];

fn create(request: &ApiRequest, state: &mut State, context: &mut OpContext<'_>) -> OperationResult {
    let mut query = request.query();
    let location_id = query.uuid("location_id");
    query.finish()?;
    let mut body = request.body()?;
    let device_id = body.required("device_id", Fields::uuid);
    let purchase = Purchase {
        order_amount: body.required("order_amount", Fields::integer),
        order_tax_amount: body.integer("order_tax_amount"),
        purchase_currency: body.required("purchase_currency", currency),
        purchase_started_at: body.timestamp("purchase_started_at"),
        merchant_reference1: body.string("merchant_reference1"),
        merchant_reference2: body.string("merchant_reference2"),
        merchant_data: body.string("merchant_data"),
        order_items: body.list("order_items", order_item),
    };
    if request.is_strict {
        check_strictly(&purchase, &mut body);
    }
    body.finish()?;
    let new = NewSession { device_id, location_id, purchase };
    Ok(json(StatusCode::OK, &state.create_session(new, context)?))
}

fn get(request: &ApiRequest, state: &mut State, context: &mut OpContext<'_>) -> OperationResult {
    Ok(json(StatusCode::OK, &state.session(request.id("session")?, context.now)?))
}

fn cancel(request: &ApiRequest, state: &mut State, context: &mut OpContext<'_>) -> OperationResult {
    Ok(json(StatusCode::OK, &state.cancel_session(request.id("session")?, context)?))
}

fn simulate_tap(request: &ApiRequest, state: &mut State, context: &mut OpContext<'_>) -> OperationResult {
    let id = request.id("session")?;
    // A misspelled outcome must not look like a payment.
    let mut query = request.query();
    query.reject_unknown();
    let outcome = query.tap_outcome("outcome").unwrap_or_default();
    query.finish()?;
    let session = state.simulate_tap(id, outcome, context)?;
    Ok(match state.options.tap_answer {
        TapAnswer::Session => json(StatusCode::OK, &session),
        TapAnswer::Empty => StatusCode::NO_CONTENT.into_response(),
    })
}

/// Three capital letters (documented). The contract does not require an ISO 4217 currency.
fn currency(body: &mut Fields, name: &str) -> Option<String> {
    let code = body.string(name)?;
    if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        body.add_error(name, "must be three capital letters, such as SEK");
    }
    Some(code)
}

/// What the contract allows, but no sale has.
fn check_strictly(purchase: &Purchase, body: &mut Fields) {
    if purchase.order_amount < 1 {
        body.add_error("order_amount", "must be at least 1");
    }
    if purchase.purchase_currency.parse::<Currency>().is_err() {
        body.add_error("purchase_currency", "must be a currency of ISO 4217");
    }
}

fn order_item(item: &mut Fields) -> OrderItem {
    OrderItem {
        kind: item.string("type"),
        reference: item.string("reference"),
        name: Some(item.required("name", Fields::string)),
        quantity: item.integer("quantity"),
        unit_price: Some(item.required("unit_price", Fields::integer)),
        total_amount: Some(item.required("total_amount", Fields::integer)),
        tax_rate: Some(item.required("tax_rate", Fields::integer)),
        total_discount_amount: item.integer("total_discount_amount"),
        total_tax_amount: Some(item.required("total_tax_amount", Fields::integer)),
    }
}
