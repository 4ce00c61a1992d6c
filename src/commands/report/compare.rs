//! Compares sales with orders, payouts and the point of sale. Pure.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::ledger::{Attempt, Intent};
use crate::output::{Cell, CellStyle, Column, View, format_amount};

/// A payout takes at most ten business days (documented), which are two weeks.
const MAX_PAYOUT_DELAY: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Sales and refunds of a point of sale, by currency and reference.
pub(super) type PosSums = BTreeMap<(String, String), (i64, i64)>;

/// What the API knows about an order.
#[derive(Debug, Clone, Copy)]
pub(super) struct OrderFact {
    pub captured: i64,
    pub refunded: i64,
}

#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Those that were paid, or may have been.
    pub sales: Vec<Attempt>,
    pub orders: HashMap<String, OrderFact>,
    /// The refunds of an order in the ledger.
    pub refunded: HashMap<String, i64>,
    /// The payout of an order, without refunds and fees.
    pub paid_out: HashMap<String, i64>,
    /// Whether every sale has to be in the payout.
    pub is_one_payout: bool,
    /// `None` without an export.
    pub pos: Option<PosSums>,
    pub now: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DifferenceKind {
    UnknownAttempt,
    PaidTwice,
    PaidNotInPos,
    InPosNotPaid,
    AmountDiffers,
    RefundedMore,
    RefundedLess,
    NotPaidOut,
    PayoutDiffers,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Difference {
    pub kind: DifferenceKind,
    pub reference: Option<String>,
    pub session_id: Option<String>,
    pub order_id: Option<String>,
    pub currency: String,
    /// Minor units.
    pub expected: Option<i64>,
    pub actual: Option<i64>,
    pub detail: String,
}

/// The result of a comparison.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Comparison {
    pub differences: Vec<Difference>,
    /// How many paid sales were compared.
    pub paid: usize,
    /// How many of them are not paid out yet, and need not be.
    pub pending: usize,
}

/// The currency and the reference of a sale.
fn key(sale: &Attempt) -> Option<(String, String)> {
    let currency = sale.intent.purchase_currency.clone().unwrap_or_default();
    Some((currency, sale.intent.reference()?))
}

fn amount(sale: &Attempt) -> i64 {
    sale.intent.order_amount.unwrap_or_default()
}

impl Comparison {
    fn add(
        &mut self,
        kind: DifferenceKind,
        sale: &Attempt,
        expected: Option<i64>,
        actual: Option<i64>,
        detail: impl Into<String>,
    ) {
        let Intent { merchant_reference1, purchase_currency, .. } = &sale.intent;
        self.differences.push(Difference {
            kind,
            reference: merchant_reference1.clone(),
            session_id: sale.session_id().map(str::to_owned),
            order_id: sale.order_id().map(str::to_owned),
            currency: purchase_currency.clone().unwrap_or_default(),
            expected,
            actual,
            detail: detail.into(),
        });
    }
}

pub(super) fn compare(facts: &Facts) -> Comparison {
    let mut comparison = Comparison::default();
    let mut by_reference: BTreeMap<(String, String), Vec<&Attempt>> = BTreeMap::new();
    for sale in &facts.sales {
        if !sale.is_paid() {
            let detail = format!("attempt {} has an unknown outcome", sale.id);
            comparison.add(DifferenceKind::UnknownAttempt, sale, Some(amount(sale)), None, detail);
            continue;
        }
        comparison.paid += 1;
        if let Some(key) = key(sale) {
            by_reference.entry(key).or_default().push(sale);
        }
        compare_order(sale, facts, &mut comparison);
        compare_payout(sale, facts, &mut comparison);
    }
    for sales in by_reference.values() {
        for sale in &sales[1..] {
            let detail = format!("the reference was paid {} times", sales.len());
            comparison.add(DifferenceKind::PaidTwice, sale, Some(0), Some(amount(sale)), detail);
        }
    }
    if let Some(pos) = &facts.pos {
        compare_pos(pos, &by_reference, facts, &mut comparison);
    }
    comparison.differences.sort_by(|one, other| {
        (one.kind, &one.reference, &one.order_id).cmp(&(other.kind, &other.reference, &other.order_id))
    });
    comparison
}

fn compare_order(sale: &Attempt, facts: &Facts, comparison: &mut Comparison) {
    let Some(id) = sale.order_id() else { return };
    let Some(order) = facts.orders.get(id) else { return };
    let (expected, actual) = (Some(amount(sale)), Some(order.captured));
    if expected != actual {
        let detail = "the ledger and the order have different amounts";
        comparison.add(DifferenceKind::AmountDiffers, sale, expected, actual, detail);
    }
    // The point of sale knows all refunds, the ledger only those that were made with kustom.
    let in_pos = facts.pos.as_ref().and_then(|pos| pos.get(&key(sale)?)).map(|(_, refunded)| *refunded);
    let (expected, source) = match in_pos {
        Some(refunded) => (refunded, "the point of sale"),
        None => (facts.refunded.get(id).copied().unwrap_or_default(), "the ledger"),
    };
    let kind = match order.refunded.cmp(&expected) {
        std::cmp::Ordering::Equal => return,
        std::cmp::Ordering::Greater => DifferenceKind::RefundedMore,
        std::cmp::Ordering::Less => DifferenceKind::RefundedLess,
    };
    let detail = format!("the refunds of the order and of {source} differ");
    comparison.add(kind, sale, Some(expected), Some(order.refunded), detail);
}

fn compare_payout(sale: &Attempt, facts: &Facts, comparison: &mut Comparison) {
    let Some(order_id) = sale.order_id() else { return };
    let captured = facts.orders.get(order_id).map_or(amount(sale), |order| order.captured);
    match facts.paid_out.get(order_id) {
        Some(paid_out) if *paid_out == captured => {}
        Some(paid_out) => {
            let detail = "the payout has another amount";
            comparison.add(DifferenceKind::PayoutDiffers, sale, Some(captured), Some(*paid_out), detail);
        }
        None if facts.is_one_payout || facts.now.duration_since(sale.at) > MAX_PAYOUT_DELAY => {
            let detail = if facts.is_one_payout { "the payout lacks it" } else { "no payout has it" };
            comparison.add(DifferenceKind::NotPaidOut, sale, Some(captured), None, detail);
        }
        None => comparison.pending += 1,
    }
}

fn compare_pos(
    pos: &PosSums,
    by_reference: &BTreeMap<(String, String), Vec<&Attempt>>,
    facts: &Facts,
    comparison: &mut Comparison,
) {
    for sale in facts.sales.iter().filter(|sale| sale.is_paid()) {
        if key(sale).is_none_or(|key| !pos.contains_key(&key)) {
            let detail = "the point of sale does not have it";
            comparison.add(DifferenceKind::PaidNotInPos, sale, None, Some(amount(sale)), detail);
        }
    }
    for (pos_key, (sold, _)) in pos {
        if let Some(sales) = by_reference.get(pos_key) {
            let sale = sales[0];
            if *sold != amount(sale) {
                let detail = "the point of sale has another amount";
                comparison.add(DifferenceKind::AmountDiffers, sale, Some(*sold), Some(amount(sale)), detail);
            }
            continue;
        }
        // An unknown attempt is named as such.
        if facts.sales.iter().any(|sale| !sale.is_paid() && key(sale).as_ref() == Some(pos_key)) {
            continue;
        }
        let (currency, reference) = pos_key.clone();
        comparison.differences.push(Difference {
            kind: DifferenceKind::InPosNotPaid,
            reference: Some(reference),
            session_id: None,
            order_id: None,
            currency,
            expected: Some(*sold),
            actual: None,
            detail: "no sale with this reference was paid".to_owned(),
        });
    }
}

impl DifferenceKind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownAttempt => "unknown attempt",
            Self::PaidTwice => "paid twice",
            Self::PaidNotInPos => "paid, not in POS",
            Self::InPosNotPaid => "in POS, not paid",
            Self::AmountDiffers => "amount differs",
            Self::RefundedMore => "refunded more",
            Self::RefundedLess => "refunded less",
            Self::NotPaidOut => "not paid out",
            Self::PayoutDiffers => "payout differs",
        }
    }
}

impl View for Difference {
    const NOUN: &'static str = "difference";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("DIFFERENCE", |entry| Cell::styled(entry.kind.as_str(), CellStyle::Error)),
        Column::new("REFERENCE", |entry| Cell::optional(entry.reference.as_deref())),
        Column::new("EXPECTED", |entry| format_amount(entry.expected, Some(&entry.currency)).into()),
        Column::new("ACTUAL", |entry| format_amount(entry.actual, Some(&entry.currency)).into()),
        Column::id("ORDER", |entry| Cell::optional(entry.order_id.as_deref())),
        Column::new("DETAIL", |entry| entry.detail.as_str().into()),
    ];
    const CSV_FIELDS: &'static [&'static str] =
        &["kind", "reference", "session_id", "order_id", "currency", "expected", "actual", "detail"];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{AccountId, Origin, Outcome};
    use crate::model::SessionStatus;
    use uuid::Uuid;

    fn sale(reference: &str) -> Attempt {
        Attempt {
            id: Uuid::nil(),
            at: Timestamp::UNIX_EPOCH,
            account: AccountId::default(),
            origin: Origin::default(),
            intent: Intent {
                order_amount: Some(100),
                purchase_currency: Some("SEK".into()),
                merchant_reference1: Some(reference.into()),
                ..Intent::default()
            },
            outcome: Outcome::Created {
                session_id: "s".into(),
                status: SessionStatus::Finalized,
                order_id: Some(reference.into()),
            },
            reported: true,
        }
    }

    #[test]
    fn without_an_export_refunds_are_those_of_the_ledger_and_a_payout_has_two_weeks() {
        let order = |refunded| OrderFact { captured: 100, refunded };
        let mut facts = Facts {
            sales: vec![sale("more"), sale("less"), sale("same")],
            orders: [("more".into(), order(20)), ("less".into(), order(0)), ("same".into(), order(10))]
                .into(),
            refunded: [("less".into(), 10), ("same".into(), 10)].into(),
            now: Timestamp::UNIX_EPOCH + MAX_PAYOUT_DELAY,
            ..Facts::default()
        };
        let Comparison { differences, paid, pending } = compare(&facts);
        let found: Vec<_> = differences
            .iter()
            .map(|difference| (difference.kind, difference.reference.as_deref().unwrap()))
            .collect();
        assert_eq!(found, [(DifferenceKind::RefundedMore, "more"), (DifferenceKind::RefundedLess, "less")]);
        assert_eq!((paid, pending), (3, 3));
        facts.now += SignedDuration::from_secs(1);
        assert_eq!(compare(&facts).pending, 0);
    }
}
