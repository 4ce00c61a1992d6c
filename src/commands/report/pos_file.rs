//! The export of a point of sale: CSV as Excel writes it, in Swedish or English.

use std::path::Path;

use crate::commands::spreadsheet::{Sheet, line_of};
use crate::error::Error;
use crate::fs::io_error_message;
use crate::model::{Currency, parse_amount};
use crate::text::decode_text;

/// A day of a large store has a few thousand lines.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The columns of the export, without the difference between upper and lower case.
#[derive(Debug, clap::Args)]
pub(super) struct Columns {
    /// Column of the export with the reference of the sale
    #[arg(long = "reference-column", id = "reference_column", value_name = "NAME")]
    #[arg(default_value = "reference", requires = "pos")]
    reference: String,
    /// Column of the export with the amount
    #[arg(long = "amount-column", id = "amount_column", value_name = "NAME")]
    #[arg(default_value = "amount", requires = "pos")]
    amount: String,
    /// Column of the export with the currency
    #[arg(long = "currency-column", id = "currency_column", value_name = "NAME", requires = "pos")]
    currency: Option<String>,
}

/// A line of the export. A negative amount is a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PosLine {
    pub reference: String,
    /// Minor units.
    pub amount: i64,
    pub currency: Currency,
}

pub(super) fn read(path: &Path, columns: &Columns, default: Option<Currency>) -> Result<Vec<PosLine>, Error> {
    let failed = |reason: String| Error::usage(format!("--pos {}: {reason}", path.display()));
    let size = std::fs::metadata(path).map_err(|error| failed(io_error_message(&error)))?.len();
    if size > MAX_BYTES {
        return Err(failed("it is larger than 64 MiB".to_owned()));
    }
    let bytes = std::fs::read(path).map_err(|error| failed(io_error_message(&error)))?;
    parse(&decode(&bytes), columns, default).map_err(failed)
}

/// Decodes UTF-8 and UTF-16, and else Windows-1252, in which Excel saves CSV by default in western countries. The letters of
/// western languages are the same in Latin-1.
fn decode(bytes: &[u8]) -> String {
    decode_text(bytes).unwrap_or_else(|| bytes.iter().copied().map(char::from).collect())
}

fn parse(text: &str, columns: &Columns, default: Option<Currency>) -> Result<Vec<PosLine>, String> {
    let Sheet { delimiter, header, rows } =
        Sheet::parse(text).map_err(|error| format!("it is not CSV: {error}"))?;
    // Where a comma separates decimals, a semicolon separates cells.
    let decimal_comma = delimiter != b',';
    let find = |name: &str| {
        let index = header.iter().position(|column| column.to_lowercase() == name.to_lowercase());
        index.ok_or_else(|| {
            let columns: Vec<_> = header.iter().collect();
            format!("it has no column '{name}'; its columns are {}", columns.join(", "))
        })
    };
    let (reference, amount) = (find(&columns.reference)?, find(&columns.amount)?);
    let currency = columns.currency.as_deref().map(find).transpose()?;
    let mut lines = Vec::new();
    for row in rows {
        let number = line_of(&row);
        let cell = |index: usize| row.get(index).unwrap_or_default();
        let currency = match currency.map(cell).filter(|code| !code.is_empty()) {
            Some(code) => Some(code.parse().map_err(|error| format!("line {number}: {error}"))?),
            None => default,
        };
        let currency =
            currency.ok_or_else(|| format!("line {number}: the currency is not known; add --currency"))?;
        let amount = parse_cell(cell(amount), currency, decimal_comma);
        let amount = amount.map_err(|error| format!("line {number}: {error}"))?;
        lines.push(PosLine { reference: cell(reference).to_owned(), amount, currency });
    }
    Ok(lines)
}

/// Parses an amount as spreadsheets write it: `1 234,50`, `1.234,50`, `1,234.50`, `-5,00 kr`.
fn parse_cell(text: &str, currency: Currency, decimal_comma: bool) -> Result<i64, String> {
    let is_part = |character: &char| character.is_ascii_digit() || matches!(character, ',' | '.');
    let is_negative = text.contains(['-', '−']) || (text.starts_with('(') && text.ends_with(')'));
    let digits: String = text.chars().filter(is_part).collect();
    // `kr.` and `SEK.` end with a point that is not a part of the number.
    let digits = digits.trim_end_matches(['.', ',']);
    let decimal = match (digits.rfind(','), digits.rfind('.')) {
        (Some(comma), Some(point)) => {
            if comma > point {
                ','
            } else {
                '.'
            }
        }
        (Some(_), None) if decimal_comma => ',',
        // A point is a decimal point, even where a comma is usual: exports of programs write it.
        (None, Some(_)) if digits.matches('.').count() == 1 => '.',
        (Some(_), None) => '.',
        (None, _) => ',',
    };
    let plain: String = digits
        .chars()
        .filter(|character| character.is_ascii_digit() || *character == decimal)
        .map(|character| if character == decimal { '.' } else { character })
        .collect();
    let amount =
        parse_amount(&plain, currency).map_err(|_| format!("'{text}' is not an amount in {currency}"))?;
    Ok(if is_negative { -amount } else { amount })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Columns {
        Columns { reference: "kvitto".into(), amount: "belopp".into(), currency: None }
    }

    fn amounts(text: &str) -> Result<Vec<(String, i64)>, String> {
        let lines = parse(text, &columns(), "SEK".parse().ok())?;
        Ok(lines.into_iter().map(|line| (line.reference, line.amount)).collect())
    }

    #[test]
    fn the_formats_of_excel_read_to_the_same_amounts() {
        let expected = Ok(vec![("r-1".to_owned(), 123_450), ("r-2".to_owned(), -500)]);
        for text in [
            "Kvitto;Belopp\r\nr-1;1 234,50\r\nr-2;-5,00\r\n;\r\n",
            "sep=;\nKvitto;Belopp\nr-1;\"1\u{a0}234,50 kr\"\nr-2;−5,00 kr.\n",
            "kvitto,belopp\nr-1,\"1,234.50\"\nr-2,(5.00)\n",
            "kvitto,belopp\nr-1,1234.50\nr-2,-5\n",
            "Kvitto\tBelopp\nr-1\t1.234,50\nr-2\t-5,0\n",
        ] {
            assert_eq!(amounts(text), expected, "{text}");
        }
    }

    #[test]
    fn encodings_are_recognized() {
        let text = "Kvitto;Belopp\nköp;1,00\n";
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let latin: Vec<u8> =
            text.chars().map(|character| u8::try_from(u32::from(character)).unwrap()).collect();
        for bytes in [
            text.as_bytes().to_vec(),
            [&[0xef, 0xbb, 0xbf], text.as_bytes()].concat(),
            [&[0xff, 0xfe][..], &utf16].concat(),
            latin,
        ] {
            assert_eq!(amounts(&decode(&bytes)), Ok(vec![("köp".to_owned(), 100)]));
        }
    }

    #[test]
    fn mistakes_name_the_line_and_the_columns() {
        assert_eq!(amounts("a;b\n1;2\n").unwrap_err(), "it has no column 'kvitto'; its columns are a, b");
        assert_eq!(amounts("kvitto;belopp\nr;x\n").unwrap_err(), "line 2: 'x' is not an amount in SEK");
        assert_eq!(
            amounts("kvitto;belopp\nr;1,005\n").unwrap_err(),
            "line 2: '1,005' is not an amount in SEK"
        );
    }
}
