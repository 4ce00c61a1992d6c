//! How a value is shown: columns for tables, fields for CSV and its serialization for JSON.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::names::{NameKind, Names};
use crate::model::{Metadata, format_minor};

/// Semantic style of a table cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CellStyle {
    Plain,
    Success,
    Pending,
    Error,
    Muted,
}

/// A cell of a table. Control characters in the text are escaped when it is printed.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub text: String,
    pub style: CellStyle,
    /// What the text is the ID of, whose name is shown instead.
    pub named: Option<NameKind>,
}

impl Cell {
    pub(crate) fn styled(text: impl Into<String>, style: CellStyle) -> Self {
        Self { text: text.into(), style, named: None }
    }

    /// A cell that is empty without a text.
    pub(crate) fn optional(text: Option<impl Into<String>>) -> Self {
        text.map(Into::into).unwrap_or_default().into()
    }

    /// A cell with the name of a location or device, or its ID where the name is not known.
    pub(crate) fn named(kind: NameKind, id: Option<&str>) -> Self {
        Self { named: Some(kind), ..Self::optional(id) }
    }

    /// Replaces an ID by its name.
    pub(super) fn resolve(mut self, names: &Names) -> Self {
        if let Some(name) = self.named.and_then(|kind| names.get(kind, &self.text)) {
            self.text = name;
        }
        self
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::styled(text, CellStyle::Plain)
    }
}

/// Where a column is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Always,
    /// For a single item, and with `-o wide`.
    Detail,
    /// With `-o wide` only.
    Wide,
}

/// A column of a list, or a line of a single item.
pub(crate) struct Column<T: ?Sized> {
    pub title: &'static str,
    pub(super) shown: Shown,
    /// Whether its text is an ID, which lists shorten to a unique prefix.
    pub(super) is_id: bool,
    /// Whether its text is never truncated to make room for others.
    pub(super) is_fixed: bool,
    pub cell: fn(&T) -> Cell,
}

impl<T: ?Sized> Column<T> {
    pub(crate) const fn new(title: &'static str, cell: fn(&T) -> Cell) -> Self {
        Self { title, shown: Shown::Always, is_id: false, is_fixed: false, cell }
    }

    /// A column whose text is short, and is never truncated to make room for others.
    pub(crate) const fn fixed(title: &'static str, cell: fn(&T) -> Cell) -> Self {
        Self { is_fixed: true, ..Self::new(title, cell) }
    }

    /// A column of IDs, which lists shorten to a unique prefix.
    pub(crate) const fn id(title: &'static str, cell: fn(&T) -> Cell) -> Self {
        Self { is_id: true, ..Self::fixed(title, cell) }
    }

    /// A line that is printed for a single item, and with `-o wide`.
    pub(crate) const fn detail(title: &'static str, cell: fn(&T) -> Cell) -> Self {
        Self { shown: Shown::Detail, ..Self::new(title, cell) }
    }

    /// A column that is printed with `-o wide` only.
    pub(crate) const fn wide(title: &'static str, cell: fn(&T) -> Cell) -> Self {
        Self { shown: Shown::Wide, ..Self::new(title, cell) }
    }
}

/// A value that can be printed in every format. JSON is its serialization.
pub(crate) trait View: Serialize + 'static {
    /// The singular noun for it.
    const NOUN: &'static str;
    const COLUMNS: &'static [Column<Self>];
    /// The fields printed as CSV; without any, all that are serialized. They have to be named where a list can be
    /// empty, since its header is printed too, and where some are omitted, such as the credentials of a device.
    const CSV_FIELDS: &'static [&'static str] = &[];
    /// The text that a table is sorted by; without it, the order is kept.
    const SORT_BY: Option<fn(&Self) -> &str> = None;
}

/// Formats a time in the local time zone.
pub(crate) fn format_time(time: Timestamp) -> String {
    time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Formats minor units as a decimal amount with its currency. Without a known currency the number of decimals is
/// unknown too, so the minor units are printed as they are.
pub(crate) fn format_amount(minor: Option<i64>, currency: Option<&str>) -> String {
    let Some(minor) = minor else { return String::new() };
    match currency {
        Some(code) => match code.parse() {
            Ok(currency) => format!("{} {code}", format_minor(minor, currency)),
            Err(_) => format!("{minor} minor units of {code}"),
        },
        None => format!("{minor} minor units"),
    }
}

/// Formats metadata as `key=value, …`.
pub(crate) fn format_metadata(metadata: &Metadata) -> String {
    let pairs: Vec<_> = metadata.iter().map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join(", ")
}
