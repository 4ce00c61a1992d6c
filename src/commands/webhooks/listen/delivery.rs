//! The view of a delivery.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::model::{Callback, CallbackData, Resource, Session};
use crate::output::{Cell, CellStyle, Column, View, format_amount, format_time, session_style};
use crate::text::escape_control;
use crate::webhooks::VerifyError;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeliveryStatus {
    #[default]
    Accepted,
    /// It failed verification. Nothing in its body is printed, because anybody may have sent it.
    Refused,
    /// It is valid, but could not be processed, so the sender has to retry.
    NotAcknowledged,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Delivery {
    received_at: Timestamp,
    pub(super) outcome: DeliveryStatus,
    /// The status of the response; `None` for `webhooks verify`.
    pub(super) status: Option<u16>,
    webhook_id: Option<String>,
    /// A documented type has its prefix, even if the body omits it.
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) session_id: Option<String>,
    order_id: Option<String>,
    failure_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capture_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_id: Option<String>,
    /// Why the delivery was not accepted, as a word for scripts.
    reason: Option<&'static str>,
    /// The same as a sentence.
    pub(super) detail: Option<String>,
    /// The ledger's attempt that the session resolved.
    pub(super) settled_attempt: Option<Uuid>,
    pub(super) session: Option<Resource<Session>>,
    /// Whether it may have been processed before, when its result was lost.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) repeated: bool,
    /// The body as received, if it is JSON.
    event: Option<Value>,
}

/// Max characters shown of an unverified webhook ID.
const MAX_ID_LEN: usize = 100;

impl Delivery {
    pub(crate) fn verified(received_at: Timestamp, webhook_id: String, body: &[u8]) -> Self {
        let callback: Callback = serde_json::from_slice(body).unwrap_or_default();
        let kind = callback.known_type().map(|known| known.to_string()).or(callback.kind);
        let CallbackData { session_id, order_id, failure_reason, capture_id, refund_id } =
            callback.data.unwrap_or_default();
        Self {
            received_at,
            webhook_id: Some(webhook_id),
            kind,
            session_id,
            order_id,
            failure_reason,
            capture_id,
            refund_id,
            event: serde_json::from_slice(body).ok(),
            ..Self::default()
        }
    }

    pub(super) fn refused(received_at: Timestamp, id: Option<&str>, error: &VerifyError) -> Self {
        Self {
            received_at,
            outcome: DeliveryStatus::Refused,
            webhook_id: id.map(|id| id.chars().take(MAX_ID_LEN).collect()),
            reason: Some(error.code()),
            detail: Some(error.to_string()),
            ..Self::default()
        }
    }

    /// Records why the sender has to retry.
    pub(super) fn reject(&mut self, reason: &'static str, detail: String) {
        (self.outcome, self.reason, self.detail) =
            (DeliveryStatus::NotAcknowledged, Some(reason), Some(detail));
    }

    /// The delivery as a line of the table format.
    pub(super) fn to_line(&self) -> String {
        let time = format_time(self.received_at);
        let what = match self.outcome {
            DeliveryStatus::Refused => "refused",
            DeliveryStatus::Accepted | DeliveryStatus::NotAcknowledged => {
                self.kind.as_deref().unwrap_or("(no type)")
            }
        };
        let session = self.session.as_ref().map(|session| {
            let status = session.status.as_ref().map(ToString::to_string).unwrap_or_default();
            let amount = format_amount(session.order_amount, session.purchase_currency.as_deref());
            format!("{status} {amount}")
        });
        let parts = [
            Some(format!("{what:<21}")),
            self.session_id.clone(),
            session,
            self.order_id.as_ref().map(|order| format!("order {order}")),
            self.capture_id.as_ref().map(|capture| format!("capture {capture}")),
            self.refund_id.as_ref().map(|refund| format!("refund {refund}")),
            self.failure_reason.clone(),
            self.repeated.then(|| "repeated".to_owned()),
            self.settled_attempt.map(|attempt| format!("resolves attempt {attempt}")),
            self.detail.clone(),
            self.status.map(|status| status.to_string()),
        ];
        let parts: Vec<_> =
            parts.into_iter().flatten().map(|part| escape_control(&part).into_owned()).collect();
        format!("{time}  {}", parts.join("  "))
    }
}

impl View for Delivery {
    const NOUN: &'static str = "delivery";
    const CSV_FIELDS: &'static [&'static str] = &[
        "received_at",
        "outcome",
        "status",
        "webhook_id",
        "type",
        "session_id",
        "order_id",
        "failure_reason",
        "capture_id",
        "refund_id",
        "reason",
        "detail",
        "settled_attempt",
    ];
    const COLUMNS: &'static [Column<Self>] = &[
        Column::id("ID", |delivery| Cell::optional(delivery.webhook_id.as_deref())),
        Column::new("TYPE", |delivery| Cell::optional(delivery.kind.as_deref())),
        Column::id("SESSION", |delivery| Cell::optional(delivery.session_id.as_deref())),
        Column::new("ORDER", |delivery| Cell::optional(delivery.order_id.as_deref())),
        Column::new("CAPTURE", |delivery| Cell::optional(delivery.capture_id.as_deref())),
        Column::new("REFUND", |delivery| Cell::optional(delivery.refund_id.as_deref())),
        Column::new("REASON", |delivery| match &delivery.failure_reason {
            Some(reason) => Cell::styled(reason.as_str(), CellStyle::Error),
            None => Cell::from(""),
        }),
        Column::detail("STATUS", |delivery| {
            match delivery.session.as_ref().and_then(|session| session.status.as_ref()) {
                Some(status) => Cell::styled(status.as_str(), session_style(status)),
                None => Cell::from(""),
            }
        }),
    ];
}
