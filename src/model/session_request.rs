//! The body of a request that creates a session.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::json::integer;
use super::{Currency, LineInput};
use crate::text::{escape_control, truncate};

/// Body of `POST /ipp/v1/sessions` (documented).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SessionRequest {
    pub device_id: String,
    /// Minor units, including tax.
    pub order_amount: i64,
    /// Set only if there is a cart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_tax_amount: Option<i64>,
    pub purchase_currency: String,
    /// Also identifies the session among similar ones when its creation has an unknown outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purchase_started_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merchant_reference1: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merchant_reference2: Option<String>,
    /// Free text of the merchant (observed).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merchant_data: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub order_items: Vec<Value>,
}

impl SessionRequest {
    /// Reads a body that the user wrote. A field that is not of its documented type is an error, because a check for
    /// duplicates that cannot read a field would not find them. Unknown fields are ignored.
    pub fn from_json(body: &Map<String, Value>) -> Result<Self, String> {
        let fields = Fields { object: body, prefix: String::new() };
        let request = Self {
            device_id: fields.required("device_id", "the ID of a device", uuid)?,
            order_amount: fields.required(
                "order_amount",
                "an integer of minor units, more than zero",
                |value| integer(value).filter(|amount| *amount > 0),
            )?,
            order_tax_amount: fields.optional("order_tax_amount", AN_AMOUNT, integer)?,
            purchase_currency: fields.required(
                "purchase_currency",
                "a currency code of three capital letters, such as SEK",
                |value| string(value).filter(|code| is_currency_code(code)),
            )?,
            purchase_started_at: fields.optional(
                "purchase_started_at",
                "a date and time with an offset, such as 2026-01-31T12:00:00Z",
                |value| value.as_str()?.parse().ok(),
            )?,
            merchant_reference1: fields.optional("merchant_reference1", "a string", string)?,
            merchant_reference2: fields.optional("merchant_reference2", "a string", string)?,
            merchant_data: fields.optional("merchant_data", "a string", string)?,
            order_items: fields
                .optional("order_items", "an array of objects", |value| value.as_array().cloned())?
                .unwrap_or_default(),
        };
        for (index, item) in request.order_items.iter().enumerate() {
            check_item(item, index, &request.purchase_currency)?;
        }
        Ok(request)
    }
}

const AN_AMOUNT: &str = "an integer of minor units";

/// Checks the amounts of a line and their signs. The API checks that they add up.
fn check_item(item: &Value, index: usize, currency: &str) -> Result<(), String> {
    let prefix = format!("order_items[{index}]");
    let Value::Object(object) = item else {
        return Err(format!("{prefix} is {}, but must be an object", excerpt(item)));
    };
    let fields = Fields { object, prefix: format!("{prefix}.") };
    let amount = |name| fields.optional(name, AN_AMOUNT, integer);
    let line = LineInput {
        kind: fields.optional("type", "a string", string)?,
        quantity: fields.optional("quantity", "an integer", integer)?.unwrap_or(1),
        unit_price: amount("unit_price")?.unwrap_or_default(),
        discount: amount("total_discount_amount")?.unwrap_or_default(),
        total: amount("total_amount")?,
        tax: amount("total_tax_amount")?,
        tax_rate: fields.optional("tax_rate", "an integer of basis points", integer)?.unwrap_or_default(),
        ..LineInput::default()
    };
    line.check_signs(currency.parse::<Currency>().ok()).map_err(|problem| format!("{prefix}: {problem}"))
}

fn uuid(value: &Value) -> Option<String> {
    // Other spellings of a UUID would hide that it is the same device.
    let id: Uuid = value.as_str().filter(|text| text.len() == 36)?.parse().ok()?;
    Some(id.to_string())
}

fn string(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn is_currency_code(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

struct Fields<'a> {
    object: &'a Map<String, Value>,
    /// The path to the object, such as `order_items[0].`.
    prefix: String,
}

impl Fields<'_> {
    fn required<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<T, String> {
        match self.object.get(name) {
            Some(value) => self.read(name, value, expected, read),
            None => Err(format!("{}{name} is missing; it must be {expected}", self.prefix)),
        }
    }

    /// `null` counts as a missing field.
    fn optional<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, String> {
        match self.object.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => self.read(name, value, expected, read).map(Some),
        }
    }

    fn read<T>(
        &self,
        name: &str,
        value: &Value,
        expected: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<T, String> {
        let invalid = || format!("{}{name} is {}, but must be {expected}", self.prefix, excerpt(value));
        read(value).ok_or_else(invalid)
    }
}

/// The value as JSON, shortened and safe to print.
fn excerpt(value: &Value) -> String {
    const MAX_CHARS: usize = 40;
    truncate(&escape_control(&value.to_string()), MAX_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn body() -> Map<String, Value> {
        let body = json!({
            "device_id": "11111111-1111-4111-8111-11111111111A", "order_amount": 24950, "purchase_currency": "SEK",
        });
        let Value::Object(body) = body else { unreachable!() };
        body
    }

    fn read(field: &str, value: Value) -> Result<SessionRequest, String> {
        let mut body = body();
        body.insert(field.to_owned(), value);
        SessionRequest::from_json(&body)
    }

    #[test]
    fn a_body_of_the_documented_types_is_read() {
        let request = SessionRequest::from_json(&body()).unwrap();
        assert_eq!(request.device_id, "11111111-1111-4111-8111-11111111111a");
        assert_eq!(request.order_amount, 24_950);
        for amount in ["24950.0", "2.495e4"] {
            let amount = serde_json::from_str(amount).unwrap();
            assert_eq!(read("order_amount", amount).unwrap().order_amount, 24_950);
        }
        assert_eq!(read("merchant_reference1", json!(null)).unwrap().merchant_reference1, None);
        assert!(read("new", json!([1])).is_ok());
        let items = json!([
            {"name": "x", "unit_price": 100.0, "quantity": 2, "total_discount_amount": 10, "total_amount": 190},
            {"type": "discount", "unit_price": -5, "total_amount": -5},
        ]);
        assert!(read("order_items", items).is_ok());
    }

    #[test]
    fn a_field_of_another_type_is_named_with_its_value() {
        for (field, value, expected) in [
            ("device_id", json!(17), "device_id is 17, but must be the ID of a device"),
            ("device_id", json!("Till 1"), "device_id is \"Till 1\", but must be the ID of a device"),
            (
                "device_id",
                json!("11111111111141118111111111111111"),
                "device_id is \"11111111111141118111111111111111\", but must be the ID of a device",
            ),
            (
                "order_amount",
                json!("24950"),
                "order_amount is \"24950\", but must be an integer of minor units, more than zero",
            ),
            (
                "order_amount",
                json!(249.5),
                "order_amount is 249.5, but must be an integer of minor units, more than zero",
            ),
            (
                "order_amount",
                json!(-1),
                "order_amount is -1, but must be an integer of minor units, more than zero",
            ),
            (
                "order_tax_amount",
                json!([1]),
                "order_tax_amount is [1], but must be an integer of minor units",
            ),
            (
                "purchase_currency",
                json!("sek"),
                "purchase_currency is \"sek\", but must be a currency code of three capital letters, such as SEK",
            ),
            (
                "purchase_started_at",
                json!("yesterday"),
                "purchase_started_at is \"yesterday\", but must be a date and time with an offset, such as \
                 2026-01-31T12:00:00Z",
            ),
            ("merchant_reference1", json!(1001), "merchant_reference1 is 1001, but must be a string"),
            (
                "merchant_reference2",
                json!({"a": 1}),
                "merchant_reference2 is {\"a\":1}, but must be a string",
            ),
            ("merchant_reference1", json!(true), "merchant_reference1 is true, but must be a string"),
            ("order_items", json!({}), "order_items is {}, but must be an array of objects"),
            ("order_items", json!([5]), "order_items[0] is 5, but must be an object"),
            (
                "order_items",
                json!([{"unit_price": "5"}]),
                "order_items[0].unit_price is \"5\", but must be an integer of minor units",
            ),
            (
                "order_items",
                json!([{"unit_price": 500, "total_discount_amount": -100}]),
                "order_items[0]: the discount is -1.00, but must not be negative: it is subtracted",
            ),
        ] {
            assert_eq!(read(field, value).unwrap_err(), expected);
        }
        for field in ["device_id", "order_amount", "purchase_currency"] {
            let mut body = body();
            body.remove(field);
            let error = SessionRequest::from_json(&body).unwrap_err();
            assert!(error.starts_with(&format!("{field} is missing; it must be ")), "{error}");
        }
    }
}
