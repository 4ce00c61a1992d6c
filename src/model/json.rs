//! JSON from users: the keys of each object must differ, and an integer may be written like `2000.0`.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// Parses JSON. Of a key that occurs twice, the API might use the other value, so that is an error.
pub fn parse_json(text: &str) -> serde_json::Result<Value> {
    serde_json::from_str::<UniqueKeys>(text)?;
    serde_json::from_str(text)
}

/// Parses an integer that may have a zero fraction or an exponent, as in `2000.0` and `2e3`. Exact for all 64 bits.
pub fn parse_integer(text: &str) -> Option<i64> {
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (sign, number) = match number.strip_prefix('-') {
        Some(number) => ("-", number),
        None => ("", number),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    // The number of zeros that follow the significant digits.
    let dropped = i32::try_from(digits.len() - significant.len()).ok()?;
    let zeros = exponent.checked_add(dropped)?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    // More zeros exceed 64 bits.
    let zeros = usize::try_from(zeros).ok().filter(|zeros| *zeros < 20)?;
    format!("{sign}{significant}{}", "0".repeat(zeros)).parse().ok()
}

/// The integer that a JSON number is, if it is one.
pub fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| parse_integer(&number.to_string())),
        _ => None,
    }
}

/// A JSON document whose objects have no key twice.
struct UniqueKeys;

impl<'de> Deserialize<'de> for UniqueKeys {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for UniqueKeys {
    type Value = Self;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E: Error>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    /// `serde_json` gives a number as a map with one key, which is harmless here.
    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self, A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = fields.next_key::<String>()? {
            if keys.contains(&key) {
                return Err(A::Error::custom(format_args!("the key '{key}' occurs twice")));
            }
            keys.insert(key);
            fields.next_value::<Self>()?;
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_that_occurs_twice_is_an_error_at_any_depth() {
        for (text, key) in [
            (r#"{"a":1,"b":2,"a":1}"#, "a"),
            (r#"{"x":[{"y":{"å":1.5,"\u00e5":null}}]}"#, "å"),
            (r#"[{"a":{},"a":[]}]"#, "a"),
        ] {
            let error = parse_json(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("the key '{key}' occurs twice at line 1 column ")), "{error}");
        }
        let text = r#"{"a":1.10,"b":[true,null,"x",-1e+400,{"a":18446744073709551616}],"c":{"a":{}}}"#;
        assert_eq!(parse_json(text).unwrap().to_string(), text);
        assert!(parse_json("{\"a\":1,}").unwrap_err().to_string().starts_with("trailing comma"));
    }

    #[test]
    fn integers_may_have_a_zero_fraction_or_an_exponent() {
        for (text, expected) in [
            ("24950", 24_950),
            ("2000.0", 2000),
            ("-1.50e1", -15),
            ("1e2", 100),
            ("1.5E+1", 15),
            ("500e-2", 5),
            ("-0.0", 0),
            ("0e5", 0),
            ("9007199254740993.0", 9_007_199_254_740_993),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808.00", i64::MIN),
            ("9223372036854775807e0", i64::MAX),
        ] {
            assert_eq!(parse_integer(text), Some(expected), "{text}");
        }
        let wrong = "|-|.|1.|.5|1.5|1e-1|1e|9223372036854775808|9223372036854775808.0|1e19|1e999999999|1e-999999999|\
                     1e9999999999999|x|1_0|+1| 1|--1|1e2e3|0x1|NaN";
        for wrong in wrong.split('|') {
            assert_eq!(parse_integer(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_integer_is_read_in_any_spelling(number: i64, zeros in 0_usize..5) {
            prop_assert_eq!(parse_integer(&number.to_string()), Some(number));
            prop_assert_eq!(parse_integer(&format!("{number}.{}", "0".repeat(zeros + 1))), Some(number));
            prop_assert_eq!(parse_integer(&format!("{number}{}e-{zeros}", "0".repeat(zeros))), Some(number));
        }
    }
}
