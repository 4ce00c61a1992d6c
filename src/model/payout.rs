//! Payouts and their transactions, of the Settlements API.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::lenient::lenient;
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

lenient! {
    /// An amount that was paid to the merchant's bank account. Sales in stores and online are in the same payouts.
    #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Payout {
        pub payment_reference: Option<String>,
        pub payout_date: Option<Timestamp>,
        pub currency_code: Option<String>,
        pub totals: Option<PayoutTotals>,
    }

    /// Minor units.
    #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct PayoutTotals {
        pub sale_amount: Option<i64>,
        pub return_amount: Option<i64>,
        pub fee_amount: Option<i64>,
        pub commission_amount: Option<i64>,
        pub tax_amount: Option<i64>,
        pub reversal_amount: Option<i64>,
        pub settlement_amount: Option<i64>,
    }

    /// A part of a payout. Its sign is not documented, so the type decides whether it was paid to the merchant.
    #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Transaction {
        #[serde(rename = "type")]
        pub kind: Option<TransactionType>,
        pub amount: Option<i64>,
        pub currency_code: Option<String>,
        pub order_id: Option<String>,
        pub capture_id: Option<String>,
        pub refund_id: Option<String>,
        pub merchant_reference1: Option<String>,
        pub sale_date: Option<Timestamp>,
        pub capture_date: Option<Timestamp>,
        pub payment_reference: Option<String>,
    }
}
