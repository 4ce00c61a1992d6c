//! Lists whose items arrive one after another.

use super::view::View;
use super::{Format, Output, csv};
use crate::error::Error;

/// Prints the items of a list.
pub(crate) struct ListWriter<'a, T> {
    output: &'a Output,
    sink: Sink<T>,
}

enum Sink<T> {
    /// The widths of the columns depend on all rows.
    Table(Vec<T>),
    /// A list that fails halfway must not leave an incomplete JSON document behind.
    Json(Vec<T>),
    /// A list without an end, as of a server, is written as it grows.
    JsonStream {
        is_empty: bool,
    },
    Ndjson,
    Csv {
        has_header: bool,
    },
}

impl Output {
    pub(crate) fn print_list<T: View>(&self, items: impl IntoIterator<Item = T>) -> Result<(), Error> {
        let mut list = self.list_writer();
        for item in items {
            list.push(item)?;
        }
        list.finish()
    }

    pub(crate) const fn list_writer<T: View>(&self) -> ListWriter<'_, T> {
        let sink = match self.format() {
            Format::Table => Sink::Table(Vec::new()),
            Format::Json => Sink::Json(Vec::new()),
            Format::Ndjson => Sink::Ndjson,
            Format::Csv => Sink::Csv { has_header: false },
        };
        ListWriter { output: self, sink }
    }
}

impl<T: View> ListWriter<'_, T> {
    /// Writes JSON as it arrives too.
    pub(crate) fn streaming(mut self) -> Self {
        if matches!(self.sink, Sink::Json(_)) {
            self.sink = Sink::JsonStream { is_empty: true };
        }
        self
    }

    /// Adds an item. NDJSON and CSV are written at once, the other formats by [`Self::finish`].
    pub(crate) fn push(&mut self, item: T) -> Result<(), Error> {
        match &mut self.sink {
            Sink::Table(items) | Sink::Json(items) => {
                items.push(item);
                Ok(())
            }
            Sink::JsonStream { is_empty } => {
                let start = if std::mem::replace(is_empty, false) { "[" } else { "," };
                self.output.print(start)?;
                self.output.print_json_element(&item)
            }
            Sink::Ndjson => self.output.print_json_line(&item),
            Sink::Csv { has_header } => {
                let object = csv::to_object(&item);
                let fields = csv::fields::<T>(&object);
                if !std::mem::replace(has_header, true) {
                    self.output.print_row(&csv::row(&fields))?;
                }
                self.output.print_row(&csv::row(csv::cells(&object, &fields)))
            }
        }
    }

    /// Passes the lines written so far on to the reader.
    pub(crate) fn flush(&self) -> Result<(), Error> {
        self.output.flush()
    }

    pub(crate) fn finish(self) -> Result<(), Error> {
        let output = self.output;
        match self.sink {
            Sink::Table(items) if items.is_empty() => output.status(&format!("No {}s.", T::NOUN)),
            Sink::Table(items) => output.print_rows(&items)?,
            Sink::Json(items) => output.print_json_document(&items)?,
            Sink::JsonStream { is_empty: true } => output.print("[]\n")?,
            Sink::JsonStream { is_empty: false } => output.print("\n]\n")?,
            Sink::Csv { has_header: false } => output.print_row(&csv::row(T::CSV_FIELDS))?,
            Sink::Csv { has_header: true } | Sink::Ndjson => {}
        }
        output.flush()
    }
}
