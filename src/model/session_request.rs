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
        let missing = || format!("{}{name} is missing; it must be {expected}", self.prefix);
        self.optional(name, expected, read)?.ok_or_else(missing)
    }

    /// `null` counts as a missing field.
    fn optional<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, String> {
        let Some(value) = self.object.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
        let invalid = || format!("{}{name} is {}, but must be {expected}", self.prefix, excerpt(value));
        read(value).ok_or_else(invalid).map(Some)
    }
}

/// The value as JSON, shortened and safe to print.
fn excerpt(value: &Value) -> String {
    const MAX_CHARS: usize = 40;
    truncate(&escape_control(&value.to_string()), MAX_CHARS)
}
