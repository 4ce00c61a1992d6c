//! Sessions, and simulated taps on them.

use http::StatusCode;

use super::body::JsonFields;
use super::request::ApiRequest;
use super::response::ApiResponse;
use super::{OpContext, OperationResult, State};
use crate::emulator::state::{NewSession, Purchase, TapAnswer};
use crate::model::OrderItem;

pub(super) fn create(call: &ApiRequest, state: &mut State, moment: &mut OpContext<'_>) -> OperationResult {
    let mut query = call.query();
    let location_id = query.uuid("location_id");
    query.finish()?;
    let mut body = call.body()?;
    let device_id = body.required("device_id", JsonFields::uuid);
    let purchase = purchase(&mut body);
    body.finish()?;
    let new = NewSession { device_id, location_id, purchase };
    Ok(ApiResponse::json(StatusCode::OK, &state.create_session(new, moment)?))
}

pub(super) fn get(call: &ApiRequest, state: &mut State, moment: &mut OpContext<'_>) -> OperationResult {
    Ok(ApiResponse::json(StatusCode::OK, &state.session(call.id("session")?, moment.now)?))
}

pub(super) fn cancel(call: &ApiRequest, state: &mut State, moment: &mut OpContext<'_>) -> OperationResult {
    Ok(ApiResponse::json(StatusCode::OK, &state.cancel_session(call.id("session")?, moment)?))
}

pub(super) fn simulate_tap(
    call: &ApiRequest,
    state: &mut State,
    moment: &mut OpContext<'_>,
) -> OperationResult {
    let id = call.id("session")?;
    let mut query = call.query();
    let outcome = query.outcome("outcome").unwrap_or_default();
    query.finish()?;
    let session = state.simulate_tap(id, outcome, moment)?;
    Ok(match state.options.tap_answer {
        TapAnswer::Session => ApiResponse::json(StatusCode::OK, &session),
        TapAnswer::Empty => ApiResponse::empty(StatusCode::NO_CONTENT),
    })
}

fn purchase(body: &mut JsonFields) -> Purchase {
    Purchase {
        order_amount: body.required("order_amount", JsonFields::integer),
        order_tax_amount: body.integer("order_tax_amount"),
        purchase_currency: body.required("purchase_currency", currency),
        purchase_started_at: body.timestamp("purchase_started_at"),
        merchant_reference1: body.text("merchant_reference1"),
        merchant_reference2: body.text("merchant_reference2"),
        merchant_data: body.text("merchant_data"),
        order_items: body.list("order_items", order_item),
    }
}

/// Three capitals (documented); whether they are a currency of ISO 4217 is not said to matter.
fn currency(body: &mut JsonFields, name: &str) -> Option<String> {
    let code = body.text(name)?;
    if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        body.add_error(name, "must be three capital letters, such as SEK");
    }
    Some(code)
}

fn order_item(item: &mut JsonFields) -> OrderItem {
    OrderItem {
        kind: item.text("type"),
        reference: item.text("reference"),
        name: Some(item.required("name", JsonFields::text)),
        quantity: item.integer("quantity"),
        unit_price: Some(item.required("unit_price", JsonFields::integer)),
        total_amount: Some(item.required("total_amount", JsonFields::integer)),
        tax_rate: Some(item.required("tax_rate", JsonFields::integer)),
        total_discount_amount: item.integer("total_discount_amount"),
        total_tax_amount: Some(item.required("total_tax_amount", JsonFields::integer)),
    }
}
