//! Parsing a cart's line, in the short shape that people type or in the API's.

use serde_json::{Map, Value};

use super::cart::LineInput;
use super::{AmountError, Currency, RateError, format_minor, parse_amount, parse_rate};

/// The keys of the short shape: amounts in the currency's decimals, the tax as a percentage.
const SHORT_KEYS: [&str; 7] = ["name", "price", "qty", "tax", "ref", "discount", "type"];

/// The keys that only the API's shape has: amounts in minor units, the tax in basis points (documented).
const API_KEYS: [&str; 7] = [
    "unit_price",
    "quantity",
    "tax_rate",
    "reference",
    "total_amount",
    "total_tax_amount",
    "total_discount_amount",
];

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ItemError {
    #[error("'{0}' is not a pair; write NAME,price=100.00,qty=2,tax=25%,ref=SKU-001")]
    NotAPair(String),
    #[error("the quotation marks do not match")]
    Quotes,
    #[error("'{0}' is not known; the keys are name, price, qty, tax, ref, discount and type")]
    UnknownKey(String),
    #[error(
        "'{0}' and '{1}' belong to different shapes: amounts like 100.00 have price, minor units unit_price"
    )]
    MixedShapes(String, String),
    #[error("'{0}' is given twice")]
    DuplicateKey(String),
    #[error("'{0}' is missing")]
    Missing(&'static str),
    #[error("{0}: {1}")]
    Amount(&'static str, AmountError),
    #[error("tax: {0}")]
    Rate(#[from] RateError),
    #[error("{0}: '{1}' is not a whole number")]
    NotAnInteger(&'static str, String),
    #[error("discount: '{0}' is negative; write what is taken off")]
    NegativeDiscount(String),
    #[error("'{0}' must be a text or a number")]
    WrongType(String),
    #[error("it is not an object")]
    NotAnObject,
}

/// Parses `NAME,price=100.00,qty=2,tax=25%,ref=SKU-001`. As in CSV, a part that contains a comma is quoted.
pub fn parse_item(text: &str, currency: Currency) -> Result<LineInput, ItemError> {
    let mut fields = Fields::default();
    for (index, part) in split_quoted(text)?.into_iter().enumerate() {
        match part.split_once('=') {
            Some((key, value)) if index > 0 || SHORT_KEYS.contains(&key) => fields.add(key, value.into())?,
            _ if index == 0 => fields.add("name", part.into())?,
            _ => return Err(ItemError::NotAPair(part)),
        }
    }
    // Only the short shape: minor units by mistake would be a hundredfold price.
    fields.into_short_line(currency)
}

/// Parses a JSON object of either shape.
pub fn item_from_json(value: Value, currency: Currency) -> Result<LineInput, ItemError> {
    let Value::Object(object) = value else { return Err(ItemError::NotAnObject) };
    item_from_fields(object, currency)
}

/// Parses fields of either shape, such as those of a CSV row.
pub fn item_from_fields(
    fields: impl IntoIterator<Item = (String, Value)>,
    currency: Currency,
) -> Result<LineInput, ItemError> {
    let mut all = Fields::default();
    for (key, value) in fields {
        all.add(&key, value)?;
    }
    let find = |keys: &[&str]| all.0.keys().find(|key| keys.contains(&key.as_str())).cloned();
    // Both shapes have `name` and `type`.
    match (find(&API_KEYS), find(&["price", "qty", "tax", "ref", "discount"])) {
        (Some(api), Some(short)) => Err(ItemError::MixedShapes(short, api)),
        (Some(_), None) => all.into_api_line(),
        (None, _) => all.into_short_line(currency),
    }
}

/// Splits at commas outside quotation marks.
fn split_quoted(text: &str) -> Result<Vec<String>, ItemError> {
    let (mut parts, mut part) = (Vec::new(), String::new());
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            // A doubled quotation mark inside quotation marks stands for one.
            '"' if quoted && characters.next_if_eq(&'"').is_some() => part.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => parts.push(std::mem::take(&mut part)),
            other => part.push(other),
        }
    }
    if quoted {
        return Err(ItemError::Quotes);
    }
    parts.push(part);
    Ok(parts.into_iter().map(|part| part.trim().to_owned()).collect())
}

#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn add(&mut self, key: &str, value: Value) -> Result<(), ItemError> {
        let key = key.trim();
        match self.0.insert(key.to_owned(), value) {
            None => Ok(()),
            Some(_) => Err(ItemError::DuplicateKey(key.to_owned())),
        }
    }

    /// Removes a field. An empty text, as in a table, counts as missing; a number is kept digit by digit.
    fn text(&mut self, key: &str) -> Result<Option<String>, ItemError> {
        match self.0.shift_remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(ItemError::WrongType(key.to_owned())),
        }
    }

    fn integer(&mut self, key: &'static str) -> Result<Option<i64>, ItemError> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| ItemError::NotAnInteger(key, text))
    }

    fn amount(&mut self, key: &'static str, currency: Currency) -> Result<Option<i64>, ItemError> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        parse_amount(&text, currency).map(Some).map_err(|error| ItemError::Amount(key, error))
    }

    fn into_short_line(mut self, currency: Currency) -> Result<LineInput, ItemError> {
        if let Some(key) = self.0.keys().find(|key| !SHORT_KEYS.contains(&key.as_str())) {
            return Err(ItemError::UnknownKey(key.clone()));
        }
        let discount = self.amount("discount", currency)?.unwrap_or(0);
        if discount < 0 {
            return Err(ItemError::NegativeDiscount(format_minor(discount, currency)));
        }
        Ok(LineInput {
            name: self.text("name")?.ok_or(ItemError::Missing("name"))?,
            kind: self.text("type")?,
            reference: self.text("ref")?,
            quantity: self.integer("qty")?.unwrap_or(1),
            unit_price: self.amount("price", currency)?.ok_or(ItemError::Missing("price"))?,
            discount,
            tax_rate: self.text("tax")?.map_or(Ok(0), |text| parse_rate(&text))?,
            ..LineInput::default()
        })
    }

    fn into_api_line(mut self) -> Result<LineInput, ItemError> {
        Ok(LineInput {
            name: self.text("name")?.ok_or(ItemError::Missing("name"))?,
            kind: self.text("type")?,
            reference: self.text("reference")?,
            quantity: self.integer("quantity")?.unwrap_or(1),
            unit_price: self.integer("unit_price")?.ok_or(ItemError::Missing("unit_price"))?,
            discount: self.integer("total_discount_amount")?.unwrap_or(0),
            tax_rate: self.integer("tax_rate")?.ok_or(ItemError::Missing("tax_rate"))?,
            total: self.integer("total_amount")?,
            tax: self.integer("total_tax_amount")?,
            extra: self.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn sek() -> Currency {
        "SEK".parse().unwrap()
    }

    fn parse(text: &str) -> Result<LineInput, String> {
        parse_item(text, sek()).map_err(|error| error.to_string())
    }

    fn read(value: Value) -> Result<LineInput, String> {
        item_from_json(value, sek()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_three_forms_are_equivalent() {
        let shirt = LineInput {
            name: "T-Shirt".into(),
            reference: Some("SKU-001".into()),
            quantity: 2,
            unit_price: 10_000,
            tax_rate: 2500,
            ..LineInput::default()
        };
        let short = json!({"name": "T-Shirt", "price": "100.00", "qty": 2, "tax": "25%", "ref": "SKU-001"});
        let mut api = json!({"name": "T-Shirt", "unit_price": 10_000, "quantity": 2, "tax_rate": 2500});
        api["reference"] = "SKU-001".into();
        assert_eq!(parse("T-Shirt,price=100.00,qty=2,tax=25%,ref=SKU-001").as_ref(), Ok(&shirt));
        assert_eq!(read(short).as_ref(), Ok(&shirt));
        assert_eq!(read(api.clone()).as_ref(), Ok(&shirt));
        api["image_url"] = "u".into();
        assert_eq!(Value::Object(read(api).unwrap().extra), json!({"image_url": "u"}));
    }

    #[test]
    fn a_json_number_is_never_read_as_a_float() {
        let read = |text| read(serde_json::from_str(text).unwrap()).map(|line| line.unit_price);
        assert_eq!(read(r#"{"name":"x","price":0.29}"#), Ok(29));
        assert!(read(r#"{"name":"x","price":2.9e1}"#).is_err());
    }

    #[test]
    fn the_defaults_are_one_piece_without_tax() {
        let coffee =
            LineInput { name: "Coffee, black".into(), quantity: 1, unit_price: 3500, ..LineInput::default() };
        assert_eq!(parse("\"Coffee, black\", price=35"), Ok(coffee));
        assert_eq!(parse("\"x \"\"q\"\" y\",price=1").unwrap().name, "x \"q\" y");
    }

    #[test]
    fn errors_name_the_mistake() {
        let keys = "is not known; the keys are name, price, qty, tax, ref, discount and type";
        let pair = "is not a pair; write NAME,price=100.00,qty=2,tax=25%,ref=SKU-001";
        for (text, expected) in [
            ("Tea", "'price' is missing"),
            ("", "'name' is missing"),
            ("Tea,35", &format!("'35' {pair}")),
            ("Tea,prise=35", &format!("'prise' {keys}")),
            ("Tea,unit_price=3500", &format!("'unit_price' {keys}")),
            ("Tea,price=35,price=36", "'price' is given twice"),
            ("Tea,price=3,5", &format!("'5' {pair}")),
            ("Tea,price=35.005", "price: '35.005' has 3 decimals, but SEK has 2"),
            ("Tea,price=35,qty=1.5", "qty: '1.5' is not a whole number"),
            (
                "Tea,price=35,tax=25",
                "tax: '25' is not a tax rate; write a percentage with its sign, like 25% or 12.5%",
            ),
            ("Tea,price=35,discount=-1", "discount: '-1.00' is negative; write what is taken off"),
            ("\"Tea,price=35", "the quotation marks do not match"),
        ] {
            assert_eq!(parse(text).as_ref().unwrap_err(), expected, "{text}");
        }
        let mixed = "'price' and 'tax_rate' belong to different shapes: amounts like 100.00 have price, minor \
                     units unit_price";
        for (value, expected) in [
            (json!({"name": "x", "price": 1, "tax_rate": 2500}), mixed),
            (json!({"name": ["x"], "price": 1}), "'name' must be a text or a number"),
            (json!([]), "it is not an object"),
        ] {
            assert_eq!(read(value).unwrap_err(), expected);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}|[a-z=,\"0-9.%-]{0,40}") {
            let _ = parse_item(&text, sek());
        }
    }
}
