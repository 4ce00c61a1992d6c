//! The views of payouts and transactions.

use crate::model::{Payout, PayoutTotals, Resource, Transaction, TransactionType};
use crate::output::{Cell, Column, View, format_amount, format_time};

fn total(payout: &Payout, part: fn(&PayoutTotals) -> Option<i64>) -> Cell {
    let minor = payout.totals.as_ref().and_then(part);
    format_amount(minor, payout.currency_code.as_deref()).into()
}

impl View for Resource<Payout> {
    const NOUN: &'static str = "payout";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::id("REFERENCE", |payout| Cell::optional(payout.payment_reference.as_deref())),
        Column::new("DATE", |payout| Cell::optional(payout.payout_date.map(format_time))),
        Column::new("SALES", |payout| total(payout, |totals| totals.sale_amount)),
        Column::new("REFUNDS", |payout| total(payout, |totals| totals.return_amount)),
        Column::new("FEES", |payout| total(payout, |totals| totals.fee_amount)),
        Column::detail("COMMISSION", |payout| total(payout, |totals| totals.commission_amount)),
        Column::detail("TAX", |payout| total(payout, |totals| totals.tax_amount)),
        Column::detail("REVERSALS", |payout| total(payout, |totals| totals.reversal_amount)),
        Column::new("PAID OUT", |payout| total(payout, |totals| totals.settlement_amount)),
    ];
    const CSV_FIELDS: &'static [&'static str] =
        &["payment_reference", "payout_date", "currency_code", "totals"];
}

impl View for Resource<Transaction> {
    const NOUN: &'static str = "transaction";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("TYPE", |entry| Cell::optional(entry.kind.as_ref().map(TransactionType::as_str))),
        Column::new("AMOUNT", |entry| format_amount(entry.amount, entry.currency_code.as_deref()).into()),
        Column::id("ORDER", |entry| Cell::optional(entry.order_id.as_deref())),
        Column::new("REFERENCE", |entry| Cell::optional(entry.merchant_reference1.as_deref())),
        Column::new("SOLD", |entry| Cell::optional(entry.sale_date.map(format_time))),
        Column::new("PAYOUT", |entry| Cell::optional(entry.payment_reference.as_deref())),
    ];
    const CSV_FIELDS: &'static [&'static str] = &[
        "type",
        "amount",
        "currency_code",
        "order_id",
        "capture_id",
        "refund_id",
        "merchant_reference1",
        "sale_date",
        "capture_date",
        "payment_reference",
    ];
}
