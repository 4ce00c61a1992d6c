//! Lists whose items arrive one after another.

use super::columns::{Selected, select};
use super::view::View;
use super::{Format, Output, csv};
use crate::error::Error;
use crate::text::natural_key;

/// Prints the items of a list.
pub(crate) struct ListWriter<'a, T: 'static> {
    output: &'a Output,
    selected: Option<Vec<Selected<T>>>,
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
        is_header_done: bool,
    },
    Name,
}

impl Output {
    pub(crate) fn print_list<T: View>(&self, items: impl IntoIterator<Item = T>) -> Result<(), Error> {
        let mut list = self.list_writer()?;
        for item in items {
            list.push(item)?;
        }
        list.finish()
    }

    /// Fails if `--columns` names a column that the items do not have.
    pub(crate) fn list_writer<T: View>(&self) -> Result<ListWriter<'_, T>, Error> {
        let sink = match self.format() {
            Format::Table | Format::Wide => Sink::Table(Vec::new()),
            Format::Json => Sink::Json(Vec::new()),
            Format::Ndjson => Sink::Ndjson,
            Format::Csv => Sink::Csv { is_header_done: self.options.no_header },
            Format::Name => Sink::Name,
        };
        Ok(ListWriter { output: self, selected: self.selected_of::<T>()?, sink })
    }

    pub(super) fn selected_of<T: View>(&self) -> Result<Option<Vec<Selected<T>>>, Error> {
        self.options.columns.as_deref().map(select).transpose()
    }

    /// Fails if `--columns` names a column that the items do not have.
    pub(crate) fn check_columns<T: View>(&self) -> Result<(), Error> {
        self.selected_of::<T>().map(drop)
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

    /// Adds an item. NDJSON, CSV and names are written at once, the other formats by [`Self::finish`].
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
            Sink::Csv { is_header_done } => {
                let with_header = !std::mem::replace(is_header_done, true);
                self.output.print_csv_row(&item, self.selected.as_deref(), with_header)
            }
            Sink::Name => self.output.print_name(&item),
        }
    }

    /// The items of a table, before it is printed.
    pub(crate) fn table_items(&self) -> &[T] {
        match &self.sink {
            Sink::Table(items) => items,
            Sink::Json(_) | Sink::JsonStream { .. } | Sink::Ndjson | Sink::Csv { .. } | Sink::Name => &[],
        }
    }

    /// Passes the lines written so far on to the reader.
    pub(crate) fn flush(&self) -> Result<(), Error> {
        self.output.flush()
    }

    pub(crate) fn finish(self) -> Result<(), Error> {
        let output = self.output;
        let selected = self.selected.as_deref();
        match self.sink {
            Sink::Table(items) if items.is_empty() => output.status(&format!("No {}s.", T::NOUN)),
            Sink::Table(mut items) => {
                if let Some(name) = T::SORT_BY {
                    items.sort_by_cached_key(|item| natural_key(name(item)));
                }
                output.print_rows(&items, selected)?;
            }
            Sink::Json(items) => output.print_json_document(&items)?,
            Sink::JsonStream { is_empty: true } => output.print("[]\n")?,
            Sink::JsonStream { is_empty: false } => output.print("\n]\n")?,
            Sink::Csv { is_header_done: false } => {
                let names =
                    selected.map(|columns| columns.iter().map(Selected::field_name).collect::<Vec<_>>());
                match names {
                    Some(names) => output.print_row(&csv::row(&names))?,
                    None => output.print_row(&csv::row(T::CSV_FIELDS))?,
                }
            }
            Sink::Csv { is_header_done: true } | Sink::Ndjson | Sink::Name => {}
        }
        output.flush()
    }
}
