//! Requests that are rejected, and their responses.

use std::collections::BTreeSet;

use kustom::emulator::state::{EmulatorOptions, GOTHENBURG, MerchantIdNeed, STOCKHOLM};
use kustom::emulator::{API_KEY, USERNAME};
use serde_json::{Value, json};

use crate::common::contract_emulator::{Ask, NO_ID, World, order};

#[test]
fn every_operation_requires_credentials() {
    let world = World::new();
    let pair = |pair: String| {
        use base64::Engine as _;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
    };
    for operation in world.contract.operations.iter().chain(&world.contract.own) {
        let path = operation.path.replace(['{', '}'], "").replace("sessionId", NO_ID);
        let method: &'static str = Box::leak(operation.method.clone().into_boxed_str());
        let none = world.wrong(Ask::new(method, &path).without("authorization"));
        assert_eq!(none.status, 401, "{path}");
        assert!(none.headers.contains_key("www-authenticate"));
        let ask = Ask::new(method, &path).header("authorization", "Basic kco_test_api_other");
        assert_eq!(world.send(Some(operation.id.clone()), ask).status, 401, "{path}");
    }
    let status = |value: &str| {
        world.send(None, Ask::get("/ipp/v1/devices").merchant().header("authorization", value)).status
    };
    for right in [
        format!("Basic {API_KEY}"),
        format!("basic {API_KEY}"),
        pair(format!("{USERNAME}:{API_KEY}")),
        pair(format!(":{API_KEY}")),
    ] {
        assert_eq!(status(&right), 200, "{right}");
    }
    for wrong in [
        String::new(),
        "Basic".to_owned(),
        format!("Bearer {API_KEY}"),
        API_KEY.to_owned(),
        format!("Basic {}", &API_KEY[..API_KEY.len() - 1]),
        format!("Basic {USERNAME}:{API_KEY}"),
        pair(format!("OTHER-1:{API_KEY}")),
        pair(format!("{USERNAME}:{API_KEY} ")),
        pair(API_KEY.to_owned()),
    ] {
        assert_eq!(status(&wrong), 401, "{wrong}");
    }
}

#[test]
fn the_merchant_id_is_required_where_it_is_documented() {
    let world = World::new();
    let one = format!("/ipp/v1/locations/{STOCKHOLM}");
    for path in ["/ipp/v1/enrollments", "/ipp/v1/locations", "/ipp/v1/devices", &one] {
        let missing = world.wrong(Ask::get(path));
        assert_eq!(missing.status, 400, "{path}");
        assert_eq!(missing.body["errors"]["x-merchant-id"], "is required");
        assert_eq!(world.wrong(Ask::get(path).header("x-merchant-id", "")).status, 400, "{path}");
        assert_eq!(world.right(Ask::get(path).header("x-merchant-id", "OTHER")).status, 403, "{path}");
    }
    let lenient = World::with(EmulatorOptions {
        device_list_merchant_id: MerchantIdNeed::Optional,
        ..EmulatorOptions::default()
    });
    let list = || Ask::get("/ipp/v1/devices");
    assert_eq!(lenient.wrong(list()).status, 200);
    assert_eq!(lenient.right(list().header("x-merchant-id", "OTHER")).status, 403);
}

#[test]
fn errors_of_a_query_name_the_parameter() {
    let world = World::new();
    let cases = [
        ("/ipp/v1/devices?page_size=101", "page_size"),
        ("/ipp/v1/devices?page_size=0", "page_size"),
        ("/ipp/v1/devices?page_size=1.5", "page_size"),
        ("/ipp/v1/devices?page_size=1&page_size=1", "page_size"),
        ("/ipp/v1/devices?page_number=-1", "page_number"),
        ("/ipp/v1/devices?page_number=", "page_number"),
        ("/ipp/v1/devices?page_number=2147483648", "page_number"),
        ("/ipp/v1/locations?page_number=99999999999999999999", "page_number"),
        ("/ipp/v1/devices?location_id=x", "location_id"),
        ("/ipp/v1/enrollments?include_consumed=maybe", "include_consumed"),
        ("/ipp/v1/enrollments?metadata=nocolon", "metadata"),
        ("/ipp/v1/enrollments?metadata=%3A1", "metadata"),
        ("/ipp/v1/enrollments?metadata=a:%0A", "metadata"),
        (
            "/ipp/v1/enrollments?metadata=a:1&metadata=b:1&metadata=c:1&metadata=d:1&metadata=e:1&metadata=f:1",
            "metadata",
        ),
    ];
    for (path, field) in cases {
        let answer = world.wrong(Ask::get(path).merchant());
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.body["errors"][field].is_string(), "{path}: {}", answer.body);
    }
    for query in ["metadata=a:1&metadata=a:1", "metadata=a:1&metadata=a:2"] {
        let answer = world.right(Ask::get(format!("/ipp/v1/enrollments?{query}")).merchant());
        assert_eq!((answer.status, answer.body["errors"]["metadata"].is_string()), (400, true), "{query}");
    }
    let huge = format!("/ipp/v1/locations?page_size={}&page_number={}", i32::MAX, i32::MAX);
    assert_eq!(world.right(Ask::get(huge).merchant()).body["content"], json!([]));
}

#[test]
fn errors_of_a_body_name_every_field() {
    let world = World::new();
    let device = world.device("Till 1");
    let fields = |path: &str, body: &Value| -> BTreeSet<String> {
        let method = if path.contains("/devices/") { "PUT" } else { "POST" };
        let answer = world.wrong(Ask::new(method, path).json(body));
        assert_eq!(answer.status, 400, "{body}");
        answer.body["errors"].as_object().unwrap().keys().cloned().collect()
    };
    let set = |fields: &[&str]| fields.iter().map(|&field| field.to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(
        fields("/ipp/v1/sessions", &json!({})),
        set(&["device_id", "order_amount", "purchase_currency"])
    );
    let body = json!({"device_id": "x", "order_amount": "1", "purchase_currency": "sek", "order_tax_amount": 1.5,
        "purchase_started_at": "today", "merchant_data": 5, "order_items": [{"name": null, "quantity": "2"}]});
    assert_eq!(
        fields("/ipp/v1/sessions", &body),
        set(&["device_id", "order_amount", "purchase_currency", "order_tax_amount", "purchase_started_at"])
            .into_iter()
            .chain(["merchant_data".to_owned()])
            .chain(
                ["name", "quantity", "unit_price", "total_amount", "tax_rate", "total_tax_amount"]
                    .map(|field| format!("order_items[0].{field}"))
            )
            .collect()
    );
    for currency in ["", "SE", "SEKK", "sek", "S3K", "ÅÄ"] {
        let mut body = order(&device);
        body["purchase_currency"] = json!(currency);
        assert_eq!(fields("/ipp/v1/sessions", &body), set(&["purchase_currency"]), "{currency}");
    }
    let enrollments = "/ipp/v1/enrollments";
    let body = json!({"location_id": "", "expires_in": 0, "ttl": "ONE_HOUR", "metadata": {"a": 1}});
    assert_eq!(fields(enrollments, &body), set(&["location_id", "expires_in", "ttl", "metadata"]));
    assert_eq!(fields("/ipp/v1/dev/devices", &json!({"name": ""})), set(&["name"]));
    let path = format!("/ipp/v1/devices/{device}");
    assert_eq!(fields(&path, &json!({"name": 1, "metadata": []})), set(&["name", "metadata"]));
    let devices = world.right(Ask::get("/ipp/v1/devices").merchant());
    assert_eq!(
        (&devices.body["total_elements"], &devices.body["content"][0]["name"]),
        (&json!(1), &json!("Till 1"))
    );
}

#[test]
fn orders_have_to_add_up() {
    let world = World::new();
    let device = world.device("Till 1");
    let mut body = order(&device);
    body["order_tax_amount"] = json!(4);
    body["order_items"] = json!([{"name": "x", "unit_price": i64::MAX, "quantity": i64::MAX, "tax_rate": 0,
        "total_amount": 1, "total_tax_amount": 2}]);
    let refused = world.right(Ask::new("POST", "/ipp/v1/sessions").json(&body));
    assert_eq!(refused.status, 400);
    for field in ["order_amount", "order_tax_amount", "order_items[0].total_amount"] {
        assert!(refused.body["errors"][field].is_string(), "{field}");
    }
    body["order_tax_amount"] = json!(1);
    body["order_items"] = json!([
        {"name": "x", "unit_price": 30_000, "total_amount": 30_000, "tax_rate": 0, "total_tax_amount": 3},
        {"name": "y", "type": "discount", "unit_price": -5_050, "total_amount": -5_050, "tax_rate": 0, "total_tax_amount": -2},
    ]);
    assert_eq!(world.right(Ask::new("POST", "/ipp/v1/sessions").json(&body)).status, 200);
    let lenient = World::with(EmulatorOptions { strict_sums: false, ..EmulatorOptions::default() });
    body["device_id"] = json!(lenient.device("Till 1"));
    body["order_amount"] = json!(1);
    assert_eq!(lenient.right(Ask::new("POST", "/ipp/v1/sessions").json(&body)).status, 200);
}

#[test]
fn what_is_missing_is_404() {
    let world = World::new();
    for id in [NO_ID, "not-a-uuid", "%FF", "a%2Fb"] {
        for (method, path) in [
            ("GET", format!("/ipp/v1/locations/{id}")),
            ("DELETE", format!("/ipp/v1/enrollments/{id}")),
            ("DELETE", format!("/ipp/v1/devices/{id}")),
            ("GET", format!("/ipp/v1/sessions/{id}")),
            ("PUT", format!("/ipp/v1/sessions/{id}/cancel")),
            ("POST", format!("/ipp/v1/dev/sessions/{id}/simulate-tap")),
            ("PUT", format!("/ipp/v1/devices/{id}")),
        ] {
            let mut ask = Ask::new(method, path.clone());
            if path.contains("/locations/") {
                ask = ask.merchant();
            }
            if method == "PUT" && path.contains("/devices/") {
                ask = ask.json(&json!({"name": "x"}));
            }
            let answer = if id == NO_ID { world.right(ask) } else { world.wrong(ask) };
            assert_eq!(answer.status, 404, "{method} {path}");
        }
    }
    let sessions = Ask::new("POST", "/ipp/v1/sessions").json(&order(NO_ID));
    assert_eq!(world.right(sessions).status, 404);
    let device = order(&world.device("Till 1"));
    let stockholm = STOCKHOLM.to_string();
    for (location, status) in [(NO_ID, 404), (&GOTHENBURG.to_string(), 404), (&stockholm, 200)] {
        let path = format!("/ipp/v1/sessions?location_id={location}");
        let before = world.emulator.state();
        assert_eq!(world.right(Ask::new("POST", path).json(&device)).status, status, "{location}");
        assert_eq!(world.emulator.state() == before, status == 404, "{location}");
    }
    let unknown = world.enroll(&json!({"location_id": NO_ID}));
    assert_eq!((unknown.status, unknown.body["errors"]["location_id"].is_string()), (404, true));
    for path in ["/ipp/v1", "/ipp/v2/sessions", "/ipp/v1/sessions/", "/favicon.ico", "/ipp/v1/dev/devices/x"]
    {
        assert_eq!(world.wrong(Ask::get(path)).status, 404, "{path}");
    }
}

#[test]
fn conflicts_are_409() {
    let world = World::new();
    let device = world.device("Till 1");
    let session = world.session(&device);
    let id = device.parse().unwrap();
    world.emulator.with_state(|state, _| state.set_offline(id, true)).unwrap();
    assert_eq!(world.right(Ask::new("POST", "/ipp/v1/sessions").json(&order(&device))).status, 409);
    world.emulator.with_state(|state, _| state.set_offline(id, false)).unwrap();
    world.cancel(&session);
    assert_eq!(world.tap(&session, "SUCCESS").status, 409);
    let path = format!("/ipp/v1/dev/sessions/{session}/simulate-tap?outcome=MAYBE");
    assert_eq!(world.wrong(Ask::new("POST", path)).status, 400);
}

#[test]
fn methods_content_types_and_sizes_have_their_own_statuses() {
    let world = World::new();
    let wrong_method = world.wrong(Ask::new("PATCH", "/ipp/v1/enrollments"));
    assert_eq!(wrong_method.status, 405);
    let allow = wrong_method.headers["allow"].to_str().unwrap();
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
    assert_eq!(world.wrong(Ask::new("TRACE", "/ipp/v1/dev/devices")).status, 405);
    assert_eq!(world.wrong(Ask::new("POST", "/")).status, 405);

    let create = || Ask::new("POST", "/ipp/v1/dev/devices");
    let json = || create().json(&json!({"name": "x"}));
    assert_eq!(world.wrong(json().header("content-type", "text/plain")).status, 415);
    assert_eq!(world.wrong(json().header("content-type", "multipart/form-data; boundary=x")).status, 415);
    assert_eq!(world.right(json().header("content-encoding", "gzip")).status, 415);
    assert_eq!(world.wrong(json().without("content-type")).status, 200);
    assert_eq!(world.right(json().header("content-type", "application/json; charset=utf-8")).status, 200);

    for body in ["", "{", "[]", "null", "{\"name\": \"x\"", "\u{feff}{}", "<html>"] {
        let answer = world.wrong(create().header("content-type", "application/json").raw(body));
        assert_eq!(answer.status, 400, "{body}");
    }
    let fits = json!({"name": "x".repeat(1024 * 1024 - 11)});
    assert_eq!(fits.to_string().len(), 1024 * 1024);
    assert_eq!(world.right(create().json(&fits)).status, 200);
    let too_long = json!({"name": "x".repeat(1024 * 1024 - 10)});
    assert_eq!(world.right(create().json(&too_long)).status, 413);
}
