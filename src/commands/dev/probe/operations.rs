//! The operations that the probe uses, and how `docs/*.yaml` describe their responses.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

/// An API with its own form of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Api {
    InPerson,
    /// Order Management and Settlements.
    Orders,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Operation {
    /// The `operationId`.
    pub(super) id: &'static str,
    pub(super) api: Api,
}

const fn operation(id: &'static str) -> Operation {
    Operation { id, api: Api::InPerson }
}

const fn order_operation(id: &'static str) -> Operation {
    Operation { id, api: Api::Orders }
}

pub(super) const LIST_LOCATIONS: Operation = operation("listLocations");
pub(super) const LIST_DEVICES: Operation = operation("listDevices");
pub(super) const LIST_ENROLLMENTS: Operation = operation("listEnrollments");
pub(super) const CREATE_DEVICE: Operation = operation("createSimulatedDevice");
pub(super) const DELETE_DEVICE: Operation = operation("deregisterDevice");
pub(super) const CREATE_ENROLLMENT: Operation = operation("createEnrollment");
pub(super) const DELETE_ENROLLMENT: Operation = operation("deleteEnrollment");
pub(super) const CREATE_SESSION: Operation = operation("createSession");
pub(super) const GET_SESSION: Operation = operation("getSession");
pub(super) const CANCEL_SESSION: Operation = operation("cancelSession");
pub(super) const TAP: Operation = operation("simulateCardTap");
pub(super) const GET_ORDER: Operation = order_operation("getOrder");
pub(super) const REFUND_ORDER: Operation = order_operation("refundOrder");
pub(super) const CAPTURE_ORDER: Operation = order_operation("captureOrder");
pub(super) const CANCEL_ORDER: Operation = order_operation("cancelOrder");
pub(super) const RELEASE_ORDER: Operation = order_operation("releaseRemainingAuthorization");
pub(super) const LIST_PAYOUTS: Operation = order_operation("listPayouts");
pub(super) const GET_PAYOUT: Operation = order_operation("getPayout");
pub(super) const LIST_TRANSACTIONS: Operation = order_operation("listTransactions");

/// The described responses of every operation, by `operationId` and status.
static RESPONSES: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    let documents: Map<String, Value> = [
        ("openapi.yaml", include_str!("../../../../docs/openapi.yaml")),
        ("order-management.yaml", include_str!("../../../../docs/order-management.yaml")),
        ("settlements.yaml", include_str!("../../../../docs/settlements.yaml")),
    ]
    .into_iter()
    .map(|(name, text)| (name.to_owned(), serde_yaml_ng::from_str(text).unwrap_or_default()))
    .collect();
    let mut responses = Map::new();
    for document in documents.values() {
        let paths = document["paths"].as_object().into_iter().flat_map(Map::values);
        for operation in paths.filter_map(Value::as_object).flat_map(Map::values) {
            if let Some(id) = operation["operationId"].as_str() {
                responses.insert(id.to_owned(), resolve(&operation["responses"], document, &documents));
            }
        }
    }
    responses
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
    /// The status of a success, or `2XX` for any, and the schema of its body, which is null if none is described.
    pub(super) fn success(self) -> Option<(&'static str, &'static Value)> {
        let responses = RESPONSES.get(self.id)?.as_object()?;
        let (status, response) = responses.iter().find(|(status, _)| status.starts_with('2'))?;
        Some((status, &response["content"]["application/json"]["schema"]))
    }

    /// The schema of an error.
    pub(super) fn problem(self) -> &'static Value {
        let responses = RESPONSES.get(self.id).unwrap_or(&Value::Null);
        &responses["default"]["content"]["application/json"]["schema"]
    }
}
