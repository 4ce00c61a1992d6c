//! Amounts are integers of minor units. There are no floats, and nothing is rounded.

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
    if text.contains(',') {
        return Err(AmountError::Comma(text.to_owned()));
    }
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let (whole, fraction) = split_decimal(digits).ok_or_else(|| AmountError::Malformed(text.to_owned()))?;
    let decimals = usize::from(currency.decimals());
    if fraction.len() > decimals {
        return Err(AmountError::Decimals {
            text: text.to_owned(),
            given: fraction.len(),
            allowed: currency.decimals(),
            currency: currency.code(),
        });
    }
    format!("{sign}{whole}{fraction:0<decimals$}").parse().map_err(|_| AmountError::TooLarge(text.to_owned()))
}

/// Splits `12.5` into its digits before and after the point, or `12` into itself and an empty fraction.
pub(super) fn split_decimal(text: &str) -> Option<(&str, &str)> {
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return None,
        parts => parts.unwrap_or((text, "")),
    };
    let is_number =
        !whole.is_empty() && (whole.bytes().chain(fraction.bytes())).all(|byte| byte.is_ascii_digit());
    is_number.then_some((whole, fraction))
}

/// Formats minor units of `currency` as an amount, the inverse of [`parse_amount`].
pub fn format_minor(minor: i64, currency: Currency) -> String {
    let decimals = usize::from(currency.decimals());
    let digits = format!("{:0>width$}", minor.unsigned_abs(), width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let sign = if minor < 0 { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
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
        for (text, expected) in
            [("249.50", 24950), ("249.5", 24950), ("249", 24900), ("0.01", 1), ("-5.00", -500)]
        {
            assert_eq!(parse(text, "SEK"), Ok(expected), "{text}");
        }
        assert_eq!(parse("92233720368547758.07", "SEK"), Ok(i64::MAX));
        assert_eq!(parse("-92233720368547758.08", "SEK"), Ok(i64::MIN));
        assert_eq!(parse("500", "JPY"), Ok(500));
        assert_eq!(parse("1.234", "KWD"), Ok(1234));
    }

    #[test]
    fn nothing_is_rounded_or_guessed() {
        for text in ["", "-", ".", "1.", ".5", "1.2.3", "1e3", "+1", " 1", "1 ", "--1", "0x1", "١", "NaN"] {
            assert_eq!(parse(text, "SEK"), Err(AmountError::Malformed(text.into())), "{text:?}");
        }
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
