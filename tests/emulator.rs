//! The emulator over HTTP, held to the contract: every answer here, to a right request or a wrong one, is
//! checked against `docs/openapi.yaml`.

mod common;

use std::collections::BTreeSet;

use common::world::{Answer, Ask, NO_ID, World, order, over_http};
use kustom::emulator::state::{
    AfterDecline, CancelEnded, DeleteStatus, EnrollmentDialect, GOTHENBURG, MerchantIdNeed, STOCKHOLM,
    Switches, TapAnswer,
};
use kustom::emulator::{API_KEY, Emulator, MERCHANT_ID, State, USERNAME};
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn all_thirteen_operations_work_as_described() {
    let world = World::new();
    let page = world.right(Ask::get("/ipp/v1/locations").merchant());
    assert_eq!(page.body["total_elements"], 2);
    let location = world.right(Ask::get(format!("/ipp/v1/locations/{GOTHENBURG}")).merchant());
    assert_eq!(location.body["merchant_id"], MERCHANT_ID);

    let made =
        world.enroll(&json!({"location_id": GOTHENBURG, "expires_in": 60_000, "metadata": {"a": "b"}}));
    assert_eq!((made.status, &made.body["status"]), (201, &json!("PENDING")));
    let page = world.right(Ask::get("/ipp/v1/enrollments?metadata=a:b&include_consumed=false").merchant());
    assert_eq!(page.body["content"], json!([made.body]));
    let id = made.body["enrollment_id"].as_str().unwrap();
    let deleted = world.right(Ask::new("DELETE", format!("/ipp/v1/enrollments/{id}")));
    assert_eq!((deleted.status, deleted.raw.len()), (204, 0));
    let page = world.right(Ask::get("/ipp/v1/enrollments").merchant());
    assert_eq!(page.body["content"], json!([]));

    let device = world.device("Till 1");
    let update = json!({"name": "Till 2", "metadata": {"floor": "1"}, "location_id": GOTHENBURG});
    let updated = world.right(Ask::new("PUT", format!("/ipp/v1/devices/{device}")).json(&update));
    assert_eq!((updated.status, &updated.body["name"]), (200, &json!("Till 2")));
    let page = world.right(Ask::get(format!("/ipp/v1/devices?location_id={GOTHENBURG}")).merchant());
    assert_eq!(page.body["content"], json!([updated.body]));

    let session = world.session(&device);
    assert_eq!(world.tap(&session, "INSUFFICIENT_FUNDS").body["status"], "ACTIVE");
    let paid = world.tap(&session, "SUCCESS");
    assert_eq!((paid.status, &paid.body["status"]), (200, &json!("FINALIZED")));
    assert!(paid.body["order_id"].is_string() && paid.body["purchase_completed_at"].is_string());
    let read = world.right(Ask::get(format!("/ipp/v1/sessions/{session}")));
    assert_eq!((read.status, read.body), (200, paid.body));
    assert_eq!(world.cancel(&session).status, 409);
    assert_eq!(world.cancel(&world.session(&device)).body["status"], "CANCELLED");

    let removed = world.right(Ask::new("DELETE", format!("/ipp/v1/devices/{device}")));
    assert_eq!((removed.status, removed.raw.len()), (204, 0));
    assert_eq!(world.right(Ask::get("/ipp/v1/devices").merchant()).body["content"], json!([]));

    let all: BTreeSet<_> = world.contract.operations().into_iter().map(|operation| operation.id).collect();
    assert_eq!(all.len(), 13);
    assert_eq!(*world.seen.lock().unwrap(), all);
}

#[test]
fn answers_hold_what_a_client_needs() {
    let world = World::new();
    let has = |value: &Value, fields: &[&str]| {
        for field in fields {
            assert!(value.get(field).is_some_and(|value| !value.is_null()), "{field} in {value}");
        }
    };
    let page = world.right(Ask::get("/ipp/v1/locations?page_size=1").merchant()).body;
    assert_eq!(page["content"].as_array().unwrap().len(), 1);
    let envelope = ["page_number", "page_size", "total_elements", "total_pages", "first", "last"];
    let values = envelope.map(|field| page[field].clone());
    assert_eq!(json!(values), json!([0, 1, 2, 2, true, false]));
    has(
        &page["content"][0],
        &["id", "name", "street_address", "postal_code", "city", "country", "created_at"],
    );
    let made = world.right(Ask::new("POST", "/ipp/v1/dev/devices").json(&json!({"name": "x"}))).body;
    has(&made, &["id", "hardware_id", "merchant_id", "name", "platform", "created_at", "credentials"]);
    has(&made["credentials"], &["bearer_token", "issuedAt"]);
    assert_eq!(made["metadata"], json!({"simulated": "true"}));
    let enrollment = world.enroll(&json!({"location_id": STOCKHOLM})).body;
    has(&enrollment, &["enrollment_id", "enrollment_code", "expires_at", "status", "location_id"]);
    let items = json!([{"name": "Coffee", "unit_price": 3900, "quantity": 2, "total_amount": 7800,
        "tax_rate": 1200, "total_tax_amount": 836, "type": "physical", "reference": "c"}]);
    let started = "2026-01-31T12:00:00.5+01:00";
    let body = json!({"device_id": made["id"], "order_amount": 7800, "order_tax_amount": 836,
        "purchase_currency": "SEK", "purchase_started_at": started, "merchant_reference1": "1",
        "merchant_reference2": "2", "merchant_data": "3", "order_items": items});
    let session = world.right(Ask::new("POST", "/ipp/v1/sessions").json(&body)).body;
    for field in ["device_id", "order_amount", "order_tax_amount", "merchant_data", "merchant_reference2"] {
        assert_eq!(session[field], body[field], "{field}");
    }
    // The same line, whatever the order of its fields.
    assert_eq!(session["order_items"], items);
    assert_eq!(session["purchase_started_at"], "2026-01-31T11:00:00.5Z");
}

#[test]
fn credentials_are_asked_for_on_every_operation() {
    let world = World::new();
    let pair = |pair: String| {
        use base64::Engine as _;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
    };
    for operation in world.contract.operations() {
        let path = operation.path.replace(['{', '}'], "").replace("sessionId", NO_ID);
        let method: &'static str = Box::leak(operation.method.into_boxed_str());
        let none = world.wrong(Ask::new(method, &path).without("authorization"));
        assert_eq!(none.status, 401, "{path}");
        assert!(none.headers.contains_key("www-authenticate"));
        let ask = Ask::new(method, &path).header("authorization", "Basic kco_test_api_other");
        assert_eq!(world.send(Some(operation.id), ask).status, 401, "{path}");
    }
    let ask = |value: &str| Ask::get("/ipp/v1/devices").merchant().header("authorization", value);
    assert_eq!(world.right(ask(&pair(format!("{USERNAME}:{API_KEY}")))).status, 200);
    assert_eq!(world.right(ask(&pair(format!("OTHER-1:{API_KEY}")))).status, 401);
}

#[test]
fn the_merchant_id_is_asked_for_where_it_is_documented() {
    let world = World::new();
    for path in ["/ipp/v1/enrollments", "/ipp/v1/locations", &format!("/ipp/v1/locations/{STOCKHOLM}")] {
        let missing = world.wrong(Ask::get(path));
        assert_eq!(missing.status, 400, "{path}");
        assert_eq!(missing.body["errors"]["x-merchant-id"], "is required");
        assert_eq!(world.wrong(Ask::get(path).header("x-merchant-id", "")).status, 400, "{path}");
        assert_eq!(world.right(Ask::get(path).header("x-merchant-id", "OTHER")).status, 403, "{path}");
    }
    let list = || Ask::get("/ipp/v1/devices");
    assert_eq!(world.wrong(list()).status, 200);
    assert_eq!(world.right(list().header("x-merchant-id", "OTHER")).status, 403);
    let strict =
        World::with(Switches { device_list_merchant_id: MerchantIdNeed::Required, ..Switches::default() });
    assert_eq!(strict.wrong(list()).status, 400);
    assert_eq!(strict.right(list().merchant()).status, 200);
}

#[test]
fn bad_queries_are_named_by_parameter() {
    let world = World::new();
    let cases = [
        ("/ipp/v1/devices?page_size=101", "page_size"),
        ("/ipp/v1/devices?page_size=0", "page_size"),
        ("/ipp/v1/devices?page_number=-1", "page_number"),
        ("/ipp/v1/locations?page_number=99999999999999999999", "page_number"),
        ("/ipp/v1/devices?location_id=x", "location_id"),
        ("/ipp/v1/enrollments?include_consumed=maybe", "include_consumed"),
        ("/ipp/v1/enrollments?metadata=nocolon", "metadata"),
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
    // The pattern of the contract has nothing against a repeated key; two values cannot both match.
    let repeated = world.right(Ask::get("/ipp/v1/enrollments?metadata=a:1&metadata=a:2").merchant());
    assert_eq!(repeated.status, 400);
    let huge = format!("/ipp/v1/locations?page_size={}&page_number={}", i32::MAX, i32::MAX);
    assert_eq!(world.right(Ask::get(huge).merchant()).body["content"], json!([]));
}

#[test]
fn bad_bodies_are_named_by_field_all_at_once() {
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
        set(&[
            "device_id",
            "order_amount",
            "purchase_currency",
            "order_tax_amount",
            "purchase_started_at",
            "merchant_data",
            "order_items[0].name",
            "order_items[0].quantity",
            "order_items[0].unit_price",
            "order_items[0].total_amount",
            "order_items[0].tax_rate",
            "order_items[0].total_tax_amount",
        ])
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
    // Nothing of all that was carried out.
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
    body["order_tax_amount"] = json!(1);
    body["order_items"] = json!([{"name": "x", "unit_price": i64::MAX, "quantity": i64::MAX, "tax_rate": 0,
        "total_amount": 1, "total_tax_amount": 2}]);
    let refused = world.right(Ask::new("POST", "/ipp/v1/sessions").json(&body));
    assert_eq!(refused.status, 400);
    for field in ["order_amount", "order_tax_amount", "order_items[0].total_amount"] {
        assert!(refused.body["errors"][field].is_string(), "{field}");
    }
    body["order_items"] = json!([
        {"name": "x", "unit_price": 30_000, "total_amount": 30_000, "tax_rate": 0, "total_tax_amount": 3},
        {"name": "y", "type": "discount", "unit_price": -5_050, "total_amount": -5_050, "tax_rate": 0, "total_tax_amount": -2},
    ]);
    assert_eq!(world.right(Ask::new("POST", "/ipp/v1/sessions").json(&body)).status, 200);
    let lenient = World::with(Switches { strict_sums: false, ..Switches::default() });
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
    world.emulator.change(|state, _| state.set_offline(id, true)).unwrap();
    assert_eq!(world.right(Ask::new("POST", "/ipp/v1/sessions").json(&order(&device))).status, 409);
    world.emulator.change(|state, _| state.set_offline(id, false)).unwrap();
    world.cancel(&session);
    assert_eq!(world.tap(&session, "SUCCESS").status, 409);
    let path = format!("/ipp/v1/dev/sessions/{session}/simulate-tap?outcome=MAYBE");
    assert_eq!(world.wrong(Ask::new("POST", path)).status, 400);
}

#[test]
fn wrong_methods_types_and_sizes_have_statuses_of_their_own() {
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
    let announced = create().json(&json!({"name": "x"})).header("content-length", "1048577");
    assert_eq!(world.right(announced).status, 413);
}

#[test]
fn the_root_says_what_this_is() {
    let world = World::new();
    let answer = world.wrong(Ask::get("/").without("authorization"));
    assert_eq!((answer.status, &answer.body["emulator"]), (200, &json!(true)));
    assert!(!String::from_utf8(answer.raw).unwrap().contains(API_KEY));
}

#[test]
fn the_enrollment_dialect_is_a_switch() {
    let dialect = |enrollment_dialect| World::with(Switches { enrollment_dialect, ..Switches::default() });
    let at = |extra: Value| {
        let mut body = json!({"location_id": STOCKHOLM});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        body
    };
    let is_uuid = |answer: &Answer| answer.body["enrollment_code"].as_str().unwrap().len() == 36;
    let both = dialect(EnrollmentDialect::Both);
    assert!(is_uuid(&both.enroll(&at(json!({"ttl": "TWENTY_FOUR_HOURS"})))));
    assert!(!is_uuid(&both.enroll(&at(json!({"ttl": "TWO_HOURS"})))));
    assert!(!is_uuid(&both.enroll(&at(json!({"ttl": "TWENTY_FOUR_HOURS", "expires_in": 1})))));
    assert!(!is_uuid(&both.enroll(&at(json!({})))));
    assert_eq!(both.enroll(&at(json!({"expires_in": i64::MAX}))).status, 400);

    let documented = dialect(EnrollmentDialect::ExpiresInOnly);
    assert!(!is_uuid(&documented.enroll(&at(json!({"ttl": "TWENTY_FOUR_HOURS"})))));

    let observed = dialect(EnrollmentDialect::TtlOnly);
    let refused = observed.enroll(&at(json!({"expires_in": 7_200_000})));
    assert_eq!((refused.status, &refused.body["errors"]), (400, &json!({"ttl": "is required"})));
    assert_eq!(observed.right(Ask::get("/ipp/v1/enrollments").merchant()).body["total_elements"], 0);
    assert!(is_uuid(&observed.enroll(&at(json!({"ttl": "SEVENTY_TWO_HOURS"})))));
}

#[test]
fn answers_to_taps_deletes_and_late_cancels_are_switches() {
    let world = World::with(Switches {
        tap_answer: TapAnswer::Empty,
        delete_status: DeleteStatus::Ok,
        cancel_ended: CancelEnded::Answer,
        status_after_decline: AfterDecline::Failed,
        one_open_session_per_device: true,
        ..Switches::default()
    });
    let device = world.device("Till 1");
    let session = world.session(&device);
    assert_eq!(world.right(Ask::new("POST", "/ipp/v1/sessions").json(&order(&device))).status, 409);
    let tapped = world.tap(&session, "LOST_CARD");
    assert_eq!((tapped.status, tapped.raw.len()), (204, 0));
    let late = world.cancel(&session);
    assert_eq!((late.status, &late.body["status"]), (200, &json!("FAILED")));
    let removed = world.right(Ask::new("DELETE", format!("/ipp/v1/devices/{device}")));
    assert_eq!((removed.status, removed.raw.len()), (200, 0));
    let id = world.enroll(&json!({"location_id": STOCKHOLM})).body["enrollment_id"].clone();
    let path = format!("/ipp/v1/enrollments/{}", id.as_str().unwrap());
    assert_eq!(world.right(Ask::new("DELETE", path)).status, 200);
}

#[test]
fn pages_together_are_the_list_in_the_order_of_creation() {
    let world = World::new();
    for number in 0..7 {
        world.device(&number.to_string());
    }
    let mut names = Vec::new();
    for number in 0..4 {
        let page =
            world.right(Ask::get(format!("/ipp/v1/devices?page_size=2&page_number={number}")).merchant());
        assert_eq!((&page.body["last"], &page.body["total_pages"]), (&json!(number == 3), &json!(4)));
        names.extend(page.body["content"].as_array().unwrap().iter().map(|device| device["name"].clone()));
    }
    assert_eq!(json!(names), json!(["0", "1", "2", "3", "4", "5", "6"]));
}

#[test]
fn every_switch_is_documented_with_its_default() {
    let page = include_str!("../docs/emulator.md");
    let switches = serde_json::to_value(Switches::default()).unwrap();
    for (name, default) in switches.as_object().unwrap() {
        assert!(
            page.contains(&format!("| `{name}` | `{default}` |")),
            "{name} is not in the table with {default}"
        );
        assert!(page.contains(&format!("- **`{name}`**: ")), "{name} is not explained");
    }
}

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
    ];
    let names = proptest::sample::select(vec![
        "name",
        "metadata",
        "location_id",
        "expires_in",
        "ttl",
        "device_id",
        "order_amount",
        "order_items",
        "purchase_currency",
        "purchase_started_at",
        "unit_price",
        "quantity",
        "total_amount",
        "tax_rate",
        "total_tax_amount",
        "order_tax_amount",
        "merchant_data",
    ]);
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
        query in "(page_size|page_number|metadata|location_id|outcome|include_consumed)=[a-z0-9:%&=+-]{0,8}",
    ) {
        let world = World::new();
        let device = world.device("Till 1");
        let session = world.session(&device);
        let operations = world.contract.operations();
        for operation in operations {
            let id = if operation.path.contains("/devices/") { &device } else { &session };
            let path = operation.path.split('/').map(|part| if part.starts_with('{') { id } else { part });
            let path = format!("{}?{query}", path.collect::<Vec<_>>().join("/"));
            let method: &'static str = match operation.method.as_str() {
                "GET" => "GET",
                "PUT" => "PUT",
                "POST" => "POST",
                _ => "DELETE",
            };
            world.send(Some(operation.id), Ask::new(method, path).merchant().json(&body));
        }
    }

    #[test]
    fn no_bytes_make_a_server_error(body in proptest::collection::vec(any::<u8>(), 0..64)) {
        let world = World::new();
        for path in ["/ipp/v1/sessions", "/ipp/v1/enrollments", "/ipp/v1/dev/devices"] {
            world.send(None, Ask::new("POST", path).raw(body.clone()));
        }
    }
}

#[test]
fn a_served_emulator_answers_and_stops() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let asking = tokio::task::spawn_blocking(move || {
            let answer = over_http(&address, "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
            drop(stop);
            answer
        });
        let stopped = async { drop(stopped.await) };
        kustom::emulator::serve(listener, Emulator::new(State::seed()), stopped).await.unwrap();
        assert!(asking.await.unwrap().contains("kustom emulator"));
    });
}
