//! Order Management: what happens to a sale after its session is FINALIZED.

use http::Method;
use serde::Serialize;
use uuid::Uuid;

use super::client::Client;
use super::error::Error;
use super::expectation::{Expectation, ORDER};
use super::request::Request;
use crate::model::{Order, RefundRequest, Resource};

fn order_request(method: Method, id: Uuid, rest: &[&str]) -> Request {
    let id = id.to_string();
    let segments: Vec<_> = ["orders", &id].into_iter().chain(rest.iter().copied()).collect();
    Request::with_prefix(method, "/ordermanagement/v1", &segments)
}

/// A response in another currency than `currency` is not about the order.
pub(crate) fn read_order_request(id: Uuid, currency: Option<&str>) -> Request {
    let expectation = Expectation::of(ORDER, &id).with("purchase_currency", currency);
    order_request(Method::GET, id, &[]).expect_response(expectation)
}

/// A request that changes an order in `currency`. A repetition with the same key is not processed again (documented), so the
/// client may retry it.
fn change_request(
    order: Uuid,
    operation: &str,
    body: Option<&impl Serialize>,
    currency: Option<&str>,
    key: Uuid,
) -> Request {
    let expectation = Expectation::changed_order(order).with("purchase_currency", currency);
    let request = order_request(Method::POST, order, &[operation]).idempotency_key(key);
    match body {
        Some(body) => request.json(body).expect_created(expectation, &[]),
        None => request.expect_response(expectation),
    }
}

pub(crate) fn refund_request(
    order: Uuid,
    body: &RefundRequest,
    currency: Option<&str>,
    key: Uuid,
) -> Request {
    change_request(order, "refunds", Some(body), currency, key)
}

pub(crate) fn capture_request(
    order: Uuid,
    amount: i64,
    reference: Option<&str>,
    currency: Option<&str>,
    key: Uuid,
) -> Request {
    #[derive(Serialize)]
    struct Body<'a> {
        captured_amount: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        reference: Option<&'a str>,
    }
    change_request(order, "captures", Some(&Body { captured_amount: amount, reference }), currency, key)
}

pub(crate) fn cancel_order_request(order: Uuid, currency: Option<&str>, key: Uuid) -> Request {
    change_request(order, "cancel", None::<&()>, currency, key)
}

pub(crate) fn release_order_request(order: Uuid, currency: Option<&str>, key: Uuid) -> Request {
    change_request(order, "release-remaining-authorization", None::<&()>, currency, key)
}

impl Client {
    /// Reads an order, whose currency is compared if it is known.
    pub(crate) async fn order(&self, id: Uuid, currency: Option<&str>) -> Result<Resource<Order>, Error> {
        self.send_json(&read_order_request(id, currency)).await
    }
}
