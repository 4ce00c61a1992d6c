//! What a thing looks like: the columns people see, the fields a spreadsheet gets, the object a script reads.

use std::borrow::Cow;
use std::io;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::ser::{Formatter as _, PrettyFormatter, Serializer};
use serde_json::{Map, Value};

use crate::model::{Metadata, format_minor};

/// How pleasant a cell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CellStyle {
    /// As it is.
    Plain,
    /// It went well.
    Success,
    /// It is under way, or wants attention.
    Pending,
    /// It did not go well.
    Error,
    /// It is of little interest.
    Muted,
}

/// One cell of a table.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    /// The text, not yet made visible.
    pub text: String,
    pub tone: CellStyle,
}

impl Cell {
    /// A cell with a tone.
    pub(crate) fn styled(text: impl Into<String>, tone: CellStyle) -> Self {
        Self { text: text.into(), tone }
    }

    /// A text that may be absent.
    pub(crate) fn optional(text: Option<&str>) -> Self {
        text.unwrap_or_default().into()
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::styled(text, CellStyle::Plain)
    }
}

/// One column of a table, or one line when a single thing is shown.
pub(crate) struct Column<T: ?Sized> {
    /// What stands above it, in upper case.
    pub title: &'static str,
    /// Whether it is shown for a single thing only.
    pub detail: bool,
    /// Whether its content is copied as a whole, and so is never broken into lines.
    pub whole: bool,
    pub cell: fn(&T, &ValueFormat) -> Cell,
}

impl<T: ?Sized> Column<T> {
    /// A column of every table.
    pub(crate) const fn new(title: &'static str, cell: fn(&T, &ValueFormat) -> Cell) -> Self {
        Self { title, detail: false, whole: false, cell }
    }

    /// A column of every table whose content is copied as a whole.
    pub(crate) const fn id(title: &'static str, cell: fn(&T, &ValueFormat) -> Cell) -> Self {
        Self { title, detail: false, whole: true, cell }
    }

    /// A line where a single thing is shown.
    pub(crate) const fn detail(title: &'static str, cell: fn(&T, &ValueFormat) -> Cell) -> Self {
        Self { title, detail: true, whole: false, cell }
    }
}

/// Something that can be shown in every format.
pub(crate) trait View: 'static {
    /// What it is called, in the singular.
    const NOUN: &'static str;
    /// The columns of a `csv`: names of fields.
    const FIELDS: &'static [&'static str];
    /// The columns of a table.
    const COLUMNS: &'static [Column<Self>];

    /// The object of `json` and `ndjson`.
    fn object(&self) -> Cow<'_, Map<String, Value>>;

    /// The object as text; one that is made only to be written need not be made.
    fn json(&self, layout: Layout) -> String {
        layout.text(&*self.object())
    }
}

/// How JSON is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// On one line.
    Line,
    /// On lines of its own.
    Document,
    /// The same, as an element of an array.
    Element,
}

impl Layout {
    /// A value as text.
    pub(crate) fn text(self, value: &impl Serialize) -> String {
        let mut text = Vec::with_capacity(512);
        let mut lines = PrettyFormatter::new();
        let written = match self {
            Self::Line => serde_json::to_writer(&mut text, value),
            Self::Document => serde_json::to_writer_pretty(&mut text, value),
            Self::Element => lines
                // Inside of an array everything is further to the right.
                .begin_array(&mut io::sink())
                .map_err(serde_json::Error::io)
                .and_then(|()| value.serialize(&mut Serializer::with_formatter(&mut text, lines))),
        };
        // The keys are strings, and nothing else can fail.
        written.ok().and_then(|()| String::from_utf8(text).ok()).unwrap_or_default()
    }
}

/// How values are written for people.
pub(crate) struct ValueFormat {
    zone: TimeZone,
}

impl ValueFormat {
    /// In this machine's time zone.
    pub(crate) fn local() -> Self {
        Self { zone: TimeZone::system() }
    }

    /// An instant as local date and time.
    pub(crate) fn time(&self, instant: Option<Timestamp>) -> Cell {
        let write = |instant: Timestamp| {
            instant.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
        };
        instant.map(write).unwrap_or_default().into()
    }

    /// Minor units as an amount with its currency; those of a currency this version does not know as they are.
    pub(crate) fn amount(minor: Option<i64>, currency: Option<&str>) -> Cell {
        let Some(minor) = minor else { return Cell::from("") };
        match currency {
            Some(code) => match code.parse() {
                Ok(known) => format!("{} {code}", format_minor(minor, known)).into(),
                Err(_) => format!("{minor} minor units of {code}").into(),
            },
            None => format!("{minor} minor units").into(),
        }
    }

    /// Metadata as `key=value, …`.
    pub(crate) fn metadata(&self, metadata: &Metadata) -> Cell {
        let pairs: Vec<_> = metadata.iter().map(|(key, value)| format!("{key}={value}")).collect();
        pairs.join(", ").into()
    }
}
