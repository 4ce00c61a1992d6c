//! A TOML text, read by name and with the place of everything. Mistakes are collected, so that all are told at once.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::text::line_column;

/// Names that are alike by as much as this are taken for each other, and so are those that differ by a slip of the
/// finger. One is a name that is the same.
const MIN_SIMILARITY: f64 = 0.75;

/// Something that a file cannot mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Diagnostic {
    pub line: usize,
    /// In characters, from one.
    pub column: usize,
    /// What is wrong there, and what may have been meant.
    pub what: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.line, self.column, self.what)
    }
}

/// A value with its place.
pub(super) type Node<'a> = &'a Spanned<DeValue<'a>>;

/// The text that is read, and what was found wrong with it so far.
pub(super) struct Source<'a> {
    text: &'a str,
    mistakes: RefCell<Vec<(usize, String)>>,
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, mistakes: RefCell::default() }
    }

    /// Notes a mistake.
    pub(super) fn report(&self, at: &Range<usize>, what: impl Into<String>) {
        self.mistakes.borrow_mut().push((at.start, what.into()));
    }

    /// All mistakes in the order of the text.
    pub(super) fn mistakes(&self) -> Vec<Diagnostic> {
        let mut found = self.mistakes.borrow().clone();
        found.sort_by_key(|(offset, _)| *offset);
        found.into_iter().map(|(offset, what)| self.mistake(offset, what)).collect()
    }

    pub(super) fn mistake(&self, offset: usize, what: String) -> Diagnostic {
        let (line, column) = line_column(self.text, offset);
        Diagnostic { line, column, what }
    }

    /// The line of a place, from one.
    pub(super) fn line(&self, offset: usize) -> usize {
        line_column(self.text, offset).0
    }
}

/// The keys of a table, each asked for by its name. What nobody asked for is a mistake.
pub(super) struct Fields<'a, 's> {
    pub(super) source: &'s Source<'a>,
    table: &'a DeTable<'a>,
    /// Where the table begins.
    pub(super) at: Range<usize>,
    /// What it is, for messages: `a scenario`.
    what: String,
    known: Vec<&'static str>,
}

impl<'a, 's> Fields<'a, 's> {
    pub(super) fn new(
        source: &'s Source<'a>,
        table: &'a DeTable<'a>,
        at: Range<usize>,
        what: impl Into<String>,
    ) -> Self {
        Self { source, table, at, what: what.into(), known: Vec::new() }
    }

    /// The keys of a table that stands somewhere as a value.
    pub(super) fn of(source: &'s Source<'a>, node: Node<'a>, what: &str) -> Option<Self> {
        let DeValue::Table(table) = node.get_ref() else {
            source.report(&node.span(), format!("{what} is a table, such as {{ key = \"value\" }}"));
            return None;
        };
        Some(Self::new(source, table, node.span(), what))
    }

    /// Says better what it is, once that is known.
    pub(super) fn set_label(&mut self, what: String) {
        self.what = what;
    }

    /// The value of a key, if it is there.
    pub(super) fn get(&mut self, name: &'static str) -> Option<Node<'a>> {
        self.known.push(name);
        self.table.get(name)
    }

    /// Where a key's value stands.
    pub(super) fn place(&self, name: &str) -> Range<usize> {
        self.table.get(name).map_or_else(|| self.at.clone(), Spanned::span)
    }

    /// Notes that a value is not what it should be.
    pub(super) fn wrong(&self, name: &str, what: impl Into<String>) {
        self.source.report(&self.place(name), what);
    }

    /// A text that is not empty.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        let node = self.get(name)?;
        match node.get_ref() {
            DeValue::String(text) if !text.trim().is_empty() => Some(text.clone().into_owned()),
            DeValue::String(_) => {
                self.wrong(name, format!("'{name}' is empty"));
                None
            }
            _ => {
                self.wrong(name, format!("'{name}' must be a text in quotation marks"));
                None
            }
        }
    }

    /// A text that is something: what is wrong with one that is not is told by its error.
    pub(super) fn parsed<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(name)?;
        parse(&text).map_err(|why| self.wrong(name, format!("'{name}': {why}"))).ok()
    }

    /// One of several words.
    pub(super) fn one_of<T>(
        &mut self,
        name: &'static str,
        words: &[&'static str],
        find: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(name)?;
        let found = find(&text);
        if found.is_none() {
            let meant = suggestion(&text, words);
            self.wrong(name, format!("'{text}' is not known as '{name}'{meant}"));
        }
        found
    }

    /// A length of time that is longer than nothing.
    pub(super) fn duration(&mut self, name: &'static str) -> Option<Duration> {
        self.parsed(name, |text| {
            let signed = SignedDuration::from_str(text).ok();
            signed
                .and_then(|signed| Duration::try_from(signed).ok())
                .filter(|duration| !duration.is_zero())
                .ok_or_else(|| format!("'{text}' is no length of time; write one such as 30s, 15m or 2h"))
        })
    }

    /// A whole number in a range.
    pub(super) fn number(&mut self, name: &'static str, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let node = self.get(name)?;
        let found = match node.get_ref() {
            DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix()).ok(),
            _ => None,
        };
        let found = found.filter(|number| range.contains(number));
        if found.is_none() {
            let (least, most) = range.into_inner();
            self.wrong(name, format!("'{name}' must be a whole number from {least} to {most}"));
        }
        found
    }

    /// A list of texts, each with its place.
    pub(super) fn texts(&mut self, name: &'static str) -> Option<Vec<(String, Range<usize>)>> {
        let node = self.get(name)?;
        let DeValue::Array(items) = node.get_ref() else {
            self.wrong(name, format!("'{name}' must be a list of texts, such as [\"one\", \"two\"]"));
            return None;
        };
        let mut texts = Vec::new();
        for item in items {
            match item.get_ref() {
                DeValue::String(text) => texts.push((text.clone().into_owned(), item.span())),
                _ => self.source.report(&item.span(), format!("'{name}' must be a list of texts")),
            }
        }
        Some(texts)
    }

    /// A table as JSON.
    pub(super) fn object(&mut self, name: &'static str) -> Option<Map<String, Value>> {
        let node = self.get(name)?;
        let DeValue::Table(table) = node.get_ref() else {
            self.wrong(name, format!("'{name}' must be a table, such as {{ field = \"value\" }}"));
            return None;
        };
        Some(object(self.source, table))
    }

    /// Ends the reading: every key that was not asked for is a mistake.
    pub(super) fn finish(self) {
        for (key, _) in self.table {
            let name = key.get_ref();
            if !self.known.contains(&name.as_ref()) {
                let meant = suggestion(name, &self.known);
                self.source.report(&key.span(), format!("'{name}' is not a key of {}{meant}", self.what));
            }
        }
    }
}

fn object<'a>(source: &Source<'a>, table: &'a DeTable<'a>) -> Map<String, Value> {
    let mut entries: Vec<_> = table.iter().collect();
    // As they stand in the file.
    entries.sort_by_key(|(key, _)| key.span().start);
    entries.into_iter().map(|(key, node)| (key.get_ref().to_string(), json(source, node))).collect()
}

/// A value as JSON. There are no decimals in it: amounts are whole numbers of minor units.
fn json<'a>(source: &Source<'a>, node: Node<'a>) -> Value {
    match node.get_ref() {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Boolean(flag) => Value::from(*flag),
        DeValue::Datetime(instant) => Value::from(instant.to_string()),
        DeValue::Array(items) => items.iter().map(|item| json(source, item)).collect(),
        DeValue::Table(table) => Value::Object(object(source, table)),
        DeValue::Integer(digits) => {
            let Ok(number) = i64::from_str_radix(digits.as_str(), digits.radix()) else {
                source.report(&node.span(), "this number is too large");
                return Value::Null;
            };
            Value::from(number)
        }
        DeValue::Float(digits) => {
            let what = "has decimals; amounts are whole numbers of minor units, and rates basis points";
            source.report(&node.span(), format!("{} {what}", digits.as_str()));
            Value::Null
        }
    }
}

/// The end of a sentence about a name that is not known: the one that was meant, or all that there are.
pub(super) fn suggestion(name: &str, known: &[&str]) -> String {
    let wanted = name.to_lowercase();
    let candidates = known.iter().map(|candidate| {
        let lower = candidate.to_lowercase();
        (strsim::jaro_winkler(&wanted, &lower), strsim::osa_distance(&wanted, &lower), candidate)
    });
    let close = candidates
        .filter(|(similarity, slips, _)| {
            *similarity >= MIN_SIMILARITY || (*slips == 1 && wanted.chars().count() > 2)
        })
        .max_by(|(one, _, _), (other, _, _)| one.total_cmp(other));
    match close {
        Some((_, _, candidate)) => format!("; did you mean '{candidate}'?"),
        None if known.is_empty() => String::new(),
        None => format!("; there are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nearly_a_name_is_taken_for_it_and_what_is_not_gets_them_all() {
        let known = ["session", "outcome"];
        assert_eq!(suggestion("sesion", &known), "; did you mean 'session'?");
        assert_eq!(suggestion("hsa", &["has", "lacks"]), "; did you mean 'has'?");
        assert_eq!(suggestion("OUTCOME", &known), "; did you mean 'outcome'?");
        assert_eq!(suggestion("x", &known), "; there are session, outcome");
        assert_eq!(suggestion("x", &[]), "");
    }

    #[test]
    fn a_place_is_counted_in_lines_and_characters() {
        let source = Source::new("a\nåä b\n");
        let at = |offset| {
            let Diagnostic { line, column, what: _ } = source.mistake(offset, String::new());
            (line, column)
        };
        assert_eq!((at(0), at(2), at(7)), ((1, 1), (2, 1), (2, 4)));
        assert_eq!(at(99), (3, 1), "beyond the end is the end");
    }
}
