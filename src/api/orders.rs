//! Order Management: what happens to a sale after its session is FINALIZED.

use http::Method;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::client::Client;
use super::error::Error;
use super::expectation::Expectation;
use super::request::Request;
use crate::model::{Order, RefundRequest, Resource};

fn order_request(method: Method, id: Uuid, rest: &[&str]) -> Request {
    let id = id.to_string();
    let segments: Vec<_> = ["orders", &id].into_iter().chain(rest.iter().copied()).collect();
    Request::sister(method, "/ordermanagement/v1", &segments)
}

pub(crate) fn read_order_request(id: Uuid) -> Request {
    order_request(Method::GET, id, &[]).expect_response(Expectation::order(id))
}

/// A repetition with the same key is not processed again (documented), so the client may retry it.
pub(crate) fn refund_request(order: Uuid, body: &RefundRequest, key: Uuid) -> Request {
    order_request(Method::POST, order, &["refunds"]).json(body).idempotency_key(key)
}

pub(crate) fn capture_request(order: Uuid, amount: i64, reference: Option<&str>, key: Uuid) -> Request {
    #[derive(Serialize)]
    struct Body<'a> {
        captured_amount: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        reference: Option<&'a str>,
    }
    let body = json!(Body { captured_amount: amount, reference });
    order_request(Method::POST, order, &["captures"]).json(&body).idempotency_key(key)
}

pub(crate) fn cancel_order_request(order: Uuid, key: Uuid) -> Request {
    order_request(Method::POST, order, &["cancel"]).idempotency_key(key)
}

pub(crate) fn release_order_request(order: Uuid, key: Uuid) -> Request {
    order_request(Method::POST, order, &["release-remaining-authorization"]).idempotency_key(key)
}

impl Client {
    pub(crate) async fn order(&self, id: Uuid) -> Result<Resource<Order>, Error> {
        self.send_json(&read_order_request(id)).await
    }
}
