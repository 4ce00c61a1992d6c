//! How a value is shown: columns for tables, fields for CSV and its serialization for JSON.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

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
}

impl Cell {
    pub(crate) fn styled(text: impl Into<String>, style: CellStyle) -> Self {
        Self { text: text.into(), style }
    }

    /// A cell that is empty without a text.
    pub(crate) fn optional(text: Option<impl Into<String>>) -> Self {
        text.map(Into::into).unwrap_or_default().into()
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::styled(text, CellStyle::Plain)
    }
}

/// A column of a list, or a line of a single item.
pub(crate) struct Column<T: ?Sized> {
    pub title: &'static str,
    /// Whether lists omit it.
    pub is_detail: bool,
    /// Whether its text is never wrapped, so that it can be copied.
    pub is_id: bool,
    pub cell: fn(&T) -> Cell,
}

impl<T: ?Sized> Column<T> {
    pub(crate) const fn new(title: &'static str, cell: fn(&T) -> Cell) -> Self {
        Self { title, is_detail: false, is_id: false, cell }
    }

    /// A column whose text is never wrapped.
    pub(crate) const fn id(title: &'static str, cell: fn(&T) -> Cell) -> Self {
        Self { title, is_detail: false, is_id: true, cell }
    }

    /// A line that is printed for a single item only.
    pub(crate) const fn detail(title: &'static str, cell: fn(&T) -> Cell) -> Self {
        Self { title, is_detail: true, is_id: false, cell }
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
