//! Data in the format that was asked for.

use anstyle::{AnsiColor, Style};
use comfy_table::{Attribute, Color, ColumnConstraint, ContentArrangement, Table, Width, presets};
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::view::{Cell, CellStyle, Column, Layout, ValueFormat, View};
use super::{Format, Output, csv};
use crate::error::Error;
use crate::text::{escape_control, escape_json};

/// The spaces between two columns.
pub(super) const COLUMN_GAP: u16 = 2;

impl Output {
    /// Shows one thing.
    pub(crate) fn print_item<T: View>(&self, item: &T) -> Result<(), Error> {
        match self.format() {
            Format::Table => self.details(item)?,
            Format::Json => self.data(&format!("{}\n", escape_json(&item.json(Layout::Document))))?,
            Format::Ndjson => self.line(item)?,
            Format::Csv => {
                self.bytes(&csv::row(T::FIELDS))?;
                self.bytes(&csv::row(csv::cells(&item.object(), T::FIELDS)))?;
            }
        }
        self.flush()
    }

    /// Shows any JSON value: what a raw call was answered with. A table of it is the JSON itself; a `csv` has the
    /// fields of its objects, in the order of their first appearance.
    pub(crate) fn json(&self, value: &Value) -> Result<(), Error> {
        match self.format() {
            Format::Table | Format::Json => self.data(&pretty(value))?,
            Format::Ndjson => {
                for item in elements(value) {
                    self.data(&format!("{}\n", escape_json(&item.to_string())))?;
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
                self.bytes(&csv::row(
                    fields.iter().map(|field| csv::escape_formula(&escape_control(field))),
                ))?;
                for object in objects {
                    self.bytes(&csv::row(csv::cells(object, &fields)))?;
                }
            }
        }
        self.flush()
    }

    /// Shows what is not JSON: as it is in a pipe, visibly on a terminal.
    pub(crate) fn print_raw(&self, bytes: &[u8]) -> Result<(), Error> {
        if self.people.stdout {
            let text = String::from_utf8_lossy(bytes);
            for line in text.lines() {
                self.data(&format!("{}\n", escape_control(line)))?;
            }
        } else {
            self.bytes(bytes)?;
        }
        self.flush()
    }

    /// A text as a cell of a table with this tone would look.
    pub(crate) fn styled(&self, text: &str, tone: CellStyle) -> String {
        let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
        let style = match tone {
            _ if !self.colors_data() => Style::new(),
            CellStyle::Plain => Style::new(),
            CellStyle::Success => colour(AnsiColor::Green),
            CellStyle::Pending => colour(AnsiColor::Yellow),
            CellStyle::Error => colour(AnsiColor::Red),
            CellStyle::Muted => Style::new().dimmed(),
        };
        format!("{style}{text}{style:#}")
    }

    pub(super) fn line<T: View>(&self, item: &T) -> Result<(), Error> {
        self.data(&escape_json(&item.json(Layout::Line)))?;
        self.data("\n")
    }

    /// The columns of one thing below each other, without the empty ones.
    fn details<T: View>(&self, item: &T) -> Result<(), Error> {
        self.fields(T::COLUMNS.iter(), item, &ValueFormat::local())
    }

    fn fields<'c, T: 'c>(
        &self,
        columns: impl Iterator<Item = &'c Column<T>>,
        item: &T,
        show: &ValueFormat,
    ) -> Result<(), Error> {
        let mut table = self.table();
        for column in columns {
            let cell = (column.cell)(item, show);
            if !cell.text.is_empty() {
                table.add_row(vec![heading(column.title), styled(&cell)]);
            }
        }
        self.write_table(table)
    }

    /// A table of what is in a list, as wide as the terminal is.
    pub(super) fn rows<T: View>(&self, items: &[T]) -> Result<(), Error> {
        let show = ValueFormat::local();
        let columns: Vec<&Column<T>> = list_columns().collect();
        let narrowest = min_column_widths(&columns, items, &show);
        let room = narrowest.iter().copied().map(u32::from).sum::<u32>().saturating_sub(COLUMN_GAP.into());
        if self.width().is_some_and(|width| room > width.into()) {
            return self.print_stacked(&columns, items, &show);
        }
        let mut table = self.table();
        table.set_header(columns.iter().map(|column| heading(column.title)).collect::<Vec<_>>());
        for item in items {
            let cells: Vec<_> = columns.iter().map(|column| styled(&(column.cell)(item, &show))).collect();
            table.add_row(cells);
        }
        for (column, width) in table.column_iter_mut().zip(narrowest) {
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width)));
        }
        self.write_table(table)
    }

    /// What is in a list where no line has room for a row: a line for each field, and an empty one between two things.
    fn print_stacked<T>(&self, columns: &[&Column<T>], items: &[T], show: &ValueFormat) -> Result<(), Error> {
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.data("\n")?;
            }
            self.fields(columns.iter().copied(), item, show)?;
        }
        Ok(())
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

/// The columns of a table of several things.
pub(super) fn list_columns<T: View>() -> impl Iterator<Item = &'static Column<T>> {
    T::COLUMNS.iter().filter(|column| !column.detail)
}

/// How wide each column is at least, with its gap, if it breaks no word in two.
fn min_column_widths<T>(columns: &[&Column<T>], items: &[T], show: &ValueFormat) -> Vec<u16> {
    let of_column = |column: &&Column<T>| {
        let widths = items.iter().map(|item| {
            let cell = (column.cell)(item, show);
            let text = escape_control(&cell.text);
            let words = text.split_whitespace().map(UnicodeWidthStr::width).max().unwrap_or_default();
            if column.whole { text.width() } else { words }
        });
        let widest = widths.chain([column.title.width()]).max().unwrap_or_default();
        u16::try_from(widest).unwrap_or(u16::MAX).saturating_add(COLUMN_GAP)
    };
    columns.iter().map(of_column).collect()
}

fn heading(title: &str) -> comfy_table::Cell {
    comfy_table::Cell::new(title).add_attribute(Attribute::Bold)
}

fn styled(cell: &Cell) -> comfy_table::Cell {
    let shown = comfy_table::Cell::new(escape_control(&cell.text));
    match cell.tone {
        CellStyle::Plain => shown,
        CellStyle::Success => shown.fg(Color::Green),
        CellStyle::Pending => shown.fg(Color::Yellow),
        CellStyle::Error => shown.fg(Color::Red),
        CellStyle::Muted => shown.add_attribute(Attribute::Dim),
    }
}

/// The things in a JSON value: the elements of an array, those of a page, or the value itself.
fn elements(value: &Value) -> &[Value] {
    let list = value.as_array().or_else(|| value.get("content")?.as_array());
    list.map_or(std::slice::from_ref(value), Vec::as_slice)
}

fn pretty(value: &Value) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    format!("{}\n", escape_json(&text))
}
