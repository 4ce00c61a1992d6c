//! Payouts and their transactions, of the Settlements API.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::lenient;
use super::open_enum::open_enum;

open_enum! {
    /// Type of a transaction (documented).
    TransactionType {
        Sale = "SALE",
        Return = "RETURN",
        Fee = "FEE",
        Commission = "COMMISSION",
        Tax = "TAX",
        Reversal = "REVERSAL",
        Correction = "CORRECTION",
        FeeRefund = "FEE_REFUND",
        Holdback = "HOLDBACK",
        Release = "RELEASE",
        Charge = "CHARGE",
        Credit = "CREDIT",
    }
}

/// An amount that was paid to the merchant's bank account. Sales in stores and online are in the same payouts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Payout {
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub payment_reference: Option<String>,
    #[serde(deserialize_with = "lenient::timestamp", skip_serializing_if = "Option::is_none")]
    pub payout_date: Option<Timestamp>,
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub currency_code: Option<String>,
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub totals: Option<PayoutTotals>,
}

/// Minor units.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PayoutTotals {
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub sale_amount: Option<i64>,
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub return_amount: Option<i64>,
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub fee_amount: Option<i64>,
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub commission_amount: Option<i64>,
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub tax_amount: Option<i64>,
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub reversal_amount: Option<i64>,
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub settlement_amount: Option<i64>,
}

/// A part of a payout. Its sign is not documented, so the type decides whether it was paid to the merchant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Transaction {
    #[serde(
        rename = "type",
        deserialize_with = "lenient::open_enum",
        skip_serializing_if = "Option::is_none"
    )]
    pub kind: Option<TransactionType>,
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub amount: Option<i64>,
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub currency_code: Option<String>,
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub capture_id: Option<String>,
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub refund_id: Option<String>,
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub merchant_reference1: Option<String>,
    #[serde(deserialize_with = "lenient::timestamp", skip_serializing_if = "Option::is_none")]
    pub sale_date: Option<Timestamp>,
    #[serde(deserialize_with = "lenient::timestamp", skip_serializing_if = "Option::is_none")]
    pub capture_date: Option<Timestamp>,
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub payment_reference: Option<String>,
}
