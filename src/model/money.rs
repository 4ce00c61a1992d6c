//! Amounts are integers of minor units. There are no floats, and nothing is rounded.

use std::fmt::Write as _;

use super::Currency;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    #[error("'{0}' is not an amount; write digits with a point before the decimals, like 249.50")]
    Malformed(String),
    /// A comma is ambiguous: it may separate decimals or thousands.
    #[error("'{0}' contains a comma; write the decimals after a point and no separators, like 1249.50")]
    Comma(String),
    /// Rounding would change the price.
    #[error("'{text}' has {given} decimals, but {currency} has {allowed}")]
    Decimals { text: String, given: usize, allowed: u8, currency: &'static str },
    /// The API's integers have 64 bits.
    #[error("'{0}' is too large")]
    TooLarge(String),
}

/// Parses an amount such as `249.50` into minor units of `currency`. A leading `-` is allowed.
pub fn parse_amount(text: &str, currency: Currency) -> Result<i64, AmountError> {
    let malformed = || AmountError::Malformed(text.to_owned());
    if text.contains(',') {
        return Err(AmountError::Comma(text.to_owned()));
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return Err(malformed()),
        None => (digits, ""),
    };
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return Err(malformed());
    }
    let decimals = usize::from(currency.decimals());
    if fraction.len() > decimals {
        return Err(AmountError::Decimals {
            text: text.to_owned(),
            given: fraction.len(),
            allowed: currency.decimals(),
            currency: currency.code(),
        });
    }
    let mut minor: i64 = 0;
    let padding = std::iter::repeat_n(b'0', decimals - fraction.len());
    for digit in whole.bytes().chain(fraction.bytes()).chain(padding) {
        let digit = i64::from(digit - b'0');
        let digit = if negative { -digit } else { digit };
        minor = minor
            .checked_mul(10)
            .and_then(|minor| minor.checked_add(digit))
            .ok_or_else(|| AmountError::TooLarge(text.to_owned()))?;
    }
    Ok(minor)
}

/// Formats minor units of `currency` as an amount, the inverse of [`parse_amount`].
pub fn format_minor(minor: i64, currency: Currency) -> String {
    let decimals = usize::from(currency.decimals());
    let digits = format!("{:0>width$}", minor.unsigned_abs(), width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let mut text = String::with_capacity(digits.len() + 2);
    if minor < 0 {
        text.push('-');
    }
    text.push_str(whole);
    if !fraction.is_empty() {
        let _ = write!(text, ".{fraction}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str, code: &str) -> Result<i64, AmountError> {
        parse_amount(text, code.parse().unwrap())
    }

    #[test]
    fn amounts_are_parsed_exactly() {
        assert_eq!(parse("249.50", "SEK"), Ok(24950));
        assert_eq!(parse("249.5", "SEK"), Ok(24950));
        assert_eq!(parse("249", "SEK"), Ok(24900));
        assert_eq!(parse("0.01", "SEK"), Ok(1));
        assert_eq!(parse("500", "JPY"), Ok(500));
        assert_eq!(parse("1.234", "KWD"), Ok(1234));
        assert_eq!(parse("-5.00", "SEK"), Ok(-500));
        assert_eq!(parse("92233720368547758.07", "SEK"), Ok(i64::MAX));
        assert_eq!(parse("-92233720368547758.08", "SEK"), Ok(i64::MIN));
    }

    #[test]
    fn nothing_is_rounded_or_guessed() {
        for text in ["", "-", ".", "1.", ".5", "1.2.3", "1e3", "+1", " 1", "1 ", "--1", "0x1", "١", "NaN"] {
            assert_eq!(parse(text, "SEK"), Err(AmountError::Malformed(text.into())), "{text:?}");
        }
        assert_eq!(parse("249,50", "SEK"), Err(AmountError::Comma("249,50".into())));
        assert_eq!(
            parse("92233720368547758.08", "SEK"),
            Err(AmountError::TooLarge("92233720368547758.08".into()))
        );
        assert_eq!(
            parse("249.505", "SEK").unwrap_err().to_string(),
            "'249.505' has 3 decimals, but SEK has 2"
        );
        assert_eq!(parse("1.0", "JPY").unwrap_err().to_string(), "'1.0' has 1 decimals, but JPY has 0");
    }

    proptest! {
        #[test]
        fn parsing_and_formatting_are_inverse_in_every_currency(minor: i64) {
            for currency in Currency::all() {
                prop_assert_eq!(parse_amount(&format_minor(minor, currency), currency), Ok(minor));
            }
        }

        #[test]
        fn parsing_never_panics(text in "\\PC*") {
            let _ = parse_amount(&text, "SEK".parse().unwrap());
        }
    }
}
