//! Deserializers for values that a scenario file spells differently from the API.
//!
//! They return any `T: From<V>`, so that the same function reads a `V` and an `Option<V>`.

use std::time::Duration;

use jiff::SignedDuration;
use serde::de::{Deserialize as _, Deserializer, Error as _, Unexpected};
use serde_json::{Map, Value};

use crate::model::{CallbackType, Currency, PaymentMethod, SessionStatus, TapOutcome};

pub(super) const SESSION_STATUSES: &str = "CREATED, ACTIVE, FINALIZED, CANCELLED, EXPIRED, FAILED";

fn parse_string<'de, D: Deserializer<'de>, V, T: From<V>>(
    deserializer: D,
    expected: &str,
    parse: impl FnOnce(&str) -> Option<V>,
) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).map(T::from).ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&text), &expected))
}

pub(super) fn duration<'de, D: Deserializer<'de>, T: From<Duration>>(deserializer: D) -> Result<T, D::Error> {
    parse_string(deserializer, "a duration such as 30s, 15m or 2h", |text| {
        let duration: SignedDuration = text.parse().ok()?;
        Duration::try_from(duration).ok().filter(|duration| !duration.is_zero())
    })
}

pub(super) fn currency<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Currency>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(D::Error::custom)
}

pub(super) fn payment_method<'de, D: Deserializer<'de>, T: From<PaymentMethod>>(
    deserializer: D,
) -> Result<T, D::Error> {
    let names = PaymentMethod::ALL.map(PaymentMethod::name).join(", ");
    parse_string(deserializer, &format!("one of {names}"), |text| {
        PaymentMethod::ALL.into_iter().find(|method| method.name() == text || method.as_str() == text)
    })
}

pub(super) fn tap_outcome<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<TapOutcome>, D::Error> {
    let names = TapOutcome::ALL.map(TapOutcome::name).join(", ");
    parse_string(deserializer, &format!("one of {names}"), TapOutcome::find)
}

pub(super) fn decline_outcome<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<TapOutcome>, D::Error> {
    match tap_outcome(deserializer)? {
        Some(TapOutcome::Success) => Err(D::Error::custom("a decline cannot have the outcome success")),
        outcome => Ok(outcome),
    }
}

pub(super) fn session_status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SessionStatus, D::Error> {
    parse_string(deserializer, &format!("one of {SESSION_STATUSES}"), |text| {
        Some(SessionStatus::from(text.to_owned())).filter(|status| !matches!(status, SessionStatus::Other(_)))
    })
}

pub(super) fn callback_types<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<CallbackType>>, D::Error> {
    let names = CallbackType::ALL.iter().map(CallbackType::as_str).collect::<Vec<_>>().join(", ");
    let expected = format!("one of {names}");
    let find = |text: String| {
        let found = CallbackType::find(&text);
        found.ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&text), &expected.as_str()))
    };
    Vec::<String>::deserialize(deserializer)?.into_iter().map(find).collect::<Result<_, _>>().map(Some)
}

pub(super) fn json_object<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Map<String, Value>, D::Error> {
    let table = toml::Table::deserialize(deserializer)?;
    table.into_iter().map(|(key, value)| Ok((key, to_json(value).map_err(D::Error::custom)?))).collect()
}

fn to_json(value: toml::Value) -> Result<Value, String> {
    Ok(match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Boolean(flag) => flag.into(),
        toml::Value::Datetime(datetime) => datetime.to_string().into(),
        toml::Value::Array(items) => Value::Array(items.into_iter().map(to_json).collect::<Result<_, _>>()?),
        toml::Value::Table(table) => {
            let fields = table.into_iter().map(|(key, value)| Ok((key, to_json(value)?)));
            Value::Object(fields.collect::<Result<_, String>>()?)
        }
        // A decimal is an amount in major units by mistake: the API has integers only.
        toml::Value::Float(number) => {
            return Err(format!(
                "{number} has decimals: amounts are integers in minor units, tax rates integers in basis points"
            ));
        }
    })
}
