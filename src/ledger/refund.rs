//! Refunds, each with the idempotency key that makes a repetition safe. Pure.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{AccountId, Origin};
use crate::model::{Order, OrderItem, Refund};
use crate::text::normalize_text;

/// How far the API's clock may be behind this machine's.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(10);

/// An intended refund. Its serialized form is what is stored; it has no personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundAttempt {
    /// Also the idempotency key of every request for it.
    pub id: Uuid,
    pub at: Timestamp,
    #[serde(default)]
    pub account: AccountId,
    #[serde(default)]
    pub origin: Origin,
    pub intent: RefundIntent,
    pub outcome: RefundOutcome,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RefundIntent {
    pub order_id: String,
    /// Minor units, including tax.
    pub amount: i64,
    pub currency: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Whether everything that was left was to be refunded.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_all: bool,
    /// Empty for a refund by amount.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<OrderItem>,
}

/// The result of a refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundOutcome {
    /// Nothing is known: it is in progress, or the process died.
    Pending,
    /// It may have been processed, for this reason.
    Unknown(String),
    /// Nothing was refunded, for this reason.
    Refused(String),
    Refunded {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refund_id: Option<String>,
    },
}

impl RefundOutcome {
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Pending | Self::Unknown(_))
    }
}

impl RefundIntent {
    /// Whether both are the same refund: of the same order, with the same reference, and with the same amount or lines.
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
            && reference(self) == reference(other)
            && is_same_choice
    }
}

impl RefundAttempt {
    pub fn refund_id(&self) -> Option<&str> {
        match &self.outcome {
            RefundOutcome::Refunded { refund_id } => refund_id.as_deref(),
            _ => None,
        }
    }

    /// Sets the outcome, unless it is known that the refund was processed. Returns whether the attempt changed.
    pub(crate) fn resolve(&mut self, outcome: &RefundOutcome) -> bool {
        if matches!(self.outcome, RefundOutcome::Refunded { .. }) {
            return false;
        }
        self.outcome = outcome.clone();
        true
    }

    /// The refund of the order that this attempt must have made. Those that other attempts made do not count.
    pub(crate) fn find_processed<'a>(&self, order: &'a Order, others: &[Self]) -> Option<&'a Refund> {
        let earliest = self.at.checked_sub(CLOCK_TOLERANCE).unwrap_or(Timestamp::MIN);
        order.refunds.iter().find(|refund| {
            let is_other =
                |other: &Self| other.id != self.id && other.refund_id() == refund.refund_id.as_deref();
            refund.refunded_amount == Some(self.intent.amount)
                && refund.reference == self.intent.reference
                && refund.refunded_at.is_none_or(|at| at >= earliest)
                && !(refund.refund_id.is_some() && others.iter().any(is_other))
        })
    }
}

/// What to do about an intended refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundDecision {
    /// It is new.
    Start,
    /// An earlier attempt at the same refund has an unknown outcome: it is repeated, with its key.
    Resume(Box<RefundAttempt>),
    /// The same refund was made before.
    Exists(Box<RefundAttempt>),
}

/// Decides about an intended refund of an account, given all earlier ones of the order. With `again`, one that was made
/// before is made once more.
pub fn decide_refund(
    intent: &RefundIntent,
    account: &AccountId,
    earlier: &[RefundAttempt],
    again: bool,
) -> RefundDecision {
    let same = || {
        let same = |other: &&RefundAttempt| account.is_same(&other.account) && intent.is_same(&other.intent);
        earlier.iter().rev().filter(same)
    };
    if let Some(unknown) = same().find(|attempt| attempt.outcome.is_unknown()) {
        return RefundDecision::Resume(Box::new(unknown.clone()));
    }
    match same().find(|attempt| matches!(attempt.outcome, RefundOutcome::Refunded { .. })) {
        Some(made) if !again => RefundDecision::Exists(Box::new(made.clone())),
        _ => RefundDecision::Start,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intent(amount: i64, reference: Option<&str>) -> RefundIntent {
        RefundIntent {
            order_id: "o".into(),
            amount,
            currency: "SEK".into(),
            reference: reference.map(str::to_owned),
            ..RefundIntent::default()
        }
    }

    fn attempt(intent: RefundIntent, outcome: RefundOutcome) -> RefundAttempt {
        RefundAttempt {
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
        let refunded = || RefundOutcome::Refunded { refund_id: Some("r".into()) };
        let line = |reference: &str| OrderItem { reference: Some(reference.into()), ..OrderItem::default() };
        let by_line = |reference| RefundIntent { lines: vec![line(reference)], ..intent(100, None) };
        let all = |amount| RefundIntent { is_all: true, ..intent(amount, None) };
        let decide = |new: &RefundIntent, earlier: RefundIntent, outcome, again| {
            let earlier = attempt(earlier, outcome);
            match decide_refund(new, &AccountId::default(), std::slice::from_ref(&earlier), again) {
                RefundDecision::Start => "start",
                RefundDecision::Resume(found) if *found == earlier => "resume",
                RefundDecision::Exists(found) if *found == earlier => "exists",
                other => panic!("{other:?}"),
            }
        };
        let a = || intent(100, Some(" r-1"));
        assert_eq!(decide(&a(), intent(100, Some("r-1")), refunded(), false), "exists");
        assert_eq!(decide(&a(), a(), refunded(), true), "start");
        assert_eq!(decide(&a(), a(), RefundOutcome::Pending, true), "resume");
        assert_eq!(decide(&a(), a(), RefundOutcome::Unknown("x".into()), false), "resume");
        assert_eq!(decide(&a(), a(), RefundOutcome::Refused("x".into()), false), "start");
        assert_eq!(decide(&a(), intent(101, Some("r-1")), refunded(), false), "start");
        assert_eq!(decide(&a(), intent(100, None), refunded(), false), "start");
        assert_eq!(decide(&by_line("A"), by_line("B"), refunded(), false), "start");
        assert_eq!(decide(&by_line("A"), by_line("A"), refunded(), false), "exists");
        assert_eq!(decide(&by_line("A"), intent(100, None), refunded(), false), "exists");
        assert_eq!(decide(&all(50), all(100), RefundOutcome::Pending, false), "resume");
    }

    #[test]
    fn a_refund_of_the_order_belongs_to_one_attempt() {
        let unknown = attempt(intent(100, None), RefundOutcome::Pending);
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
        let found = |others: &[RefundAttempt]| {
            unknown.find_processed(&order, others).and_then(|refund| refund.refund_id.clone())
        };
        assert_eq!(found(&[]).as_deref(), Some("a"));
        let other = attempt(intent(100, None), RefundOutcome::Refunded { refund_id: Some("a".into()) });
        assert_eq!(found(&[other]), None);
    }
}
