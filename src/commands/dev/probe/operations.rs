//! The operations that the probe uses, with the fields of their responses. A test holds the tables here to `docs/*.yaml`.

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Integer,
    Boolean,
    /// An object whose values are strings.
    Map,
    /// An object whose fields are not described.
    AnyObject,
    Object(&'static [Field]),
    List(&'static [Field]),
    /// A list of strings.
    Texts,
}

pub(super) type Field = (&'static str, Kind);

use Kind::{AnyObject, Boolean, Integer, List, Object, Text};

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

const ORDER_PROBLEM: &[Field] =
    &[("error_code", Text), ("error_messages", Kind::Texts), ("correlation_id", Text)];

const ORDER_LINE: &[Field] = &[
    ("type", Text),
    ("reference", Text),
    ("name", Text),
    ("quantity", Integer),
    ("quantity_unit", Text),
    ("unit_price", Integer),
    ("tax_rate", Integer),
    ("total_amount", Integer),
    ("total_discount_amount", Integer),
    ("total_tax_amount", Integer),
];

const CAPTURE: &[Field] = &[
    ("capture_id", Text),
    ("captured_amount", Integer),
    ("captured_at", Text),
    ("refunded_amount", Integer),
    ("klarna_reference", Text),
    ("reference", Text),
    ("description", Text),
    ("order_lines", List(ORDER_LINE)),
];

const REFUND: &[Field] = &[
    ("refund_id", Text),
    ("refunded_amount", Integer),
    ("refunded_at", Text),
    ("reference", Text),
    ("description", Text),
    ("order_lines", List(ORDER_LINE)),
];

const ORDER: &[Field] = &[
    ("order_id", Text),
    ("status", Text),
    ("fraud_status", Text),
    ("order_amount", Integer),
    ("original_order_amount", Integer),
    ("captured_amount", Integer),
    ("refunded_amount", Integer),
    ("remaining_authorized_amount", Integer),
    ("purchase_currency", Text),
    ("purchase_country", Text),
    ("created_at", Text),
    ("expires_at", Text),
    ("klarna_reference", Text),
    ("merchant_reference1", Text),
    ("merchant_reference2", Text),
    ("merchant_data", Text),
    ("initial_payment_method", Object(&[("type", Text), ("description", Text)])),
    ("order_lines", List(ORDER_LINE)),
    ("captures", List(CAPTURE)),
    ("refunds", List(REFUND)),
    ("billing_address", AnyObject),
    ("shipping_address", AnyObject),
    ("customer", AnyObject),
];

const PAYOUT_TOTALS: &[Field] = &[
    ("sale_amount", Integer),
    ("return_amount", Integer),
    ("fee_amount", Integer),
    ("commission_amount", Integer),
    ("tax_amount", Integer),
    ("reversal_amount", Integer),
    ("settlement_amount", Integer),
];

const PAYOUT: &[Field] = &[
    ("payment_reference", Text),
    ("payout_date", Text),
    ("currency_code", Text),
    ("totals", Object(PAYOUT_TOTALS)),
];

const TRANSACTION: &[Field] = &[
    ("type", Text),
    ("amount", Integer),
    ("currency_code", Text),
    ("order_id", Text),
    ("capture_id", Text),
    ("refund_id", Text),
    ("merchant_reference1", Text),
    ("sale_date", Text),
    ("capture_date", Text),
    ("payment_reference", Text),
];

const PAGINATION: Kind =
    Object(&[("count", Integer), ("total", Integer), ("offset", Integer), ("next", Text), ("prev", Text)]);

const PAYOUT_LIST: &[Field] = &[("payouts", List(PAYOUT)), ("pagination", PAGINATION)];
const TRANSACTION_LIST: &[Field] = &[("transactions", List(TRANSACTION)), ("pagination", PAGINATION)];

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

/// An API with its own form of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Api {
    InPerson,
    /// Order Management and Settlements.
    Orders,
}

/// An operation that the probe uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Operation {
    /// The `operationId`.
    pub(super) id: &'static str,
    pub(super) api: Api,
    /// The described status of a success; `None` for any 2xx.
    pub(super) success: Option<u16>,
    /// The fields of a success; empty if no body is described.
    pub(super) fields: &'static [Field],
}

impl Operation {
    /// The fields of an error.
    pub(super) const fn problem(self) -> &'static [Field] {
        match self.api {
            Api::InPerson => PROBLEM,
            Api::Orders => ORDER_PROBLEM,
        }
    }
}

const fn operation(id: &'static str, success: Option<u16>, fields: &'static [Field]) -> Operation {
    Operation { id, api: Api::InPerson, success, fields }
}

const fn order_operation(id: &'static str, success: u16, fields: &'static [Field]) -> Operation {
    Operation { id, api: Api::Orders, success: Some(success), fields }
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
pub(super) const GET_ORDER: Operation = order_operation("getOrder", 200, ORDER);
pub(super) const REFUND_ORDER: Operation = order_operation("refundOrder", 201, &[]);
pub(super) const CAPTURE_ORDER: Operation = order_operation("captureOrder", 201, &[]);
pub(super) const CANCEL_ORDER: Operation = order_operation("cancelOrder", 204, &[]);
pub(super) const RELEASE_ORDER: Operation = order_operation("releaseRemainingAuthorization", 204, &[]);
pub(super) const LIST_PAYOUTS: Operation = order_operation("listPayouts", 200, PAYOUT_LIST);
pub(super) const GET_PAYOUT: Operation = order_operation("getPayout", 200, PAYOUT);
pub(super) const LIST_TRANSACTIONS: Operation = order_operation("listTransactions", 200, TRANSACTION_LIST);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, Value, json};

    const OPERATIONS: [Operation; 19] = [
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
        GET_ORDER,
        REFUND_ORDER,
        CAPTURE_ORDER,
        CANCEL_ORDER,
        RELEASE_ORDER,
        LIST_PAYOUTS,
        GET_PAYOUT,
        LIST_TRANSACTIONS,
    ];

    fn documents() -> [Value; 3] {
        [
            include_str!("../../../../docs/openapi.yaml"),
            include_str!("../../../../docs/order-management.yaml"),
            include_str!("../../../../docs/settlements.yaml"),
        ]
        .map(|text| serde_yaml_ng::from_str(text).unwrap())
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
                Kind::AnyObject => {
                    assert_eq!((described, &property["properties"]), ("object", &Value::Null), "{name}");
                }
                Kind::Texts => assert_eq!(property["items"]["type"], "string", "{name}"),
                Kind::Object(fields) => assert_same(document, &property, fields, &name),
                Kind::List(fields) => assert_same(document, &property["items"], fields, &name),
            }
        }
    }

    #[test]
    fn the_tables_are_those_of_the_descriptions() {
        let documents = documents();
        let [in_person, orders, _] = &documents;
        assert_same(in_person, &json!({"$ref": "#/components/schemas/Problem"}), PROBLEM, "Problem");
        let problem = json!({"$ref": "#/components/schemas/OrderProblem"});
        assert_same(orders, &problem, ORDER_PROBLEM, "OrderProblem");
        for Operation { id, success, fields, .. } in OPERATIONS {
            let found = documents.iter().find_map(|document| {
                let paths = document["paths"].as_object().unwrap().values();
                let mut all = paths.flat_map(|path| path.as_object().unwrap().values());
                Some((document, all.find(|operation| operation["operationId"] == id)?))
            });
            let (document, described) = found.unwrap();
            let key = success.map_or("2XX".to_owned(), |status| status.to_string());
            let response = &described["responses"][&key];
            assert!(response.is_object(), "{id}: {key}");
            let content = response["content"]["application/json"]["schema"].clone();
            assert_eq!(fields.is_empty(), content.is_null(), "{id}");
            if !fields.is_empty() {
                assert_same(document, &content, fields, id);
            }
        }
    }
}
