//! Orders of the Order Management API: the result of a session that was paid.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::open_enum::open_enum;
use super::{OrderItem, lenient};

open_enum! {
    /// Status of an order (documented).
    OrderStatus {
        /// Nothing is captured yet.
        Authorized = "AUTHORIZED",
        PartCaptured = "PART_CAPTURED",
        /// In-person orders are captured when the customer pays (documented).
        Captured = "CAPTURED",
        Cancelled = "CANCELLED",
        Expired = "EXPIRED",
        /// Fully refunded (documented).
        Closed = "CLOSED",
    }
}

/// The fields of an order that are not personal data. Amounts are minor units and include tax.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Order {
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    #[serde(deserialize_with = "lenient::open_enum", skip_serializing_if = "Option::is_none")]
    pub status: Option<OrderStatus>,
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub fraud_status: Option<String>,
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub order_amount: Option<i64>,
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub original_order_amount: Option<i64>,
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub captured_amount: Option<i64>,
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub refunded_amount: Option<i64>,
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub remaining_authorized_amount: Option<i64>,
    /// In upper or lower case: samples have both.
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub purchase_currency: Option<String>,
    #[serde(deserialize_with = "lenient::timestamp", skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// A short reference for customers.
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub klarna_reference: Option<String>,
    /// Kustom may overwrite the references of an order, so they never identify it.
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub merchant_reference1: Option<String>,
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub merchant_reference2: Option<String>,
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub merchant_data: Option<String>,
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub initial_payment_method: Option<InitialPaymentMethod>,
    #[serde(deserialize_with = "lenient::list", skip_serializing_if = "Vec::is_empty")]
    pub order_lines: Vec<OrderItem>,
    #[serde(deserialize_with = "lenient::list")]
    pub captures: Vec<Capture>,
    #[serde(deserialize_with = "lenient::list")]
    pub refunds: Vec<Refund>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InitialPaymentMethod {
    #[serde(rename = "type", deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Capture {
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub capture_id: Option<String>,
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub captured_amount: Option<i64>,
    #[serde(deserialize_with = "lenient::timestamp", skip_serializing_if = "Option::is_none")]
    pub captured_at: Option<Timestamp>,
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(deserialize_with = "lenient::list", skip_serializing_if = "Vec::is_empty")]
    pub order_lines: Vec<OrderItem>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Refund {
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub refund_id: Option<String>,
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub refunded_amount: Option<i64>,
    #[serde(deserialize_with = "lenient::timestamp", skip_serializing_if = "Option::is_none")]
    pub refunded_at: Option<Timestamp>,
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(deserialize_with = "lenient::list", skip_serializing_if = "Vec::is_empty")]
    pub order_lines: Vec<OrderItem>,
}

/// The body of a refund or a capture, whose amount has another name (documented).
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RefundRequest {
    pub refunded_amount: i64,
    /// Shown in settlement files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Shown to the customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub order_lines: Vec<OrderItem>,
}

/// The fields of an order that are personal data (documented).
pub const PERSONAL_FIELDS: [&str; 3] = ["billing_address", "shipping_address", "customer"];

impl Order {
    /// The currency in upper case.
    pub fn currency(&self) -> Option<String> {
        self.purchase_currency.as_ref().map(|code| code.to_ascii_uppercase())
    }

    /// What can still be refunded: of a captured order what was not refunded before, and else nothing (inferred). A
    /// status that is not known counts as captured, because the API checks it too.
    pub fn refundable(&self) -> i64 {
        match self.status {
            Some(
                OrderStatus::Authorized | OrderStatus::Cancelled | OrderStatus::Expired | OrderStatus::Closed,
            ) => 0,
            Some(OrderStatus::PartCaptured | OrderStatus::Captured | OrderStatus::Other(_)) | None => {
                let refunded = self.refunded_amount.unwrap_or_default();
                self.captured_amount.unwrap_or_default().saturating_sub(refunded).max(0)
            }
        }
    }
}
