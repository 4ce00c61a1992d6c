use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::lenient;
use super::open_enum::open_enum;

open_enum! {
    /// Status of a session (documented).
    SessionStatus {
        /// Pushed to the device.
        Created = "CREATED",
        /// The clerk chose a payment method.
        Active = "ACTIVE",
        /// Paid, with an order.
        Finalized = "FINALIZED",
        /// Nothing was charged.
        Cancelled = "CANCELLED",
        Expired = "EXPIRED",
        /// The payment could not be processed.
        Failed = "FAILED",
    }
}

impl SessionStatus {
    /// Whether the status is final (documented). An unknown status counts as open.
    pub fn is_terminal(&self) -> bool {
        match self {
            Self::Finalized | Self::Cancelled | Self::Expired | Self::Failed => true,
            Self::Created | Self::Active | Self::Other(_) => false,
        }
    }
}

/// A payment session (documented).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Session {
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    #[serde(deserialize_with = "lenient::open_enum", skip_serializing_if = "Option::is_none")]
    pub status: Option<SessionStatus>,
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// The order in Kustom Order Management, once finalized (documented). Refunds refer to it.
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    /// Minor units, including tax.
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub order_amount: Option<i64>,
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub order_tax_amount: Option<i64>,
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub purchase_currency: Option<String>,
    /// Sent by the client that created the session.
    #[serde(deserialize_with = "lenient::timestamp", skip_serializing_if = "Option::is_none")]
    pub purchase_started_at: Option<Timestamp>,
    #[serde(deserialize_with = "lenient::timestamp", skip_serializing_if = "Option::is_none")]
    pub purchase_completed_at: Option<Timestamp>,
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub merchant_reference1: Option<String>,
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub merchant_reference2: Option<String>,
    /// Free text of the merchant (observed).
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub merchant_data: Option<String>,
    #[serde(deserialize_with = "lenient::list", skip_serializing_if = "Vec::is_empty")]
    pub order_items: Vec<OrderItem>,
}

/// One line of an order. Amounts are minor units and include tax (documented); discount and rounding lines have a
/// negative unit price and total (observed).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OrderItem {
    /// `physical` and `discount` are documented. An integration sends others, but nothing shows that they are accepted.
    #[serde(rename = "type", deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub quantity: Option<i64>,
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<i64>,
    /// Unit price × quantity − discount.
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub total_amount: Option<i64>,
    /// Basis points: 2,500 is 25 %.
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub tax_rate: Option<i64>,
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub total_discount_amount: Option<i64>,
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub total_tax_amount: Option<i64>,
}
