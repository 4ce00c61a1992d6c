//! Probes payouts and their transactions.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::measure::MAX_ADVANCE;
use super::prober::{Prober, parse};
use crate::api::encode_segment;
use crate::error::Error;
use crate::model::{Payout, Transaction, TransactionType};

/// The documented maximum of `size`.
const SIZE: &str = "500";

impl Prober {
    /// Looks at the payout of an order on an emulator, whose clock can be advanced until there is one. On an account it looks
    /// at the newest payout, if there is any.
    pub(super) async fn probe_payouts(&mut self, order: Option<Uuid>) -> Result<(), Error> {
        let payouts: Vec<Payout> = self.list_settlements("payouts", &[]).await?;
        let found = match order {
            Some(order) if self.is_emulator => self.wait_for_payout(order).await?,
            _ => self.read_newest_payout(payouts).await?,
        };
        if let Some((payout, transactions)) = found {
            if let Some(delay) = delay(&payout, &transactions) {
                let fact = "time from the end of a day (UTC) to its payout";
                self.seen.record_option(fact, format!("{delay:#}"), delay);
            }
            let fees = fee(&payout, &transactions);
            self.seen.record_choice("fees that are deducted from payouts", fees);
            self.seen.record_choice("signs of amounts in transactions", signs(&transactions));
        }
        // All lists have to have the same form.
        let envelope = self.envelopes.first().copied().filter(|_| self.envelopes.len() == 1);
        self.seen.record_choice("lists of payouts and transactions", envelope);
        Ok(())
    }

    /// Advances the clock until both the sale and the return of an order were paid out.
    async fn wait_for_payout(&mut self, order: Uuid) -> Result<Option<(Payout, Vec<Transaction>)>, Error> {
        let order = order.to_string();
        let query = [("order_id", order.as_str()), ("size", SIZE)];
        let (mut advanced, mut step) = (SignedDuration::ZERO, SignedDuration::from_hours(1));
        loop {
            let transactions: Vec<Transaction> = self.list_settlements("transactions", &query).await?;
            let find = |kind: TransactionType| {
                transactions.iter().find(|transaction| transaction.kind.as_ref() == Some(&kind))
            };
            if let (Some(sale), Some(_)) = (find(TransactionType::Sale), find(TransactionType::Return)) {
                let reference = sale.payment_reference.clone().unwrap_or_default();
                let path = format!("/settlements/v1/payouts/{}", encode_segment(&reference));
                let response = self.get(&path, &[]).await?;
                let payout = serde_json::from_value(parse(&response)).ok();
                return Ok(payout.map(|payout| (payout, transactions)));
            }
            if advanced >= MAX_ADVANCE {
                return Ok(None);
            }
            self.client.advance_clock(step).await?;
            advanced += step;
            step *= 2;
        }
    }

    async fn read_newest_payout(
        &mut self,
        payouts: Vec<Payout>,
    ) -> Result<Option<(Payout, Vec<Transaction>)>, Error> {
        let newest = payouts.into_iter().max_by_key(|payout| payout.payout_date);
        let reference = newest.as_ref().and_then(|payout| payout.payment_reference.clone());
        let mut query = vec![("size", SIZE)];
        query.extend(reference.as_deref().map(|reference| ("payment_reference", reference)));
        let transactions = self.list_settlements("transactions", &query).await?;
        Ok(newest.filter(|_| reference.is_some()).map(|payout| (payout, transactions)))
    }

    /// Returns nothing if the account has no access to settlements.
    async fn list_settlements<T: DeserializeOwned>(
        &mut self,
        name: &str,
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, Error> {
        let response = self.get(&format!("/settlements/v1/{name}"), query).await?;
        let mut body = parse(&response);
        let (envelope, items) = match body.get_mut(name).map(Value::take) {
            Some(items) => (("an object with the list", "object"), items),
            None => (("the list itself", "array"), body),
        };
        let Value::Array(items) = items else { return Ok(Vec::new()) };
        if !response.is_success() {
            return Ok(Vec::new());
        }
        self.envelopes.insert(envelope);
        Ok(items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect())
    }
}

fn of_kind(transactions: &[Transaction], kind: TransactionType) -> impl Iterator<Item = &Transaction> {
    transactions.iter().filter(move |transaction| transaction.kind.as_ref() == Some(&kind))
}

/// The time from the end of a day (UTC) to the payout, if everything in the payout was captured on the same day.
fn delay(payout: &Payout, transactions: &[Transaction]) -> Option<SignedDuration> {
    let day_end = |captured_at: Timestamp| {
        let tomorrow = captured_at.to_zoned(TimeZone::UTC).date().tomorrow().ok()?;
        Some(tomorrow.to_zoned(TimeZone::UTC).ok()?.timestamp())
    };
    let mut ends =
        of_kind(transactions, TransactionType::Sale).map(|sale| sale.capture_date.and_then(day_end));
    let first = ends.next()??;
    let is_same = ends.all(|end| end == Some(first));
    let delay = payout.payout_date?.duration_since(first);
    (is_same && !delay.is_negative()).then_some(delay)
}

/// The fees, if an emulator can deduct the same.
fn fee(payout: &Payout, transactions: &[Transaction]) -> Option<(&'static str, &'static str)> {
    let totals = payout.totals.as_ref()?;
    if totals.commission_amount.is_some_and(|amount| amount != 0) {
        return None;
    }
    let mut sales = of_kind(transactions, TransactionType::Sale)
        .filter(|sale| sale.amount.is_some_and(|amount| amount.unsigned_abs() >= 100))
        .peekable();
    sales.peek()?;
    if totals.fee_amount? == 0 {
        return of_kind(transactions, TransactionType::Fee).next().is_none().then_some(("no fees", "none"));
    }
    let is_one_percent = |sale: &Transaction| {
        let mut fees = of_kind(transactions, TransactionType::Fee)
            .filter(|fee| fee.capture_id.is_some() && fee.capture_id == sale.capture_id);
        let amount = |transaction: &Transaction| transaction.amount.map(i64::unsigned_abs);
        let of_sale = fees.next().and_then(amount);
        fees.next().is_none() && of_sale.is_some() && of_sale == amount(sale).map(|amount| amount / 100)
    };
    sales.all(is_one_percent).then_some(("1% of each sale", "one_percent"))
}

/// The sign of refunds and fees, if all of them have the same.
fn signs(transactions: &[Transaction]) -> Option<(&'static str, &'static str)> {
    let deductions = [TransactionType::Return, TransactionType::Fee].map(|kind| of_kind(transactions, kind));
    let mut signs = deductions
        .into_iter()
        .flatten()
        .filter_map(|transaction| transaction.amount.map(i64::signum))
        .filter(|sign| *sign != 0);
    let first = signs.next()?;
    let (unsigned, signed) = (("all are positive", "unsigned"), ("refunds and fees are negative", "signed"));
    signs.all(|sign| sign == first).then_some(if first > 0 { unsigned } else { signed })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read<T: DeserializeOwned>(value: Value) -> T {
        serde_json::from_value(value).unwrap()
    }

    fn payout(fee: i64, commission: i64) -> Payout {
        read(json!({
            "payout_date": "2026-03-05T06:00:00Z",
            "totals": {"fee_amount": fee, "commission_amount": commission},
        }))
    }

    #[test]
    fn what_a_payout_does_not_show_is_not_guessed() {
        let sale = |day: &str, amount: i64| json!({"type": "SALE", "amount": amount, "capture_id": day, "capture_date": format!("{day}T23:59:59Z")});
        let fee_of = |day: &str, amount: i64| json!({"type": "FEE", "amount": amount, "capture_id": day});
        let returned = |amount: i64| json!({"type": "RETURN", "amount": amount});
        let list = |items: &[Value]| -> Vec<Transaction> { read(json!(items)) };
        let (monday, tuesday) = ("2026-03-02", "2026-03-03");

        let one_day = list(&[sale(monday, 1099), fee_of(monday, 10)]);
        assert_eq!(delay(&payout(10, 0), &one_day), Some(SignedDuration::from_hours(54)));
        let two_days = list(&[sale(monday, 1099), sale(tuesday, 500)]);
        assert_eq!(delay(&payout(0, 0), &two_days), None);
        assert_eq!(delay(&payout(0, 0), &[]), None);
        assert_eq!(delay(&payout(0, 0), &list(&[sale("2026-03-06", 100)])), None, "paid out before");

        assert_eq!(fee(&payout(10, 0), &one_day), Some(("1% of each sale", "one_percent")));
        assert_eq!(fee(&payout(0, 0), &two_days), Some(("no fees", "none")));
        assert_eq!(fee(&payout(10, 5), &one_day), None, "a commission");
        assert_eq!(fee(&payout(20, 0), &list(&[sale(monday, 1099), fee_of(monday, 20)])), None);
        assert_eq!(fee(&payout(10, 0), &list(&[sale(monday, 1099), fee_of(tuesday, 10)])), None);
        assert_eq!(fee(&payout(0, 0), &list(&[sale(monday, 99)])), None, "too small for a fee");

        assert_eq!(signs(&one_day), Some(("all are positive", "unsigned")));
        assert_eq!(
            signs(&list(&[fee_of(monday, -1), returned(-5), returned(0)])),
            Some(("refunds and fees are negative", "signed"))
        );
        assert_eq!(signs(&list(&[fee_of(monday, 1), returned(-5)])), None);
        assert_eq!(signs(&list(&[sale(monday, 100), fee_of(monday, 0)])), None);
    }
}
