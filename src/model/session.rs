use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::lenient::lenient;
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

lenient! {
    /// A payment session (documented).
    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
    pub struct Session {
        pub session_id: Option<String>,
        pub status: Option<SessionStatus>,
        pub device_id: Option<String>,
        /// The order in Kustom Order Management, once finalized (documented). Refunds refer to it.
        pub order_id: Option<String>,
        /// Minor units, including tax.
        pub order_amount: Option<i64>,
        pub order_tax_amount: Option<i64>,
        pub purchase_currency: Option<String>,
        /// Sent by the client that created the session.
        pub purchase_started_at: Option<Timestamp>,
        pub purchase_completed_at: Option<Timestamp>,
        pub merchant_reference1: Option<String>,
        pub merchant_reference2: Option<String>,
        /// Free text of the merchant (observed).
        pub merchant_data: Option<String>,
        pub order_items: Option<Vec<OrderItem>>,
    }

    /// One line of an order. Amounts are minor units and include tax (documented); discount and rounding lines have a
    /// negative unit price and total (observed).
    #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct OrderItem {
        /// `physical` and `discount` are documented. An integration sends others, but nothing shows that they are accepted.
        #[serde(rename = "type")]
        pub kind: Option<String>,
        pub reference: Option<String>,
        pub name: Option<String>,
        pub quantity: Option<i64>,
        pub unit_price: Option<i64>,
        /// Unit price × quantity − discount.
        pub total_amount: Option<i64>,
        /// Basis points: 2,500 is 25 %.
        pub tax_rate: Option<i64>,
        pub total_discount_amount: Option<i64>,
        pub total_tax_amount: Option<i64>,
    }
}
