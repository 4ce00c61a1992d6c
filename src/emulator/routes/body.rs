//! The fields of a JSON body, each read by name. What is wrong with them is collected.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Number, Value};
use uuid::Uuid;

use super::request::parse_uuid;
use crate::emulator::state::{FieldErrors, Rejection};
use crate::model::Metadata;
use http::StatusCode;

/// An object of a body. Fields that nobody asks for are ignored.
pub(super) struct JsonFields {
    object: Map<String, Value>,
    /// What the names of the fields begin with in messages.
    prefix: String,
    /// What is wrong so far.
    pub(super) errors: FieldErrors,
}

impl JsonFields {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Rejection> {
        let refusal = |detail: String| Rejection::new(StatusCode::BAD_REQUEST, detail);
        match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => {
                Ok(Self { object, prefix: String::new(), errors: FieldErrors::default() })
            }
            Ok(_) => Err(refusal("The body must be a JSON object.".to_owned())),
            Err(_) if body.is_empty() => Err(refusal("A body is required: a JSON object.".to_owned())),
            Err(error) => Err(refusal(format!("The body is not JSON: {error}."))),
        }
    }

    /// Ends the reading: a 400 if anything was wrong.
    pub(super) fn finish(self) -> Result<(), Rejection> {
        self.errors.into_result()
    }

    pub(super) fn add_error(&mut self, name: &str, message: impl Into<String>) {
        self.errors.add(format!("{}{name}", self.prefix), message);
    }

    /// A field that must be there. If it is not, or is wrong, the value returned is never used: the reading ends
    /// in a refusal.
    pub(super) fn required<T: Default>(
        &mut self,
        name: &str,
        read: impl Fn(&mut Self, &str) -> Option<T>,
    ) -> T {
        if !self.object.contains_key(name) {
            self.add_error(name, "is required");
        }
        read(self, name).unwrap_or_default()
    }

    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.read(name, "must be a string", |value| value.as_str().map(str::to_owned))
    }

    pub(super) fn integer(&mut self, name: &str) -> Option<i64> {
        let message = "must be a whole number of at most 64 bits";
        self.read(name, message, |value| match value {
            Value::Number(number) => parse_integer(number),
            _ => None,
        })
    }

    pub(super) fn uuid(&mut self, name: &str) -> Option<Uuid> {
        self.read(name, "must be a UUID", |value| value.as_str().and_then(parse_uuid))
    }

    pub(super) fn timestamp(&mut self, name: &str) -> Option<Timestamp> {
        let message = "must be a date and time with an offset, such as 2026-01-31T12:00:00Z";
        self.read(name, message, |value| value.as_str().and_then(parse_instant))
    }

    pub(super) fn duration(&mut self, name: &str) -> Option<SignedDuration> {
        let message = "must be a duration of hours, minutes and seconds, such as PT20M";
        self.read(name, message, |value| value.as_str()?.parse().ok())
    }

    /// Metadata: an object of strings.
    pub(super) fn metadata(&mut self, name: &str) -> Metadata {
        let pairs = self.read(name, "must be an object whose values are strings", |value| {
            let pairs = value.as_object()?.iter();
            pairs.map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
        });
        pairs.unwrap_or_default()
    }

    /// A list of objects, each read by `read`.
    pub(super) fn list<T>(&mut self, name: &str, mut read: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let Some(value) = self.object.remove(name) else {
            return Vec::new();
        };
        let Value::Array(items) = value else {
            self.add_error(name, "must be an array of objects");
            return Vec::new();
        };
        let mut list = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let path = format!("{name}[{index}]");
            let Value::Object(object) = item else {
                self.add_error(&path, "must be an object");
                continue;
            };
            let errors = std::mem::take(&mut self.errors);
            let mut fields = Self { object, prefix: format!("{}{path}.", self.prefix), errors };
            list.push(read(&mut fields));
            self.errors = fields.errors;
        }
        list
    }

    fn read<T>(&mut self, name: &str, message: &str, parse: impl Fn(&Value) -> Option<T>) -> Option<T> {
        let parsed = parse(self.object.get(name)?);
        if parsed.is_none() {
            self.add_error(name, message);
        }
        parsed
    }
}

/// The whole number that a JSON number is. To a schema `1.0` and `1e2` are whole numbers too, so they are read,
/// digit by digit: no float is ever made of an amount.
fn parse_integer(number: &Number) -> Option<i64> {
    if let Some(plain) = number.as_i64() {
        return Some(plain);
    }
    let text = number.to_string();
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((&text, "0"));
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |mantissa| ("-", mantissa));
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{before}{after}");
    let digits = all.trim_end_matches('0');
    if digits.is_empty() {
        return Some(0);
    }
    let dropped = i64::try_from(all.len() - digits.len()).ok()?;
    let decimals = i64::try_from(after.len()).ok()?;
    let zeros = exponent.parse::<i64>().ok()?.checked_sub(decimals)?.checked_add(dropped)?;
    // The longest i64 has 19 digits: a larger exponent need not be written out to be refused.
    let zeros = usize::try_from(zeros).ok().filter(|zeros| *zeros < 20)?;
    format!("{sign}{digits}{}", "0".repeat(zeros)).parse().ok()
}

/// An RFC 3339 instant. The parser would also take a space for the T, no seconds, or a time zone's name.
fn parse_instant(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let shape = b"0000-00-00T00:00:00";
    let fits = bytes.len() > shape.len()
        && shape.iter().zip(bytes).all(|(wanted, byte)| match wanted {
            b'0' => byte.is_ascii_digit(),
            b'T' => matches!(byte, b'T' | b't'),
            _ => wanted == byte,
        });
    let rest = text.get(shape.len()..).filter(|_| fits)?;
    let rest = match rest.strip_prefix('.') {
        Some(fraction) => {
            let offset = fraction.trim_start_matches(|digit: char| digit.is_ascii_digit());
            if offset.len() == fraction.len() {
                return None;
            }
            offset
        }
        None => rest,
    };
    let offset_fits = match rest.as_bytes() {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', hours @ .., b':', tens, ones] => {
            hours.len() == 2 && [hours, &[*tens, *ones]].concat().iter().all(u8::is_ascii_digit)
        }
        _ => false,
    };
    if offset_fits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn number(text: &str) -> Option<i64> {
        parse_integer(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn whole_numbers_are_read_exactly_in_any_spelling() {
        assert_eq!(number("24950"), Some(24_950));
        assert_eq!(number("1.0"), Some(1));
        assert_eq!(number("-1.50e1"), Some(-15));
        assert_eq!(number("1e2"), Some(100));
        assert_eq!(number("120E-1"), Some(12));
        assert_eq!(number("0e999999999999999999999"), Some(0));
        assert_eq!(number("9223372036854775807"), Some(i64::MAX));
        assert_eq!(number("-9223372036854775808.0"), Some(i64::MIN));
        for wrong in ["1.5", "1e-1", "9223372036854775808", "1e19", "1e999999999", "1e99999999999999999999"] {
            assert_eq!(number(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn instants_are_rfc_3339_and_nothing_wider() {
        let utc = |text| parse_instant(text).map(|instant| instant.to_string());
        assert_eq!(utc("2026-01-31T12:00:00Z").as_deref(), Some("2026-01-31T12:00:00Z"));
        assert_eq!(utc("2026-01-31t12:00:00.25+01:00").as_deref(), Some("2026-01-31T11:00:00.25Z"));
        for wrong in [
            "",
            "2026-01-31",
            "2026-01-31T12:00:00",
            "2026-01-31 12:00:00Z",
            "2026-01-31T12:00Z",
            "2026-02-30T12:00:00Z",
            "2026-01-31T12:00:00.Z",
            "2026-01-31T12:00:00+01",
            "2026-01-31T12:00:00+01:00[Europe/Stockholm]",
            "2026-01-31T12:00:00Zéé",
            "9999-12-31T23:59:59-23:59",
        ] {
            assert_eq!(utc(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_number_or_text_makes_a_reader_panic(text in "\\PC*", digits in "-?[0-9]{1,25}(\\.[0-9]{1,25})?(e-?[0-9]{1,25})?") {
            parse_instant(&text);
            if let Ok(number) = serde_json::from_str::<Number>(&digits) {
                parse_integer(&number);
            }
        }

        #[test]
        fn a_whole_number_is_itself(number: i64) {
            prop_assert_eq!(parse_integer(&serde_json::from_str(&format!("{number}.00")).unwrap()), Some(number));
        }
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let body = json!({"name": 5, "metadata": {"a": 1}, "list": [{"n": "x"}, 7]}).to_string();
        let mut fields = JsonFields::parse(body.as_bytes()).unwrap();
        fields.required("name", JsonFields::text);
        fields.required("id", JsonFields::uuid);
        fields.metadata("metadata");
        fields.list("list", |item| item.required("n", JsonFields::integer));
        let errors = fields.finish().unwrap_err().errors;
        assert_eq!(errors.message("name"), Some("must be a string"));
        assert_eq!(errors.message("id"), Some("is required"));
        assert_eq!(errors.message("metadata"), Some("must be an object whose values are strings"));
        assert_eq!(errors.message("list[0].n"), Some("must be a whole number of at most 64 bits"));
        assert_eq!(errors.message("list[1]"), Some("must be an object"));
    }

    #[test]
    fn a_body_must_be_an_object() {
        let deep = "[".repeat(100_000);
        for wrong in ["", "[]", "null", "{", "{\"a\":}", "\u{feff}{}", deep.as_str()] {
            assert_eq!(
                JsonFields::parse(wrong.as_bytes()).err().map(|refusal| refusal.status.as_u16()),
                Some(400)
            );
        }
        assert!(JsonFields::parse(b"\xff").is_err());
        assert!(JsonFields::parse(b"{}").is_ok());
    }
}
