//! Whatever is sent, the answer is one that is described.

use kustom::emulator::state::STOCKHOLM;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::common::contract_emulator::{Ask, World};

/// JSON that knows the names of the API, so that it gets past the first check now and then.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(|flag| json!(flag)),
        any::<i64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        "\\PC{0,8}".prop_map(|text| json!(text)),
        Just(json!("SEK")),
        Just(json!(STOCKHOLM)),
        Just(json!("2026-01-31T12:00:00Z")),
        Just(json!("TWO_HOURS")),
        Just(json!("SWISH")),
        Just(json!("LOST_CARD")),
    ];
    let names = "name metadata location_id expires_in ttl device_id order_amount order_items purchase_currency \
                 purchase_started_at unit_price quantity total_amount tax_rate total_tax_amount order_tax_amount \
                 merchant_data enrollment_code method outcome refunded_amount captured_amount reference \
                 order_lines";
    let names = proptest::sample::select(names.split_whitespace().collect::<Vec<_>>());
    leaf.prop_recursive(3, 24, 6, move |inner| {
        let key = prop_oneof![names.clone().prop_map(str::to_owned), "\\PC{0,4}".prop_map(|text| text)];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::vec((key, inner), 0..8)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn no_body_and_no_query_is_answered_outside_the_contract(
        body in any_json(),
        query in "(page_size|page_number|metadata|location_id|outcome|include_consumed|size|offset|start_date|order_id)=[a-z0-9:%&=+-]{0,8}",
    ) {
        let world = World::new();
        let device = world.device("Till 1");
        let session = world.session(&device);
        world.tap(&session, "SUCCESS");
        let order = world.right(Ask::get(format!("/ipp/v1/sessions/{session}"))).body["order_id"].clone();
        let order = order.as_str().unwrap().to_owned();
        let contract = world.contract;
        for operation in contract.operations.iter().chain(&contract.orders).chain(&contract.own) {
            let id = if operation.path.contains("/orders/") { &order } else if operation.path.contains("/devices/") { &device } else { &session };
            let path = operation.path.split('/').map(|part| if part.starts_with('{') { id } else { part });
            let path = format!("{}?{query}", path.collect::<Vec<_>>().join("/"));
            let method: &'static str = match operation.method.as_str() {
                "GET" => "GET",
                "PUT" => "PUT",
                "POST" => "POST",
                _ => "DELETE",
            };
            world.send(Some(operation.id.clone()), Ask::new(method, path).merchant().json(&body));
        }
    }

    #[test]
    fn no_bytes_make_a_server_error(body in proptest::collection::vec(any::<u8>(), 0..64)) {
        let world = World::new();
        for path in ["/ipp/v1/sessions", "/ipp/v1/enrollments", "/ipp/v1/dev/devices", "/emulator/pos/pair"] {
            world.send(None, Ask::new("POST", path).raw(body.clone()));
        }
    }
}
