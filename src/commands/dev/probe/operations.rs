//! The operations of the APIs, as `docs/*.yaml` describe them.

use std::sync::LazyLock;

use http::Method;
use serde_json::{Map, Value, json};

/// An operation with its responses.
#[derive(Debug)]
pub(super) struct Operation {
    /// The `operationId`.
    pub(super) id: String,
    /// In lower case.
    method: String,
    /// A segment in braces stands for any value.
    path: String,
    /// By status.
    responses: Value,
}

static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(|| {
    let documents: Map<String, Value> = [
        ("openapi.yaml", include_str!("../../../../docs/openapi.yaml")),
        ("order-management.yaml", include_str!("../../../../docs/order-management.yaml")),
        ("settlements.yaml", include_str!("../../../../docs/settlements.yaml")),
    ]
    .into_iter()
    .map(|(name, text)| (name.to_owned(), serde_yaml_ng::from_str(text).unwrap_or_default()))
    .collect();
    let mut operations = Vec::new();
    for document in documents.values() {
        for (path, methods) in document["paths"].as_object().into_iter().flatten() {
            for (method, operation) in methods.as_object().into_iter().flatten() {
                operations.push(Operation {
                    id: operation["operationId"].as_str().unwrap_or_default().to_owned(),
                    method: method.clone(),
                    path: path.clone(),
                    responses: resolve(&operation["responses"], document, &documents),
                });
            }
        }
    }
    operations
});

/// Replaces each `$ref` by what it refers to, and `allOf` by one object.
fn resolve(value: &Value, document: &Value, documents: &Map<String, Value>) -> Value {
    match value {
        Value::Object(fields) => {
            if let Some((file, pointer)) = fields.get("$ref").and_then(|at| at.as_str()?.split_once('#')) {
                let document = documents.get(file).unwrap_or(document);
                return resolve(document.pointer(pointer).unwrap_or(&Value::Null), document, documents);
            }
            let fields =
                fields.iter().map(|(name, value)| (name.clone(), resolve(value, document, documents)));
            let fields: Map<String, Value> = fields.collect();
            let Some(parts) = fields.get("allOf").and_then(Value::as_array) else {
                return Value::Object(fields);
            };
            let properties = parts.iter().filter_map(|part| part["properties"].as_object()).flatten();
            let properties: Map<_, _> =
                properties.map(|(name, value)| (name.clone(), value.clone())).collect();
            json!({"type": "object", "properties": properties})
        }
        Value::Array(items) => items.iter().map(|item| resolve(item, document, documents)).collect(),
        other => other.clone(),
    }
}

impl Operation {
    /// The operation that a request calls.
    pub(super) fn find(method: &Method, path: &str) -> Option<&'static Self> {
        let is_same = |described: &str, sent: &str| described == sent || described.starts_with('{');
        OPERATIONS.iter().find(|operation| {
            operation.method.eq_ignore_ascii_case(method.as_str())
                && operation.path.split('/').count() == path.split('/').count()
                && operation
                    .path
                    .split('/')
                    .zip(path.split('/'))
                    .all(|(described, sent)| is_same(described, sent))
        })
    }

    /// The status of a success, or `2XX` for any, and the schema of its body, which is null if none is described.
    pub(super) fn success(&self) -> Option<(&str, &Value)> {
        let (status, response) =
            self.responses.as_object()?.iter().find(|(status, _)| status.starts_with('2'))?;
        Some((status, &response["content"]["application/json"]["schema"]))
    }

    /// The schema of an error.
    pub(super) fn problem(&self) -> &Value {
        &self.responses["default"]["content"]["application/json"]["schema"]
    }
}
