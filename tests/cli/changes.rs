//! What is sent when something is changed: merged updates, lifetimes in two dialects, cancels that lose.

use kustom::emulator::state::{EmulatorOptions, EnrollmentDialect};

use crate::common::contract_emulator::World;
use crate::common::prelude::*;
use crate::common::redaction::fixed_id as id;

#[test]
fn an_update_is_merged_into_what_there_is() {
    let device = json!({
        "id": id(1), "name": "Till 1", "location_id": id(9), "platform": "IOS", "new": true,
        "metadata": {"floor": "2", "count": 7},
    });
    let cases: [(&[&str], Value); 6] = [
        (
            &["--name", "Till 2"],
            json!({"name": "Till 2", "metadata": {"floor": "2", "count": 7}, "location_id": id(9)}),
        ),
        (
            &["--metadata", "area=bar", "--metadata", "floor=3"],
            json!({"name": "Till 1", "location_id": id(9), "metadata": {"floor": "3", "count": 7, "area": "bar"}}),
        ),
        (
            &["--unset-metadata", "count", "--unset-metadata", "never"],
            json!({"name": "Till 1", "location_id": id(9), "metadata": {"floor": "2"}}),
        ),
        (&["--no-location"], json!({"name": "Till 1", "metadata": {"floor": "2", "count": 7}})),
        (
            &["--location", &id(8)],
            json!({"name": "Till 1", "metadata": {"floor": "2", "count": 7}, "location_id": id(8)}),
        ),
        (
            &["--metadata", "a=b=c", "--metadata", "empty="],
            json!({
                "name": "Till 1", "location_id": id(9),
                "metadata": {"floor": "2", "count": 7, "a": "b=c", "empty": ""},
            }),
        ),
    ];
    for (change, expected) in cases {
        let server =
            Server::script([Reply::json(200, &json!({"content": [device]})), Reply::json(200, &device)]);
        let env = server.env();
        env.run(["devices", "update", "Till 1", "-o", "json"].iter().chain(change)).ok();
        let [_, put] = server.asked().try_into().unwrap();
        assert_eq!((put.line(), put.json()), (format!("PUT /ipp/v1/devices/{}", id(1)), expected));
        assert_eq!(put.header("content-type"), Some("application/json"));
    }
}

#[test]
fn a_lifetime_is_asked_for_in_the_other_dialect_when_the_first_is_refused() {
    let asked = [
        ("30m", "1800000", "TWO_HOURS", "2h"),
        ("2h", "7200000", "TWO_HOURS", "2h"),
        ("121m", "7260000", "TWENTY_FOUR_HOURS", "24h"),
        ("3d", "259200000", "SEVENTY_TWO_HOURS", "72h"),
    ];
    let refusal = json!({"title": "Bad request", "errors": {"ttl": "must not be null"}});
    let made = json!({"enrollment_id": id(1), "enrollment_code": "ABCDEFGH", "status": "PENDING"});
    for (given, millis, ttl, shown) in asked {
        let server = Server::script([Reply::json(400, &refusal), Reply::json(201, &made)]);
        let env = server.env();
        let new = ["enrollments", "create", "--location", &id(9), "--metadata", "a=b", "--expires-in", given];
        let outcome = env.run(new).assert_code(0);
        let spelled = if given == "121m" {
            "2h 1m"
        } else if given == "3d" {
            "72h"
        } else {
            given
        };
        let warning = format!(
            "warning: this account only allows fixed lifetimes: the code lasts {shown} instead of {spelled}\n"
        );
        assert!(outcome.stderr.starts_with(&warning), "{}", outcome.stderr);
        let bodies: Vec<_> = server.asked().iter().map(Asked::json).collect();
        let millis: Value = serde_json::from_str(millis).unwrap();
        let common =
            |field: &str, value: Value| json!({"location_id": id(9), "metadata": {"a": "b"}, field: value});
        assert_eq!(bodies, [common("expires_in", millis), common("ttl", json!(ttl))]);
    }
    let other = json!({"title": "Bad request", "errors": {"location_id": "is unknown"}});
    for (given, reply, code) in [
        ("4d", Reply::json(400, &refusal), 5),
        ("1h", Reply::json(400, &other), 5),
        ("1h", Reply::json(422, &refusal), 5),
        ("1h", Reply::json(500, &refusal), 7),
    ] {
        let server = Server::always(reply);
        let env = server.env();
        env.run(["enrollments", "create", "--expires-in", given]).assert_failure(code);
        assert_eq!(server.asked().len(), 1, "{given}");
    }
}

#[test]
fn the_emulator_can_be_told_to_know_only_ttl() {
    let options =
        EmulatorOptions { enrollment_dialect: EnrollmentDialect::TtlOnly, ..EmulatorOptions::default() };
    let world = World::with(options);
    let proxy = ValidatingProxy::start(&world.emulator);
    let env = TestEnv::new().at_emulator(&proxy.base_url());
    let new = ["enrollments", "create", "--location", "51e2", "--expires-in", "3h", "-o", "json"];
    let made = env.run(new).assert_code(0);
    let warning = json!({"warning": {
        "message": "this account only allows fixed lifetimes: the code lasts 24h instead of 3h",
    }});
    assert_eq!(&made.stderr, &format!("{warning}\n"));
    assert_eq!(proxy.violations(), []);
}

#[test]
fn without_a_location_the_next_command_is_named() {
    let env = TestEnv::new().local();
    let _ = env.run(["enrollments", "create"]).assert_failure_with(
        5,
        "  hint: name a location with --location; `kustom locations list` lists them\n",
    );
}

#[test]
fn a_cancel_that_comes_too_late_says_what_the_session_became() {
    let env = TestEnv::new().local();
    let device = ["dev", "create-device", "--name", "Till 1", "-o", "json"];
    env.run(device).ok();
    let create = |amount: &str| {
        let args = ["sessions", "create", "--device", "Till 1", "-o", "json", "--amount", amount];
        env.run(args).json()["session_id"].as_str().unwrap().to_owned()
    };
    let (paid, open) = (create("1"), create("2"));
    let order = env.run(["dev", "simulate-tap", &paid, "-o", "json"]).json()["order_id"].clone();
    assert_eq!(
        &env.run(["sessions", "cancel", &paid])
            .assert_failure(5)
            .replace("<id-1>", &paid)
            .replace("<id-2>", "ORDER"),
        &format!(
            "error: session {paid} was not canceled, it is FINALIZED\n  \
             hint: Paid. Order ORDER.\n"
        )
    );
    assert!(order.is_string());
    for _ in 0..2 {
        let cancelled = env.run(["sessions", "cancel", &open, "-o", "json"]).json();
        assert_eq!(cancelled["status"], "CANCELLED");
    }
}

#[test]
fn a_body_is_sent_as_it_is() {
    let session = json!({"session_id": id(1), "status": "CREATED"});
    let server = Server::always(Reply::json(200, &session));
    let env = server.env();
    let body = format!(
        "{{ \"order_amount\":24950,\n \"device_id\" : \"{}\", \"purchase_currency\":\"SEK\",\"new\":1.10 }}\n",
        id(2)
    );
    env.command(["sessions", "create", "--body", "-"]).stdin(body.as_str()).run().ok();
    let file = env.file("body.json", &body);
    env.run(["sessions", "create", "--body", &file.to_string_lossy()]).ok();
    env.command(["api", "POST", "/ipp/v1/sessions", "--body", "-"]).stdin(body.as_str()).run().ok();
    // The status of the first session is requested before the second one is created.
    let posts: Vec<_> = server.asked().into_iter().filter(|asked| asked.method == "POST").collect();
    for asked in &posts {
        assert_eq!(
            (asked.line().as_str(), asked.body.as_slice()),
            ("POST /ipp/v1/sessions", body.as_bytes())
        );
    }
    assert_eq!(posts.len(), 3);
}
