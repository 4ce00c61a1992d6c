//! How attempts of the journal are printed.

use jiff::Timestamp;
use serde::Serialize;

use crate::journal::{Attempt, Intent, Outcome};
use crate::model::SessionStatus;
use crate::output::{Cell, CellStyle, Column, View, format_amount, format_time, session_style};

#[derive(Debug, Clone, Serialize)]
pub(super) struct AttemptRow {
    attempt: String,
    at: Timestamp,
    /// `created`, `unknown`, `refused` or `not_carried_out`.
    outcome: &'static str,
    session_id: Option<String>,
    /// The last known status of the session.
    status: Option<String>,
    order_id: Option<String>,
    order_amount: Option<i64>,
    purchase_currency: Option<String>,
    device_id: Option<String>,
    merchant_reference1: Option<String>,
    merchant_reference2: Option<String>,
    merchant_id: Option<String>,
    purchase_started_at: Option<Timestamp>,
    /// Why the attempt was rejected, or why its outcome is unknown.
    reason: Option<String>,
}

impl From<&Attempt> for AttemptRow {
    fn from(attempt: &Attempt) -> Self {
        attempt.clone().into()
    }
}

impl From<Attempt> for AttemptRow {
    fn from(attempt: Attempt) -> Self {
        let Attempt { id, at, intent, outcome } = attempt;
        let Intent {
            merchant_id,
            device_id,
            order_amount,
            purchase_currency,
            purchase_started_at,
            merchant_reference1,
            merchant_reference2,
        } = intent;
        let (word, reason) = match &outcome {
            Outcome::Pending => ("unknown", Some("no answer was written down".to_owned())),
            Outcome::Unknown(reason) => ("unknown", Some(reason.clone())),
            Outcome::Refused(reason) => ("refused", Some(reason.clone())),
            Outcome::NotProcessed => ("not_carried_out", None),
            Outcome::Created { .. } => ("created", None),
        };
        let (session_id, status, order_id) = match outcome {
            Outcome::Created { session_id, status, order_id } => {
                (Some(session_id), Some(status.to_string()), order_id)
            }
            _ => (None, None, None),
        };
        Self {
            attempt: id.to_string(),
            at,
            outcome: word,
            session_id,
            status,
            order_id,
            order_amount,
            purchase_currency,
            device_id,
            merchant_reference1,
            merchant_reference2,
            merchant_id,
            purchase_started_at,
            reason,
        }
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
        "merchant_reference1",
        "merchant_reference2",
        "merchant_id",
        "purchase_started_at",
        "reason",
    ];
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("WHEN", |row| format_time(row.at).into()),
        Column::new("STATUS", |row| match (&row.status, row.outcome) {
            (Some(status), _) => {
                Cell::styled(status.as_str(), session_style(&SessionStatus::from(status.clone())))
            }
            (None, "unknown") => Cell::styled("unknown", CellStyle::Error),
            (None, outcome) => Cell::styled(outcome.replace('_', " "), CellStyle::Muted),
        }),
        Column::new("AMOUNT", |row| format_amount(row.order_amount, row.purchase_currency.as_deref()).into()),
        Column::new("REFERENCE", |row| Cell::optional(row.merchant_reference1.as_deref())),
        // An unknown outcome has no session ID, so the attempt identifies it.
        Column::id("SESSION", |row| match &row.session_id {
            Some(id) => id.as_str().into(),
            None => Cell::styled(format!("attempt {}", row.attempt), CellStyle::Muted),
        }),
        Column::detail("ORDER", |row| Cell::optional(row.order_id.as_deref())),
        Column::detail("ATTEMPT", |row| row.attempt.as_str().into()),
        Column::detail("DEVICE", |row| Cell::optional(row.device_id.as_deref())),
        Column::detail("REASON", |row| Cell::optional(row.reason.as_deref())),
    ];
}
