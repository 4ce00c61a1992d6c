//! Payouts and their transactions: `docs/settlements.yaml` describes these routes.

use axum::response::Response;
use axum::routing::MethodFilter;
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use super::fields::Fields;
use super::request::ApiRequest;
use super::{OpContext, OperationResult, Route, State, json};
use crate::emulator::state::{PayoutFilter, SettlementsEnvelope, TransactionFilter};

pub(super) const ROUTES: [Route; 3] = [
    (MethodFilter::GET, "/settlements/v1/payouts", list_payouts),
    (MethodFilter::GET, "/settlements/v1/payouts/{payment_reference}", get_payout),
    (MethodFilter::GET, "/settlements/v1/transactions", list_transactions),
];

/// The documented bounds and default of `size`.
const MAX_SIZE: usize = 500;
const DEFAULT_SIZE: usize = 20;

/// A part of a list.
struct Window {
    size: usize,
    offset: usize,
}

impl Window {
    fn read(query: &mut Fields) -> Self {
        let mut number = |name, min, max| {
            query.read(name, &format!("a whole number from {min} to {max}"), |value| {
                let text = value.as_str()?;
                // No list is as long as a number that does not fit.
                let is_large = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                let number = text.parse().ok().or_else(|| is_large.then_some(usize::MAX));
                number.filter(|number| (min..=max).contains(number))
            })
        };
        Self {
            size: number("size", 1, MAX_SIZE).unwrap_or(DEFAULT_SIZE),
            offset: number("offset", 0, usize::MAX).unwrap_or_default(),
        }
    }

    fn respond<T: Serialize>(&self, name: &str, list: &[T], envelope: SettlementsEnvelope) -> Response {
        let part: Vec<&T> = list.iter().skip(self.offset).take(self.size).collect();
        if envelope == SettlementsEnvelope::Array {
            return json(StatusCode::OK, &part);
        }
        let pagination = json!({"count": part.len(), "total": list.len(), "offset": self.offset});
        let mut body = Value::Object(serde_json::Map::new());
        body[name] = json!(part);
        body["pagination"] = pagination;
        json(StatusCode::OK, &body)
    }
}

fn list_payouts(request: &ApiRequest, state: &mut State, context: &mut OpContext<'_>) -> OperationResult {
    let mut query = request.query();
    let filter = PayoutFilter {
        start: query.timestamp("start_date"),
        end: query.timestamp("end_date"),
        currency: query.string("currency_code"),
    };
    let window = Window::read(&mut query);
    query.finish()?;
    let payouts = state.list_payouts(&filter, context.now);
    Ok(window.respond("payouts", &payouts, state.options.settlements_envelope))
}

fn get_payout(request: &ApiRequest, state: &mut State, context: &mut OpContext<'_>) -> OperationResult {
    Ok(json(StatusCode::OK, &state.payout(request.param("payment_reference"), context.now)?))
}

fn list_transactions(
    request: &ApiRequest,
    state: &mut State,
    context: &mut OpContext<'_>,
) -> OperationResult {
    let mut query = request.query();
    let filter = TransactionFilter {
        payment_reference: query.string("payment_reference"),
        order_id: query.string("order_id"),
    };
    let window = Window::read(&mut query);
    query.finish()?;
    let transactions = state.list_transactions(&filter, context.now);
    Ok(window.respond("transactions", &transactions, state.options.settlements_envelope))
}
