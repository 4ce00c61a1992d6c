//! What the contract leaves open.

use jiff::SignedDuration;
use kustom::emulator::state::{
    AfterDecline, CancelEnded, DeleteStatus, EmulatorOptions, EnrollmentDialect, OfflineDevice, STOCKHOLM,
    TapAnswer,
};
use serde_json::{Value, json};

use crate::common::contract_emulator::{Answer, Ask, World, order};

#[test]
fn the_enrollment_dialect_is_an_option() {
    let dialect = |enrollment_dialect| {
        World::with(EmulatorOptions { enrollment_dialect, ..EmulatorOptions::default() })
    };
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
    let forever = both.enroll(&at(json!({"expires_in": i64::MAX})));
    assert_eq!((forever.status, &forever.body["status"]), (201, &json!("PENDING")));
    assert!(forever.body["expires_at"].as_str().unwrap().starts_with("9999-12-30T"), "{}", forever.body);

    let documented = dialect(EnrollmentDialect::ExpiresInOnly);
    assert!(!is_uuid(&documented.enroll(&at(json!({"ttl": "TWENTY_FOUR_HOURS"})))));

    let observed = dialect(EnrollmentDialect::TtlOnly);
    let refused = observed.enroll(&at(json!({"expires_in": 7_200_000})));
    assert_eq!((refused.status, &refused.body["errors"]), (400, &json!({"ttl": "is required"})));
    assert_eq!(observed.right(Ask::get("/ipp/v1/enrollments").merchant()).body["total_elements"], 0);
    assert!(is_uuid(&observed.enroll(&at(json!({"ttl": "SEVENTY_TWO_HOURS"})))));
}

#[test]
fn answers_to_taps_deletes_and_late_cancels_are_options() {
    let world = World::with(EmulatorOptions {
        tap_answer: TapAnswer::Session,
        delete_status: DeleteStatus::Ok,
        cancel_ended: CancelEnded::Answer,
        status_after_decline: AfterDecline::Failed,
        one_open_session_per_device: true,
        ..EmulatorOptions::default()
    });
    let device = world.device("Till 1");
    let session = world.session(&device);
    assert_eq!(world.right(Ask::new("POST", "/ipp/v1/sessions").json(&order(&device))).status, 409);
    let tapped = world.tap(&session, "LOST_CARD");
    assert_eq!((tapped.status, &tapped.body["status"]), (200, &json!("FAILED")));
    let late = world.cancel(&session);
    assert_eq!((late.status, &late.body["status"]), (200, &json!("FAILED")));
    // A payment must not become a cancellation.
    let paid = world.session(&device);
    assert_eq!(world.tap(&paid, "SUCCESS").body["status"], "FINALIZED");
    assert_eq!(world.cancel(&paid).body["status"], "FINALIZED");
    let cancelled = world.session(&device);
    for _ in 0..2 {
        assert_eq!(world.cancel(&cancelled).body["status"], "CANCELLED");
    }
    let removed = world.right(Ask::new("DELETE", format!("/ipp/v1/devices/{device}")));
    assert_eq!((removed.status, removed.raw.len()), (200, 0));
    let id = world.enroll(&json!({"location_id": STOCKHOLM})).body["enrollment_id"].clone();
    let path = format!("/ipp/v1/enrollments/{}", id.as_str().unwrap());
    assert_eq!(world.right(Ask::new("DELETE", path)).status, 200);
}

#[test]
fn a_device_that_is_offline_refuses_or_waits() {
    for (offline_device, status) in [(OfflineDevice::Conflict, 409), (OfflineDevice::Accept, 200)] {
        let world = World::with(EmulatorOptions { offline_device, ..EmulatorOptions::default() });
        let device = world.device("Till 1");
        let set = |verb| {
            let answer = world.right(Ask::new("POST", format!("/emulator/pos/devices/{device}/{verb}")));
            assert_eq!((answer.status, &answer.body["id"]), (200, &json!(device)));
            answer.body["offline"].clone()
        };
        assert_eq!(set("offline"), json!(true));
        let create = || world.right(Ask::new("POST", "/ipp/v1/sessions").json(&order(&device)));
        let created = create();
        assert_eq!(created.status, status);
        if let Some(session) = created.body["session_id"].as_str() {
            assert_eq!(world.tap(session, "SUCCESS").status, 409);
            assert_eq!(set("online"), json!(false));
            assert_eq!(world.tap(session, "SUCCESS").status, 204);
        }
        assert_eq!(set("online"), json!(false));
        assert_eq!(create().status, 200);
    }
}

#[test]
fn new_things_are_in_the_lists_after_the_lag_and_usable_before() {
    let world =
        World::with(EmulatorOptions { list_lag: SignedDuration::from_mins(1), ..EmulatorOptions::default() });
    let device = world.device("Till 1");
    world.enroll(&json!({"location_id": STOCKHOLM}));
    let listed = || {
        let count = |path: &str| world.right(Ask::get(path).merchant()).body["total_elements"].clone();
        (count("/ipp/v1/devices"), count("/ipp/v1/enrollments"), count("/ipp/v1/locations"))
    };
    assert_eq!(listed(), (json!(0), json!(0), json!(2)));
    world.session(&device);
    let pass = |time: &str| {
        let ask = Ask::new("POST", "/emulator/clock").json(&json!({"advance": time}));
        assert_eq!(world.right(ask).status, 200);
    };
    pass("PT58S");
    assert_eq!(listed(), (json!(0), json!(0), json!(2)));
    pass("PT2S");
    assert_eq!(listed(), (json!(1), json!(2), json!(2)));
}

#[test]
fn every_option_is_documented_with_its_default() {
    let page = include_str!("../../docs/emulator.md");
    let options = serde_json::to_value(EmulatorOptions::default()).unwrap();
    for (name, default) in options.as_object().unwrap() {
        assert!(
            page.contains(&format!("| `{name}` | `{default}` |")),
            "{name} is not in the table with {default}"
        );
        assert!(page.contains(&format!("- **`{name}`**: ")), "{name} is not explained");
    }
}
