//! Parses a cart line, in the short form that people type or in the form of the API.

use serde_json::{Map, Value};

use super::cart::LineInput;
use super::{Currency, format_minor, parse_amount, parse_integer, parse_rate};
use crate::text::trim_text;

/// The keys of the short form: amounts in the currency's decimals, the tax as a percentage.
const SHORT_KEYS: [&str; 7] = ["name", "price", "qty", "tax", "ref", "discount", "type"];

/// The keys that only the API's form has: amounts in minor units, the tax in basis points (documented).
const API_KEYS: [&str; 7] = [
    "unit_price",
    "quantity",
    "tax_rate",
    "reference",
    "total_amount",
    "total_tax_amount",
    "total_discount_amount",
];

/// Parses `NAME,price=100.00,qty=2,tax=25%,ref=SKU-001`. A part that contains a comma is quoted, as in a CSV file.
pub fn parse_item(text: &str, currency: Currency) -> Result<LineInput, String> {
    let mut fields = Map::new();
    for (index, part) in split_at_commas(text)?.into_iter().enumerate() {
        let (key, value) = match part.split_once('=') {
            Some((key, value)) if index > 0 || SHORT_KEYS.contains(&key) => (key.trim(), value),
            _ if index == 0 => ("name", part.as_str()),
            _ => {
                return Err(explain_part(&part, index, &fields));
            }
        };
        if fields.insert(key.to_owned(), Value::from(value)).is_some() {
            return Err(format!("'{key}' is given twice"));
        }
    }
    // A typed line is always short: minor units by mistake would be a hundredfold price.
    parse_short(fields, currency)
}

/// Explains a part without a key: the rest of a decimal comma, of a name with a comma, or something else.
fn explain_part(part: &str, index: usize, fields: &Map<String, Value>) -> String {
    let last = fields.iter().next_back();
    match last {
        Some((key, Value::String(value)))
            if key != "name"
                && is_digits(part.trim_end_matches('%'))
                && is_digits(value.trim_start_matches('-')) =>
        {
            format!("{key}: '{value},{part}' has a decimal comma; write {key}={value}.{part}")
        }
        Some((key, Value::String(name))) if key == "name" && index == 1 && !is_digits(part) => {
            format!(
                "'{part}' is not a pair; if the name contains a comma, quote it: \"{name}, {part}\",price=…"
            )
        }
        _ => format!("'{part}' is not a pair; write NAME,price=100.00,qty=2,tax=25%,ref=SKU-001"),
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Parses a line of either form.
pub fn item_from_json(value: Value, currency: Currency) -> Result<LineInput, String> {
    let Value::Object(fields) = value else { return Err("it is not an object".to_owned()) };
    let only_short = |key: &&String| SHORT_KEYS.contains(&key.as_str()) && *key != "name" && *key != "type";
    let short = fields.keys().find(only_short);
    let Some(api) = fields.keys().find(|key| API_KEYS.contains(&key.as_str())) else {
        return parse_short(fields, currency);
    };
    match short {
        Some(short) => Err(format!(
            "'{short}' and '{api}' cannot be combined: price is an amount like 100.00, unit_price is in minor units"
        )),
        None => parse_api(fields),
    }
}

/// Splits at commas outside quotation marks.
fn split_at_commas(text: &str) -> Result<Vec<String>, String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut is_quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            // A doubled quotation mark is a literal one.
            '"' if is_quoted && characters.next_if_eq(&'"').is_some() => part.push('"'),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => parts.push(std::mem::take(&mut part)),
            _ => part.push(character),
        }
    }
    if is_quoted {
        return Err("the quotation marks do not match".to_owned());
    }
    parts.push(part);
    Ok(parts.iter().map(|part| part.trim().to_owned()).collect())
}

fn parse_short(mut fields: Map<String, Value>, currency: Currency) -> Result<LineInput, String> {
    if let Some(unknown) = fields.keys().find(|key| !SHORT_KEYS.contains(&key.as_str())) {
        return Err(format!(
            "'{unknown}' is not known; the keys are name, price, qty, tax, ref, discount and type"
        ));
    }
    let mut take_amount = |key: &str| {
        let amount = take_text(&mut fields, key)?.map(|text| parse_amount(&text, currency)).transpose();
        amount.map_err(|error| format!("{key}: {error}"))
    };
    let discount = take_amount("discount")?.unwrap_or(0);
    let unit_price = take_amount("price")?;
    if discount < 0 {
        let discount = format_minor(discount, currency);
        return Err(format!("discount: '{discount}' is negative; write the amount to subtract"));
    }
    let tax_rate = take_text(&mut fields, "tax")?.map(|text| parse_rate(&text)).transpose();
    let tax_rate = tax_rate.map_err(|error| format!("tax: {error}"))?;
    Ok(LineInput {
        name: require("name", take_text(&mut fields, "name")?)?,
        kind: take_text(&mut fields, "type")?,
        reference: take_text(&mut fields, "ref")?,
        quantity: take_integer(&mut fields, "qty")?.unwrap_or(1),
        unit_price: require("price", unit_price)?,
        discount,
        lacks_tax: tax_rate.is_none(),
        tax_rate: tax_rate.unwrap_or(0),
        ..LineInput::default()
    })
}

fn parse_api(mut fields: Map<String, Value>) -> Result<LineInput, String> {
    Ok(LineInput {
        name: require("name", take_text(&mut fields, "name")?)?,
        kind: take_text(&mut fields, "type")?,
        reference: take_text(&mut fields, "reference")?,
        quantity: take_integer(&mut fields, "quantity")?.unwrap_or(1),
        unit_price: require("unit_price", take_integer(&mut fields, "unit_price")?)?,
        discount: take_integer(&mut fields, "total_discount_amount")?.unwrap_or(0),
        lacks_tax: false,
        tax_rate: require("tax_rate", take_integer(&mut fields, "tax_rate")?)?,
        total: take_integer(&mut fields, "total_amount")?,
        tax: take_integer(&mut fields, "total_tax_amount")?,
        // Unknown fields may be newer than this version of kustom.
        extra: fields,
    })
}

fn require<T>(key: &str, value: Option<T>) -> Result<T, String> {
    value.ok_or_else(|| format!("'{key}' is missing"))
}

/// Takes a field as text: a number by its digits, never as a float. An empty field, as in a CSV cell, counts as missing.
fn take_text(fields: &mut Map<String, Value>, key: &str) -> Result<Option<String>, String> {
    match fields.shift_remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(trim_text(&text).to_owned()).filter(|text| !text.is_empty())),
        Some(Value::Number(number)) => {
            let text = number.to_string();
            // Many programs write an integer as `500.0`, and some currencies have no decimals.
            let integer =
                text.split_once('.').filter(|(_, fraction)| fraction.bytes().all(|byte| byte == b'0'));
            Ok(Some(integer.map_or(text.as_str(), |(whole, _)| whole).to_owned()))
        }
        Some(_) => Err(format!("'{key}' must be a text or a number")),
    }
}

fn take_integer(fields: &mut Map<String, Value>, key: &str) -> Result<Option<i64>, String> {
    let text = take_text(fields, key)?;
    let parse =
        |text: String| parse_integer(&text).ok_or_else(|| format!("{key}: '{text}' is not a whole number"));
    text.map(parse).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_json_number_is_taken_by_its_digits_and_never_as_a_float() {
        let parse = |text, currency: &str| {
            item_from_json(serde_json::from_str(text).unwrap(), currency.parse().unwrap())
        };
        assert_eq!(parse(r#"{"name":"x","price":0.29}"#, "SEK").unwrap().unit_price, 29);
        assert_eq!(parse(r#"{"name":"x","price":500.0}"#, "JPY").unwrap().unit_price, 500);
        assert!(parse(r#"{"name":"x","price":2.9e1}"#, "SEK").is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,40}|[a-z=,\"0-9.%-]{0,40}") {
            let _ = parse_item(&text, "SEK".parse().unwrap());
        }
    }
}
