//! Probes orders: how they are read, captured, refunded and canceled.

use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::measurement::{Measurement, Subject};
use super::prober::{Prober, parse, seen, status_and_code};
use super::response_check::printable;
use super::sessions::{REFERENCE, is_terminal, status_of};
use crate::api::{
    Response, cancel_order_request, capture_request, read_order_request, refund_request,
    release_order_request,
};
use crate::error::Error;
use crate::model::{Order, OrderStatus, RefundRequest, Resource, TapOutcome};

/// The amount of an order, in minor units: enough for the refunds of a measurement, which are of one unit each.
const ORDER_AMOUNT: i64 = 20_000;

/// The fields with personal data, which are noticed and never kept.
const PERSONAL_FIELDS: [&str; 3] = ["billing_address", "shipping_address", "customer"];

/// An idempotency key with which a refund was requested.
pub(super) struct UsedKey {
    order: Uuid,
    key: Uuid,
    refund_id: Option<String>,
    /// The amount refunded from the order, if the response does not name the refund.
    refunded_amount: Option<i64>,
}

impl Prober {
    /// Returns an order that was captured and refunded in full, if the account has orders that can be read.
    pub(super) async fn probe_orders(&mut self) -> Result<Option<Uuid>, Error> {
        if !self.can_read_orders().await? || self.pay().await?.is_none() {
            return Ok(None);
        }
        let lag = self.measure("time until a new order can be read", Subject::OrderLag).await?;
        let Some((id, order)) = self.pay_and_read_order(lag).await? else { return Ok(None) };
        self.observe_order(&order);
        if is_captured(&order) == Some(false) {
            self.probe_authorized_orders(id, lag).await?;
        }
        self.probe_captured_order(id).await?;
        self.probe_refunds(id).await?;
        Ok(Some(id))
    }

    /// A key may have no access to orders. Then none of them is found, whatever exists.
    async fn can_read_orders(&mut self) -> Result<bool, Error> {
        let unknown = self.send(&read_order_request(Uuid::new_v4(), None)).await?;
        let malformed = self.get("/ordermanagement/v1/orders/no-uuid", &[]).await?;
        let statuses = format!("{} and {}", status_and_code(&unknown), status_and_code(&malformed));
        self.seen.record("an unknown order ID, and one that is not a UUID", statuses);
        Ok(unknown.status == 404)
    }

    /// Pays a new session. Returns its order, unless the session is not finalized.
    pub(super) async fn pay(&mut self) -> Result<Option<Uuid>, Error> {
        let started = Instant::now();
        let fields = json!({"order_amount": ORDER_AMOUNT});
        let (id, _, mut session) = self.tap_open_session(TapOutcome::Success, fields).await?;
        while !is_terminal(status_of(&session)) && self.wait_a_moment(started).await? {
            session = self.session(id).await?;
        }
        if is_terminal(status_of(&session)) {
            self.sessions.remove(id)?;
        } else {
            self.end_session(id).await?;
        }
        Ok(session["order_id"].as_str().and_then(|id| id.parse().ok()))
    }

    /// Pays a session, and reads its order once that is possible and its payment was captured, or is not captured by itself.
    async fn pay_and_read_order(
        &mut self,
        lag: Measurement,
    ) -> Result<Option<(Uuid, Resource<Order>)>, Error> {
        let Some(id) = self.pay().await? else { return Ok(None) };
        if let (true, Measurement::Within(bounds)) = (self.is_emulator, lag) {
            self.client.advance_clock(bounds.at_most).await?;
        }
        let started = Instant::now();
        loop {
            let order = self.read_order(id).await?;
            let is_captured = order.as_ref().and_then(|order| is_captured(order)) == Some(true);
            if is_captured || !self.wait_a_moment(started).await? {
                return Ok(order.map(|order| (id, order)));
            }
        }
    }

    /// Returns `None` if the order is not found.
    pub(super) async fn read_order(&mut self, id: Uuid) -> Result<Option<Resource<Order>>, Error> {
        let response = self.send(&read_order_request(id, None)).await?;
        Ok(response.is_success().then(|| Resource::from_json(parse(&response)).ok()).flatten())
    }

    fn observe_order(&mut self, order: &Resource<Order>) {
        let capture = is_captured(order).map(|is_captured| {
            if is_captured { ("when the customer pays", "automatic") } else { ("by a request", "manual") }
        });
        self.seen.record_choice("capture of an order", capture);
        let currency = order.purchase_currency.as_deref().unwrap_or_default();
        let spelling = if currency == self.currency.to_ascii_uppercase() {
            Some(("upper case", "upper"))
        } else if currency == self.currency.to_ascii_lowercase() {
            Some(("lower case", "lower"))
        } else {
            None
        };
        self.seen.record_choice("currency of an order", spelling);
        let references = order.merchant_reference1.as_deref().map(|reference| match reference {
            REFERENCE => ("those of the session", "kept"),
            _ => ("its own", "overwritten"),
        });
        self.seen.record_choice("merchant references of an order", references);
        let is_present = |field: &str| {
            order.raw().get(field).and_then(Value::as_object).is_some_and(|fields| !fields.is_empty())
        };
        let is_personal = PERSONAL_FIELDS.into_iter().any(is_present);
        let words = if is_personal { "present" } else { "absent" };
        self.seen.record_option("personal data in an order", words, is_personal);
    }

    /// Cancels one authorized order, releases another, and captures the given one.
    async fn probe_authorized_orders(&mut self, id: Uuid, lag: Measurement) -> Result<(), Error> {
        let mut responses = Vec::new();
        if let Some((other, _)) = self.pay_and_read_order(lag).await? {
            let response = self.send(&cancel_order_request(other, None, Uuid::new_v4())).await?;
            responses.push(("cancel", status_and_code(&response)));
        }
        if let Some((other, _)) = self.pay_and_read_order(lag).await? {
            let response = self.send(&release_order_request(other, None, Uuid::new_v4())).await?;
            responses.push(("release", status_and_code(&response)));
        }
        let response = self.capture(id, ORDER_AMOUNT).await?;
        responses.push(("capture", status_and_code(&response)));
        self.seen.record_cases("operations on an authorized order", &responses);
        Ok(())
    }

    async fn probe_captured_order(&mut self, id: Uuid) -> Result<(), Error> {
        let captured = self.capture(id, 1).await?;
        let canceled = self.send(&cancel_order_request(id, None, Uuid::new_v4())).await?;
        let released = self.send(&release_order_request(id, None, Uuid::new_v4())).await?;
        let refunded = self.refund(id, ORDER_AMOUNT + 1, Uuid::new_v4()).await?;
        let responses = [
            ("capture", captured),
            ("cancel", canceled),
            ("release", released),
            ("refund of too much", refunded),
        ];
        let responses = responses.map(|(name, response)| (name, status_and_code(&response)));
        self.seen.record_cases("operations on a captured order", &responses);
        Ok(())
    }

    async fn probe_refunds(&mut self, id: Uuid) -> Result<(), Error> {
        let key = Uuid::new_v4();
        let response = self.refund(id, 1, key).await?;
        self.seen.record("response to a refund", seen(&response).describe());
        if !response.is_success() {
            return Ok(());
        }
        let headers = ["refund-id", "location"].map(|name| response.header(name).is_some());
        let named = match headers {
            [true, true] => Some(("Refund-Id and Location", "both")),
            [false, true] => Some(("Location", "location")),
            [false, false] => Some(("neither", "none")),
            [true, false] => None,
        };
        self.seen.record_choice("headers that name a refund", named);
        let used = self.used_key(id, key, &response).await?;
        let (repeat, memory) = ("refund with a key that was used", "memory of an idempotency key");
        match self.is_forgotten(&used).await? {
            Some(true) => {
                self.seen.record(repeat, "processed again");
                self.seen.record_measurement(memory, Measurement::Immediate);
            }
            Some(false) => {
                self.seen.record(repeat, "not processed again");
                // In real time this would take hours.
                if self.is_emulator {
                    self.measure(memory, Subject::KeyMemory(id)).await?;
                }
            }
            None => {}
        }
        self.refund_in_full(id).await
    }

    async fn refund_in_full(&mut self, id: Uuid) -> Result<(), Error> {
        let Some(order) = self.read_order(id).await? else { return Ok(()) };
        if let (Some(captured), Some(refunded)) = (order.captured_amount, order.refunded_amount)
            && captured > refunded
        {
            self.refund(id, captured - refunded, Uuid::new_v4()).await?;
        }
        let started = Instant::now();
        loop {
            let Some(order) = self.read_order(id).await? else { return Ok(()) };
            if order.captured_amount.is_some() && order.captured_amount == order.refunded_amount {
                if let Some(status) = &order.status {
                    self.seen.record_refunded_status(&printable(status.as_str()));
                }
                break;
            }
            if !self.wait_a_moment(started).await? {
                return Ok(());
            }
        }
        let response = self.refund(id, 1, Uuid::new_v4()).await?;
        self.seen.record("refund of a fully refunded order", status_and_code(&response));
        Ok(())
    }

    async fn capture(&mut self, order: Uuid, amount: i64) -> Result<Response, Error> {
        self.send(&capture_request(order, amount, None, None, Uuid::new_v4())).await
    }

    async fn refund(&mut self, order: Uuid, amount: i64, key: Uuid) -> Result<Response, Error> {
        let body = RefundRequest { refunded_amount: amount, ..RefundRequest::default() };
        self.send(&refund_request(order, &body, None, key)).await
    }

    /// Refunds one unit with a new key. Returns `None` if the API refuses it.
    pub(super) async fn use_key(&mut self, order: Uuid) -> Result<Option<UsedKey>, Error> {
        let key = Uuid::new_v4();
        let response = self.refund(order, 1, key).await?;
        if !response.is_success() {
            return Ok(None);
        }
        self.used_key(order, key, &response).await.map(Some)
    }

    async fn used_key(&mut self, order: Uuid, key: Uuid, response: &Response) -> Result<UsedKey, Error> {
        let refund_id = refund_id(response);
        let refunded_amount = match refund_id {
            Some(_) => None,
            None => self.read_order(order).await?.and_then(|order| order.refunded_amount),
        };
        Ok(UsedKey { order, key, refund_id, refunded_amount })
    }

    /// Repeats a refund with its key. Returns whether it was processed again, if the responses show that.
    pub(super) async fn is_forgotten(&mut self, used: &UsedKey) -> Result<Option<bool>, Error> {
        let response = self.refund(used.order, 1, used.key).await?;
        if !response.is_success() {
            return Ok(None);
        }
        if let (Some(first), Some(second)) = (&used.refund_id, refund_id(&response)) {
            return Ok(Some(*first != second));
        }
        let now = self.read_order(used.order).await?.and_then(|order| order.refunded_amount);
        Ok(used.refunded_amount.zip(now).map(|(before, now)| now > before))
    }
}

/// Whether the payment of an order was captured.
fn is_captured(order: &Order) -> Option<bool> {
    if order.captured_amount.is_some_and(|amount| amount > 0) || !order.captures.is_empty() {
        return Some(true);
    }
    (order.status == Some(OrderStatus::Authorized)).then_some(false)
}

/// The ID of a refund, in either of its headers.
fn refund_id(response: &Response) -> Option<String> {
    let from_location = || response.header("location").and_then(|location| location.rsplit('/').next());
    response.header("refund-id").or_else(from_location).map(str::to_owned)
}
