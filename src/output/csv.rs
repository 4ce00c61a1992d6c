//! CSV that is safe to open in a spreadsheet.

use serde::Serialize;
use serde_json::{Map, Value};

use super::view::View;
use crate::text::escape_for_file;

/// Formats a row with its line break.
pub(super) fn row<S: AsRef<[u8]>>(cells: impl IntoIterator<Item = S>) -> Vec<u8> {
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
    // Writing to memory cannot fail.
    let _ = writer.write_record(cells);
    writer.into_inner().unwrap_or_default()
}

pub(super) fn to_object(view: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(view) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

/// The fields of a view, as its header names them.
pub(super) fn fields<T: View>(object: &Map<String, Value>) -> Vec<&str> {
    if T::CSV_FIELDS.is_empty() {
        object.keys().map(String::as_str).collect()
    } else {
        T::CSV_FIELDS.to_vec()
    }
}

/// The cells of an object: strings as they are, nested values as JSON, and nothing for a missing field.
pub(super) fn cells(object: &Map<String, Value>, fields: &[&str]) -> Vec<String> {
    fields.iter().map(|field| object.get(*field).map(format_cell).unwrap_or_default()).collect()
}

/// A value as text: strings as they are, nested values as JSON.
pub(super) fn format_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

pub(super) fn format_cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => escape_formula(&escape_for_file(text)),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) => escape_formula(&escape_for_file(&value.to_string())),
    }
}

/// Puts an apostrophe before everything that a spreadsheet would run as a formula: at the start of the text, and behind
/// each character that a spreadsheet may take for the end of a cell.
pub(super) fn escape_formula(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 1);
    let mut rest = text;
    loop {
        let begins_formula = |text: &str| {
            let first =
                text.trim_start_matches(|character: char| character.is_whitespace() || character == '"');
            first.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
        };
        if begins_formula(rest) {
            escaped.push('\'');
        }
        let Some(end) = rest.find([',', ';', '\t']) else { return escaped + rest };
        let (cell, after) = rest.split_at(end + 1);
        escaped.push_str(cell);
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn line(value: impl Into<Value>) -> String {
        let Value::Object(object) = json!({ "x": value.into() }) else { unreachable!() };
        String::from_utf8(row(cells(&object, &["x", "missing"]))).unwrap()
    }

    #[test]
    fn cells_are_quoted_and_never_a_formula() {
        assert_eq!(line(json!("a,\"b\"")), "\"a,\"\"b\"\"\",\n");
        assert_eq!(line(json!("=HYPERLINK(1)")), "'=HYPERLINK(1),\n");
        assert_eq!(line(json!(" @SUM(1)")), "' @SUM(1),\n");
        assert_eq!(line(json!("+46 8 1")), "'+46 8 1,\n");
        assert_eq!(line(json!("-5")), "'-5,\n");
        assert_eq!(line(json!(-5)), "-5,\n");
        for (text, expected) in [
            ("Till;=HYPERLINK(1)", "Till;'=HYPERLINK(1),\n"),
            ("a; +1;b;\"-2", "\"a;' +1;b;'\"\"-2\",\n"),
            ("a,@b", "\"a,'@b\",\n"),
            ("=1;=2", "'=1;'=2,\n"),
        ] {
            assert_eq!(line(json!(text)), expected);
        }
        assert_eq!(line(json!({"k": "v;=2+2"})), "\"{\"\"k\"\":\"\"v;'=2+2\"\"}\",\n");
        assert_eq!(line(json!("\t=1")), "\\t=1,\n");
        assert_eq!(line(json!("👩\u{200d}🍳\u{fe0f}\u{202e}")), "👩\u{200d}🍳\u{fe0f}\\u{202e},\n");
        assert_eq!(line(json!({"b": 1, "a": [true]})), "\"{\"\"b\"\":1,\"\"a\"\":[true]}\",\n");
        assert_eq!(line(json!(null)), ",\n");
    }

    proptest! {
        #[test]
        fn a_row_is_one_line_and_reads_back(texts in prop::collection::vec("\\PC{0,8}|[=+@;\n\r\"',-]{1,4}", 1..5)) {
            let fields: Vec<_> = (0..texts.len()).map(|index| index.to_string()).collect();
            let object = fields.iter().cloned().zip(texts.iter().map(|text| json!(text))).collect();
            let names: Vec<_> = fields.iter().map(String::as_str).collect();
            let row = row(cells(&object, &names));
            prop_assert_eq!(String::from_utf8_lossy(&row).matches('\n').count(), 1);
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(row.as_slice());
            let record = reader.records().next().unwrap().unwrap();
            for (cell, text) in record.iter().zip(&texts) {
                let formula = |text: &str| text.trim_start().starts_with(['=', '+', '-', '@']);
                prop_assert!(!cell.split([',', ';', '\t']).any(formula));
                prop_assert_eq!(cell.replace('\'', ""), escape_for_file(text).replace('\'', ""));
            }
        }
    }
}
