//! What the contract leaves open.

use kustom::emulator::state::{
    AfterDecline, CancelEnded, DeleteStatus, EnrollmentDialect, STOCKHOLM, Switches, TapAnswer,
};
use serde_json::{Value, json};

use crate::common::world::{Answer, Ask, World, order};

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
fn every_switch_is_documented_with_its_default() {
    let page = include_str!("../../docs/emulator.md");
    let switches = serde_json::to_value(Switches::default()).unwrap();
    for (name, default) in switches.as_object().unwrap() {
        assert!(
            page.contains(&format!("| `{name}` | `{default}` |")),
            "{name} is not in the table with {default}"
        );
        assert!(page.contains(&format!("- **`{name}`**: ")), "{name} is not explained");
    }
}
