//! How attempts of the ledger are printed.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::ledger::{Attempt, Outcome};
use crate::model::SessionStatus;
use crate::output::{Cell, CellStyle, Column, NameKind, View, format_amount, format_time, session_style};

#[derive(Debug, Clone, Serialize)]
pub(super) struct AttemptRow {
    attempt: String,
    pub(super) at: Timestamp,
    /// `created`, `unknown`, `refused` or `not_carried_out`.
    outcome: &'static str,
    session_id: Option<String>,
    /// The last known status of the session.
    status: Option<String>,
    order_id: Option<String>,
    order_amount: Option<i64>,
    /// The amount refunded with kustom.
    #[serde(skip_serializing_if = "Option::is_none")]
    refunded_amount: Option<i64>,
    purchase_currency: Option<String>,
    device_id: Option<String>,
    location_id: Option<String>,
    merchant_reference1: Option<String>,
    merchant_reference2: Option<String>,
    merchant_id: Option<String>,
    purchase_started_at: Option<Timestamp>,
    /// The value of `KUSTOM_TILL` where the session was created.
    till: Option<String>,
    machine: Option<String>,
    user: Option<String>,
    process: Option<u32>,
    /// Why the attempt was rejected, or why its outcome is unknown.
    reason: Option<String>,
}

impl From<Attempt> for AttemptRow {
    fn from(attempt: Attempt) -> Self {
        let Attempt { id, at, account, origin, intent, outcome, .. } = attempt;
        let (mut session_id, mut status, mut order_id) = (None, None, None);
        let (word, reason) = match outcome {
            Outcome::Pending => ("unknown", Some("no response was stored".to_owned())),
            Outcome::Unknown(reason) => ("unknown", Some(reason)),
            Outcome::Refused(reason) => ("refused", Some(reason)),
            Outcome::NotProcessed => ("not_carried_out", None),
            Outcome::Created { session_id: id, status: last, order_id: order } => {
                (session_id, status, order_id) = (Some(id), Some(last.to_string()), order);
                ("created", None)
            }
        };
        Self {
            attempt: id.to_string(),
            at,
            outcome: word,
            session_id,
            status,
            order_id,
            order_amount: intent.order_amount,
            refunded_amount: None,
            purchase_currency: intent.purchase_currency,
            device_id: intent.device_id,
            location_id: intent.location_id,
            merchant_reference1: intent.merchant_reference1,
            merchant_reference2: intent.merchant_reference2,
            merchant_id: account.merchant_id,
            purchase_started_at: intent.purchase_started_at,
            till: origin.till,
            machine: origin.machine,
            user: origin.user,
            process: origin.process,
            reason,
        }
    }
}

impl AttemptRow {
    /// Adds what was refunded of the order.
    pub(super) fn with_refunds(mut self, refunded: &HashMap<String, i64>) -> Self {
        self.refunded_amount = self.order_id.as_ref().and_then(|order| refunded.get(order)).copied();
        self
    }
}

impl View for AttemptRow {
    const NOUN: &'static str = "session";
    const CSV_FIELDS: &'static [&'static str] = &[
        "attempt",
        "at",
        "outcome",
        "session_id",
        "status",
        "order_id",
        "order_amount",
        "purchase_currency",
        "device_id",
        "location_id",
        "merchant_reference1",
        "merchant_reference2",
        "merchant_id",
        "purchase_started_at",
        "till",
        "machine",
        "user",
        "process",
        "reason",
    ];
    const COLUMNS: &'static [Column<Self>] = &[
        // An unknown outcome has no session ID, so the attempt identifies it.
        Column::id("SESSION", |row| match &row.session_id {
            Some(id) => id.as_str().into(),
            None => Cell::styled(format!("attempt {}", row.attempt), CellStyle::Muted),
        }),
        Column::fixed("WHEN", |row| format_time(row.at).into()),
        Column::fixed("STATUS", |row| match (&row.status, row.outcome) {
            (Some(status), _) => {
                Cell::styled(status.as_str(), session_style(&SessionStatus::from(status.clone())))
            }
            (None, "unknown") => Cell::styled("unknown", CellStyle::Error),
            (None, "refused") => Cell::styled("refused", CellStyle::Muted),
            (None, _) => Cell::styled("not processed", CellStyle::Muted),
        }),
        Column::fixed("AMOUNT", |row| {
            format_amount(row.order_amount, row.purchase_currency.as_deref()).into()
        }),
        Column::fixed("REFUNDED", |row| {
            format_amount(row.refunded_amount, row.purchase_currency.as_deref()).into()
        }),
        Column::new("REFERENCE", |row| Cell::optional(row.merchant_reference1.as_deref())),
        Column::new("DEVICE", |row| Cell::named(NameKind::Device, row.device_id.as_deref())),
        Column::wide("DEVICE ID", |row| Cell::optional(row.device_id.as_deref())),
        Column::detail("ORDER", |row| Cell::optional(row.order_id.as_deref())),
        Column::detail("ATTEMPT", |row| row.attempt.as_str().into()),
        Column::detail("TILL", |row| Cell::optional(row.till.as_deref())),
        Column::detail("MACHINE", |row| Cell::optional(row.machine.as_deref())),
        Column::detail("REASON", |row| Cell::optional(row.reason.as_deref())),
    ];
}
