//! The views of a stored delivery.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::deliveries::{DeliveryState, StoredDelivery};
use crate::output::{Cell, CellStyle, Column, View, format_time};

fn outcome_cell(delivery: &StoredDelivery) -> Cell {
    let style = match delivery.state {
        DeliveryState::Acknowledged => CellStyle::Success,
        DeliveryState::Received | DeliveryState::Processing => CellStyle::Pending,
        DeliveryState::Failed | DeliveryState::Refused => CellStyle::Error,
    };
    Cell::styled(delivery.state.as_str(), style)
}

impl View for StoredDelivery {
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
        Column::id("ID", |delivery| delivery.webhook_id.as_str().into()),
        Column::new("RECEIVED", |delivery| format_time(delivery.received_at).into()),
        Column::new("TYPE", |delivery| Cell::optional(delivery.kind.as_deref())),
        Column::id("SESSION", |delivery| Cell::optional(delivery.session_id.as_deref())),
        Column::new("OUTCOME", outcome_cell),
        Column::new("RESPONSE", |delivery| Cell::optional(delivery.status.map(|status| status.to_string()))),
        Column::new("REASON", |delivery| Cell::optional(delivery.reason.as_deref())),
    ];
}

/// A delivery with its headers and its body.
#[derive(Debug, Serialize)]
pub(super) struct DeliveryDetails {
    #[serde(flatten)]
    delivery: StoredDelivery,
    headers: BTreeMap<String, String>,
    /// The body as received, if it is JSON, or else as text.
    event: Value,
    /// The body of the application's response, truncated.
    response: Option<String>,
}

impl From<StoredDelivery> for DeliveryDetails {
    fn from(delivery: StoredDelivery) -> Self {
        let headers = delivery
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()));
        Self {
            headers: headers.collect(),
            event: delivery.event(),
            response: delivery.response.clone(),
            delivery,
        }
    }
}

impl View for DeliveryDetails {
    const NOUN: &'static str = "callback";
    const CSV_FIELDS: &'static [&'static str] = StoredDelivery::CSV_FIELDS;
    const COLUMNS: &'static [Column<Self>] = &[
        Column::id("ID", |details| details.delivery.webhook_id.as_str().into()),
        Column::new("RECEIVED", |details| format_time(details.delivery.received_at).into()),
        Column::new("TYPE", |details| Cell::optional(details.delivery.kind.as_deref())),
        Column::id("SESSION", |details| Cell::optional(details.delivery.session_id.as_deref())),
        Column::id("ORDER", |details| Cell::optional(details.delivery.order_id.as_deref())),
        Column::new("OUTCOME", |details| outcome_cell(&details.delivery)),
        Column::new("ATTEMPTS", |details| details.delivery.attempts.to_string().into()),
        Column::new("FORWARDED TO", |details| Cell::optional(details.delivery.forwarded_to.as_deref())),
        Column::new("RESPONSE", |details| {
            Cell::optional(details.delivery.status.map(|status| status.to_string()))
        }),
        Column::new("REASON", |details| Cell::optional(details.delivery.reason.as_deref())),
        Column::new("BODY", |details| details.event.to_string().into()),
        Column::new("RESPONSE BODY", |details| Cell::optional(details.response.as_deref())),
    ];
}
