//! The purchase that a session requests from the customer.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::OrderItem;

/// The purchase as the client described it. Amounts are in minor units and include tax.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Purchase {
    pub order_amount: i64,
    pub order_tax_amount: Option<i64>,
    /// ISO 4217, upper case.
    pub purchase_currency: String,
    pub purchase_started_at: Option<Timestamp>,
    pub merchant_reference1: Option<String>,
    pub merchant_reference2: Option<String>,
    /// Observed.
    pub merchant_data: Option<String>,
    pub order_items: Vec<OrderItem>,
}
