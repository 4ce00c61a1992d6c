//! The view of an order.

use serde_json::{Map, Value};

use crate::model::{Order, OrderItem, OrderStatus, Resource, sold_lines};
use crate::output::{Cell, CellStyle, Column, View, format_amount, format_time};

fn amount(order: &Order, minor: Option<i64>) -> String {
    format_amount(minor, order.currency().as_deref())
}

const fn style(status: &OrderStatus) -> CellStyle {
    match status {
        OrderStatus::Captured => CellStyle::Success,
        OrderStatus::Authorized | OrderStatus::PartCaptured => CellStyle::Pending,
        OrderStatus::Cancelled | OrderStatus::Expired | OrderStatus::Closed => CellStyle::Muted,
        OrderStatus::Other(_) => CellStyle::Plain,
    }
}

/// A line such as `2 × T-Shirt 200.00 SEK (SKU-001), 1 refunded`.
fn format_line(item: &OrderItem, left: i64, currency: Option<&str>) -> String {
    let name = item.name.as_deref().unwrap_or("(no name)");
    let quantity = item.quantity.unwrap_or(1);
    let reference = item.reference.as_ref().map(|text| format!(" ({text})")).unwrap_or_default();
    let refunded = quantity.saturating_sub(left);
    let refunded = if refunded > 0 { format!(", {refunded} refunded") } else { String::new() };
    format!("{quantity} × {name} {}{reference}{refunded}", format_amount(item.total_amount, currency))
}

pub(super) fn format_lines(order: &Order) -> Vec<String> {
    let currency = order.currency();
    let lines = sold_lines(order);
    lines.iter().map(|line| format_line(&line.item, line.left(), currency.as_deref())).collect()
}

/// The addresses and the customer, if the user wants to see them.
fn personal(raw: &Map<String, Value>) -> String {
    let fields = ["customer", "billing_address", "shipping_address"];
    let parts = fields.iter().filter_map(|field| Some(format!("{field}: {}", raw.get(*field)?)));
    parts.collect::<Vec<_>>().join("; ")
}

impl View for Resource<Order> {
    const NOUN: &'static str = "order";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::id("ID", |order| Cell::optional(order.order_id.as_deref())),
        Column::new("STATUS", |order| match &order.status {
            Some(status) => Cell::styled(status.as_str(), style(status)),
            None => Cell::from(""),
        }),
        Column::new("AMOUNT", |order| amount(order, order.order_amount).into()),
        Column::new("CAPTURED", |order| amount(order, order.captured_amount).into()),
        Column::new("REFUNDED", |order| amount(order, order.refunded_amount).into()),
        Column::new("REFUNDABLE", |order| amount(order, Some(order.refundable())).into()),
        Column::detail("METHOD", |order| {
            let method = order.initial_payment_method.as_ref();
            Cell::optional(method.and_then(|method| method.kind.as_deref()))
        }),
        Column::new("REFERENCE", |order| Cell::optional(order.merchant_reference1.as_deref())),
        Column::detail("REFERENCE 2", |order| Cell::optional(order.merchant_reference2.as_deref())),
        Column::detail("SHORT REF", |order| Cell::optional(order.klarna_reference.as_deref())),
        Column::new("CREATED", |order| Cell::optional(order.created_at.map(format_time))),
        Column::detail("LINES", |order| format_lines(order).join("; ").into()),
        Column::detail("CAPTURES", |order| {
            let captures = order.captures.iter().map(|capture| {
                let time = capture.captured_at.map(format_time).unwrap_or_default();
                format!("{} {time}", amount(order, capture.captured_amount)).trim_end().to_owned()
            });
            captures.collect::<Vec<_>>().join("; ").into()
        }),
        Column::detail("REFUNDS", |order| {
            let refunds = order.refunds.iter().map(|refund| {
                let time = refund.refunded_at.map(format_time).unwrap_or_default();
                let reference = refund.reference.as_deref().unwrap_or_default();
                format!("{} {time} {reference}", amount(order, refund.refunded_amount)).trim_end().to_owned()
            });
            refunds.collect::<Vec<_>>().join("; ").into()
        }),
        Column::detail("PERSONAL DATA", |order| personal(order.raw()).into()),
    ];
    const CSV_FIELDS: &'static [&'static str] = &[
        "order_id",
        "status",
        "order_amount",
        "captured_amount",
        "refunded_amount",
        "remaining_authorized_amount",
        "purchase_currency",
        "merchant_reference1",
        "merchant_reference2",
        "klarna_reference",
        "created_at",
        "order_lines",
        "captures",
        "refunds",
    ];
}
