//! CSV as spreadsheets save it.

use csv::StringRecord;

use crate::text::trim_text;

pub(super) struct Sheet {
    pub(super) delimiter: u8,
    pub(super) header: StringRecord,
    pub(super) rows: Vec<StringRecord>,
}

impl Sheet {
    /// Parses a header row and the rows below it. Spreadsheets in many countries separate cells by semicolons or tabs, and
    /// leave empty rows.
    pub(super) fn parse(text: &str) -> Result<Self, csv::Error> {
        let (separator, text) = split_separator(text);
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let is_in_header = |byte: &u8| first.as_bytes().contains(byte);
        let delimiter = separator.or_else(|| [b';', b'\t'].into_iter().find(is_in_header)).unwrap_or(b',');
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .trim(csv::Trim::All)
            .delimiter(delimiter)
            .flexible(true)
            .from_reader(text.as_bytes());
        let is_empty = |record: &StringRecord| record.iter().all(|cell| trim_text(cell).is_empty());
        let records = reader.records().map(|record| record.map(|record| skip_blank_lines(record, text)));
        let mut records = records.filter(|record| !record.as_ref().is_ok_and(is_empty));
        let header = records.next().transpose()?.unwrap_or_default();
        Ok(Self { delimiter, header, rows: records.collect::<Result<_, _>>()? })
    }
}

/// Moves the position of a row, which begins at the blank lines above it, to the line of the row.
fn skip_blank_lines(mut row: StringRecord, text: &str) -> StringRecord {
    if let Some(mut position) = row.position().cloned() {
        let start = usize::try_from(position.byte()).unwrap_or_default();
        let blank = text.as_bytes()[start..].iter().take_while(|byte| b"\r\n".contains(byte));
        position.set_line(position.line() + blank.filter(|byte| **byte == b'\n').count() as u64);
        row.set_position(Some(position));
    }
    row
}

/// The line of a row, as an editor counts them.
pub(super) fn line_of(row: &StringRecord) -> usize {
    row.position().map_or(0, |position| usize::try_from(position.line()).unwrap_or_default())
}

/// Splits off the first line if it is `sep=;`, in which Excel names the separator. Its line break stays, for the numbers of
/// the lines.
fn split_separator(text: &str) -> (Option<u8>, &str) {
    let (first, rest) = text.split_at(text.find('\n').unwrap_or(text.len()));
    let first = first.trim_end_matches('\r').trim_matches('"').to_ascii_lowercase();
    match first.strip_prefix("sep=").map(str::as_bytes) {
        // Excel fills the row with empty cells.
        Some([separator, cells @ ..]) if cells.iter().all(|cell| cell == separator) => {
            (Some(*separator), rest)
        }
        _ => (None, text),
    }
}

#[cfg(test)]
mod tests {
    use super::{Sheet, line_of};

    #[test]
    fn lines_are_counted_as_an_editor_does() {
        for (text, expected) in [
            ("name;price\nBag;1\n", (1, 2)),
            ("\nname,price\n\nBag,1\n", (2, 4)),
            ("sep=;\r\nname;price\r\n;\r\nBag;1\r\n", (2, 4)),
        ] {
            let sheet = Sheet::parse(text).unwrap();
            assert_eq!((line_of(&sheet.header), line_of(&sheet.rows[0])), expected, "{text:?}");
        }
    }
}
