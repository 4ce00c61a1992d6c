//! Payouts, which follow from the orders and the time: what was captured and refunded on one day (UTC) in one currency is
//! paid out together, after the time of the option `payout_delay`.

use std::collections::BTreeMap;

use http::StatusCode;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::orders::{Movement, Record};
use super::{PayoutFee, Rejection, State, TransactionSigns};
use crate::model::{Payout, PayoutTotals, Transaction, TransactionType};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PayoutFilter {
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
    pub currency: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TransactionFilter {
    pub payment_reference: Option<String>,
    pub order_id: Option<String>,
}

/// The day and the currency of a payout.
type PayoutKey = (Date, String);

fn payment_reference((date, currency): &PayoutKey) -> String {
    format!("{currency}-{}", date.strftime("%Y%m%d"))
}

fn key(record: &Record, movement: &Movement) -> PayoutKey {
    (movement.at.to_zoned(TimeZone::UTC).date(), record.purchase.purchase_currency.to_ascii_uppercase())
}

impl State {
    /// When a payout is made: at the end of its day, plus the delay.
    fn payout_date(&self, (date, _): &PayoutKey) -> Timestamp {
        let midnight = date.tomorrow().and_then(|day| day.to_zoned(TimeZone::UTC));
        let midnight = midnight.map_or(Timestamp::MAX, |zoned| zoned.timestamp());
        midnight.checked_add(self.options.payout_delay).unwrap_or(Timestamp::MAX)
    }

    /// The transactions that were paid out, by payout, newest payout first.
    fn paid_out(&self, now: Timestamp) -> Vec<(PayoutKey, Vec<Transaction>)> {
        let mut payouts: BTreeMap<PayoutKey, Vec<Transaction>> = BTreeMap::new();
        for record in self.orders.values() {
            let mut add = |movement: &Movement, transaction: Transaction| {
                payouts.entry(key(record, movement)).or_default().push(transaction);
            };
            for capture in &record.captures {
                let id = Some(capture.id);
                add(capture, self.transaction(record, capture, TransactionType::Sale, capture.amount, id));
                if self.options.payout_fee == PayoutFee::OnePercent {
                    let fee = capture.amount / 100;
                    add(capture, self.transaction(record, capture, TransactionType::Fee, fee, id));
                }
            }
            for refund in &record.refunds {
                add(refund, self.transaction(record, refund, TransactionType::Return, refund.amount, None));
            }
        }
        payouts.into_iter().rev().filter(|(key, _)| self.payout_date(key) <= now).collect()
    }

    fn transaction(
        &self,
        record: &Record,
        movement: &Movement,
        kind: TransactionType,
        amount: i64,
        capture_id: Option<Uuid>,
    ) -> Transaction {
        let is_sale = kind == TransactionType::Sale;
        let is_negative = !is_sale && self.options.transaction_signs == TransactionSigns::Signed;
        let captured_at = record.captures.first().map_or(movement.at, |capture| capture.at);
        Transaction {
            amount: Some(if is_negative { amount.saturating_neg() } else { amount }),
            currency_code: Some(record.purchase.purchase_currency.to_ascii_uppercase()),
            order_id: Some(record.id.to_string()),
            capture_id: capture_id.map(|id| id.to_string()),
            refund_id: (kind == TransactionType::Return).then(|| movement.id.to_string()),
            merchant_reference1: record.purchase.merchant_reference1.clone(),
            sale_date: Some(record.created_at),
            capture_date: Some(captured_at),
            payment_reference: Some(payment_reference(&key(record, movement))),
            kind: Some(kind),
        }
    }

    fn to_payout(&self, key: &PayoutKey, transactions: &[Transaction]) -> Payout {
        let sum = |kind: TransactionType| -> i128 {
            let of_kind = transactions.iter().filter(|transaction| transaction.kind.as_ref() == Some(&kind));
            of_kind.filter_map(|transaction| transaction.amount).map(|amount| i128::from(amount).abs()).sum()
        };
        let (sale, returned) = (sum(TransactionType::Sale), sum(TransactionType::Return));
        let fee = sum(TransactionType::Fee);
        let minor = |sum: i128| Some(i64::try_from(sum).unwrap_or(i64::MAX));
        Payout {
            payment_reference: Some(payment_reference(key)),
            payout_date: Some(self.payout_date(key)),
            currency_code: Some(key.1.clone()),
            totals: Some(PayoutTotals {
                sale_amount: minor(sale),
                return_amount: minor(returned),
                fee_amount: minor(fee),
                commission_amount: Some(0),
                tax_amount: Some(0),
                reversal_amount: Some(0),
                settlement_amount: minor(sale - returned - fee),
            }),
        }
    }

    pub fn list_payouts(&self, filter: &PayoutFilter, now: Timestamp) -> Vec<Payout> {
        let is_wanted = |payout: &Payout| {
            let date = payout.payout_date.unwrap_or_default();
            filter.start.is_none_or(|start| start <= date)
                && filter.end.is_none_or(|end| date <= end)
                && matches(filter.currency.as_deref(), payout.currency_code.as_deref())
        };
        let payouts = self.paid_out(now);
        payouts.iter().map(|(key, list)| self.to_payout(key, list)).filter(is_wanted).collect()
    }

    pub fn payout(&self, reference: &str, now: Timestamp) -> Result<Payout, Rejection> {
        let payouts = self.paid_out(now);
        let found = payouts.iter().find(|(key, _)| payment_reference(key) == reference);
        found.map(|(key, list)| self.to_payout(key, list)).ok_or_else(|| {
            Rejection::new(StatusCode::NOT_FOUND, "There is no payout with this reference.").code("NOT_FOUND")
        })
    }

    pub fn list_transactions(&self, filter: &TransactionFilter, now: Timestamp) -> Vec<Transaction> {
        let transactions = self.paid_out(now).into_iter().flat_map(|(_, list)| list);
        let is_wanted = |transaction: &Transaction| {
            matches(filter.payment_reference.as_deref(), transaction.payment_reference.as_deref())
                && matches(filter.order_id.as_deref(), transaction.order_id.as_deref())
        };
        transactions.filter(is_wanted).collect()
    }
}

fn matches(wanted: Option<&str>, value: Option<&str>) -> bool {
    wanted.is_none_or(|wanted| value.is_some_and(|value| value.eq_ignore_ascii_case(wanted)))
}
