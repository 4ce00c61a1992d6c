//! Orders of the Order Management API: the result of a session that was paid.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::OrderItem;
use super::lenient::lenient;
use super::open_enum::open_enum;

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

lenient! {
    /// The fields of an order that are not personal data. Amounts are minor units and include tax.
    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
    pub struct Order {
        pub order_id: Option<String>,
        pub status: Option<OrderStatus>,
        pub fraud_status: Option<String>,
        pub order_amount: Option<i64>,
        pub original_order_amount: Option<i64>,
        pub captured_amount: Option<i64>,
        pub refunded_amount: Option<i64>,
        pub remaining_authorized_amount: Option<i64>,
        /// In upper or lower case: samples have both.
        pub purchase_currency: Option<String>,
        pub created_at: Option<Timestamp>,
        /// A short reference for customers.
        pub klarna_reference: Option<String>,
        /// Kustom may overwrite the references of an order, so they never identify it.
        pub merchant_reference1: Option<String>,
        pub merchant_reference2: Option<String>,
        pub merchant_data: Option<String>,
        pub initial_payment_method: Option<InitialPaymentMethod>,
        pub order_lines: Option<Vec<OrderItem>>,
        pub captures: Vec<Capture>,
        pub refunds: Vec<Refund>,
    }

    #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct InitialPaymentMethod {
        #[serde(rename = "type")]
        pub kind: Option<String>,
        pub description: Option<String>,
    }

    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
    pub struct Capture {
        pub capture_id: Option<String>,
        pub captured_amount: Option<i64>,
        pub captured_at: Option<Timestamp>,
        pub reference: Option<String>,
        pub description: Option<String>,
        pub order_lines: Option<Vec<OrderItem>>,
    }

    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
    pub struct Refund {
        pub refund_id: Option<String>,
        pub refunded_amount: Option<i64>,
        pub refunded_at: Option<Timestamp>,
        pub reference: Option<String>,
        pub description: Option<String>,
        pub order_lines: Option<Vec<OrderItem>>,
    }
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

/// Parts of the names of fields with personal data. `billing_address`, `shipping_address` and `customer` are documented; the
/// others may be in them, in captures, or in fields that are newer than this version.
const PERSONAL_NAMES: [&str; 15] = [
    "address",
    "customer",
    "consumer",
    "shopper",
    "recipient",
    "attention",
    "care_of",
    "given_name",
    "family_name",
    "full_name",
    "email",
    "phone",
    "birth",
    "national",
    "identification",
];

/// Removes personal data from an order, at any depth.
pub fn remove_personal_data(value: &mut Value) {
    match value {
        Value::Object(object) => remove_personal_fields(object),
        Value::Array(items) => items.iter_mut().for_each(remove_personal_data),
        _ => {}
    }
}

/// Like [`remove_personal_data`], for an object.
pub fn remove_personal_fields(object: &mut Map<String, Value>) {
    object.retain(|name, _| {
        let name = name.to_ascii_lowercase();
        !PERSONAL_NAMES.iter().any(|part| name.contains(part))
    });
    object.values_mut().for_each(remove_personal_data);
}

impl Order {
    /// The currency in upper case.
    pub fn currency(&self) -> Option<String> {
        self.purchase_currency.as_ref().map(|code| code.to_ascii_uppercase())
    }

    /// The refundable amount: for a captured order what was not refunded before, otherwise nothing (inferred). A
    /// status that is not known counts as captured, because the API checks it too.
    pub fn refundable(&self) -> i64 {
        match self.status {
            Some(
                OrderStatus::Authorized | OrderStatus::Cancelled | OrderStatus::Expired | OrderStatus::Closed,
            ) => 0,
            Some(OrderStatus::PartCaptured | OrderStatus::Captured | OrderStatus::Other(_)) | None => {
                let listed = || self.refunds.iter().filter_map(|refund| refund.refunded_amount);
                let refunded = self.refunded_amount.unwrap_or_else(|| listed().fold(0, i64::saturating_add));
                self.captured_amount.unwrap_or_default().saturating_sub(refunded).max(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn personal_data_is_removed_at_any_depth() {
        let mut order = json!({
            "order_id": "o", "billing_address": {"city": "x"}, "customer": {}, "order_lines": [{"name": "Bag"}],
            "captures": [{"capture_id": "c", "shipping_address": {}, "shipping_info": [{"recipient_email": "x"}]}],
            "new": {"contactPhone": "1", "kept": 1},
        });
        remove_personal_data(&mut order);
        let expected = json!({
            "order_id": "o", "order_lines": [{"name": "Bag"}],
            "captures": [{"capture_id": "c", "shipping_info": [{}]}], "new": {"kept": 1},
        });
        assert_eq!(order, expected);
    }

    #[test]
    fn what_can_be_refunded_follows_from_the_status() {
        let order = |status: &str| Order {
            status: Some(OrderStatus::from(status.to_owned())),
            captured_amount: Some(100),
            refunded_amount: Some(30),
            ..Order::default()
        };
        for (status, expected) in
            [("CAPTURED", 70), ("PART_CAPTURED", 70), ("NEW", 70), ("CLOSED", 0), ("AUTHORIZED", 0)]
        {
            assert_eq!(order(status).refundable(), expected, "{status}");
        }
        assert_eq!(Order { refunded_amount: Some(200), ..order("CAPTURED") }.refundable(), 0);
        let refunds = [10, 5].map(|amount| Refund { refunded_amount: Some(amount), ..Refund::default() });
        let unreadable = Order { refunded_amount: None, refunds: refunds.into(), ..order("CAPTURED") };
        assert_eq!(unreadable.refundable(), 85);
    }
}
