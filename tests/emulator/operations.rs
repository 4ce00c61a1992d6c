//! The operations, used as documented.

use std::collections::BTreeSet;

use kustom::emulator::state::{GOTHENBURG, STOCKHOLM};
use kustom::emulator::{API_KEY, MERCHANT_ID};
use serde_json::{Value, json};

use crate::common::contract_emulator::{Ask, NO_ID, World};

#[test]
fn all_thirteen_operations_match_the_contract() {
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
    let nowhere = json!({"name": "x", "location_id": NO_ID});
    assert_eq!(world.right(Ask::new("PUT", format!("/ipp/v1/devices/{device}")).json(&nowhere)).status, 404);
    let page = world.right(Ask::get(format!("/ipp/v1/devices?location_id={GOTHENBURG}")).merchant());
    assert_eq!(page.body["content"], json!([updated.body]));
    let page = world.right(Ask::get(format!("/ipp/v1/devices?location_id={STOCKHOLM}")).merchant());
    assert_eq!(page.body["content"], json!([]));
    let cleared = world.right(Ask::new("PUT", format!("/ipp/v1/devices/{device}")).json(&json!({}))).body;
    assert_eq!((cleared.get("name"), &cleared["metadata"]), (None, &json!({})));

    let session = world.session(&device);
    let read = || world.right(Ask::get(format!("/ipp/v1/sessions/{session}")));
    let declined = world.tap(&session, "INSUFFICIENT_FUNDS");
    assert_eq!((declined.status, declined.raw.len()), (204, 0));
    assert_eq!(read().body["status"], "ACTIVE");
    assert_eq!(world.tap(&session, "SUCCESS").status, 204);
    let paid = read();
    assert_eq!((paid.status, &paid.body["status"]), (200, &json!("FINALIZED")));
    assert!(paid.body["order_id"].is_string() && paid.body["purchase_completed_at"].is_string());
    assert_eq!(world.cancel(&session).status, 409);
    assert_eq!(world.cancel(&world.session(&device)).body["status"], "CANCELLED");

    let removed = world.right(Ask::new("DELETE", format!("/ipp/v1/devices/{device}")));
    assert_eq!((removed.status, removed.raw.len()), (204, 0));
    assert_eq!(world.right(Ask::get("/ipp/v1/devices").merchant()).body["content"], json!([]));
    assert_eq!(world.right(Ask::new("DELETE", format!("/ipp/v1/devices/{device}"))).status, 404);
    assert_eq!(world.right(Ask::new("PUT", format!("/ipp/v1/devices/{device}")).json(&update)).status, 404);

    let all: BTreeSet<_> = world.contract.operations.iter().map(|operation| operation.id.clone()).collect();
    assert_eq!(all.len(), 13);
    assert_eq!(*world.seen.lock().unwrap(), all);
}

#[test]
fn responses_contain_what_a_client_needs() {
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
    let new = json!({"name": "x", "metadata": {"simulated": "no"}});
    let mut made = world.right(Ask::new("POST", "/ipp/v1/dev/devices").json(&new)).body;
    has(&made, &["id", "hardware_id", "merchant_id", "name", "platform", "created_at", "credentials"]);
    has(&made["credentials"], &["bearer_token", "issuedAt"]);
    assert_eq!(made["metadata"], json!({"simulated": "true"}));
    let credentials = made.as_object_mut().unwrap().remove("credentials").unwrap();
    assert_eq!(world.right(Ask::get("/ipp/v1/devices").merchant()).body["content"], json!([made]));
    let state = String::from_utf8(world.emulator.state().write()).unwrap();
    assert!(!state.contains(credentials["bearer_token"].as_str().unwrap()));
    let enrollments = world.right(Ask::get("/ipp/v1/enrollments").merchant()).body["content"].clone();
    let statuses = enrollments.as_array().unwrap().iter().map(|enrollment| &enrollment["status"]);
    assert_eq!(statuses.collect::<Vec<_>>(), ["CONSUMED"]);
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
    assert_eq!(session["order_items"], items);
    assert_eq!(session["purchase_started_at"], "2026-01-31T11:00:00.5Z");
}

#[test]
fn all_pairs_of_a_filter_and_the_location_must_match() {
    let world = World::new();
    world.enroll(&json!({"location_id": STOCKHOLM, "metadata": {"till": "1"}}));
    for (query, count) in [
        (format!("metadata=till:1&location_id={STOCKHOLM}"), 1),
        ("metadata=till:2".to_owned(), 0),
        ("metadata=till:1&metadata=floor:1".to_owned(), 0),
        (format!("location_id={GOTHENBURG}"), 0),
    ] {
        let page = world.right(Ask::get(format!("/ipp/v1/enrollments?{query}")).merchant());
        assert_eq!(page.body["total_elements"], count, "{query}");
    }
}

#[test]
fn the_root_describes_the_emulator() {
    let world = World::new();
    let answer = world.wrong(Ask::get("/").without("authorization"));
    assert_eq!((answer.status, &answer.body["emulator"]), (200, &json!(true)));
    assert!(!String::from_utf8(answer.raw).unwrap().contains(API_KEY));
}

#[test]
fn pages_follow_the_order_of_creation() {
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
