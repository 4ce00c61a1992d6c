//! Single items, raw responses and styled text.

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::Value;

use super::view::{CellStyle, View};
use super::{Format, Output, csv};
use crate::error::Error;
use crate::text::{escape_control, escape_json};

impl Output {
    pub(crate) fn print_item<T: View>(&self, item: &T) -> Result<(), Error> {
        match self.format() {
            Format::Table => self.print_fields(item)?,
            Format::Json => self.print_json_document(item)?,
            Format::Ndjson => self.print_json_line(item)?,
            Format::Csv => {
                let object = csv::to_object(item);
                let fields = csv::fields::<T>(&object);
                self.print_row(&csv::row(&fields))?;
                self.print_row(&csv::row(csv::cells(&object, &fields)))?;
            }
        }
        self.flush()
    }

    /// Prints the JSON response of a raw request. A table of it is the JSON itself. CSV has the fields of all its
    /// objects, in the order in which they first appear.
    pub(crate) fn print_json(&self, value: &Value) -> Result<(), Error> {
        match self.format() {
            Format::Table | Format::Json => self.print_json_document(value)?,
            Format::Ndjson => elements(value).iter().try_for_each(|item| self.print_json_line(item))?,
            Format::Csv => {
                let objects: Vec<_> = elements(value).iter().filter_map(Value::as_object).collect();
                let mut fields: Vec<&str> = Vec::new();
                for name in objects.iter().flat_map(|object| object.keys()) {
                    if !fields.contains(&name.as_str()) {
                        fields.push(name);
                    }
                }
                let header = fields.iter().map(|field| csv::escape_formula(&escape_control(field)));
                self.print_row(&csv::row(header))?;
                for object in objects {
                    self.print_row(&csv::row(csv::cells(object, &fields)))?;
                }
            }
        }
        self.flush()
    }

    /// Prints a response that is not JSON: unchanged in a pipe, with escapes on a terminal.
    pub(crate) fn print_raw(&self, bytes: &[u8]) -> Result<(), Error> {
        if self.terminals.stdout {
            for line in String::from_utf8_lossy(bytes).lines() {
                self.print(&format!("{}\n", escape_control(line)))?;
            }
        } else {
            self.print_bytes(bytes)?;
        }
        self.flush()
    }

    /// Adds the colors of a table cell to a text.
    pub(crate) fn style_text(&self, text: &str, style: CellStyle) -> String {
        let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
        let style = match style {
            _ if !self.has_colors() => Style::new(),
            CellStyle::Plain => Style::new(),
            CellStyle::Success => color(AnsiColor::Green),
            CellStyle::Pending => color(AnsiColor::Yellow),
            CellStyle::Error => color(AnsiColor::Red),
            CellStyle::Muted => Style::new().dimmed(),
        };
        format!("{style}{text}{style:#}")
    }

    pub(super) fn print_json_line(&self, value: &impl Serialize) -> Result<(), Error> {
        self.write_json(serde_json::to_string(value))
    }

    /// Prints an element of an array, indented, on lines of its own.
    pub(super) fn print_json_element(&self, value: &impl Serialize) -> Result<(), Error> {
        let json = serde_json::to_string_pretty(value).unwrap_or_default();
        self.print(&format!("\n  {}", escape_json(&json.replace('\n', "\n  "))))
    }

    pub(super) fn print_json_document(&self, value: &impl Serialize) -> Result<(), Error> {
        self.write_json(serde_json::to_string_pretty(value))
    }

    fn write_json(&self, json: serde_json::Result<String>) -> Result<(), Error> {
        // Views serialize to objects with string keys, so this cannot fail.
        self.print(&escape_json(&json.unwrap_or_default()))?;
        self.print("\n")
    }
}

/// The elements of an array or of a page, or the value itself.
fn elements(value: &Value) -> &[Value] {
    let list = value.as_array().or_else(|| value.get("content")?.as_array());
    list.map_or(std::slice::from_ref(value), Vec::as_slice)
}
