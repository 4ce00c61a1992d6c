//! Lists, whose things arrive one after another.

use super::plain::Plain;
use super::print::list_columns;
use super::view::{Layout, ValueFormat, View};
use super::{Format, Output, csv};
use crate::error::Error;
use crate::text::escape_json;

/// A list that is being written. `ndjson` and `csv` write each thing as it arrives; a table and a JSON document
/// need all of them.
pub(crate) struct ListWriter<'a, T> {
    output: &'a Output,
    /// How many things have arrived that were not written yet.
    waiting: usize,
    /// The things of a table for a person, or the one of a single thing.
    kept: Vec<T>,
    /// A table for a pipe.
    table: Option<(Plain, ValueFormat)>,
    /// A JSON document, up to the last thing that has arrived.
    document: String,
    header_written: bool,
    single: bool,
    complete: bool,
}

impl Output {
    /// Shows a list of things that are all there.
    pub(crate) fn print_list<T: View>(&self, items: impl IntoIterator<Item = T>) -> Result<(), Error> {
        let mut listing = ListWriter { complete: true, ..self.listing() };
        for item in items {
            listing.push(item)?;
        }
        listing.finish()
    }

    /// Begins a list whose things arrive one after another.
    pub(crate) const fn listing<T: View>(&self) -> ListWriter<'_, T> {
        ListWriter {
            output: self,
            waiting: 0,
            kept: Vec::new(),
            table: None,
            document: String::new(),
            header_written: false,
            single: false,
            complete: false,
        }
    }

    /// Begins a list of one thing, which is shown as [`Output::one`] does.
    pub(crate) fn single_item_writer<T: View>(&self) -> ListWriter<'_, T> {
        ListWriter { single: true, ..self.listing() }
    }
}

impl<T: View> ListWriter<'_, T> {
    /// Adds a thing.
    pub(crate) fn push(&mut self, item: T) -> Result<(), Error> {
        let output = self.output;
        match output.format() {
            Format::Ndjson => return output.line(&item),
            Format::Csv => {
                self.header()?;
                return output.bytes(&csv::row(csv::cells(&item.object(), T::FIELDS)));
            }
            Format::Table | Format::Json if self.single => self.kept.push(item),
            Format::Table if output.is_tty_or_colored() => self.kept.push(item),
            Format::Table => {
                let titles = || list_columns::<T>().map(|column| column.title);
                let (table, show) =
                    self.table.get_or_insert_with(|| (Plain::new(titles()), ValueFormat::local()));
                for column in list_columns::<T>() {
                    table.push((column.cell)(&item, show).text);
                }
            }
            Format::Json => {
                self.document.push_str(if self.waiting == 0 { "[\n  " } else { ",\n  " });
                self.document.push_str(&escape_json(&item.json(Layout::Element)));
                // What is not complete may fail to be, and half a document is none.
                if self.complete {
                    output.data(&self.document)?;
                    self.document.clear();
                }
            }
        }
        self.waiting += 1;
        Ok(())
    }

    /// Hands what has arrived so far to whoever reads it.
    pub(crate) fn flush(&self) -> Result<(), Error> {
        self.output.flush()
    }

    /// Whether nothing is kept for the end: nothing arrived, or it has been written already.
    pub(crate) const fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Ends the list.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        let output = self.output;
        match output.format() {
            Format::Table if T::COLUMNS.is_empty() => {}
            Format::Table | Format::Json if self.single => {
                for item in &self.kept {
                    output.print_item(item)?;
                }
            }
            Format::Table if self.is_empty() => output.status(&format!("No {}s.", T::NOUN)),
            Format::Table => match &self.table {
                Some((table, _)) => table.lines().try_for_each(|line| output.data(&line))?,
                None => output.rows(&self.kept)?,
            },
            Format::Json if self.is_empty() => output.data("[]\n")?,
            Format::Json => {
                output.data(&self.document)?;
                output.data("\n]\n")?;
            }
            Format::Ndjson => {}
            Format::Csv => self.header()?,
        }
        output.flush()
    }

    fn header(&mut self) -> Result<(), Error> {
        if !self.header_written {
            self.header_written = true;
            self.output.bytes(&csv::row(T::FIELDS))?;
        }
        Ok(())
    }
}
