//! Orders: `docs/order-management.yaml` describes these routes.

use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodFilter;
use http::header::LOCATION;
use http::{HeaderName, StatusCode};
use serde_json::{Value, json};

use super::fields::Fields;
use super::request::ApiRequest;
use super::{OpContext, OperationResult, Route, State, json};
use crate::emulator::state::{NewMovement, OrderChange, OrderOperation, RefundHeaders, Rejection};
use crate::model::{Order, OrderItem};

pub(super) const ROUTES: [Route; 7] = [
    (MethodFilter::GET, "/ordermanagement/v1/orders/{order_id}", get),
    (MethodFilter::POST, "/ordermanagement/v1/orders/{order_id}/refunds", refund),
    (MethodFilter::GET, "/ordermanagement/v1/orders/{order_id}/refunds/{refund_id}", get_refund),
    (MethodFilter::GET, "/ordermanagement/v1/orders/{order_id}/captures", list_captures),
    (MethodFilter::POST, "/ordermanagement/v1/orders/{order_id}/captures", capture),
    (MethodFilter::POST, "/ordermanagement/v1/orders/{order_id}/cancel", cancel),
    (MethodFilter::POST, "/ordermanagement/v1/orders/{order_id}/release-remaining-authorization", release),
];

const IDEMPOTENCY_KEY: &str = "klarna-idempotency-key";

const CAPTURE_ID: HeaderName = HeaderName::from_static("capture-id");

const REFUND_ID: HeaderName = HeaderName::from_static("refund-id");

/// The documented maximum of an amount.
const MAX_AMOUNT: i64 = 200_000_000;

/// The documented maximum length of a text, in characters.
const MAX_TEXT_LEN: usize = 255;

const MAX_UNIT_LEN: usize = 10;

/// The documented maximum number of lines.
const MAX_LINES: usize = 1000;

fn get(request: &ApiRequest, state: &mut State, context: &mut OpContext<'_>) -> OperationResult {
    let order = state.order(request.id("order")?, context.now)?;
    Ok(json(StatusCode::OK, &to_json(&order, state.options.order_personal_data)))
}

/// The customer is made up, but a client must treat the fields as personal data.
fn to_json(order: &Order, has_personal_data: bool) -> Value {
    let mut order = json!(order);
    if has_personal_data {
        let address = json!({
            "given_name": "Ada", "family_name": "Exempel", "email": "ada.exempel@example.com",
            "phone": "+46700000000", "street_address": "Provgatan 1", "postal_code": "111 11",
            "city": "Stockholm", "country": "SE",
        });
        order["billing_address"] = address.clone();
        order["shipping_address"] = address;
        order["customer"] =
            json!({"date_of_birth": "1970-01-01", "national_identification_number": "700101"});
    }
    order
}

fn get_refund(request: &ApiRequest, state: &mut State, context: &mut OpContext<'_>) -> OperationResult {
    let order = request.id("order")?;
    let refund =
        request.param("refund_id").parse().map_err(|_| Rejection::not_found("There is no such refund."))?;
    Ok(json(StatusCode::OK, &state.refund(order, refund, context.now)?))
}

fn list_captures(request: &ApiRequest, state: &mut State, context: &mut OpContext<'_>) -> OperationResult {
    Ok(json(StatusCode::OK, &state.order(request.id("order")?, context.now)?.captures))
}

fn refund(request: &ApiRequest, state: &mut State, context: &mut OpContext<'_>) -> OperationResult {
    change(request, state, context, |request| {
        Ok(OrderOperation::Refund(movement(request.body()?, "refunded_amount")?))
    })
}

fn capture(request: &ApiRequest, state: &mut State, context: &mut OpContext<'_>) -> OperationResult {
    change(request, state, context, |request| {
        Ok(OrderOperation::Capture(movement(request.body()?, "captured_amount")?))
    })
}

fn cancel(request: &ApiRequest, state: &mut State, context: &mut OpContext<'_>) -> OperationResult {
    change(request, state, context, |_| Ok(OrderOperation::Cancel))
}

fn release(request: &ApiRequest, state: &mut State, context: &mut OpContext<'_>) -> OperationResult {
    change(request, state, context, |_| Ok(OrderOperation::Release))
}

fn change(
    request: &ApiRequest,
    state: &mut State,
    context: &mut OpContext<'_>,
    read: impl FnOnce(&ApiRequest) -> Result<OrderOperation, Rejection>,
) -> OperationResult {
    let id = request.id("order")?;
    let key = request.header(IDEMPOTENCY_KEY);
    let change = state.change_order(id, read(request)?, key, context)?;
    Ok(respond(change, state.options.refund_headers))
}

fn respond(change: OrderChange, refund_headers: RefundHeaders) -> Response {
    let (order, noun, id, id_header, headers) = match change {
        OrderChange::Captured { order, id } => (order, "captures", id, CAPTURE_ID, RefundHeaders::Both),
        OrderChange::Refunded { order, id } => (order, "refunds", id, REFUND_ID, refund_headers),
        OrderChange::Cancelled | OrderChange::Released => return StatusCode::NO_CONTENT.into_response(),
    };
    let location = (LOCATION, format!("/ordermanagement/v1/orders/{order}/{noun}/{id}"));
    match headers {
        RefundHeaders::Both => (StatusCode::CREATED, [(id_header, id.to_string()), location]).into_response(),
        RefundHeaders::Location => (StatusCode::CREATED, [location]).into_response(),
        RefundHeaders::None => StatusCode::CREATED.into_response(),
    }
}

fn movement(mut body: Fields, amount: &str) -> Result<NewMovement, Rejection> {
    let new = NewMovement {
        amount: body.required(amount, Fields::integer),
        reference: text(&mut body, "reference", MAX_TEXT_LEN),
        description: text(&mut body, "description", MAX_TEXT_LEN),
        lines: body.list("order_lines", order_line),
    };
    if !(0..=MAX_AMOUNT).contains(&new.amount) {
        body.add_error(amount, format!("must be from 0 to {MAX_AMOUNT}"));
    }
    if new.lines.len() > MAX_LINES {
        body.add_error("order_lines", format!("can have at most {MAX_LINES} lines"));
    }
    body.finish()?;
    Ok(new)
}

fn text(fields: &mut Fields, name: &str, max_len: usize) -> Option<String> {
    let text = fields.string(name)?;
    if text.chars().count() > max_len {
        fields.add_error(name, format!("must have at most {max_len} characters"));
    }
    Some(text)
}

/// A line of an order needs a quantity, but neither a tax rate nor a tax (documented).
fn order_line(line: &mut Fields) -> OrderItem {
    let item = OrderItem {
        kind: line.string("type"),
        reference: text(line, "reference", MAX_TEXT_LEN),
        name: Some(line.required("name", |line, name| text(line, name, MAX_TEXT_LEN))),
        quantity: Some(line.required("quantity", Fields::integer)),
        unit_price: Some(line.required("unit_price", Fields::integer)),
        total_amount: Some(line.required("total_amount", Fields::integer)),
        tax_rate: line.integer("tax_rate"),
        total_discount_amount: line.integer("total_discount_amount"),
        total_tax_amount: line.integer("total_tax_amount"),
    };
    let _ = text(line, "quantity_unit", MAX_UNIT_LEN);
    let not_negative = [
        ("quantity", item.quantity),
        ("tax_rate", item.tax_rate),
        ("total_discount_amount", item.total_discount_amount),
    ];
    for (name, value) in not_negative {
        if value.is_some_and(|value| value < 0) {
            line.add_error(name, "must not be negative");
        }
    }
    item
}
