//! Single items, raw responses and styled text.

use std::borrow::Cow;

use anstyle::{AnsiColor, Style};
use dialoguer::console::measure_text_width;
use serde::Serialize;
use serde_json::Value;

use super::columns::Selected;
use super::view::{CellStyle, View};
use super::wrap::wrap;
use super::{Format, Output, csv};
use crate::error::Error;
use crate::text::{escape_control, escape_json};

/// The result of a check, for people.
pub(crate) struct CheckLine<'a> {
    pub mark: &'static str,
    pub style: CellStyle,
    pub title: &'a str,
    pub text: &'a str,
    /// What to do about it.
    pub next: Option<&'a str>,
}

impl Output {
    /// Prints an item. A change may have been made before, so a wrong `--columns` is only a warning.
    pub(crate) fn print_item<T: View>(&self, item: &T) -> Result<(), Error> {
        let selected = self.selected_of::<T>().unwrap_or_else(|error| {
            self.warn(&error.message);
            None
        });
        match (self.format(), &selected) {
            (Format::Table | Format::Wide, None) => self.print_fields(item)?,
            (Format::Table | Format::Wide, Some(selected)) => self.print_selected_fields(item, selected)?,
            (Format::Json, _) => self.print_json_document(item)?,
            (Format::Ndjson, _) => self.print_json_line(item)?,
            (Format::Csv, selected) => {
                self.print_csv_row(item, selected.as_deref(), !self.options.no_header)?;
            }
            (Format::Name, _) => self.print_name(item)?,
        }
        self.flush()
    }

    pub(super) fn print_csv_row<T: View>(
        &self,
        item: &T,
        selected: Option<&[Selected<T>]>,
        with_header: bool,
    ) -> Result<(), Error> {
        let object = csv::to_object(item);
        let Some(selected) = selected else {
            let fields = csv::fields::<T>(&object);
            if with_header {
                self.print_row(&csv::row(&fields))?;
            }
            return self.print_row(&csv::row(csv::cells(&object, &fields)));
        };
        if with_header {
            let names =
                selected.iter().map(|column| csv::escape_formula(&escape_control(&column.field_name())));
            self.print_row(&csv::row(names))?;
        }
        let names = self.names.borrow();
        let values = selected.iter().map(|column| csv::format_cell(&column.value(item, &object, &names)));
        self.print_row(&csv::row(values))
    }

    /// Prints the ID of an item, or its first column if it has none.
    pub(super) fn print_name<T: View>(&self, item: &T) -> Result<(), Error> {
        let column = T::COLUMNS.iter().find(|column| column.is_id).or(T::COLUMNS.first());
        let name = column.map(|column| (column.cell)(item).text).unwrap_or_default();
        self.print(&format!("{}\n", escape_control(&name)))
    }

    /// Prints the JSON response of a raw request. A table of it is the JSON itself. CSV has the fields of all its
    /// objects, in the order in which they first appear.
    pub(crate) fn print_json(&self, value: &Value) -> Result<(), Error> {
        match self.format() {
            Format::Table | Format::Wide | Format::Json => self.print_json_document(value)?,
            Format::Name => elements(value).iter().try_for_each(|item| {
                let id = ["id", "session_id", "enrollment_id", "order_id"];
                let id = id.into_iter().find_map(|field| item.get(field)).map(csv::format_text);
                self.print(&format!("{}\n", escape_control(&id.unwrap_or_default())))
            })?,
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

    /// Prints the results of checks, a line each, with the next step below it.
    pub(crate) fn print_check_lines(&self, lines: &[CheckLine<'_>]) -> Result<(), Error> {
        let titles = lines.iter().map(|checkup| measure_text_width(checkup.title)).max().unwrap_or_default();
        let indent = titles + 4;
        let width = self.width().map_or(usize::MAX, usize::from);
        for CheckLine { mark, style, title, text, next } in lines {
            let mark = self.style_text(mark, *style);
            let padding = " ".repeat(titles - measure_text_width(title));
            let line = format!("{mark} {title}{padding}  {}", escape_control(text));
            self.print(&format!("{}\n", wrap(&line, width, indent)))?;
            if let Some(next) = next {
                let line = format!("{}{}", " ".repeat(indent), escape_control(next));
                self.print(&format!("{}\n", wrap(&line, width, 0)))?;
            }
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
        self.write_json(value, false)
    }

    /// Prints an element of an array, indented, on lines of its own.
    pub(super) fn print_json_element(&self, value: &impl Serialize) -> Result<(), Error> {
        let json = serde_json::to_string_pretty(value).unwrap_or_default();
        self.print(&format!("\n  {}", escape_json(&json.replace('\n', "\n  "))))
    }

    pub(super) fn print_json_document(&self, value: &impl Serialize) -> Result<(), Error> {
        self.write_json(value, true)
    }

    /// Prints JSON, filtered by `--jq`. A filter's strings are printed as they are.
    fn write_json(&self, value: &impl Serialize, is_pretty: bool) -> Result<(), Error> {
        let Some(filter) = &self.options.jq else { return self.print(&format_json(value, is_pretty)) };
        // Views serialize to objects with string keys, so this cannot fail.
        let json = serde_json::to_string(value).unwrap_or_default();
        let limits = *self.limits.borrow();
        filter.run(json, &limits, |output| match output {
            Value::String(text) if self.terminals.stdout => {
                text.lines().try_for_each(|line| self.print(&format!("{}\n", escape_control(line))))
            }
            Value::String(text) => self.print(&format!("{text}\n")),
            output => self.print(&format_json(&output, is_pretty)),
        })
    }
}

fn format_json(value: &impl Serialize, is_pretty: bool) -> String {
    let json = if is_pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
    let mut json = json.unwrap_or_default();
    if let Cow::Owned(escaped) = escape_json(&json) {
        json = escaped;
    }
    json.push('\n');
    json
}

/// The elements of an array or of a page, or the value itself.
fn elements(value: &Value) -> &[Value] {
    let list = value.as_array().or_else(|| value.get("content")?.as_array());
    list.map_or(std::slice::from_ref(value), Vec::as_slice)
}
