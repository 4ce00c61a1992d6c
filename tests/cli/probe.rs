//! `kustom dev probe`, and the emulator that behaves like what was probed.

use std::fs;

use crate::common::prelude::*;

const UNUSUAL: &str = "session_lifetime=90s status_after_decline=created one_open_session_per_device=true \
    enrollment_dialect=ttl_only delete_status=ok tap_answer=session offline_device=accept list_lag=3s \
    order_capture=manual order_lag=5s order_references=overwritten refund_headers=none idempotency_memory=10s \
    payout_delay=6h transaction_signs=signed";

fn options(env: &TestEnv, file: &str) -> Value {
    let state: Value = serde_json::from_slice(&fs::read(env.path().join(file)).unwrap()).unwrap();
    state["switches"].clone()
}

#[test]
fn an_emulator_with_the_options_of_the_file_behaves_like_the_one_that_was_probed() {
    let env = TestEnv::new();
    let flags = UNUSUAL.split(' ').flat_map(|option| ["--option", option]);
    let args: Vec<_> = flags.chain(["--state", "probed.json"]).collect();
    let probed = EmulatorProcess::start(&env, &args);
    let user = probed.env();
    let outcome = user.run(["dev", "probe"]).assert_code(0);
    let file = user.path().join("probe.json");
    let suggested = outcome.stderr.lines().last().unwrap().to_owned();
    for option in UNUSUAL.split(' ') {
        let (name, _) = option.split_once('=').unwrap();
        assert!(suggested.contains(&format!(" --option {name}=")), "{suggested}");
    }
    assert!(!suggested.contains("strict_sums"), "a default needs no flag: {suggested}");
    assert_eq!(left(&probed), (0, 0));
    let _ = probed.end().assert_code(0);
    let args = ["--options-from", file.to_str().unwrap(), "--state", "same.json"];
    let _ = EmulatorProcess::start(&env, &args).end().assert_code(0);
    assert_eq!(options(&env, "same.json"), options(&env, "probed.json"));
    let args = [&args[..3], &["other.json", "--option", "list_lag=1h"]].concat();
    let _ = EmulatorProcess::start(&env, &args).end().assert_code(0);
    assert_eq!(options(&env, "other.json")["list_lag"], "PT1H", "--option overrides the file");
}

#[test]
fn the_facts_are_printed_and_the_file_contains_nothing_of_the_account() {
    let env = TestEnv::new().local();
    let outcome = env.run(["dev", "probe", "--file", "facts.json"]).assert_code(0);
    assert!(outcome.stdout.starts_with("FACT "), "{}", outcome.stdout);
    let expected = "Wrote facts.json, which contains nothing of the account.\nThe emulator behaves the same by default.\n";
    assert_eq!(outcome.stderr, expected);
    let text = fs::read_to_string(env.path().join("facts.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["options"]["session_lifetime"], "PT15M");
    let facts = document["facts"].as_array().unwrap();
    for fact in facts {
        // Payments are captured at once by default.
        assert_eq!(fact["seen"].is_null(), fact["fact"] == "operations on an authorized order", "{fact}");
    }
    assert_eq!(document["options"].as_object().unwrap().len(), 23);
    let state = fs::read_to_string(env.state_folder().join("local.json")).unwrap();
    let ids = regex::Regex::new("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").unwrap();
    assert!(ids.is_match(&state) && !ids.is_match(&text), "{text}");
    let personal = ["Ada", "Exempel", "example.com", "Provgatan", "700101"];
    for value in ["EMULATED", "kco_", "Stockholm", "127.0.0.1"].into_iter().chain(personal) {
        assert!(!text.contains(value), "{value} in {text}");
    }
    let state: Value = serde_json::from_str(&state).unwrap();
    for list in ["devices", "sessions", "enrollments", "locations", "orders"] {
        for record in state[list].as_array().unwrap() {
            for field in ["code", "name", "street_address", "city", "hardware_id"] {
                let Some(value) = record[field].as_str().filter(|value| value.len() > 3) else { continue };
                assert!(!text.contains(value), "{list} {field}: {value}");
            }
        }
    }
    assert_eq!(env.run(["devices", "list", "-o", "json"]).json(), json!([]));
}

#[test]
fn the_probe_refuses_production_and_asks_before_it_changes_an_account() {
    let server = Server::unwanted();
    let live = TestEnv::new().at(&server.url(), "kco_live_api_0123456789").env("KUSTOM_MERCHANT_ID", "M1");
    live.run(["dev", "probe", "--yes"]).assert_failure_with(2, "production has neither");
    let no_merchant = server.env();
    no_merchant.run(["dev", "probe", "--yes"]).assert_failure_with(2, "hint: set KUSTOM_MERCHANT_ID");
    let env = no_merchant.env("KUSTOM_MERCHANT_ID", "M1");
    env.run(["dev", "probe", "--yes", "--file", "nowhere/probe.json"])
        .assert_failure_with(2, "cannot write nowhere/probe.json");
    server.assert_untouched();
    let service = Server::always(Reply::problem(404, "nothing here"));
    let env = service.env().env("KUSTOM_MERCHANT_ID", "M1");
    env.run(["dev", "probe"])
        .assert_failure_with(8, "Create simulated devices, enrollments, sessions and orders");
    assert_eq!(service.lines(), ["GET /"], "only whether it is an emulator");
    let refusing = Server::always(Reply::problem(401, "no"));
    let env = refusing.env().env("KUSTOM_MERCHANT_ID", "M1");
    env.run(["dev", "probe", "--yes"]).assert_failure(3);
    assert!(!env.path().join("probe.json").exists());
}

/// The number of devices and enrollments.
fn left(emulator: &EmulatorProcess) -> (u64, u64) {
    let count = |path: &str| emulator.json("GET", path, "")["total_elements"].as_u64().unwrap();
    (count("/ipp/v1/devices"), count("/ipp/v1/enrollments"))
}

#[test]
fn a_probe_that_is_interrupted_or_killed_leaves_nothing_after_the_next_run() {
    let env = TestEnv::new();
    let emulator = EmulatorProcess::start(&env, &[]);
    let user = emulator.env();
    let probing = |request: &str| {
        let running = user.command(["dev", "probe", "-v"]).spawn();
        let _ = running.until_stderr(|stderr| stderr.contains(request));
        running
    };
    let running = probing("> POST /ipp/v1/sessions");
    running.interrupt();
    let _ = running.wait().assert_code(130).assert_stderr("everything that the probe created was removed");
    assert_eq!(left(&emulator), (0, 0));
    for request in ["> POST /ipp/v1/enrollments", "/simulate-tap?", "> POST /ordermanagement/"] {
        let _ = probing(request).kill();
    }
    let _ = user.run(["dev", "probe", "-q"]).assert_code(0);
    assert_eq!(left(&emulator), (0, 0));
    let sessions = fs::read_to_string(user.state_folder().join("probe-sessions.json")).unwrap();
    assert_eq!(sessions, "[]", "every session has ended");
}

#[test]
fn a_file_without_options_cannot_be_used() {
    let env = TestEnv::new();
    for (text, reason) in [
        ("{", "it is not JSON: EOF while parsing an object"),
        ("{}", "it has no object 'options'"),
        (r#"{"options": {"sums": true}}"#, "there is no option 'sums'; the options are session_lifetime, "),
        (r#"{"options": {"strict_sums": 5}}"#, "strict_sums cannot be '5': use true or false"),
    ] {
        env.file("probe.json", text);
        let refused = env
            .run(["dev", "emulator", "--options-from", "probe.json"])
            .assert_failure_with(2, &format!("error: probe.json cannot be used: {reason}"));
        assert!(refused.contains("hint: write the file with `kustom dev probe`"), "{refused}");
    }
}
