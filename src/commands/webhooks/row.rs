//! The view of a stored delivery.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::deliveries::{DeliveryState, StoredDelivery};
use crate::output::{Cell, CellStyle, Column, View, format_time};

#[derive(Debug, Serialize)]
pub(super) struct DeliveryRow {
    webhook_id: String,
    received_at: Timestamp,
    #[serde(rename = "type")]
    kind: Option<String>,
    session_id: Option<String>,
    order_id: Option<String>,
    outcome: &'static str,
    /// How often it was processed.
    attempts: u32,
    /// The status of the response to the sender.
    status: Option<u16>,
    /// Why it was not acknowledged.
    reason: Option<String>,
    forwarded_to: Option<String>,
}

impl From<StoredDelivery> for DeliveryRow {
    fn from(delivery: StoredDelivery) -> Self {
        Self {
            webhook_id: delivery.webhook_id,
            received_at: delivery.received_at,
            kind: delivery.kind,
            session_id: delivery.session_id,
            order_id: delivery.order_id,
            outcome: delivery.state.as_str(),
            attempts: delivery.attempts,
            status: delivery.status,
            reason: delivery.reason,
            forwarded_to: delivery.forwarded_to,
        }
    }
}

fn outcome_style(outcome: &str) -> CellStyle {
    if outcome == DeliveryState::Acknowledged.as_str() {
        CellStyle::Success
    } else if outcome == DeliveryState::Received.as_str() || outcome == DeliveryState::Processing.as_str() {
        CellStyle::Pending
    } else {
        CellStyle::Error
    }
}

impl View for DeliveryRow {
    const NOUN: &'static str = "callback";
    const CSV_FIELDS: &'static [&'static str] = &[
        "webhook_id",
        "received_at",
        "type",
        "session_id",
        "order_id",
        "outcome",
        "attempts",
        "status",
        "reason",
        "forwarded_to",
    ];
    const COLUMNS: &'static [Column<Self>] = &[
        Column::id("ID", |row| row.webhook_id.as_str().into()),
        Column::new("RECEIVED", |row| format_time(row.received_at).into()),
        Column::new("TYPE", |row| Cell::optional(row.kind.as_deref())),
        Column::id("SESSION", |row| Cell::optional(row.session_id.as_deref())),
        Column::new("OUTCOME", |row| Cell::styled(row.outcome, outcome_style(row.outcome))),
        Column::new("RESPONSE", |row| row.status.map(|status| status.to_string()).unwrap_or_default().into()),
        Column::new("REASON", |row| Cell::optional(row.reason.as_deref())),
    ];
}

/// A delivery with its headers and its body.
#[derive(Debug, Serialize)]
pub(super) struct DeliveryDetails {
    #[serde(flatten)]
    row: DeliveryRow,
    headers: BTreeMap<String, String>,
    /// The body as received, if it is JSON, or else as text.
    event: Value,
    /// The body of the application's response, truncated.
    response: Option<String>,
}

impl From<&StoredDelivery> for DeliveryDetails {
    fn from(delivery: &StoredDelivery) -> Self {
        let headers = delivery
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()));
        Self {
            row: delivery.clone().into(),
            headers: headers.collect(),
            event: delivery.event(),
            response: delivery.response.clone(),
        }
    }
}

impl View for DeliveryDetails {
    const NOUN: &'static str = "callback";
    const CSV_FIELDS: &'static [&'static str] = DeliveryRow::CSV_FIELDS;
    const COLUMNS: &'static [Column<Self>] = &[
        Column::id("ID", |details| details.row.webhook_id.as_str().into()),
        Column::new("RECEIVED", |details| format_time(details.row.received_at).into()),
        Column::new("TYPE", |details| Cell::optional(details.row.kind.as_deref())),
        Column::id("SESSION", |details| Cell::optional(details.row.session_id.as_deref())),
        Column::id("ORDER", |details| Cell::optional(details.row.order_id.as_deref())),
        Column::new("OUTCOME", |details| {
            Cell::styled(details.row.outcome, outcome_style(details.row.outcome))
        }),
        Column::new("ATTEMPTS", |details| details.row.attempts.to_string().into()),
        Column::new("FORWARDED TO", |details| Cell::optional(details.row.forwarded_to.as_deref())),
        Column::new("RESPONSE", |details| {
            details.row.status.map(|status| status.to_string()).unwrap_or_default().into()
        }),
        Column::new("REASON", |details| Cell::optional(details.row.reason.as_deref())),
        Column::new("BODY", |details| details.event.to_string().into()),
        Column::new("RESPONSE BODY", |details| Cell::optional(details.response.as_deref())),
    ];
}
