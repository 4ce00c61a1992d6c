//! The ledger of the changes of orders: refunds, captures, cancellations and releases.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::record::Row;
use super::{
    ChangeDecision, ChangeIntent, ChangeOutcome, Ledger, OrderChange, OrderOperation, Origin, decide_change,
    sql,
};
use crate::error::Error;

/// How much the clocks of two machines differ at most: of the one that sold, and of the one that refunded.
const MAX_CLOCK_DIFFERENCE: SignedDuration = SignedDuration::from_hours(24);

impl Ledger {
    /// Stores an intended change of an order, with its idempotency key, unless it exists or has to be resumed. Both happen in
    /// one transaction, so only one of several processes that want the same change starts it.
    pub(crate) async fn begin_change(
        &self,
        intent: &ChangeIntent,
        again: bool,
    ) -> Result<(OrderChange, ChangeDecision), Error> {
        let change = OrderChange {
            id: Uuid::new_v4(),
            at: Timestamp::now(),
            account: self.account.clone(),
            origin: Origin::current(),
            intent: intent.clone(),
            outcome: ChangeOutcome::Pending,
        };
        let mut decision = ChangeDecision::Start;
        let decide = |earlier: Vec<OrderChange>| {
            decision = decide_change(intent, &self.account, &earlier, again);
            if decision == ChangeDecision::Start { vec![change.clone()] } else { Vec::new() }
        };
        self.storage.transact_changes(&intent.order_id, decide).await?;
        self.storage.ensure_in_place().await?;
        Ok((change, decision))
    }

    /// Stores the result of a change. One that is known to be processed stays.
    pub(crate) async fn finish_change(
        &self,
        change: &OrderChange,
        outcome: &ChangeOutcome,
    ) -> Result<(), Error> {
        let apply = |mut found: Vec<OrderChange>| {
            found.retain_mut(|other| other.id == change.id && other.resolve(outcome));
            found
        };
        Ok(self.storage.transact_changes(&change.intent.order_id, apply).await?)
    }

    /// The changes of an order by this account, oldest first.
    pub(crate) async fn changes_of_order(&self, order_id: &str) -> Result<Vec<OrderChange>, Error> {
        let mut changes = Vec::new();
        let read = |found: Vec<OrderChange>| {
            changes = found;
            Vec::new()
        };
        self.storage.transact_changes(order_id, read).await?;
        changes.retain(|change| self.account.is_same(&change.account));
        Ok(changes)
    }

    /// The refunds of the account that were started in this time, oldest first, and how many damaged changes were omitted.
    pub(crate) async fn refunds(
        &self,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<(Vec<OrderChange>, usize), Error> {
        let (mut refunds, damaged) = self.changes_of_all_accounts(since, until).await?;
        refunds.retain(|change| {
            change.intent.operation == OrderOperation::Refund && self.account.is_same(&change.account)
        });
        Ok((refunds, damaged))
    }

    pub(crate) async fn changes_of_all_accounts(
        &self,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<(Vec<OrderChange>, usize), Error> {
        let (mut changes, mut damaged) = (Vec::new(), 0);
        let visit = |row: Row<OrderChange>| match row.record {
            Some(change) => changes.push(change),
            None => damaged += 1,
        };
        self.storage.read(sql::select_changes(since, until), visit).await?;
        Ok((changes, damaged))
    }

    /// The refunded amount of each order, by its ID. With `since`, of each order that was paid after this time.
    pub(crate) async fn refunded_amounts(
        &self,
        since: Option<Timestamp>,
    ) -> Result<HashMap<String, i64>, Error> {
        let since = since.and_then(|at| at.checked_sub(MAX_CLOCK_DIFFERENCE).ok());
        let mut amounts: HashMap<String, i64> = HashMap::new();
        for refund in self.refunds(since, None).await?.0 {
            if matches!(refund.outcome, ChangeOutcome::Processed { .. }) {
                let sum = amounts.entry(refund.intent.order_id).or_default();
                *sum = sum.saturating_add(refund.intent.amount);
            }
        }
        Ok(amounts)
    }
}
