//! Payment sessions.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::lenient;
use super::open_enum::open_enum;

open_enum! {
    /// Where a session stands (documented).
    SessionStatus {
        /// Made, and pushed to the device.
        Created = "CREATED",
        /// The clerk chose a method and the customer can pay.
        Active = "ACTIVE",
        /// Paid; there is an order.
        Finalized = "FINALIZED",
        /// Called off; nothing was charged.
        Cancelled = "CANCELLED",
        /// Nobody paid in time.
        Expired = "EXPIRED",
        /// It could not be carried out.
        Failed = "FAILED",
    }
}

impl SessionStatus {
    /// Whether nothing can change it any more (documented). A status that is new counts as still open.
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
    /// Where it stands.
    #[serde(deserialize_with = "lenient::open_enum", skip_serializing_if = "Option::is_none")]
    pub status: Option<SessionStatus>,
    /// The device it was pushed to.
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// The order in Kustom Order Management, once finalized (documented): what a refund is made by.
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    /// Minor units, tax included.
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub order_amount: Option<i64>,
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub order_tax_amount: Option<i64>,
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub purchase_currency: Option<String>,
    /// When the purchase began, as the client said.
    #[serde(deserialize_with = "lenient::timestamp", skip_serializing_if = "Option::is_none")]
    pub purchase_started_at: Option<Timestamp>,
    /// When it was paid.
    #[serde(deserialize_with = "lenient::timestamp", skip_serializing_if = "Option::is_none")]
    pub purchase_completed_at: Option<Timestamp>,
    /// The merchant's own reference.
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub merchant_reference1: Option<String>,
    /// The merchant's second reference (inferred).
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub merchant_reference2: Option<String>,
    /// Whatever the merchant wants to find again (observed).
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub merchant_data: Option<String>,
    /// The lines of the order.
    #[serde(deserialize_with = "lenient::list", skip_serializing_if = "Vec::is_empty")]
    pub order_items: Vec<OrderItem>,
}

/// One line of an order. Prices and totals include tax (documented); discount and rounding lines have a
/// negative unit price and total (observed).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OrderItem {
    /// `physical` and `discount` are documented; `digital`, `shipping_fee` and `surcharge` observed.
    #[serde(rename = "type", deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The merchant's article number.
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What is sold.
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub quantity: Option<i64>,
    /// Minor units, tax included.
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<i64>,
    /// Minor units, tax included: unit price × quantity − discount.
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

/// What is sent to create a session (documented).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SessionRequest {
    /// The device that will take the payment.
    pub device_id: String,
    /// Minor units, tax included.
    pub order_amount: i64,
    /// The tax in it, in minor units, where there is a cart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_tax_amount: Option<i64>,
    /// ISO 4217, upper case.
    pub purchase_currency: String,
    /// When the purchase began: what later tells this session from its likes.
    pub purchase_started_at: Timestamp,
    /// The merchant's own reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merchant_reference1: Option<String>,
    /// The merchant's second reference (inferred).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merchant_reference2: Option<String>,
    /// Whatever the merchant wants to find again (observed).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merchant_data: Option<String>,
    /// The lines of the cart.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub order_items: Vec<serde_json::Value>,
}
