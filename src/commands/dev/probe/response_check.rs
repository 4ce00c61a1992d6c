//! Compares responses with their description.

use serde::Serialize;
use serde_json::{Map, Value};

use super::operations::Operation;

/// A response compared with its description. It has no value of the response, so that it can be published.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct ResponseCheck {
    pub(super) operation: &'static str,
    pub(super) status: u16,
    pub(super) content_type: String,
    /// How it differs from its description.
    pub(super) differences: Vec<String>,
}

impl ResponseCheck {
    pub(super) fn new(operation: &'static Operation, status: u16, content_type: &str, body: &[u8]) -> Self {
        let content_type = content_type.split(';').next().unwrap_or_default().trim();
        let mut differences = Vec::new();
        let schema = if (200..300).contains(&status) {
            let (described, schema) = operation.success().unwrap_or(("", &Value::Null));
            if described != "2XX" && described != status.to_string() {
                differences.push(format!("the status {status} is not described"));
            }
            schema
        } else {
            operation.problem()
        };
        match serde_json::from_slice(body) {
            _ if schema.is_null() => {}
            Ok(Value::Object(object)) => compare_fields(&object, schema, "", &mut differences),
            Ok(Value::Array(_)) => differences.push("the body is an array".to_owned()),
            _ if body.is_empty() => differences.push("the body is empty".to_owned()),
            _ => differences.push("the body is not a JSON object".to_owned()),
        }
        differences.sort();
        differences.dedup();
        Self { operation: &operation.id, status, content_type: printable(content_type), differences }
    }

    pub(super) fn is_described(&self) -> bool {
        self.differences.is_empty()
    }
}

/// The fields of an error body with its content type, such as `application/problem+json: detail, status`.
pub(super) fn problem_shape(content_type: &str, body: &[u8]) -> String {
    let content_type = printable(content_type.split(';').next().unwrap_or_default().trim());
    let fields = match serde_json::from_slice::<Map<String, Value>>(body) {
        Ok(object) => {
            let mut names: Vec<_> = object.keys().map(|name| printable(name)).collect();
            names.sort();
            names.join(", ")
        }
        Err(_) => "not a JSON object".to_owned(),
    };
    format!("{content_type}: {fields}")
}

fn compare_fields(object: &Map<String, Value>, schema: &Value, path: &str, differences: &mut Vec<String>) {
    for (name, value) in object {
        let path = format!("{path}{}", printable(name));
        let field = &schema["properties"][name];
        if field.is_null() {
            differences.push(format!("the field {path} is not described"));
        } else {
            compare_value(value, field, &path, differences);
        }
    }
}

fn compare_value(value: &Value, schema: &Value, path: &str, differences: &mut Vec<String>) {
    let (properties, items) = (&schema["properties"], &schema["items"]);
    let is_map = schema["additionalProperties"].is_object();
    match (schema["type"].as_str().unwrap_or_default(), value) {
        // An absent value may be null (observed).
        (_, Value::Null) | ("string", Value::String(_)) | ("boolean", Value::Bool(_)) => {}
        ("integer", Value::Number(number)) if number.is_i64() => {}
        ("object", Value::Object(object)) if properties.is_object() => {
            compare_fields(object, schema, &format!("{path}."), differences);
        }
        // The values of a map are strings, and any other object is not described further.
        ("object", Value::Object(object)) if !is_map || object.values().all(Value::is_string) => {}
        ("array", Value::Array(texts)) if items["type"] == "string" && texts.iter().all(Value::is_string) => {
        }
        ("array", Value::Array(elements)) if items["type"] == "object" => {
            for element in elements {
                match element {
                    Value::Object(element) => {
                        compare_fields(element, items, &format!("{path}[]."), differences);
                    }
                    _ => differences.push(format!("an element of {path} is not an object")),
                }
            }
        }
        _ => differences.push(format!("the field {path} has another type than described")),
    }
}

/// A name of a field, a type or a code. Anything that is unlikely to be one could be a value, and is not printed.
pub(super) fn printable(name: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./+".contains(letter);
    let is_name = !name.is_empty() && name.len() <= 40 && name.chars().all(is_plain);
    // An ID or a number could be part of somebody's data.
    let digits = name.chars().filter(char::is_ascii_digit).count();
    if is_name && digits <= 2 { name.to_owned() } else { "…".to_owned() }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use serde_json::json;

    use super::*;

    fn operation(method: &Method, path: &str) -> &'static Operation {
        Operation::find(method, path).unwrap()
    }

    #[test]
    fn a_difference_is_named_without_a_value() {
        let create_session = operation(&Method::POST, "/ipp/v1/sessions");
        let get_session = operation(&Method::GET, "/ipp/v1/sessions/5a");
        let tap = operation(&Method::POST, "/ipp/v1/dev/sessions/5a/simulate-tap");
        let get_order = operation(&Method::GET, "/ordermanagement/v1/orders/5a");
        let check = |operation, status, body: &Value| {
            ResponseCheck::new(
                operation,
                status,
                "application/json; charset=utf-8",
                body.to_string().as_bytes(),
            )
            .differences
        };
        let session = json!({
            "session_id": "x", "status": null, "order_amount": 1.5, "tip": "secret", "shop 17": 1,
            "order_items": [{"name": "a", "total_amount": "5", "color": "b"}, 7],
        });
        assert_eq!(
            check(get_session, 202, &session),
            [
                "an element of order_items is not an object",
                "the field order_amount has another type than described",
                "the field order_items[].color is not described",
                "the field order_items[].total_amount has another type than described",
                "the field tip is not described",
                "the field … is not described",
                "the status 202 is not described",
            ]
        );
        assert_eq!(check(create_session, 202, &json!({"session_id": "x"})), [""; 0]);
        assert_eq!(
            check(get_session, 404, &json!({"error_code": "x"})),
            ["the field error_code is not described"]
        );
        assert_eq!(ResponseCheck::new(tap, 204, "", b"").differences, [""; 0]);
        let order =
            json!({"customer": {"name": "Ada"}, "billing_address": "Provgatan 1", "refunds": [{"fee": 1}]});
        assert_eq!(
            check(get_order, 200, &order),
            [
                "the field billing_address has another type than described",
                "the field refunds[].fee is not described"
            ]
        );
        assert_eq!(check(get_order, 404, &json!({"error_code": "x", "error_messages": ["y"]})), [""; 0]);
        let shape =
            problem_shape("application/problem+json", br#"{"title": "x", "detail": "y", "0123456789": 1}"#);
        assert_eq!(shape, "application/problem+json: detail, title, …");
    }
}
