//! Tax rates in basis points: 2,500 is 25 % (documented).

use super::money::split_decimal;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    #[error("'{0}' is not a tax rate; write a percentage with its sign, like 25% or 12.5%")]
    Malformed(String),
    #[error("'{0}' is finer than a hundredth of a percent, which the API cannot take")]
    TooFine(String),
    #[error("'{0}' is too large for a tax rate")]
    TooLarge(String),
}

/// In basis points: 10,000 %.
const MAX_RATE: i64 = 1_000_000;

/// Parses `25%` or `12.5%` into basis points.
pub fn parse_rate(text: &str) -> Result<i64, RateError> {
    let number = text.trim().strip_suffix('%').map(str::trim_end);
    let (whole, fraction) =
        number.and_then(split_decimal).ok_or_else(|| RateError::Malformed(text.to_owned()))?;
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > 2 {
        return Err(RateError::TooFine(text.to_owned()));
    }
    let too_large = || RateError::TooLarge(text.to_owned());
    let digits = format!("{whole}{fraction:0<2}");
    let points: i64 = digits.parse().map_err(|_| too_large())?;
    if points > MAX_RATE { Err(too_large()) } else { Ok(points) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_become_basis_points_exactly() {
        for (text, expected) in [
            ("25%", 2500),
            ("12.5 %", 1250),
            ("0%", 0),
            ("5.55%", 555),
            ("6.000%", 600),
            ("10000%", 1_000_000),
        ] {
            assert_eq!(parse_rate(text), Ok(expected), "{text}");
        }
        for text in ["", "25", "%", "-5%", "2,5%", "1.%", ".5%", "1e2%", "a%"] {
            assert_eq!(parse_rate(text), Err(RateError::Malformed(text.into())), "{text}");
        }
        assert_eq!(parse_rate("5.555%"), Err(RateError::TooFine("5.555%".into())));
        for text in ["10001%", "99999999999999999999%"] {
            assert_eq!(parse_rate(text), Err(RateError::TooLarge(text.into())), "{text}");
        }
    }
}
