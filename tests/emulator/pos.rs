//! The emulator's phone over HTTP, checked against `docs/emulator.yaml`. The rules themselves are tested next to the state.

use std::collections::BTreeSet;

use kustom::emulator::state::GOTHENBURG;
use serde_json::{Value, json};

use crate::common::contract_emulator::{Answer, Ask, NO_ID, World};

const PAIR: &str = "/emulator/pos/pair";

fn path(session: &str, verb: &str) -> String {
    format!("/emulator/pos/sessions/{session}/{verb}")
}

fn act(world: &World, session: &str, verb: &str, body: &Value) -> Answer {
    world.right(Ask::new("POST", path(session, verb)).json(body))
}

fn read(world: &World, session: &str) -> Value {
    world.right(Ask::get(format!("/ipp/v1/sessions/{session}"))).body
}

#[test]
fn all_seven_operations_match_their_description() {
    let world = World::new();
    let enrollment = json!({"location_id": GOTHENBURG, "expires_in": 60_000, "metadata": {"till": "1"}});
    let code = &world.enroll(&enrollment).body["enrollment_code"];
    let body = json!({"enrollment_code": code, "name": "Anna's phone"});
    let device = world.right(Ask::new("POST", PAIR).json(&body));
    assert_eq!((device.status, &device.body["name"]), (200, &json!("Anna's phone")));
    assert_eq!(device.body["location_id"], json!(GOTHENBURG));
    assert_eq!(
        (&device.body["metadata"], &device.body["platform"]),
        (&json!({"till": "1"}), &json!("ANDROID"))
    );
    assert!(device.body["credentials"]["bearer_token"].is_string());
    let device = device.body["id"].as_str().unwrap();

    let session = world.session(device);
    let chosen = act(&world, &session, "choose", &json!({"method": "SWISH"})).body;
    assert_eq!((&chosen["status"], &chosen["method"]), (&json!("ACTIVE"), &json!("SWISH")));
    let declined = act(&world, &session, "decline", &json!({"outcome": "INSUFFICIENT_FUNDS"})).body;
    assert_eq!((&declined["status"], &declined["method"]), (&json!("ACTIVE"), &json!("SWISH")));
    let paid = act(&world, &session, "pay", &json!({})).body;
    assert_eq!((&paid["status"], &paid["method"]), (&json!("FINALIZED"), &json!("SWISH")));
    let paid_without_body = world.right(Ask::new("POST", path(&world.session(device), "pay"))).body;
    assert_eq!(paid_without_body["method"], "CARD");
    let cancelled = act(&world, &world.session(device), "cancel", &json!({})).body;
    assert_eq!((&cancelled["status"], cancelled.get("method")), (&json!("CANCELLED"), None));

    for verb in ["offline", "online"] {
        let answer = world.right(Ask::new("POST", format!("/emulator/pos/devices/{device}/{verb}")));
        assert_eq!((answer.status, &answer.body["offline"]), (200, &json!(verb == "offline")));
    }

    // A used code stays used when its time is over.
    let advance = Ask::new("POST", "/emulator/clock").json(&json!({"advance": "PT8760H"}));
    assert_eq!(world.right(advance).status, 200);
    let list = |query: &str| {
        let list = world.right(Ask::get(format!("/ipp/v1/enrollments{query}")).merchant()).body;
        list["content"].as_array().unwrap().iter().map(|item| item["status"].clone()).collect::<Vec<_>>()
    };
    assert_eq!((list(""), list("?include_consumed=false")), (vec![json!("CONSUMED")], vec![]));

    let own = world.contract.own.iter().map(|own| own.id.clone());
    let own: BTreeSet<_> = own.filter(|id| id.starts_with("pos")).collect();
    assert!(own.is_subset(&world.seen.lock().unwrap()), "{own:?}");
}

#[test]
fn the_api_does_not_return_the_method() {
    let world = World::new();
    let session = world.session(&world.device("Till 1"));
    let mut shown = act(&world, &session, "choose", &json!({"method": "VIPPS"})).body;
    assert_eq!(shown.as_object_mut().unwrap().remove("method"), Some(json!("VIPPS")));
    assert_eq!(read(&world, &session), shown);
    assert_eq!(world.cancel(&session).body.get("method"), None);
}

#[test]
fn impossible_actions_are_rejected_and_change_nothing() {
    let world = World::new();
    let ended = world.session(&world.device("Till 1"));
    let before = world.cancel(&ended).body;
    for (verb, body) in [("choose", json!({"method": "CARD"})), ("pay", json!({})), ("decline", json!({}))] {
        assert_eq!(act(&world, &ended, verb, &body).status, 409, "{verb}");
        assert_eq!(act(&world, NO_ID, verb, &body).status, 404, "{verb}");
        assert_eq!(world.wrong(Ask::new("POST", path("x", verb)).json(&body)).status, 404, "{verb}");
    }
    assert_eq!(read(&world, &ended), before);

    let enrollment = world.enroll(&json!({"location_id": GOTHENBURG})).body;
    let pair = |code: &Value| world.right(Ask::new("POST", PAIR).json(&json!({"enrollment_code": code})));
    let code = &enrollment["enrollment_code"];
    assert_eq!((pair(code).status, pair(code).status), (200, 409));
    assert_eq!(world.right(Ask::get("/ipp/v1/devices").merchant()).body["total_elements"], 2);
    // The response must not repeat what may be another phone's code with a typo.
    let unknown = pair(&json!("NOSUCHCODE"));
    assert_eq!(unknown.status, 404);
    assert!(!String::from_utf8(unknown.raw).unwrap().contains("NOSUCHCODE"));
}

#[test]
fn invalid_requests_are_rejected() {
    let world = World::new();
    let session = world.session(&world.device("Till 1"));
    let on_phone = |verb: &str| Ask::new("POST", path(&session, verb));
    let field = |ask: Ask, name: &str| {
        let answer = world.wrong(ask);
        assert_eq!(answer.status, 400, "{}", answer.body);
        assert!(answer.body["errors"][name].is_string(), "{name}: {}", answer.body);
    };
    field(Ask::new("POST", PAIR).json(&json!({})), "enrollment_code");
    field(Ask::new("POST", PAIR).json(&json!({"enrollment_code": ""})), "enrollment_code");
    field(Ask::new("POST", PAIR).json(&json!({"enrollment_code": "X", "name": ""})), "name");
    field(on_phone("choose").json(&json!({})), "method");
    for wrong in ["swish", "CASH", ""] {
        field(on_phone("choose").json(&json!({"method": wrong})), "method");
        field(on_phone("pay").json(&json!({"method": wrong})), "method");
        field(on_phone("decline").json(&json!({"outcome": wrong})), "outcome");
    }
    field(on_phone("pay").json(&json!({"method": null})), "method");
    field(on_phone("decline").json(&json!({"outcome": "SUCCESS"})), "outcome");

    for verb in ["choose", "pay", "decline", "cancel"] {
        let as_text = on_phone(verb).raw("{}").header("content-type", "text/plain");
        assert_eq!(world.wrong(as_text).status, 415, "{verb}");
        let cut = on_phone(verb).raw("{").header("content-type", "application/json");
        assert_eq!(world.wrong(cut).status, 400, "{verb}");
        let got = world.wrong(Ask::get(path(&session, verb)));
        assert_eq!((got.status, got.headers["allow"].to_str().unwrap()), (405, "POST"), "{verb}");
    }
    assert_eq!(world.wrong(Ask::new("POST", "/emulator/pos")).status, 404);
    assert_eq!(world.wrong(Ask::new("POST", path(&session, "refund"))).status, 404);
    assert_eq!(read(&world, &session)["status"], "CREATED");
}
