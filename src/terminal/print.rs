//! Data in the format that was asked for.

use comfy_table::{Attribute, Color, ColumnConstraint, ContentArrangement, Table, presets};
use serde_json::Value;

use super::cell::{Cell, Column, Show, Tone, View};
use super::plain::Plain;
use super::{Format, Terminal, csv};
use crate::error::Error;
use crate::text::{visible, visible_json};

/// The spaces between two columns.
pub(super) const COLUMN_GAP: u16 = 2;

impl Terminal {
    /// Shows one thing.
    ///
    /// # Errors
    /// As [`Terminal::data`].
    pub fn one<T: View>(&self, item: &T) -> Result<(), Error> {
        match self.format() {
            Format::Table => self.details(item)?,
            Format::Json => self.data(&format!("{}\n", visible_json(&item.json(true))))?,
            Format::Ndjson => self.line(item)?,
            Format::Csv => {
                self.bytes(&csv::row(T::FIELDS))?;
                self.bytes(&csv::row(csv::cells(&item.object(), T::FIELDS)))?;
            }
        }
        self.flush()
    }

    /// Shows a list of things that are all there.
    ///
    /// # Errors
    /// As [`Terminal::data`].
    pub fn all<T: View>(&self, items: impl IntoIterator<Item = T>) -> Result<(), Error> {
        let mut listing = self.listing();
        for item in items {
            listing.push(item)?;
        }
        listing.finish()
    }

    /// Begins a list whose things arrive one after another.
    pub const fn listing<T: View>(&self) -> Listing<'_, T> {
        Listing {
            terminal: self,
            kept: Vec::new(),
            document: String::new(),
            header_written: false,
            single: false,
        }
    }

    /// Begins a list of one thing, which is shown as [`Terminal::one`] does.
    pub fn single<T: View>(&self) -> Listing<'_, T> {
        Listing { single: true, ..self.listing() }
    }

    /// Shows any JSON value: what a raw call was answered with. A table of it is the JSON itself; a `csv` has the
    /// fields of its objects, in the order of their first appearance.
    ///
    /// # Errors
    /// As [`Terminal::data`].
    pub fn json(&self, value: &Value) -> Result<(), Error> {
        match self.format() {
            Format::Table | Format::Json => self.data(&pretty(value))?,
            Format::Ndjson => {
                for item in elements(value) {
                    self.data(&format!("{}\n", visible_json(&item.to_string())))?;
                }
            }
            Format::Csv => {
                let objects: Vec<_> = elements(value).iter().filter_map(Value::as_object).collect();
                let mut fields: Vec<&str> = Vec::new();
                for name in objects.iter().flat_map(|object| object.keys()) {
                    if !fields.contains(&name.as_str()) {
                        fields.push(name);
                    }
                }
                self.bytes(&csv::row(fields.iter().map(|field| csv::harmless(&visible(field)))))?;
                for object in objects {
                    self.bytes(&csv::row(csv::cells(object, &fields)))?;
                }
            }
        }
        self.flush()
    }

    /// Shows what is not JSON: as it is in a pipe, visibly on a terminal.
    ///
    /// # Errors
    /// As [`Terminal::data`].
    pub fn foreign(&self, bytes: &[u8]) -> Result<(), Error> {
        if self.people.stdout {
            let text = String::from_utf8_lossy(bytes);
            for line in text.lines() {
                self.data(&format!("{}\n", visible(line)))?;
            }
        } else {
            self.bytes(bytes)?;
        }
        self.flush()
    }

    fn line<T: View>(&self, item: &T) -> Result<(), Error> {
        self.data(&visible_json(&item.json(false)))?;
        self.data("\n")
    }

    /// The columns of one thing below each other, without the empty ones.
    fn details<T: View>(&self, item: &T) -> Result<(), Error> {
        let show = Show::here();
        let mut table = self.table();
        for column in T::COLUMNS {
            let cell = (column.cell)(item, &show);
            if !cell.text.is_empty() {
                table.add_row(vec![heading(column.title), styled(&cell)]);
            }
        }
        self.write_table(table)
    }

    fn rows<T: View>(&self, items: &[T]) -> Result<(), Error> {
        let show = Show::here();
        let columns: Vec<&Column<T>> = T::COLUMNS.iter().filter(|column| !column.detail).collect();
        if self.width().is_none() && !self.colors_data() {
            let mut table = Plain::new(columns.iter().map(|column| column.title));
            for item in items {
                for column in &columns {
                    table.push((column.cell)(item, &show).text);
                }
            }
            return table.lines().try_for_each(|line| self.data(&line));
        }
        let mut table = self.table();
        table.set_header(columns.iter().map(|column| heading(column.title)).collect::<Vec<_>>());
        for item in items {
            let cells: Vec<_> = columns.iter().map(|column| styled(&(column.cell)(item, &show))).collect();
            table.add_row(cells);
        }
        for (index, _) in columns.iter().enumerate().filter(|(_, column)| column.whole) {
            if let Some(shown) = table.column_mut(index) {
                shown.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        self.write_table(table)
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        if self.colors_data() {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        match self.width() {
            Some(width) => table.set_width(width).set_content_arrangement(ContentArrangement::Dynamic),
            None => table.set_content_arrangement(ContentArrangement::Disabled),
        };
        table
    }

    fn write_table(&self, mut table: Table) -> Result<(), Error> {
        for column in table.column_iter_mut() {
            column.set_padding((0, COLUMN_GAP));
        }
        for line in table.lines() {
            self.data(line.trim_end())?;
            self.data("\n")?;
        }
        Ok(())
    }
}

fn heading(title: &str) -> comfy_table::Cell {
    comfy_table::Cell::new(title).add_attribute(Attribute::Bold)
}

fn styled(cell: &Cell) -> comfy_table::Cell {
    let shown = comfy_table::Cell::new(visible(&cell.text));
    match cell.tone {
        Tone::Plain => shown,
        Tone::Good => shown.fg(Color::Green),
        Tone::Busy => shown.fg(Color::Yellow),
        Tone::Bad => shown.fg(Color::Red),
        Tone::Faint => shown.add_attribute(Attribute::Dim),
    }
}

/// A list that is being written. `ndjson` and `csv` write each thing as it arrives; a table and a JSON document
/// need all of them.
pub struct Listing<'a, T> {
    terminal: &'a Terminal,
    /// The things of a table, or the one of a single thing.
    kept: Vec<T>,
    /// A JSON document, up to the last thing that has arrived.
    document: String,
    header_written: bool,
    single: bool,
}

impl<T: View> Listing<'_, T> {
    /// Adds a thing.
    ///
    /// # Errors
    /// As [`Terminal::data`].
    pub fn push(&mut self, item: T) -> Result<(), Error> {
        match self.terminal.format() {
            Format::Table => self.kept.push(item),
            Format::Json if self.single => self.kept.push(item),
            Format::Json => add_element(&mut self.document, &item.json(true)),
            Format::Ndjson => self.terminal.line(&item)?,
            Format::Csv => {
                self.header()?;
                self.terminal.bytes(&csv::row(csv::cells(&item.object(), T::FIELDS)))?;
            }
        }
        Ok(())
    }

    /// Hands what has arrived so far to whoever reads it.
    ///
    /// # Errors
    /// As [`Terminal::data`].
    pub fn flush(&self) -> Result<(), Error> {
        self.terminal.flush()
    }

    /// Whether nothing is kept for the end: nothing arrived, or it has been written already.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.document.is_empty()
    }

    /// Ends the list.
    ///
    /// # Errors
    /// As [`Terminal::data`].
    pub fn finish(mut self) -> Result<(), Error> {
        match self.terminal.format() {
            Format::Table if T::COLUMNS.is_empty() => {}
            Format::Table | Format::Json if self.single => {
                for item in &self.kept {
                    self.terminal.one(item)?;
                }
            }
            Format::Table if self.kept.is_empty() => self.terminal.note(&format!("No {}s.", T::NOUN)),
            Format::Table => self.terminal.rows(&self.kept)?,
            Format::Json if self.document.is_empty() => self.terminal.data("[]\n")?,
            Format::Json => {
                self.terminal.data(&self.document)?;
                self.terminal.data("\n]\n")?;
            }
            Format::Ndjson => {}
            Format::Csv => self.header()?,
        }
        self.terminal.flush()
    }

    fn header(&mut self) -> Result<(), Error> {
        if !self.header_written {
            self.header_written = true;
            self.terminal.bytes(&csv::row(T::FIELDS))?;
        }
        Ok(())
    }
}

/// The things in a JSON value: the elements of an array, those of a page, or the value itself.
fn elements(value: &Value) -> &[Value] {
    let list = value.as_array().or_else(|| value.get("content")?.as_array());
    list.map_or(std::slice::from_ref(value), Vec::as_slice)
}

/// Adds an element to the text of a JSON array.
fn add_element(document: &mut String, element: &str) {
    document.push_str(if document.is_empty() { "[" } else { "," });
    // Inside of a text there are no line breaks.
    for line in visible_json(element).split('\n') {
        document.push_str("\n  ");
        document.push_str(line);
    }
}

fn pretty(value: &Value) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    format!("{}\n", visible_json(&text))
}
