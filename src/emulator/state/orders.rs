//! Orders: what a session that was paid becomes. In-person orders are captured when the customer pays (documented).

use std::sync::Arc;

use http::StatusCode;
use indexmap::IndexMap;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::order_totals::line_total;
use super::records::Records;
use super::{
    CurrencyCase, EmulatorOptions, Event, FullyRefunded, OpContext, OrderCapture, OrderReferences, Purchase,
    Rejection, State, sessions,
};
use crate::model::{
    CallbackType, Capture, InitialPaymentMethod, Order, OrderItem, OrderStatus, PaymentMethod, Refund,
};

/// Maximum number of refunds, and of captures, of one order.
const MAX_MOVEMENTS: usize = 1000;

/// Maximum number of idempotency keys that are kept.
const MAX_KEYS: usize = 100_000;

/// An order of a session that was paid.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) id: Uuid,
    pub(super) session_id: Uuid,
    method: PaymentMethod,
    pub(super) created_at: Timestamp,
    pub(super) purchase: Arc<Purchase>,
    pub(super) captures: Vec<Movement>,
    #[serde(default)]
    pub(super) refunds: Vec<Movement>,
    #[serde(default)]
    is_cancelled: bool,
    /// Whether what was not captured was released.
    #[serde(default)]
    is_released: bool,
    /// Whether it follows from its session, which was paid before this program knew orders. Then it is not stored.
    #[serde(skip)]
    is_derived: bool,
}

/// A capture or a refund.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Movement {
    pub(super) id: Uuid,
    pub(super) amount: i64,
    pub(super) at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    lines: Vec<OrderItem>,
}

/// A request for a capture or a refund.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewMovement {
    pub amount: i64,
    pub reference: Option<String>,
    pub description: Option<String>,
    pub lines: Vec<OrderItem>,
}

/// An operation that changes an order.
#[derive(Debug, Clone, PartialEq)]
pub enum OrderOperation {
    Capture(NewMovement),
    Refund(NewMovement),
    Cancel,
    Release,
}

/// The result of an operation that changed an order. A repetition with the same key returns it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderChange {
    Captured { order: Uuid, id: Uuid },
    Refunded { order: Uuid, id: Uuid },
    Cancelled,
    Released,
}

impl OrderChange {
    /// A key of one operation is a new one for another.
    const fn is_result_of(&self, operation: &OrderOperation) -> bool {
        matches!(
            (self, operation),
            (Self::Captured { .. }, OrderOperation::Capture(_))
                | (Self::Refunded { .. }, OrderOperation::Refund(_))
                | (Self::Cancelled, OrderOperation::Cancel)
                | (Self::Released, OrderOperation::Release)
        )
    }
}

pub(super) fn has_none_to_store(orders: &Records<Record>) -> bool {
    orders.values().all(|record| record.is_derived)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Records<Record>, D::Error> {
    let orders = Vec::<Record>::deserialize(deserializer)?;
    Ok(orders.into_iter().map(|record| (record.id, record)).collect())
}

pub(super) fn serialize<S: Serializer>(orders: &Records<Record>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(orders.values().filter(|record| !record.is_derived))
}

/// The idempotency keys that were used, oldest first.
pub(super) type UsedKeys = IndexMap<String, UsedKey>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct UsedKey {
    at: Timestamp,
    change: OrderChange,
}

/// The sum of amounts, of which a client chooses each.
fn sum(movements: &[Movement]) -> i128 {
    movements.iter().map(|movement| i128::from(movement.amount)).sum()
}

/// Sums never exceed the order's amount, except for a session whose own amount is negative.
fn to_i64(sum: i128) -> i64 {
    i64::try_from(sum).unwrap_or(i64::MAX)
}

impl Record {
    /// The order of a session, if it was paid.
    fn of_session(session: &sessions::Record) -> Option<Self> {
        Some(Self {
            id: session.order_id?,
            session_id: session.id,
            method: session.method.unwrap_or_default(),
            created_at: session.completed_at?,
            purchase: session.purchase.clone(),
            ..Self::default()
        })
    }

    fn remaining(&self) -> i128 {
        if self.is_cancelled || self.is_released {
            return 0;
        }
        (i128::from(self.purchase.order_amount) - sum(&self.captures)).max(0)
    }

    fn status(&self, fully_refunded: FullyRefunded) -> OrderStatus {
        if self.is_cancelled {
            return OrderStatus::Cancelled;
        }
        if self.captures.is_empty() {
            return OrderStatus::Authorized;
        }
        let is_refunded = !self.refunds.is_empty() && sum(&self.refunds) >= sum(&self.captures);
        match (self.remaining(), is_refunded, fully_refunded) {
            (1.., _, _) => OrderStatus::PartCaptured,
            (_, true, FullyRefunded::Closed) => OrderStatus::Closed,
            _ => OrderStatus::Captured,
        }
    }

    /// An order that was created less than the time of the option `order_lag` ago is not found yet (observed).
    fn is_readable(&self, lag: SignedDuration, now: Timestamp) -> bool {
        self.created_at.checked_add(lag).is_ok_and(|from| from <= now)
    }

    fn perform(
        &mut self,
        operation: OrderOperation,
        options: &EmulatorOptions,
        context: &mut OpContext<'_>,
    ) -> Result<OrderChange, Rejection> {
        let (order, status) = (self.id, self.status(options.fully_refunded_status));
        match operation {
            OrderOperation::Capture(new) => {
                let refused = |detail: String| refuse("CAPTURE_NOT_ALLOWED", detail);
                if i128::from(new.amount) > self.remaining() || self.remaining() == 0 {
                    return Err(refused(format!(
                        "The order is {status}, and {} of it can be captured.",
                        self.remaining()
                    )));
                }
                check_movement(&new, &self.captures, options.strict_sums, "captured_amount", refused)?;
                let capture = Movement::new(new, context);
                let capture_id = capture.id;
                self.captures.push(capture);
                emit(self, CallbackType::CaptureCreated, Some(capture_id), context);
                Ok(OrderChange::Captured { order, id: capture_id })
            }
            OrderOperation::Refund(new) => {
                let refused = |detail: String| refuse("REFUND_NOT_ALLOWED", detail);
                let refundable = sum(&self.captures) - sum(&self.refunds);
                if !matches!(status, OrderStatus::Captured | OrderStatus::PartCaptured) {
                    return Err(refused(format!("The order is {status}, so it cannot be refunded.")));
                }
                if i128::from(new.amount) > refundable {
                    return Err(refused(format!(
                        "{} is more than {refundable}, which is what can still be refunded.",
                        new.amount
                    )));
                }
                check_movement(&new, &self.refunds, options.strict_sums, "refunded_amount", refused)?;
                let refund = Movement::new(new, context);
                let refund_id = refund.id;
                self.refunds.push(refund);
                emit(self, CallbackType::RefundCreated, Some(refund_id), context);
                Ok(OrderChange::Refunded { order, id: refund_id })
            }
            OrderOperation::Cancel => {
                if !self.captures.is_empty() || self.is_cancelled {
                    let detail = format!("The order is {status}, so it cannot be canceled.");
                    return Err(refuse("CANCEL_NOT_ALLOWED", detail));
                }
                self.is_cancelled = true;
                Ok(OrderChange::Cancelled)
            }
            OrderOperation::Release => {
                if self.remaining() == 0 {
                    let detail = format!("The order is {status}, and nothing of it can be released.");
                    return Err(refuse("NOT_ALLOWED", detail));
                }
                self.is_released = true;
                Ok(OrderChange::Released)
            }
        }
    }

    fn to_order(&self, options: &EmulatorOptions) -> Order {
        let Purchase {
            order_amount,
            purchase_currency,
            merchant_reference1,
            merchant_reference2,
            merchant_data,
            order_items,
            ..
        } = Purchase::clone(&self.purchase);
        let klarna_reference = self.id.simple().to_string()[..8].to_ascii_uppercase();
        let (reference1, reference2) = match options.order_references {
            OrderReferences::Kept => (merchant_reference1, merchant_reference2),
            OrderReferences::Overwritten => (Some(format!("POS-{klarna_reference}")), None),
        };
        let order_lines = order_items.into_iter().map(|item| {
            // A line needs a quantity (documented), but an item of a session does not.
            OrderItem { quantity: item.quantity.or(Some(1)), ..item }
        });
        Order {
            order_id: Some(self.id.to_string()),
            status: Some(self.status(options.fully_refunded_status)),
            fraud_status: Some("ACCEPTED".to_owned()),
            order_amount: Some(order_amount),
            original_order_amount: Some(order_amount),
            captured_amount: Some(to_i64(sum(&self.captures))),
            refunded_amount: Some(to_i64(sum(&self.refunds))),
            remaining_authorized_amount: Some(to_i64(self.remaining())),
            purchase_currency: Some(match options.order_currency_case {
                CurrencyCase::Upper => purchase_currency,
                CurrencyCase::Lower => purchase_currency.to_ascii_lowercase(),
            }),
            created_at: Some(self.created_at),
            klarna_reference: Some(klarna_reference),
            merchant_reference1: reference1,
            merchant_reference2: reference2,
            merchant_data,
            initial_payment_method: Some(InitialPaymentMethod {
                kind: Some(self.method.as_str().to_owned()),
                description: Some(self.method.name().to_owned()),
            }),
            order_lines: Some(order_lines.collect()).filter(|lines: &Vec<_>| !lines.is_empty()),
            captures: self.captures.iter().map(Movement::to_capture).collect(),
            refunds: self.refunds.iter().map(Movement::to_refund).collect(),
        }
    }
}

impl Movement {
    fn new(new: NewMovement, context: &mut OpContext<'_>) -> Self {
        let NewMovement { amount, reference, description, lines } = new;
        Self { id: context.id(), amount, at: context.now, reference, description, lines }
    }

    fn to_capture(&self) -> Capture {
        Capture {
            capture_id: Some(self.id.to_string()),
            captured_amount: Some(self.amount),
            captured_at: Some(self.at),
            reference: self.reference.clone(),
            description: self.description.clone(),
            order_lines: Some(self.lines.clone()).filter(|lines| !lines.is_empty()),
        }
    }

    fn to_refund(&self) -> Refund {
        Refund {
            refund_id: Some(self.id.to_string()),
            refunded_amount: Some(self.amount),
            refunded_at: Some(self.at),
            reference: self.reference.clone(),
            description: self.description.clone(),
            order_lines: Some(self.lines.clone()).filter(|lines| !lines.is_empty()),
        }
    }
}

impl State {
    /// Creates the order of a session, if it was paid.
    pub(super) fn create_order(&mut self, session: &sessions::Record, context: &mut OpContext<'_>) {
        let Some(mut record) = Record::of_session(session) else { return };
        emit(&record, CallbackType::OrderCreated, None, context);
        if self.options.order_capture == OrderCapture::Automatic {
            let amount = record.purchase.order_amount;
            let capture = Movement::new(NewMovement { amount, ..NewMovement::default() }, context);
            emit(&record, CallbackType::CaptureCreated, Some(capture.id), context);
            record.captures = vec![capture];
        }
        self.orders.insert(record.id, record);
    }

    /// Adds the orders of sessions that were paid before this program knew orders.
    pub(super) fn add_missing_orders(&mut self) {
        for record in self.sessions.values().filter_map(Record::of_session) {
            let capture = Movement {
                id: Uuid::new_v5(&record.id, b"capture"),
                amount: record.purchase.order_amount,
                at: record.created_at,
                ..Movement::default()
            };
            let record = Record { captures: vec![capture], is_derived: true, ..record };
            self.orders.entry(record.id).or_insert(record);
        }
    }

    pub fn order(&self, id: Uuid, now: Timestamp) -> Result<Order, Rejection> {
        self.readable_order(id, now).map(|record| record.to_order(&self.options))
    }

    fn readable_order(&self, id: Uuid, now: Timestamp) -> Result<&Record, Rejection> {
        let lag = self.options.order_lag;
        self.orders.get(&id).filter(|record| record.is_readable(lag, now)).ok_or_else(|| no_order(id))
    }

    /// Performs an operation, unless the same key was used for it before: then its result is returned again, whatever is
    /// requested now (documented).
    pub fn change_order(
        &mut self,
        id: Uuid,
        operation: OrderOperation,
        key: Option<&str>,
        context: &mut OpContext<'_>,
    ) -> Result<OrderChange, Rejection> {
        let is_remembered = |used: &UsedKey| {
            used.at.checked_add(self.options.idempotency_memory).is_ok_and(|until| context.now < until)
        };
        let is_repetition = |used: &&UsedKey| is_remembered(used) && used.change.is_result_of(&operation);
        if let Some(used) = key.and_then(|key| self.used_keys.get(key)).filter(is_repetition) {
            return Ok(used.change);
        }
        let lag = self.options.order_lag;
        let record = self.orders.get_mut(&id).filter(|record| record.is_readable(lag, context.now));
        let record = record.ok_or_else(|| no_order(id))?;
        let change = record.perform(operation, &self.options, context)?;
        record.is_derived = false;
        if let Some(key) = key {
            if self.used_keys.len() >= MAX_KEYS {
                self.used_keys.shift_remove_index(0);
            }
            self.used_keys.shift_remove(key);
            self.used_keys.insert(key.to_owned(), UsedKey { at: context.now, change });
        }
        Ok(change)
    }

    pub fn refund(&self, order: Uuid, refund: Uuid, now: Timestamp) -> Result<Refund, Rejection> {
        let record = self.readable_order(order, now)?;
        let found = record.refunds.iter().find(|movement| movement.id == refund);
        found.map(Movement::to_refund).ok_or_else(|| {
            Rejection::not_found(format!("Order {order} has no refund {refund}.")).code("NOT_FOUND")
        })
    }
}

fn no_order(id: Uuid) -> Rejection {
    Rejection::not_found(format!("There is no order {id}.")).code("NO_SUCH_ORDER")
}

/// A refusal for business reasons is a 403 (documented).
fn refuse(code: &'static str, detail: String) -> Rejection {
    Rejection::new(StatusCode::FORBIDDEN, detail).code(code)
}

fn check_movement(
    new: &NewMovement,
    existing: &[Movement],
    strict_sums: bool,
    field: &str,
    refused: impl Fn(String) -> Rejection,
) -> Result<(), Rejection> {
    if existing.len() >= MAX_MOVEMENTS {
        return Err(refused(format!("The order has {MAX_MOVEMENTS} of these already.")));
    }
    if !strict_sums || new.lines.is_empty() {
        return Ok(());
    }
    let bad_value = |detail: String| Rejection::new(StatusCode::BAD_REQUEST, detail).code("BAD_VALUE");
    for (index, line) in new.lines.iter().enumerate() {
        let (given, expected) = (i128::from(line.total_amount.unwrap_or_default()), line_total(line));
        if given != expected {
            return Err(bad_value(format!(
                "order_lines[{index}].total_amount is {given} instead of {expected}"
            )));
        }
    }
    let total: i128 = new.lines.iter().filter_map(|line| line.total_amount).map(i128::from).sum();
    if total != i128::from(new.amount) {
        return Err(bad_value(format!("{field} is {}, but the lines add up to {total}", new.amount)));
    }
    Ok(())
}

fn emit(record: &Record, kind: CallbackType, movement: Option<Uuid>, context: &mut OpContext<'_>) {
    let (capture_id, refund_id) = match kind {
        CallbackType::CaptureCreated => (movement, None),
        _ => (None, movement),
    };
    context.events.push(Event {
        id: (context.ids)(),
        at: context.now,
        kind,
        session_id: record.session_id,
        order_id: Some(record.id),
        failure_reason: None,
        capture_id,
        refund_id,
    });
}

#[cfg(test)]
#[path = "orders_tests.rs"]
mod tests;
