//! Compares a response with what was sent.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::text::{normalize_text, truncate};

/// How far a time may differ from the one that was sent: servers keep seconds or milliseconds.
const TIME_TOLERANCE: SignedDuration = SignedDuration::from_secs(1);

/// A longer value is not shown in full.
const MAX_LEN: usize = 200;

/// Describes the first field of `sent` that `received` contains with another value. Fields that are missing or null are
/// not compared, because the API does not document that it returns them.
pub(crate) fn find_difference(sent: &Map<String, Value>, received: &Map<String, Value>) -> Option<String> {
    sent.iter().find_map(|(field, sent)| {
        let received = received.get(field).filter(|value| !value.is_null())?;
        (!is_same(field, sent, received))
            .then(|| format!("its {field} is {}, but {} was sent", show(received), show(sent)))
    })
}

fn is_same(field: &str, sent: &Value, received: &Value) -> bool {
    match (sent, received) {
        (Value::Null, _) => true,
        (Value::Object(sent), Value::Object(received)) => find_difference(sent, received).is_none(),
        // The API does not document that it returns the lines.
        (Value::Array(_), Value::Array(received)) if received.is_empty() => true,
        (Value::Array(sent), Value::Array(received)) => {
            sent.len() == received.len()
                && sent.iter().zip(received).all(|(sent, received)| is_same(field, sent, received))
        }
        (Value::String(sent), Value::String(received)) => {
            is_same_text(field, &normalize_text(sent), &normalize_text(received))
        }
        // A value may come back in another type, such as `"24950"`.
        (Value::Number(_) | Value::String(_), Value::Number(_) | Value::String(_)) => {
            decimal(sent) == decimal(received)
        }
        _ => sent == received,
    }
}

fn is_same_text(field: &str, sent: &str, received: &str) -> bool {
    if sent == received {
        return true;
    }
    let is_same_time = || match (sent.parse::<Timestamp>(), received.parse::<Timestamp>()) {
        (Ok(sent), Ok(received)) => sent.duration_since(received).abs() <= TIME_TOLERANCE,
        _ => false,
    };
    let is_same_id = || sent.parse::<Uuid>().is_ok_and(|id| received.parse() == Ok(id));
    let is_code = field.ends_with("currency");
    is_same_id() || is_same_time() || (is_code && sent.eq_ignore_ascii_case(received))
}

/// The spelling of a number, without zeros that do not change it.
fn decimal(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), |text| text.trim().to_owned());
    if text.contains('.') && !text.contains(['e', 'E']) {
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    text
}

/// A value as it is named in a message.
pub(crate) fn show(value: &Value) -> String {
    match value {
        Value::String(text) if text.trim().is_empty() => "empty".to_owned(),
        Value::String(text) => truncate(text, MAX_LEN),
        Value::Array(_) => "another list".to_owned(),
        Value::Object(_) => "another object".to_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}
