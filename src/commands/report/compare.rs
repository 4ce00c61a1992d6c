//! Compares sales with orders, payouts and the point of sale. Pure.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::output::{Cell, CellStyle, Column, View, format_amount};
use crate::text::normalize_text;

/// A payout takes at most ten business days (documented), which are two weeks.
const MAX_PAYOUT_DELAY: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Sales and refunds of a point of sale, by currency and reference.
pub(super) type PosSums = BTreeMap<(String, String), (i64, i64)>;

/// A sale of the ledger that was paid, or may have been.
#[derive(Debug, Clone, Default)]
pub(super) struct SaleFact {
    pub at: Timestamp,
    pub reference: Option<String>,
    pub session_id: Option<String>,
    pub order_id: Option<String>,
    pub attempt: String,
    pub amount: i64,
    pub currency: String,
    pub is_paid: bool,
    /// Refunds of the order in the ledger.
    pub refunded: i64,
}

/// What the API knows about an order.
#[derive(Debug, Clone, Copy)]
pub(super) struct OrderFact {
    pub captured: i64,
    pub refunded: i64,
}

#[derive(Debug, Default)]
pub(super) struct Facts {
    pub sales: Vec<SaleFact>,
    pub orders: HashMap<String, OrderFact>,
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

impl SaleFact {
    fn key(&self) -> Option<(String, String)> {
        let reference = self.reference.as_deref().map(normalize_text).filter(|text| !text.is_empty())?;
        Some((self.currency.clone(), reference))
    }

    fn difference(
        &self,
        kind: DifferenceKind,
        expected: Option<i64>,
        actual: Option<i64>,
        detail: impl Into<String>,
    ) -> Difference {
        Difference {
            kind,
            reference: self.reference.clone(),
            session_id: self.session_id.clone(),
            order_id: self.order_id.clone(),
            currency: self.currency.clone(),
            expected,
            actual,
            detail: detail.into(),
        }
    }
}

pub(super) fn compare(facts: &Facts) -> Comparison {
    let mut comparison = Comparison::default();
    let mut by_reference: BTreeMap<(String, String), Vec<&SaleFact>> = BTreeMap::new();
    for sale in &facts.sales {
        if !sale.is_paid {
            comparison.differences.push(sale.difference(
                DifferenceKind::UnknownAttempt,
                Some(sale.amount),
                None,
                format!("attempt {} has an unknown outcome", sale.attempt),
            ));
            continue;
        }
        comparison.paid += 1;
        if let Some(key) = sale.key() {
            by_reference.entry(key).or_default().push(sale);
        }
        compare_order(sale, facts, &mut comparison);
        compare_payout(sale, facts, &mut comparison);
    }
    for sales in by_reference.values() {
        for sale in &sales[1..] {
            comparison.differences.push(sale.difference(
                DifferenceKind::PaidTwice,
                Some(0),
                Some(sale.amount),
                format!("the reference was paid {} times", sales.len()),
            ));
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

fn compare_order(sale: &SaleFact, facts: &Facts, comparison: &mut Comparison) {
    let Some(order) = sale.order_id.as_ref().and_then(|id| facts.orders.get(id)) else { return };
    let (expected, actual) = (Some(sale.amount), Some(order.captured));
    if expected != actual {
        let detail = "the ledger and the order have different amounts";
        comparison.differences.push(sale.difference(DifferenceKind::AmountDiffers, expected, actual, detail));
    }
    // The point of sale knows all refunds, the ledger only those that were made with kustom.
    let in_pos = facts.pos.as_ref().and_then(|pos| pos.get(&sale.key()?)).map(|(_, refunded)| *refunded);
    let (expected, source) = match in_pos {
        Some(refunded) => (refunded, "the point of sale"),
        None => (sale.refunded, "the ledger"),
    };
    let kind = match order.refunded.cmp(&expected) {
        std::cmp::Ordering::Equal => return,
        std::cmp::Ordering::Greater => DifferenceKind::RefundedMore,
        std::cmp::Ordering::Less => DifferenceKind::RefundedLess,
    };
    let detail = format!("the refunds of the order and of {source} differ");
    comparison.differences.push(sale.difference(kind, Some(expected), Some(order.refunded), detail));
}

fn compare_payout(sale: &SaleFact, facts: &Facts, comparison: &mut Comparison) {
    let Some(order_id) = &sale.order_id else { return };
    let captured = facts.orders.get(order_id).map_or(sale.amount, |order| order.captured);
    match facts.paid_out.get(order_id) {
        Some(amount) if *amount == captured => {}
        Some(amount) => {
            let detail = "the payout has another amount";
            comparison.differences.push(sale.difference(
                DifferenceKind::PayoutDiffers,
                Some(captured),
                Some(*amount),
                detail,
            ));
        }
        None if facts.is_one_payout || facts.now.duration_since(sale.at) > MAX_PAYOUT_DELAY => {
            let detail = if facts.is_one_payout { "the payout lacks it" } else { "no payout has it" };
            let difference = sale.difference(DifferenceKind::NotPaidOut, Some(captured), None, detail);
            comparison.differences.push(difference);
        }
        None => comparison.pending += 1,
    }
}

fn compare_pos(
    pos: &PosSums,
    by_reference: &BTreeMap<(String, String), Vec<&SaleFact>>,
    facts: &Facts,
    comparison: &mut Comparison,
) {
    for sale in facts.sales.iter().filter(|sale| sale.is_paid) {
        if sale.key().is_none_or(|key| !pos.contains_key(&key)) {
            let detail = "the point of sale does not have it";
            let difference = sale.difference(DifferenceKind::PaidNotInPos, None, Some(sale.amount), detail);
            comparison.differences.push(difference);
        }
    }
    for (key, (sold, _)) in pos {
        if let Some(sales) = by_reference.get(key) {
            let sale = sales[0];
            if *sold != sale.amount {
                comparison.differences.push(sale.difference(
                    DifferenceKind::AmountDiffers,
                    Some(*sold),
                    Some(sale.amount),
                    "the point of sale has another amount",
                ));
            }
            continue;
        }
        // An unknown attempt is named as such.
        if facts.sales.iter().any(|sale| !sale.is_paid && sale.key().as_ref() == Some(key)) {
            continue;
        }
        comparison.differences.push(Difference {
            kind: DifferenceKind::InPosNotPaid,
            reference: Some(key.1.clone()),
            session_id: None,
            order_id: None,
            currency: key.0.clone(),
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

    const HOUR: i64 = 3600;

    fn sale(reference: &str, amount: i64) -> SaleFact {
        SaleFact {
            at: Timestamp::from_second(1_800_000_000).unwrap(),
            reference: Some(reference.into()),
            session_id: Some(format!("s-{reference}")),
            order_id: Some(format!("o-{reference}")),
            attempt: format!("a-{reference}"),
            amount,
            currency: "SEK".into(),
            is_paid: true,
            refunded: 0,
        }
    }

    /// A day without a difference.
    fn day(references: &[&str]) -> Facts {
        let sales: Vec<_> = references.iter().map(|reference| sale(reference, 100)).collect();
        let orders = sales
            .iter()
            .map(|sale| (sale.order_id.clone().unwrap(), OrderFact { captured: 100, refunded: 0 }));
        let pos = sales.iter().map(|sale| (sale.key().unwrap(), (100, 0)));
        Facts {
            orders: orders.collect(),
            pos: Some(pos.collect()),
            now: Timestamp::from_second(1_800_000_000 + HOUR).unwrap(),
            sales,
            ..Facts::default()
        }
    }

    fn kinds(facts: &Facts) -> Vec<(DifferenceKind, Option<String>)> {
        let differences = compare(facts).differences;
        differences.into_iter().map(|difference| (difference.kind, difference.reference)).collect()
    }

    #[test]
    fn each_difference_is_named_and_nothing_else() {
        use DifferenceKind::*;
        let references = ["ok", "twice", "nopos", "amount", "more", "less", "unknown", "differs", "old"];
        let mut facts = day(&references);
        assert_eq!(compare(&facts), Comparison { paid: 9, pending: 9, ..Comparison::default() });
        let key = |reference: &str| ("SEK".to_owned(), reference.to_owned());
        facts.sales.push(SaleFact { order_id: Some("o-2".into()), ..sale("twice", 100) });
        let pos = facts.pos.as_mut().unwrap();
        pos.remove(&key("nopos"));
        pos.insert(key("notpaid"), (100, 0));
        pos.insert(key("amount"), (90, 0));
        pos.insert(key("less"), (100, 30));
        facts.orders.get_mut("o-more").unwrap().refunded = 20;
        facts.paid_out.insert("o-ok".into(), 100);
        facts.paid_out.insert("o-differs".into(), 99);
        facts.sales[6].is_paid = false;
        facts.sales[8].at = Timestamp::from_second(1_800_000_000 - 400 * HOUR).unwrap();
        let expected = [
            (UnknownAttempt, "unknown"),
            (PaidTwice, "twice"),
            (PaidNotInPos, "nopos"),
            (InPosNotPaid, "notpaid"),
            (AmountDiffers, "amount"),
            (RefundedMore, "more"),
            (RefundedLess, "less"),
            (NotPaidOut, "old"),
            (PayoutDiffers, "differs"),
        ];
        let expected: Vec<_> =
            expected.into_iter().map(|(kind, name)| (kind, Some(name.to_owned()))).collect();
        assert_eq!(kinds(&facts), expected);
    }

    #[test]
    fn without_an_export_refunds_are_those_of_the_ledger() {
        let mut facts = Facts { pos: None, ..day(&["a", "b"]) };
        facts.orders.get_mut("o-a").unwrap().refunded = 20;
        facts.sales[1].refunded = 10;
        assert_eq!(
            kinds(&facts),
            [
                (DifferenceKind::RefundedMore, Some("a".into())),
                (DifferenceKind::RefundedLess, Some("b".into()))
            ]
        );
        facts.is_one_payout = true;
        assert_eq!(compare(&facts).pending, 0);
    }
}
