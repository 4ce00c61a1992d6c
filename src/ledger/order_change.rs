//! Changes of an order, such as refunds, each with the idempotency key that makes a repetition safe. Pure.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{AccountId, Origin};
use crate::model::{Order, OrderItem, OrderStatus};
use crate::text::normalize_text;

/// How far the API's clock may be behind this machine's.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(10);

/// An intended change of an order. Its serialized form is what is stored; it has no personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderChange {
    /// Also the idempotency key of every request for it.
    pub id: Uuid,
    pub at: Timestamp,
    #[serde(default)]
    pub account: AccountId,
    #[serde(default)]
    pub origin: Origin,
    pub intent: ChangeIntent,
    pub outcome: ChangeOutcome,
}

/// An operation that changes an order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderOperation {
    /// The only one in ledgers of earlier versions, which do not name it.
    #[default]
    Refund,
    Capture,
    Cancel,
    Release,
}

impl OrderOperation {
    /// What it is called in messages.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Refund => "refund",
            Self::Capture => "capture",
            Self::Cancel => "cancellation",
            Self::Release => "release",
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChangeIntent {
    pub order_id: String,
    pub operation: OrderOperation,
    /// Minor units, including tax.
    pub amount: i64,
    /// Empty if the order has none.
    pub currency: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Whether everything that was left was to be refunded or captured. A cancellation and a release are about everything.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_all: bool,
    /// The lines of a refund. Empty if it is by amount.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<OrderItem>,
}

/// The result of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeOutcome {
    /// Nothing is known: it is in progress, or the process died.
    Pending,
    /// It may have been processed, for this reason.
    Unknown(String),
    /// Nothing was changed, for this reason.
    Refused(String),
    #[serde(alias = "refunded")]
    Processed {
        /// The ID of the refund or the capture.
        #[serde(default, alias = "refund_id", skip_serializing_if = "Option::is_none")]
        id: Option<String>,
    },
}

impl ChangeOutcome {
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Pending | Self::Unknown(_))
    }
}

impl ChangeIntent {
    pub fn currency(&self) -> Option<&str> {
        Some(self.currency.as_str()).filter(|code| !code.is_empty())
    }

    /// Whether both are the same change: of the same order, with the same reference, and with the same amount or lines.
    pub fn is_same(&self, other: &Self) -> bool {
        let reference = |intent: &Self| intent.reference.as_deref().map(normalize_text);
        // The tax and the discount of a piece may differ by a minor unit, which does not make it another one.
        let pieces = |intent: &Self| -> Vec<_> {
            let lines = intent.lines.iter();
            lines
                .map(|line| (line.reference.clone(), line.name.clone(), line.unit_price, line.quantity))
                .collect()
        };
        let is_same_choice = match (self.lines.is_empty(), other.lines.is_empty()) {
            _ if self.is_all && other.is_all => true,
            (false, false) => pieces(self) == pieces(other),
            _ => self.amount == other.amount,
        };
        self.order_id.eq_ignore_ascii_case(&other.order_id)
            && self.operation == other.operation
            && reference(self) == reference(other)
            && is_same_choice
    }
}

/// A refund or a capture of an order.
#[derive(Debug, Clone, Copy)]
pub struct Movement<'a> {
    pub id: Option<&'a str>,
    pub amount: Option<i64>,
    pub at: Option<Timestamp>,
    pub reference: Option<&'a str>,
}

/// The refunds or the captures of an order; none for other operations.
pub fn movements(order: &Order, operation: OrderOperation) -> Vec<Movement<'_>> {
    match operation {
        OrderOperation::Refund => {
            let refunds = order.refunds.iter().map(|refund| Movement {
                id: refund.refund_id.as_deref(),
                amount: refund.refunded_amount,
                at: refund.refunded_at,
                reference: refund.reference.as_deref(),
            });
            refunds.collect()
        }
        OrderOperation::Capture => {
            let captures = order.captures.iter().map(|capture| Movement {
                id: capture.capture_id.as_deref(),
                amount: capture.captured_amount,
                at: capture.captured_at,
                reference: capture.reference.as_deref(),
            });
            captures.collect()
        }
        OrderOperation::Cancel | OrderOperation::Release => Vec::new(),
    }
}

impl OrderChange {
    /// The ID of the refund or the capture.
    pub fn processed_id(&self) -> Option<&str> {
        match &self.outcome {
            ChangeOutcome::Processed { id } => id.as_deref(),
            _ => None,
        }
    }

    /// Sets the outcome, unless it is known that the change was processed. Returns whether it changed.
    pub(crate) fn resolve(&mut self, outcome: &ChangeOutcome) -> bool {
        if matches!(self.outcome, ChangeOutcome::Processed { .. }) {
            return false;
        }
        self.outcome = outcome.clone();
        true
    }

    /// The outcome, if the order shows that this change was processed. Refunds and captures that others made do not count.
    pub(crate) fn find_processed(&self, order: &Order, others: &[Self]) -> Option<ChangeOutcome> {
        let is_processed = match self.intent.operation {
            OrderOperation::Refund | OrderOperation::Capture => {
                let id = self.find_movement(order, others)?.id.map(str::to_owned);
                return Some(ChangeOutcome::Processed { id });
            }
            OrderOperation::Cancel => order.status == Some(OrderStatus::Cancelled),
            OrderOperation::Release => order.remaining_authorized_amount == Some(0),
        };
        is_processed.then_some(ChangeOutcome::Processed { id: None })
    }

    fn find_movement<'a>(&self, order: &'a Order, others: &[Self]) -> Option<Movement<'a>> {
        let earliest = self.at.checked_sub(CLOCK_TOLERANCE).unwrap_or(Timestamp::MIN);
        movements(order, self.intent.operation).into_iter().find(|movement| {
            let is_other = |other: &Self| other.id != self.id && other.processed_id() == movement.id;
            movement.amount == Some(self.intent.amount)
                && movement.reference == self.intent.reference.as_deref()
                && movement.at.is_none_or(|at| at >= earliest)
                && !(movement.id.is_some() && others.iter().any(is_other))
        })
    }
}

/// What to do about an intended change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeDecision {
    /// It is new.
    Start,
    /// The same change was started before and has an unknown outcome: it is repeated, with its key.
    Resume(Box<OrderChange>),
    /// The same change was made before.
    Exists(Box<OrderChange>),
}

/// Decides about an intended change by an account, given all earlier ones of the order. With `again`, one that was made
/// before is made once more.
pub fn decide_change(
    intent: &ChangeIntent,
    account: &AccountId,
    earlier: &[OrderChange],
    again: bool,
) -> ChangeDecision {
    let same = || {
        let same = |other: &&OrderChange| account.is_same(&other.account) && intent.is_same(&other.intent);
        earlier.iter().rev().filter(same)
    };
    if let Some(unknown) = same().find(|attempt| attempt.outcome.is_unknown()) {
        return ChangeDecision::Resume(Box::new(unknown.clone()));
    }
    match same().find(|attempt| matches!(attempt.outcome, ChangeOutcome::Processed { .. })) {
        Some(made) if !again => ChangeDecision::Exists(Box::new(made.clone())),
        _ => ChangeDecision::Start,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Refund;

    fn intent(amount: i64, reference: Option<&str>) -> ChangeIntent {
        ChangeIntent {
            order_id: "o".into(),
            amount,
            currency: "SEK".into(),
            reference: reference.map(str::to_owned),
            ..ChangeIntent::default()
        }
    }

    fn attempt(intent: ChangeIntent, outcome: ChangeOutcome) -> OrderChange {
        OrderChange {
            id: Uuid::new_v4(),
            at: "2026-11-26T10:00:00Z".parse().unwrap(),
            account: AccountId::default(),
            origin: Origin::default(),
            intent,
            outcome,
        }
    }

    #[test]
    fn the_same_refund_is_resumed_or_exists_and_another_starts() {
        let refunded = || ChangeOutcome::Processed { id: Some("r".into()) };
        let line = |reference: &str| OrderItem { reference: Some(reference.into()), ..OrderItem::default() };
        let by_line = |reference| ChangeIntent { lines: vec![line(reference)], ..intent(100, None) };
        let all = |amount| ChangeIntent { is_all: true, ..intent(amount, None) };
        let decide = |new: &ChangeIntent, earlier: ChangeIntent, outcome, again| {
            let earlier = attempt(earlier, outcome);
            match decide_change(new, &AccountId::default(), std::slice::from_ref(&earlier), again) {
                ChangeDecision::Start => "start",
                ChangeDecision::Resume(found) if *found == earlier => "resume",
                ChangeDecision::Exists(found) if *found == earlier => "exists",
                other => panic!("{other:?}"),
            }
        };
        let a = || intent(100, Some(" r-1"));
        assert_eq!(decide(&a(), intent(100, Some("r-1")), refunded(), false), "exists");
        assert_eq!(decide(&a(), a(), refunded(), true), "start");
        assert_eq!(decide(&a(), a(), ChangeOutcome::Pending, true), "resume");
        assert_eq!(decide(&a(), a(), ChangeOutcome::Unknown("x".into()), false), "resume");
        assert_eq!(decide(&a(), a(), ChangeOutcome::Refused("x".into()), false), "start");
        assert_eq!(decide(&a(), intent(101, Some("r-1")), refunded(), false), "start");
        assert_eq!(decide(&a(), intent(100, None), refunded(), false), "start");
        assert_eq!(decide(&by_line("A"), by_line("B"), refunded(), false), "start");
        assert_eq!(decide(&by_line("A"), by_line("A"), refunded(), false), "exists");
        assert_eq!(decide(&by_line("A"), intent(100, None), refunded(), false), "exists");
        assert_eq!(decide(&all(50), all(100), ChangeOutcome::Pending, false), "resume");
        let capture = ChangeIntent { operation: OrderOperation::Capture, ..a() };
        assert_eq!(decide(&capture, capture.clone(), refunded(), false), "exists");
        assert_eq!(decide(&capture, a(), refunded(), false), "start");
        assert_eq!(decide(&capture, a(), ChangeOutcome::Pending, false), "start");
    }

    #[test]
    fn each_operation_is_found_in_the_order() {
        let change = |operation| {
            let intent = ChangeIntent { operation, ..intent(100, None) };
            attempt(intent, ChangeOutcome::Pending)
        };
        let order = |text: &str| serde_json::from_str::<Order>(text).unwrap();
        let capture = r#"{"captures": [{"capture_id": "c", "captured_amount": 100}]}"#;
        for (operation, before, after) in [
            (OrderOperation::Capture, r#"{"captures": [{"captured_amount": 50}]}"#, capture),
            (OrderOperation::Cancel, r#"{"status": "AUTHORIZED"}"#, r#"{"status": "CANCELLED"}"#),
            (
                OrderOperation::Release,
                r#"{"remaining_authorized_amount": 1}"#,
                r#"{"remaining_authorized_amount": 0}"#,
            ),
        ] {
            let id = (operation == OrderOperation::Capture).then(|| "c".to_owned());
            assert_eq!(change(operation).find_processed(&order(before), &[]), None, "{operation:?}");
            let found = change(operation).find_processed(&order(after), &[]);
            assert_eq!(found, Some(ChangeOutcome::Processed { id }), "{operation:?}");
        }
    }

    #[test]
    fn a_refund_of_an_earlier_version_can_be_read() {
        let stored = r#"{"id": "00000000-0000-4000-8000-000000000001", "at": "2026-11-26T10:00:00Z",
            "intent": {"order_id": "o", "amount": 100, "currency": "SEK"}, "outcome": {"refunded": {"refund_id": "r"}}}"#;
        let read: OrderChange = serde_json::from_str(stored).unwrap();
        assert_eq!((read.intent.operation, read.processed_id()), (OrderOperation::Refund, Some("r")));
    }

    #[test]
    fn a_refund_of_the_order_belongs_to_one_attempt() {
        let unknown = attempt(intent(100, None), ChangeOutcome::Pending);
        let refund = |id: &str, at: &str| Refund {
            refund_id: Some(id.into()),
            refunded_amount: Some(100),
            refunded_at: at.parse().ok(),
            ..Refund::default()
        };
        let order = Order {
            refunds: vec![refund("old", "2026-11-26T09:00:00Z"), refund("a", "2026-11-26T10:00:01Z")],
            ..Order::default()
        };
        let found = |others: &[OrderChange]| unknown.find_processed(&order, others);
        let processed = ChangeOutcome::Processed { id: Some("a".into()) };
        assert_eq!(found(&[]), Some(processed.clone()));
        assert_eq!(found(&[attempt(intent(100, None), processed)]), None);
    }
}
