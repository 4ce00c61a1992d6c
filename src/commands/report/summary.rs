//! Sums of sales and refunds, by group and currency. Pure and exact.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::output::{Cell, Column, View, format_amount};

/// How a sale is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Paid,
    Refund,
    Open,
    /// A session may exist.
    Unknown,
    /// Canceled, expired, failed, or refused by the API.
    Unpaid,
}

/// A sale or a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub kind: Kind,
    pub group: Cow<'a, str>,
    /// In capitals. Empty if it is not known.
    pub currency: Cow<'a, str>,
    pub amount: i64,
    pub tax: i64,
}

/// The sums of a group in one currency. Amounts are minor units.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Row {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    pub currency: String,
    pub count: u64,
    pub amount: i64,
    pub tax: i64,
    pub refund_count: u64,
    pub refunded: i64,
    pub net: i64,
    pub open_count: u64,
    pub open_amount: i64,
    pub unknown_count: u64,
    pub unknown_amount: i64,
    pub unpaid_count: u64,
}

/// A sum that does not fit the API's integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLarge;

fn add(sum: &mut i64, value: i64) -> Result<(), TooLarge> {
    *sum = sum.checked_add(value).ok_or(TooLarge)?;
    Ok(())
}

/// Adds up the entries. The rows are sorted by group and currency.
pub(super) fn summarize<'a>(entries: impl IntoIterator<Item = Entry<'a>>) -> Result<Vec<Row>, TooLarge> {
    let mut rows: BTreeMap<(Cow<'a, str>, Cow<'a, str>), Row> = BTreeMap::new();
    for Entry { kind, group, currency, amount, tax } in entries {
        let row = rows.entry((group, currency)).or_default();
        match kind {
            Kind::Paid => {
                row.count += 1;
                add(&mut row.amount, amount)?;
                add(&mut row.tax, tax)?;
                add(&mut row.net, amount)?;
            }
            Kind::Refund => {
                row.refund_count += 1;
                add(&mut row.refunded, amount)?;
                row.net = row.net.checked_sub(amount).ok_or(TooLarge)?;
            }
            Kind::Open => {
                row.open_count += 1;
                add(&mut row.open_amount, amount)?;
            }
            Kind::Unknown => {
                row.unknown_count += 1;
                add(&mut row.unknown_amount, amount)?;
            }
            Kind::Unpaid => row.unpaid_count += 1,
        }
    }
    let named = |((group, currency), sums): ((Cow<'_, str>, Cow<'_, str>), Row)| Row {
        group: group.into_owned(),
        currency: currency.into_owned(),
        ..sums
    };
    Ok(rows.into_iter().map(named).collect())
}

fn amount(row: &Row, minor: i64) -> Cell {
    let currency = Some(row.currency.as_str()).filter(|currency| !currency.is_empty());
    format_amount(Some(minor), currency).into()
}

fn count_and_amount(row: &Row, count: u64, minor: i64) -> Cell {
    if count == 0 { Cell::from("") } else { format!("{count} ({})", amount(row, minor).text).into() }
}

impl View for Row {
    const NOUN: &'static str = "sale";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("GROUP", |row| row.group.as_str().into()),
        Column::new("SALES", |row| row.count.to_string().into()),
        Column::new("AMOUNT", |row| amount(row, row.amount)),
        Column::new("REFUNDED", |row| amount(row, row.refunded)),
        Column::new("NET", |row| amount(row, row.net)),
        Column::new("OPEN", |row| count_and_amount(row, row.open_count, row.open_amount)),
        Column::new("UNKNOWN", |row| count_and_amount(row, row.unknown_count, row.unknown_amount)),
        Column::new("UNPAID", |row| {
            if row.unpaid_count == 0 { Cell::from("") } else { row.unpaid_count.to_string().into() }
        }),
        Column::new("TAX", |row| amount(row, row.tax)),
    ];
    const CSV_FIELDS: &'static [&'static str] = &[
        "group",
        "currency",
        "count",
        "amount",
        "tax",
        "refund_count",
        "refunded",
        "net",
        "open_count",
        "open_amount",
        "unknown_count",
        "unknown_amount",
        "unpaid_count",
    ];
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(group: &str, currency: &'static str, kind: Kind, amount: i64) -> Entry<'static> {
        Entry { kind, group: group.to_owned().into(), currency: currency.into(), amount, tax: amount / 5 }
    }

    #[test]
    fn currencies_are_never_mixed_and_unpaid_ones_do_not_count() {
        let rows = summarize([
            entry("", "SEK", Kind::Paid, 100),
            entry("", "EUR", Kind::Paid, 7),
            entry("", "SEK", Kind::Paid, 50),
            entry("", "SEK", Kind::Refund, 30),
            entry("", "SEK", Kind::Open, 9),
            entry("", "SEK", Kind::Unknown, 8),
            entry("", "SEK", Kind::Unpaid, 5),
        ])
        .unwrap();
        assert_eq!(rows.len(), 2);
        let sek = &rows[1];
        assert_eq!((sek.count, sek.amount, sek.tax, sek.refunded, sek.net), (2, 150, 30, 30, 120));
        assert_eq!((sek.open_count, sek.open_amount, sek.unknown_amount, sek.unpaid_count), (1, 9, 8, 1));
        let large = [entry("", "SEK", Kind::Paid, i64::MAX), entry("", "SEK", Kind::Paid, 1)];
        assert_eq!(summarize(large), Err(TooLarge));
    }

    proptest! {
        /// The sums of any partition of a day are those of the day.
        #[test]
        fn the_sums_of_a_partition_add_up(
            sales in proptest::collection::vec((0_i64..1_000_000, 0_usize..5, 0_usize..3, 0_usize..4), 0..80)
        ) {
            let kinds = [Kind::Paid, Kind::Refund, Kind::Open, Kind::Unknown, Kind::Unpaid];
            let entries = |by: fn((usize, usize)) -> usize| {
                sales.iter().map(move |(amount, kind, currency, group)| {
                    let group = by((*group, *currency)).to_string();
                    entry(&group, ["SEK", "EUR", "NOK"][*currency], kinds[*kind], *amount)
                }).collect::<Vec<_>>()
            };
            let whole = summarize(entries(|_| 0)).unwrap();
            let parts = summarize(entries(|(group, _)| group)).unwrap();
            for total in &whole {
                let of = |field: fn(&Row) -> i64| {
                    parts.iter().filter(|row| row.currency == total.currency).map(field).sum::<i64>()
                };
                prop_assert_eq!(of(|row| row.amount), total.amount);
                prop_assert_eq!(of(|row| row.tax), total.tax);
                prop_assert_eq!(of(|row| row.refunded), total.refunded);
                prop_assert_eq!(of(|row| row.net), total.net);
                prop_assert_eq!(of(|row| row.open_amount), total.open_amount);
                prop_assert_eq!(total.net, total.amount - total.refunded);
                let counts = parts.iter().filter(|row| row.currency == total.currency).map(|row| row.count);
                prop_assert_eq!(counts.sum::<u64>(), total.count);
            }
        }
    }
}
