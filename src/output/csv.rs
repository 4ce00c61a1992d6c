//! Comma-separated values that no spreadsheet runs.

use serde_json::{Map, Value};

use crate::text::escape_control;

/// One row, with its line break.
pub(super) fn row<S: AsRef<str>>(cells: impl IntoIterator<Item = S>) -> Vec<u8> {
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
    // Writing to memory does not fail.
    let _ = writer.write_record(cells.into_iter().map(|cell| cell.as_ref().to_owned()));
    writer.into_inner().unwrap_or_default()
}

/// The cells of an object: texts as they are, anything nested as JSON, nothing for what is missing.
pub(super) fn cells(object: &Map<String, Value>, fields: &[&str]) -> Vec<String> {
    fields.iter().map(|field| object.get(*field).map(cell).unwrap_or_default()).collect()
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => escape_formula(&escape_control(text)),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) => escape_formula(&escape_control(&value.to_string())),
    }
}

/// A text that begins like a formula gets an apostrophe in front, which spreadsheets take for "this is text".
pub(super) fn escape_formula(text: &str) -> String {
    let first = text.trim_start().chars().next();
    if first.is_some_and(|first| matches!(first, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠')) {
        format!("'{text}")
    } else {
        text.to_owned()
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
        assert_eq!(line(json!("\t=1")), "\\t=1,\n");
        assert_eq!(line(json!({"b": 1, "a": [true]})), "\"{\"\"b\"\":1,\"\"a\"\":[true]}\",\n");
        assert_eq!(line(json!(null)), ",\n");
    }

    proptest! {
        #[test]
        fn a_row_is_one_line_and_reads_back(texts in prop::collection::vec("\\PC{0,8}|[=+@\n\r\"',-]{1,4}", 1..5)) {
            let fields: Vec<_> = (0..texts.len()).map(|index| index.to_string()).collect();
            let object = fields.iter().cloned().zip(texts.iter().map(|text| json!(text))).collect();
            let names: Vec<_> = fields.iter().map(String::as_str).collect();
            let row = row(cells(&object, &names));
            prop_assert_eq!(String::from_utf8_lossy(&row).matches('\n').count(), 1);
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(row.as_slice());
            let record = reader.records().next().unwrap().unwrap();
            for (cell, text) in record.iter().zip(&texts) {
                let formula = |text: &str| text.trim_start().starts_with(['=', '+', '-', '@']);
                prop_assert!(!formula(cell));
                prop_assert_eq!(cell.trim_start_matches('\'').len(), escape_control(text).trim_start_matches('\'').len());
            }
        }
    }
}
