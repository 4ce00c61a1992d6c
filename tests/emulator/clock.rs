//! The emulator's clock, which can be advanced.

use serde_json::json;

use crate::common::contract_emulator::{Ask, World};

fn advance(world: &World, by: &str) -> u16 {
    world.right(Ask::new("POST", "/emulator/clock").json(&json!({"advance": by}))).status
}

#[test]
fn what_expires_expires_by_the_emulators_clock() {
    let world = World::new();
    let session = world.session(&world.device("Till 1"));
    let status = || world.right(Ask::get(format!("/ipp/v1/sessions/{session}"))).body["status"].clone();
    assert_eq!(advance(&world, "PT14M"), 200);
    assert_eq!(status(), "CREATED");
    // A choice does not extend the lifetime.
    let choose = Ask::new("POST", format!("/emulator/pos/sessions/{session}/choose"));
    assert_eq!(world.right(choose.json(&json!({"method": "SWISH"}))).body["status"], "ACTIVE");
    assert_eq!(advance(&world, "PT1M"), 200);
    assert_eq!(status(), "EXPIRED");
    let shown = world.right(Ask::get("/emulator/clock")).body;
    assert_eq!(shown["ahead"], "PT15M");
    let now: jiff::Timestamp = shown["now"].as_str().unwrap().parse().unwrap();
    assert!(now > jiff::Timestamp::now() + jiff::SignedDuration::from_mins(14));
}

#[test]
fn the_clock_goes_forward_only() {
    let world = World::new();
    for wrong in ["PT0S", "PT99999999999999H"] {
        assert_eq!(advance(&world, wrong), 400, "{wrong}");
    }
    for wrong in [json!({}), json!({"advance": "P1M"}), json!({"advance": 60}), json!({"advance": "-PT1M"})] {
        let answer =
            world.send(Some("clockAdvance".into()), Ask::new("POST", "/emulator/clock").json(&wrong));
        assert_eq!((answer.status, answer.body["errors"]["advance"].is_string()), (400, true), "{wrong}");
    }
    assert_eq!(world.right(Ask::get("/emulator/clock")).body["ahead"], "PT0S");
}
