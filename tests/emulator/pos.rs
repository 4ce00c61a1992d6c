//! What is done on a phone. The API has no operation for it, so these are held to `docs/emulator.yaml`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use kustom::emulator::state::{AfterDecline, EmulatorOptions, GOTHENBURG};
use kustom::emulator::{Emulator, State};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::common::contract_emulator::{Answer, Ask, NO_ID, World};

const PAIR: &str = "/emulator/pos/pair";

fn path(session: &str, verb: &str) -> String {
    format!("/emulator/pos/sessions/{session}/{verb}")
}

/// An act on the phone, with the fields it takes.
fn act(world: &World, session: &str, verb: &str, body: &Value) -> Answer {
    world.right(Ask::new("POST", path(session, verb)).json(body))
}

fn read(world: &World, session: &str) -> Value {
    world.right(Ask::get(format!("/ipp/v1/sessions/{session}"))).body
}

/// A code for Gothenburg, and the id of its enrollment.
fn code(world: &World, expires_in: i64) -> (String, String) {
    let asked = json!({"location_id": GOTHENBURG, "expires_in": expires_in, "metadata": {"till": "1"}});
    let made = world.enroll(&asked).body;
    let text = |field: &str| made[field].as_str().unwrap().to_owned();
    (text("enrollment_code"), text("enrollment_id"))
}

fn pair(world: &World, code: &str) -> Answer {
    world.right(Ask::new("POST", PAIR).json(&json!({"enrollment_code": code})))
}

#[test]
fn all_seven_work_as_described() {
    let world = World::new();
    let (code, _) = code(&world, 60_000);
    let body = json!({"enrollment_code": code, "name": "Anna's phone"});
    let device = world.right(Ask::new("POST", PAIR).json(&body));
    assert_eq!((device.status, &device.body["name"]), (200, &json!("Anna's phone")));
    assert_eq!(device.body["location_id"], json!(GOTHENBURG));
    assert_eq!(device.body["metadata"], json!({"till": "1"}));
    assert!(device.body["credentials"]["bearer_token"].is_string());
    let device = device.body["id"].as_str().unwrap();

    let session = world.session(device);
    let chosen = act(&world, &session, "choose", &json!({"method": "SWISH"})).body;
    assert_eq!((&chosen["status"], &chosen["method"]), (&json!("ACTIVE"), &json!("SWISH")));
    let declined = act(&world, &session, "decline", &json!({"outcome": "INSUFFICIENT_FUNDS"})).body;
    assert_eq!((&declined["status"], &declined["method"]), (&json!("ACTIVE"), &json!("SWISH")));
    let paid = act(&world, &session, "pay", &json!({})).body;
    assert_eq!((&paid["status"], &paid["method"]), (&json!("FINALIZED"), &json!("SWISH")));
    let cancelled = act(&world, &world.session(device), "cancel", &json!({})).body;
    assert_eq!((&cancelled["status"], cancelled.get("method")), (&json!("CANCELLED"), None));

    for verb in ["offline", "online"] {
        let answer = world.right(Ask::new("POST", format!("/emulator/pos/devices/{device}/{verb}")));
        assert_eq!((answer.status, &answer.body["offline"]), (200, &json!(verb == "offline")));
    }

    let own = world.contract.emulators_own().into_iter().map(|own| own.id);
    let own: BTreeSet<_> = own.filter(|id| id.starts_with("pos")).collect();
    assert!(own.is_subset(&world.seen.lock().unwrap()), "{own:?}");
}

#[test]
fn the_api_tells_nothing_of_the_method() {
    let world = World::new();
    let session = world.session(&world.device("Till 1"));
    let mut shown = act(&world, &session, "choose", &json!({"method": "VIPPS"})).body;
    assert_eq!(shown.as_object_mut().unwrap().remove("method"), Some(json!("VIPPS")));
    // Also held to the contract, which has no such field.
    assert_eq!(read(&world, &session), shown);
    assert_eq!(world.cancel(&session).body.get("method"), None);
}

#[test]
fn a_session_without_a_method_is_paid_by_card_unless_told_otherwise() {
    let world = World::new();
    let device = world.device("Till 1");
    let paid = |body: &Value| act(&world, &world.session(&device), "pay", body).body;
    let bare = world.right(Ask::new("POST", path(&world.session(&device), "pay")));
    assert_eq!((&bare.body["status"], &bare.body["method"]), (&json!("FINALIZED"), &json!("CARD")));
    assert_eq!(paid(&json!({}))["method"], "CARD");
    assert_eq!(paid(&json!({"method": "KLARNA"}))["method"], "KLARNA");
}

#[test]
fn a_decline_leaves_the_session_where_the_option_says() {
    for (status_after_decline, status) in [
        (AfterDecline::Active, "ACTIVE"),
        (AfterDecline::Created, "CREATED"),
        (AfterDecline::Failed, "FAILED"),
    ] {
        let world = World::with(EmulatorOptions { status_after_decline, ..EmulatorOptions::default() });
        let session = world.session(&world.device("Till 1"));
        let declined = world.right(Ask::new("POST", path(&session, "decline")));
        assert_eq!((declined.status, &declined.body["status"]), (200, &json!(status)));
        assert_eq!(read(&world, &session)["status"], status);
    }
}

#[test]
fn a_code_that_is_unknown_withdrawn_or_used_pairs_nothing() {
    let world = World::new();
    assert_eq!(pair(&world, "NOSUCHCODE").status, 404);
    let (withdrawn, id) = code(&world, 60_000);
    assert_eq!(world.right(Ask::new("DELETE", format!("/ipp/v1/enrollments/{id}"))).status, 204);
    assert_eq!(pair(&world, &withdrawn).status, 404);
    let devices = || world.right(Ask::get("/ipp/v1/devices").merchant()).body["total_elements"].clone();
    assert_eq!(devices(), 0);
    let (used, _) = code(&world, 60_000);
    assert_eq!((pair(&world, &used).status, pair(&world, &used).status), (200, 409));
    assert_eq!(devices(), 1);
    // A refusal does not repeat what was sent, which may be somebody else's code with a slip in it.
    let unknown = pair(&world, "NOSUCHCODE");
    assert!(!String::from_utf8(unknown.raw).unwrap().contains("NOSUCHCODE"));
}

#[test]
fn a_code_that_has_expired_pairs_nothing() {
    let passed = Arc::new(AtomicI64::new(0));
    let clock = Arc::clone(&passed);
    let now = move || {
        let start = Timestamp::from_second(1_800_000_000).unwrap();
        start + SignedDuration::from_millis(clock.load(Ordering::SeqCst))
    };
    let emulator = Emulator::with_clock_and_ids(State::seed(), now, Uuid::new_v4);
    let world = World { emulator, ..World::new() };
    let (in_time, _) = code(&world, 1000);
    let (too_late, _) = code(&world, 1000);
    passed.store(999, Ordering::SeqCst);
    assert_eq!(pair(&world, &in_time).status, 200);
    passed.store(1000, Ordering::SeqCst);
    let refused = pair(&world, &too_late);
    assert_eq!((refused.status, &refused.body["detail"]), (409, &json!("This code has expired.")));
}

#[test]
fn what_cannot_be_done_now_is_409_and_changes_nothing() {
    let world = World::new();
    let acts = [("choose", json!({"method": "CARD"})), ("pay", json!({})), ("decline", json!({}))];
    let acts: Vec<_> = acts.into_iter().chain([("cancel", json!({}))]).collect();
    let refused = |session: &str| {
        let before = read(&world, session);
        for (verb, body) in &acts {
            assert_eq!(act(&world, session, verb, body).status, 409, "{verb}");
        }
        assert_eq!(read(&world, session), before);
    };
    let device = world.device("Till 1");
    let paid = world.session(&device);
    world.tap(&paid, "SUCCESS");
    refused(&paid);
    let open = world.session(&device);
    let id = device.parse().unwrap();
    world.emulator.with_state(|state, _| state.set_offline(id, true)).unwrap();
    refused(&open);
    world.emulator.with_state(|state, _| state.set_offline(id, false)).unwrap();
    world.right(Ask::new("DELETE", format!("/ipp/v1/devices/{device}")));
    refused(&open);
    for (verb, body) in &acts {
        assert_eq!(act(&world, NO_ID, verb, body).status, 404, "{verb}");
        assert_eq!(world.wrong(Ask::new("POST", path("x", verb)).json(body)).status, 404, "{verb}");
    }
}

#[test]
fn wrong_fields_types_and_methods_are_refused_as_everywhere() {
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
