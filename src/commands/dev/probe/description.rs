//! Compares responses with `docs/openapi.yaml`. A test holds the tables here to that file.

use serde::Serialize;
use serde_json::{Map, Value};

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Integer,
    Boolean,
    /// An object whose values are strings.
    Map,
    Object(&'static [Field]),
    List(&'static [Field]),
}

type Field = (&'static str, Kind);

use Kind::{Boolean, Integer, List, Object, Text};

const CREDENTIALS: &[Field] = &[("bearer_token", Text), ("issuedAt", Text)];

const DEVICE: &[Field] = &[
    ("id", Text),
    ("hardware_id", Text),
    ("merchant_id", Text),
    ("location_id", Text),
    ("name", Text),
    ("platform", Text),
    ("metadata", Kind::Map),
    ("created_at", Text),
    ("open_cash_register_id", Integer),
    ("credentials", Object(CREDENTIALS)),
    ("unique_id", Text),
];

const ENROLLMENT: &[Field] = &[
    ("enrollment_id", Text),
    ("enrollment_code", Text),
    ("expires_at", Text),
    ("status", Text),
    ("location_id", Text),
    ("metadata", Kind::Map),
];

const LOCATION: &[Field] = &[
    ("id", Text),
    ("merchant_id", Text),
    ("name", Text),
    ("street_address", Text),
    ("street_address2", Text),
    ("postal_code", Text),
    ("city", Text),
    ("country", Text),
    ("created_at", Text),
    ("updated_at", Text),
];

const ORDER_ITEM: &[Field] = &[
    ("type", Text),
    ("reference", Text),
    ("name", Text),
    ("quantity", Integer),
    ("unit_price", Integer),
    ("total_amount", Integer),
    ("tax_rate", Integer),
    ("total_discount_amount", Integer),
    ("total_tax_amount", Integer),
];

const SESSION: &[Field] = &[
    ("session_id", Text),
    ("status", Text),
    ("device_id", Text),
    ("order_id", Text),
    ("order_amount", Integer),
    ("order_tax_amount", Integer),
    ("purchase_currency", Text),
    ("purchase_started_at", Text),
    ("purchase_completed_at", Text),
    ("merchant_reference1", Text),
    ("merchant_reference2", Text),
    ("merchant_data", Text),
    ("order_items", List(ORDER_ITEM)),
];

const PROBLEM: &[Field] = &[
    ("type", Text),
    ("title", Text),
    ("status", Integer),
    ("detail", Text),
    ("instance", Text),
    ("errors", Kind::Map),
];

const fn page(content: Field) -> [Field; 7] {
    [
        content,
        ("total_elements", Integer),
        ("total_pages", Integer),
        ("page_number", Integer),
        ("page_size", Integer),
        ("first", Boolean),
        ("last", Boolean),
    ]
}

const DEVICE_PAGE: &[Field] = &page(("content", List(DEVICE)));
const LOCATION_PAGE: &[Field] = &page(("content", List(LOCATION)));
const ENROLLMENT_PAGE: &[Field] = &page(("content", List(ENROLLMENT)));

/// An operation that the probe uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Operation {
    /// The `operationId`.
    pub(super) id: &'static str,
    /// The described status of a success; `None` for any 2xx.
    success: Option<u16>,
    /// The fields of a success; empty if no body is described.
    fields: &'static [Field],
}

const fn operation(id: &'static str, success: Option<u16>, fields: &'static [Field]) -> Operation {
    Operation { id, success, fields }
}

pub(super) const LIST_LOCATIONS: Operation = operation("listLocations", Some(200), LOCATION_PAGE);
pub(super) const LIST_DEVICES: Operation = operation("listDevices", Some(200), DEVICE_PAGE);
pub(super) const LIST_ENROLLMENTS: Operation = operation("listEnrollments", Some(200), ENROLLMENT_PAGE);
pub(super) const CREATE_DEVICE: Operation = operation("createSimulatedDevice", None, DEVICE);
pub(super) const DELETE_DEVICE: Operation = operation("deregisterDevice", None, &[]);
pub(super) const CREATE_ENROLLMENT: Operation = operation("createEnrollment", Some(201), ENROLLMENT);
pub(super) const DELETE_ENROLLMENT: Operation = operation("deleteEnrollment", None, &[]);
pub(super) const CREATE_SESSION: Operation = operation("createSession", None, SESSION);
pub(super) const GET_SESSION: Operation = operation("getSession", Some(200), SESSION);
pub(super) const CANCEL_SESSION: Operation = operation("cancelSession", Some(200), SESSION);
pub(super) const TAP: Operation = operation("simulateCardTap", None, &[]);

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
    pub(super) fn new(operation: Operation, status: u16, content_type: &str, body: &[u8]) -> Self {
        let is_success = (200..300).contains(&status);
        let content_type = content_type.split(';').next().unwrap_or_default().trim();
        let mut differences = Vec::new();
        if is_success && operation.success.is_some_and(|described| described != status) {
            differences.push(format!("the status {status} is not described"));
        }
        let fields = if is_success { operation.fields } else { PROBLEM };
        match serde_json::from_slice(body) {
            _ if fields.is_empty() => {}
            Ok(Value::Object(object)) => compare_fields(&object, fields, "", &mut differences),
            Ok(Value::Array(_)) => differences.push("the body is an array".to_owned()),
            _ if body.is_empty() => differences.push("the body is empty".to_owned()),
            _ => differences.push("the body is not a JSON object".to_owned()),
        }
        differences.sort();
        differences.dedup();
        Self { operation: operation.id, status, content_type: printable(content_type), differences }
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

fn compare_fields(object: &Map<String, Value>, fields: &[Field], path: &str, differences: &mut Vec<String>) {
    for (name, value) in object {
        let path = format!("{path}{}", printable(name));
        let Some((_, kind)) = fields.iter().find(|(known, _)| known == name) else {
            differences.push(format!("the field {path} is not described"));
            continue;
        };
        match (kind, value) {
            // An absent value may be null (observed).
            (_, Value::Null) | (Kind::Text, Value::String(_)) | (Kind::Boolean, Value::Bool(_)) => {}
            (Kind::Integer, Value::Number(number)) if number.is_i64() => {}
            (Kind::Map, Value::Object(map)) if map.values().all(Value::is_string) => {}
            (Kind::Object(fields), Value::Object(object)) => {
                compare_fields(object, fields, &format!("{path}."), differences);
            }
            (Kind::List(fields), Value::Array(items)) => {
                for item in items {
                    match item {
                        Value::Object(item) => {
                            compare_fields(item, fields, &format!("{path}[]."), differences);
                        }
                        _ => differences.push(format!("an element of {path} is not an object")),
                    }
                }
            }
            _ => differences.push(format!("the field {path} has another type than described")),
        }
    }
}

/// A name of a field or a type. Anything that is unlikely to be one could be a value, and is not printed.
fn printable(name: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./+".contains(letter);
    let is_name = !name.is_empty() && name.len() <= 40 && name.chars().all(is_plain);
    // An ID or a number could be part of somebody's data.
    let digits = name.chars().filter(char::is_ascii_digit).count();
    if is_name && digits <= 2 { name.to_owned() } else { "…".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const OPERATIONS: [Operation; 11] = [
        LIST_LOCATIONS,
        LIST_DEVICES,
        LIST_ENROLLMENTS,
        CREATE_DEVICE,
        DELETE_DEVICE,
        CREATE_ENROLLMENT,
        DELETE_ENROLLMENT,
        CREATE_SESSION,
        GET_SESSION,
        CANCEL_SESSION,
        TAP,
    ];

    fn document() -> Value {
        serde_yaml_ng::from_str(include_str!("../../../../docs/openapi.yaml")).unwrap()
    }

    /// Follows `$ref`, and merges `allOf`.
    fn resolve(document: &Value, schema: &Value) -> Value {
        if let Some(reference) = schema["$ref"].as_str() {
            return resolve(document, document.pointer(reference.trim_start_matches('#')).unwrap());
        }
        let Some(parts) = schema["allOf"].as_array() else { return schema.clone() };
        let mut properties = Map::new();
        for part in parts {
            properties.extend(resolve(document, part)["properties"].as_object().unwrap().clone());
        }
        json!({"type": "object", "properties": properties})
    }

    fn assert_same(document: &Value, schema: &Value, fields: &[Field], name: &str) {
        let schema = resolve(document, schema);
        let properties = schema["properties"].as_object().unwrap_or_else(|| panic!("{name}: {schema}"));
        let mut described: Vec<_> = properties.keys().map(String::as_str).collect();
        let mut known: Vec<_> = fields.iter().map(|(field, _)| *field).collect();
        described.sort_unstable();
        known.sort_unstable();
        assert_eq!(known, described, "{name}");
        for (field, kind) in fields {
            let property = resolve(document, &properties[*field]);
            let described = property["type"].as_str().unwrap();
            let name = format!("{name}.{field}");
            match kind {
                Kind::Text => assert_eq!(described, "string", "{name}"),
                Kind::Integer => assert_eq!(described, "integer", "{name}"),
                Kind::Boolean => assert_eq!(described, "boolean", "{name}"),
                Kind::Map => assert!(property["additionalProperties"].is_object(), "{name}"),
                Kind::Object(fields) => assert_same(document, &property, fields, &name),
                Kind::List(fields) => assert_same(document, &property["items"], fields, &name),
            }
        }
    }

    #[test]
    fn the_tables_are_those_of_the_description() {
        let document = document();
        assert_same(&document, &json!({"$ref": "#/components/schemas/Problem"}), PROBLEM, "Problem");
        let paths = document["paths"].as_object().unwrap().values();
        let all: Vec<_> = paths.flat_map(|path| path.as_object().unwrap().values()).collect();
        for Operation { id, success, fields } in OPERATIONS {
            let described = all.iter().find(|operation| operation["operationId"] == id).unwrap();
            let key = success.map_or("2XX".to_owned(), |status| status.to_string());
            let response = &described["responses"][&key];
            assert!(response.is_object(), "{id}: {key}");
            let content = response["content"]["application/json"]["schema"].clone();
            assert_eq!(fields.is_empty(), content.is_null(), "{id}");
            if !fields.is_empty() {
                assert_same(&document, &content, fields, id);
            }
        }
    }

    #[test]
    fn a_difference_is_named_without_a_value() {
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
            check(GET_SESSION, 202, &session),
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
        assert_eq!(check(CREATE_SESSION, 202, &json!({"session_id": "x"})), [""; 0]);
        assert_eq!(
            check(GET_SESSION, 404, &json!({"error_code": "x"})),
            ["the field error_code is not described"]
        );
        assert_eq!(ResponseCheck::new(TAP, 204, "", b"").differences, [""; 0]);
        let shape =
            problem_shape("application/problem+json", br#"{"title": "x", "detail": "y", "0123456789": 1}"#);
        assert_eq!(shape, "application/problem+json: detail, title, …");
    }
}
