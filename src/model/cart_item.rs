//! Reading a cart's line: the short shape that people type, and the API's own.

use serde_json::{Map, Value};

use super::cart::LineInput;
use super::{AmountError, Currency, RateError, parse_amount, parse_rate};

/// The keys of the short shape: amounts in the currency's decimals, the tax as a percentage.
const SHORT: [&str; 7] = ["name", "price", "qty", "tax", "ref", "discount", "type"];

/// The keys that only the API's shape has: amounts in minor units, the tax in basis points (documented).
const API: [&str; 7] = [
    "unit_price",
    "quantity",
    "tax_rate",
    "reference",
    "total_amount",
    "total_tax_amount",
    "total_discount_amount",
];

/// Why something is not a line of a cart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ItemError {
    /// A part without `=`, after the name.
    #[error("'{0}' is not a pair; write NAME,price=100.00,qty=2,tax=25%,ref=SKU-001")]
    NotAPair(String),
    /// Quotation marks that do not close.
    #[error("the quotation marks do not match")]
    Quotes,
    /// A key of neither shape.
    #[error("'{0}' is not known; the keys are name, price, qty, tax, ref, discount and type")]
    Key(String),
    /// Keys of both shapes.
    #[error(
        "'{0}' and '{1}' belong to different shapes: amounts like 100.00 have price, minor units unit_price"
    )]
    Mixed(String, String),
    /// The same key twice.
    #[error("'{0}' is given twice")]
    Twice(String),
    /// A key that is needed.
    #[error("'{0}' is missing")]
    Missing(&'static str),
    /// An amount that cannot be read.
    #[error("{0}: {1}")]
    Amount(&'static str, AmountError),
    /// A rate that cannot be read.
    #[error("tax: {0}")]
    Rate(#[from] RateError),
    /// Not a whole number.
    #[error("{0}: '{1}' is not a whole number")]
    Number(&'static str, String),
    /// A discount that would be a surcharge.
    #[error("discount: '{0}' is negative; write what is taken off")]
    Discount(String),
    /// A value that is neither text nor number.
    #[error("'{0}' must be a text or a number")]
    Kind(String),
    /// Not an object.
    #[error("it is not an object")]
    NotAnObject,
}

/// Reads `NAME,price=100.00,qty=2,tax=25%,ref=SKU-001`. A part that holds a comma stands in quotation marks, as in
/// a CSV file.
pub fn parse_item(text: &str, currency: Currency) -> Result<LineInput, ItemError> {
    let parts = split(text)?;
    let mut fields = Fields::default();
    for (index, part) in parts.into_iter().enumerate() {
        match part.split_once('=') {
            Some((key, value)) if index > 0 || SHORT.contains(&key) => fields.add(key, Value::from(value))?,
            _ if index == 0 => fields.add("name", Value::from(part))?,
            _ => return Err(ItemError::NotAPair(part)),
        }
    }
    // What is typed is always short: minor units by mistake would be a hundredfold price.
    fields.short(currency)
}

/// Reads a line of either shape.
pub fn item_from_json(value: Value, currency: Currency) -> Result<LineInput, ItemError> {
    let Value::Object(object) = value else { return Err(ItemError::NotAnObject) };
    item_from_fields(object, currency)
}

/// Reads a line of either shape from its fields, as of a row of a table.
pub fn item_from_fields(
    fields: impl IntoIterator<Item = (String, Value)>,
    currency: Currency,
) -> Result<LineInput, ItemError> {
    let mut all = Fields::default();
    for (key, value) in fields {
        all.add(&key, value)?;
    }
    let of_api = all.0.keys().find(|key| API.contains(&key.as_str())).cloned();
    let of_short =
        all.0.keys().find(|key| SHORT.contains(&key.as_str()) && !matches!(key.as_str(), "name" | "type"));
    match (of_api, of_short) {
        (Some(api), Some(short)) => Err(ItemError::Mixed(short.clone(), api)),
        (Some(_), None) => all.api(),
        (None, _) => all.short(currency),
    }
}

/// Splits at commas outside quotation marks.
fn split(text: &str) -> Result<Vec<String>, ItemError> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, parts.last_mut()) {
            // Two of them inside quotation marks are one that is meant.
            ('"', Some(part)) if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                part.push('"');
            }
            ('"', _) => quoted = !quoted,
            (',', _) if !quoted => parts.push(String::new()),
            (character, Some(part)) => part.push(character),
            (_, None) => {}
        }
    }
    if quoted {
        return Err(ItemError::Quotes);
    }
    Ok(parts.into_iter().map(|part| part.trim().to_owned()).collect())
}

#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn add(&mut self, key: &str, value: Value) -> Result<(), ItemError> {
        let key = key.trim();
        match self.0.insert(key.to_owned(), value) {
            None => Ok(()),
            Some(_) => Err(ItemError::Twice(key.to_owned())),
        }
    }

    /// Takes a field as text. An empty one, as in a table, counts as missing; a number is taken by its digits.
    fn text(&mut self, key: &str) -> Result<Option<String>, ItemError> {
        match self.0.shift_remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(ItemError::Kind(key.to_owned())),
        }
    }

    fn number(&mut self, key: &'static str) -> Result<Option<i64>, ItemError> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| ItemError::Number(key, text))
    }

    fn amount(&mut self, key: &'static str, currency: Currency) -> Result<Option<i64>, ItemError> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        parse_amount(&text, currency).map(Some).map_err(|error| ItemError::Amount(key, error))
    }

    fn short(mut self, currency: Currency) -> Result<LineInput, ItemError> {
        if let Some(unknown) = self.0.keys().find(|key| !SHORT.contains(&key.as_str())) {
            return Err(ItemError::Key(unknown.clone()));
        }
        let discount = self.amount("discount", currency)?.unwrap_or(0);
        if discount < 0 {
            return Err(ItemError::Discount(super::format_minor(discount, currency)));
        }
        Ok(LineInput {
            name: self.text("name")?.ok_or(ItemError::Missing("name"))?,
            kind: self.text("type")?,
            reference: self.text("ref")?,
            quantity: self.number("qty")?.unwrap_or(1),
            unit_price: self.amount("price", currency)?.ok_or(ItemError::Missing("price"))?,
            discount,
            tax_rate: self.text("tax")?.map_or(Ok(0), |text| parse_rate(&text))?,
            ..LineInput::default()
        })
    }

    fn api(mut self) -> Result<LineInput, ItemError> {
        Ok(LineInput {
            name: self.text("name")?.ok_or(ItemError::Missing("name"))?,
            kind: self.text("type")?,
            reference: self.text("reference")?,
            quantity: self.number("quantity")?.unwrap_or(1),
            unit_price: self.number("unit_price")?.ok_or(ItemError::Missing("unit_price"))?,
            discount: self.number("total_discount_amount")?.unwrap_or(0),
            tax_rate: self.number("tax_rate")?.ok_or(ItemError::Missing("tax_rate"))?,
            total: self.number("total_amount")?,
            tax: self.number("total_tax_amount")?,
            // A field this version does not know may be one the API has learnt since.
            further: self.0,
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

    fn typed(text: &str) -> Result<LineInput, String> {
        parse_item(text, sek()).map_err(|error| error.to_string())
    }

    fn read(value: Value) -> Result<LineInput, String> {
        item_from_json(value, sek()).map_err(|error| error.to_string())
    }

    fn shirt() -> LineInput {
        LineInput {
            name: "T-Shirt".into(),
            reference: Some("SKU-001".into()),
            quantity: 2,
            unit_price: 10_000,
            tax_rate: 2500,
            ..LineInput::default()
        }
    }

    #[test]
    fn the_three_ways_of_saying_the_same() {
        assert_eq!(typed("T-Shirt,price=100.00,qty=2,tax=25%,ref=SKU-001"), Ok(shirt()));
        assert_eq!(
            read(json!({"name": "T-Shirt", "price": "100.00", "qty": 2, "tax": "25%", "ref": "SKU-001"})),
            Ok(shirt())
        );
        assert_eq!(
            read(
                json!({"name": "T-Shirt", "unit_price": 10_000, "quantity": 2, "tax_rate": 2500, "reference": "SKU-001"})
            ),
            Ok(shirt())
        );
    }

    #[test]
    fn a_json_number_is_taken_by_its_digits_and_never_as_a_float() {
        let value: Value = serde_json::from_str(r#"{"name":"x","price":0.29}"#).unwrap();
        assert_eq!(read(value).unwrap().unit_price, 29);
        let value: Value = serde_json::from_str(r#"{"name":"x","price":2.9e1}"#).unwrap();
        assert!(read(value).is_err());
    }

    #[test]
    fn what_is_left_out_is_one_untaxed_piece() {
        let coffee =
            LineInput { name: "Coffee, black".into(), quantity: 1, unit_price: 3500, ..LineInput::default() };
        assert_eq!(typed("\"Coffee, black\", price=35"), Ok(coffee));
        assert_eq!(typed("\"x \"\"q\"\" y\",price=1").unwrap().name, "x \"q\" y");
    }

    #[test]
    fn mistakes_are_named() {
        let cases = [
            ("Tea", "'price' is missing"),
            ("", "'name' is missing"),
            ("Tea,35", "'35' is not a pair; write NAME,price=100.00,qty=2,tax=25%,ref=SKU-001"),
            (
                "Tea,prise=35",
                "'prise' is not known; the keys are name, price, qty, tax, ref, discount and type",
            ),
            ("Tea,price=35,price=36", "'price' is given twice"),
            ("Tea,price=3,5", "'5' is not a pair; write NAME,price=100.00,qty=2,tax=25%,ref=SKU-001"),
            ("Tea,price=35.005", "price: '35.005' has 3 decimals, but SEK has 2"),
            ("Tea,price=35,qty=1.5", "qty: '1.5' is not a whole number"),
            (
                "Tea,price=35,tax=25",
                "tax: '25' is not a tax rate; write a percentage with its sign, like 25% or 12.5%",
            ),
            ("Tea,price=35,discount=-1", "discount: '-1.00' is negative; write what is taken off"),
            ("\"Tea,price=35", "the quotation marks do not match"),
            (
                "Tea,unit_price=3500",
                "'unit_price' is not known; the keys are name, price, qty, tax, ref, discount and type",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(typed(text), Err(expected.to_owned()), "{text}");
        }
        assert_eq!(
            read(json!({"name": "x", "price": 1, "tax_rate": 2500})),
            Err("'price' and 'tax_rate' belong to different shapes: amounts like 100.00 have price, minor units \
                 unit_price"
                .to_owned())
        );
        assert_eq!(
            read(json!({"name": ["x"], "price": 1})),
            Err("'name' must be a text or a number".to_owned())
        );
        assert_eq!(read(json!([])), Err("it is not an object".to_owned()));
    }

    #[test]
    fn fields_of_the_api_that_are_new_are_kept() {
        let draft = read(json!({"name": "x", "unit_price": 1, "tax_rate": 0, "image_url": "u"})).unwrap();
        assert_eq!(Value::Object(draft.further), json!({"image_url": "u"}));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}|[a-z=,\"0-9.%-]{0,40}") {
            let _ = parse_item(&text, sek());
        }
    }
}
