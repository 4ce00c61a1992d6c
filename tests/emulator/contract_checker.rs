//! A judge that never says no would let every other test pass: here it has to.

use std::collections::BTreeSet;

use axum::http::{HeaderMap, HeaderValue};
use kustom::emulator::{API_KEY, Emulator, MERCHANT_ID, State};
use serde_json::{Value, json};

use crate::common::contract::Contract;
use crate::common::contract_emulator::{Ask, NO_ID, order};
use crate::common::proxy::ValidatingProxy;
use crate::common::server::exchange;

#[test]
fn the_checker_catches_wrong_requests() {
    let contract = Contract::load();
    let says = |ask: Ask| {
        let checked = contract.check_request(ask.method, &ask.path, &ask.headers, &ask.body);
        checked.map_err(|violation| violation.message)
    };
    let create = || Ask::new("POST", "/ipp/v1/sessions");
    assert_eq!(says(create().json(&order(NO_ID))).as_deref(), Ok("createSession"));
    let caught = |ask: Ask, part: &str| {
        let message = says(ask).expect_err(part);
        assert!(message.contains(part), "{message} does not name {part}");
    };
    caught(Ask::get("/ipp/v1/sessions"), "not described");
    caught(Ask::get("/ipp/v1/sessions/x"), "session_id");
    caught(Ask::get("/ipp/v1/devices").merchant().without("authorization"), "Authorization");
    caught(Ask::get("/ipp/v1/devices"), "x-merchant-id is missing");
    caught(Ask::get(format!("/ipp/v1/sessions/{NO_ID}")).merchant(), "x-merchant-id is not described");
    caught(Ask::get("/ipp/v1/devices?page=1").merchant(), "page is not described");
    caught(Ask::get("/ipp/v1/devices?page_size=1000").merchant(), "page_size");
    caught(Ask::get("/ipp/v1/locations?page_size=2147483648").merchant(), "page_size");
    caught(Ask::get("/ipp/v1/enrollments?metadata=a").merchant(), "metadata");
    caught(create().json(&json!({"device_id": NO_ID})), "order_amount");
    caught(
        create().json(&json!({"device_id": "x", "order_amount": 1, "purchase_currency": "SEK"})),
        "device_id",
    );
    caught(create().json(&order(NO_ID)).header("content-type", "text/plain"), "content type");
    let with = |field: &str, value: Value| {
        let mut body = order(NO_ID);
        body[field] = value;
        create().json(&body)
    };
    caught(with("order_amount", json!(1.5)), "1.5");
    caught(with("order_amount", serde_json::from_str("9223372036854775808").unwrap()), "9223372036854775807");
    caught(with("purchase_started_at", json!("yesterday")), "date-time");
    caught(with("order_ammount", json!(1)), "order_ammount");
    caught(with("order_items", json!([{"name": "x"}])), "unit_price");
    caught(Ask::new("DELETE", format!("/ipp/v1/devices/{NO_ID}")).raw("{}"), "body");
}

#[test]
fn the_checker_catches_wrong_answers() {
    let contract = Contract::load();
    let check = |operation: &str, status: u16, kind: &'static str, body: &Value| {
        let headers =
            HeaderMap::from_iter([("content-type".parse().unwrap(), HeaderValue::from_static(kind))]);
        contract.check_response(operation, status, &headers, body.to_string().as_bytes())
    };
    let json = "application/json";
    let session = json!({"session_id": NO_ID, "status": "CREATED"});
    assert_eq!(check("getSession", 200, json, &session), Ok(()));
    assert_eq!(check("createSession", 201, json, &session), Ok(()));
    assert_eq!(check("getSession", 404, "application/problem+json", &json!({"title": "x"})), Ok(()));
    assert!(check("getSession", 200, "text/html", &session).is_err());
    // Not described, so it falls under `default`, which is a problem.
    assert!(check("getSession", 201, json, &session).is_err());
    assert!(check("getSession", 200, json, &json!({"status": "NEW"})).is_err());
    assert!(check("getSession", 200, json, &json!({"session_id": "x"})).is_err());
    assert!(check("getSession", 200, json, &json!({"sesion_id": NO_ID})).is_err());
    assert!(check("getSession", 404, json, &json!({"errors": {"a": 1}})).is_err());
    assert!(check("listDevices", 200, json, &json!({"content": [{"id": "x"}], "total_pages": 1})).is_ok());
    assert!(check("listDevices", 200, json, &json!({"content": [{"id": 5}]})).is_err());
    assert!(check("listDevices", 200, json, &json!({"content": [{"idd": "x"}]})).is_err());
    assert!(check("listDevices", 200, json, &json!({"content": [], "pages": 1})).is_err());
    assert!(check("noSuchOperation", 200, json, &json!({})).is_err());
    assert!(contract.check_response("getSession", 200, &HeaderMap::new(), b"{").is_err());
    // A success that has no described body may have any.
    assert_eq!(contract.check_response("simulateCardTap", 204, &HeaderMap::new(), b""), Ok(()));
}

#[test]
fn what_emulators_have_beside_the_api_is_checked_as_strictly_and_is_no_part_of_it() {
    let contract = Contract::load();
    let says = |ask: Ask| {
        let checked = contract.check_request(ask.method, &ask.path, &ask.headers, &ask.body);
        checked.map_err(|violation| violation.message)
    };
    let on_phone = |verb: &str| Ask::new("POST", format!("/emulator/pos/sessions/{NO_ID}/{verb}"));
    assert_eq!(says(on_phone("choose").json(&json!({"method": "SWISH"}))).as_deref(), Ok("posChoose"));
    assert_eq!(says(on_phone("pay")).as_deref(), Ok("posPay"));
    let caught = |ask: Ask, part: &str| {
        let message = says(ask).expect_err(part);
        assert!(message.contains(part), "{message} does not name {part}");
    };
    caught(on_phone("choose"), "content type");
    caught(on_phone("choose").json(&json!({})), "method");
    caught(on_phone("choose").json(&json!({"method": "swish"})), "swish");
    caught(on_phone("pay").json(&json!({"methd": "SWISH"})), "methd");
    caught(on_phone("decline").json(&json!({"outcome": "SUCCESS"})), "SUCCESS");
    caught(on_phone("cancel").json(&json!({"why": "no"})), "why");
    caught(Ask::new("POST", "/emulator/pos/sessions/x/pay"), "session_id");
    caught(Ask::new("POST", "/emulator/pos/pair").json(&json!({"enrollment_code": ""})), "enrollment_code");
    caught(Ask::get("/emulator/pos/pair"), "not described");

    let answer = |operation: &str| {
        let kind = HeaderValue::from_static("application/json");
        let headers = HeaderMap::from_iter([("content-type".parse().unwrap(), kind)]);
        let body = json!({"session_id": NO_ID, "status": "ACTIVE", "method": "SWISH"});
        contract.check_response(operation, 200, &headers, body.to_string().as_bytes())
    };
    assert_eq!(answer("posChoose"), Ok(()));
    assert!(answer("getSession").is_err(), "the API tells no method");

    let is_own = |id: &String| contract.own.iter().any(|operation| operation.id == *id);
    assert!(!contract.operations.iter().any(|operation| is_own(&operation.id)));
}

#[test]
fn the_proxy_passes_on_and_records() {
    let emulator = Emulator::new(State::seed());
    let proxy = ValidatingProxy::start(&emulator);
    let address = proxy.base_url().strip_prefix("http://").unwrap().to_owned();
    let head = format!("HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Basic {API_KEY}\r\n");
    let answer =
        exchange(&address, format!("GET /ipp/v1/devices {head}x-merchant-id: {MERCHANT_ID}\r\n\r\n"));
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert_eq!(proxy.violations(), []);
    assert_eq!(proxy.operations_seen(), BTreeSet::from(["listDevices".to_owned()]));

    let answer = exchange(&address, format!("GET /ipp/v1/devices?page_size=0 {head}\r\n"));
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
    assert_eq!(proxy.violations().len(), 1);

    let liar = axum::Router::new().fallback(async || "surprise");
    let proxy = ValidatingProxy::in_front_of(liar);
    let address = proxy.base_url().strip_prefix("http://").unwrap().to_owned();
    exchange(&address, format!("GET /ipp/v1/sessions/{NO_ID} {head}\r\n"));
    let violations = proxy.violations();
    assert_eq!(violations.len(), 1);
    assert!(violations[0].message.contains("content type"), "{}", violations[0]);
    drop(proxy);
    assert!(std::net::TcpStream::connect(&address).is_err(), "a dropped proxy still listens");
}
