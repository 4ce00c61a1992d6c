//! What `kustom dev emulator` begins with, and what only emulators have: a clock, and a phone that loses its connection.

use std::fs;

use crate::common::prelude::*;

const DEVICES: &str = "/ipp/v1/dev/devices";

const SEED: &str = r#"
[[locations]]
name = "Umeå"

[[devices]]
name = "Till 1"

[[devices]]
name = "Till 2"
offline = true
"#;

#[test]
fn a_seed_is_what_it_begins_with_and_never_what_it_forgets() {
    let env = TestEnv::new();
    env.file("seed.toml", SEED);
    let args = ["--seed", "seed.toml", "--state", "state.json"];
    let emulator = EmulatorProcess::start(&env, &args);
    let user = emulator.env();
    let names = |noun: &str| -> Vec<Value> {
        let list = user.run([noun, "list", "-o", "json"]).json();
        column(&list, "name")
    };
    assert_eq!(names("locations"), ["Umeå"]);
    assert_eq!(names("devices"), ["Till 1", "Till 2"]);
    let sale = |device| ["sessions", "create", "--device", device, "--amount", "5", "--currency", "SEK"];
    let _ = user.run(sale("Till 1")).assert_code(0);
    assert!(user.run(sale("Till 2")).assert_failure(5).contains("is offline. (HTTP 409)"));
    let _ = user.run(["devices", "deregister", "Till 1"]).assert_code(0);
    let _ = emulator.end().assert_code(0);
    let emulator = EmulatorProcess::start(&env, &args);
    assert_eq!(emulator.json("GET", "/ipp/v1/devices", "")["total_elements"], 1);
    let told = emulator.end().assert_code(0).stderr;
    assert!(told.contains("warning: state.json already has a state, so seed.toml is not used"), "{told}");
}

#[test]
fn a_mistake_in_a_seed_is_told_with_file_line_and_column() {
    let env = TestEnv::new();
    env.file("seed.toml", "[[devices]]\nname = \"x\"\nlocation = \"Nowhere\"\n");
    let args = ["dev", "emulator", "--seed", "seed.toml", "--state", "state.json", "--listen", "127.0.0.1:0"];
    insta::assert_snapshot!(&env.run(args).assert_failure(2), @"error: seed.toml, line 3, column 12: there is no location 'Nowhere'
  hint: fix the file in an editor; see its format with `kustom help emulator`
");
    assert!(!env.path().join("state.json").exists());
    env.file("seed.toml", b"name = \"\xff\"");
    assert_eq!(env.run(args).assert_failure(2), "error: seed.toml is not text in UTF-8\n");
    fs::remove_file(env.path().join("seed.toml")).unwrap();
    assert_eq!(env.run(args).assert_failure(2), "error: cannot read seed.toml: No such file or directory\n");
}

#[test]
fn options_are_set_by_name_and_checked() {
    let env = TestEnv::new();
    let emulator = EmulatorProcess::start(&env, &["--option", "delete_status=ok", "--switch", "list_lag=1h"]);
    let made = emulator.json("POST", DEVICES, r#"{"name": "x"}"#);
    assert_eq!(emulator.json("GET", "/ipp/v1/devices", "")["total_elements"], 0);
    let path = format!("/ipp/v1/devices/{}", made["id"].as_str().unwrap());
    assert_eq!(emulator.status("DELETE", &path, ""), 200);
    let _ = emulator.end().assert_code(0);
    let refused = |option: &str| env.run(["dev", "emulator", "--option", option]).assert_failure(2);
    for (option, why) in [
        ("strict_sums=maybe", "strict_sums cannot be 'maybe': use true or false"),
        ("strict_sums", "write an option and its value, such as list_lag=2s"),
        ("sums=true", "there is no option 'sums'; the options are session_lifetime, "),
    ] {
        let said = refused(option);
        assert!(
            said.contains(&format!("invalid value '{option}' for '--option <NAME=VALUE>': {why}")),
            "{said}"
        );
    }
    for (args, expected) in [(&["--option", "session_lifetime=30s"][..], "PT30S"), (&[], "PT30S")] {
        let emulator = EmulatorProcess::start(&env, &[&["--state", "state.json"], args].concat());
        let _ = emulator.end().assert_code(0);
        let state: Value = serde_json::from_slice(&fs::read(env.path().join("state.json")).unwrap()).unwrap();
        assert_eq!(state["switches"]["session_lifetime"], expected);
    }
}

#[test]
fn the_help_shows_every_option_with_its_default() {
    let help = TestEnv::new().run(["dev", "emulator", "--help"]).ok();
    let defaults = serde_json::to_value(kustom::emulator::EmulatorOptions::default()).unwrap();
    for (name, default) in defaults.as_object().unwrap() {
        let default = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
        assert!(help.contains(&format!("{name}={default}")), "{name}:\n{help}");
    }
}

#[test]
fn the_clock_can_be_put_forward() {
    let env = TestEnv::new();
    let emulator = EmulatorProcess::start(&env, &[]);
    let user = emulator.env();
    let device = user.run(["dev", "create-device", "--name", "x", "-o", "json"]).json();
    let sale = ["sessions", "create", "--device", device["id"].as_str().unwrap(), "--amount", "5"];
    let sale = user.run([&sale[..], &["--currency", "SEK", "-o", "json"]].concat()).json();
    let clock = |args: &[&str]| user.run([&["dev", "emulator", "clock"], args].concat());
    assert_eq!(clock(&["show", "-o", "json"]).json()["ahead"], "PT0S");
    insta::assert_snapshot!(&clock(&["advance", "20m"]).out(), @"NOW    <time>\nAHEAD  PT20M\n");
    let session = sale["session_id"].as_str().unwrap();
    assert_eq!(user.run(["sessions", "get", session, "-o", "json"]).json()["status"], "EXPIRED");
    assert!(clock(&["advance", "0s"]).assert_failure(2).contains("a duration must be longer than zero"));
    assert!(clock(&["advance", "200000h"]).assert_code(0).stdout.contains("AHEAD  PT200000H20M"));
    assert!(
        clock(&["advance", "90000000h"]).assert_failure(5).contains("the calendar ends with the year 9999")
    );
    let local = TestEnv::new().local();
    let _ = local.run(["dev", "emulator", "clock", "advance", "1h"]).assert_code(0);
    assert_eq!(local.run(["dev", "emulator", "clock", "show", "-o", "json"]).json()["ahead"], "PT1H");
}

#[test]
fn what_only_emulators_have_is_not_asked_of_anything_else() {
    let service = TestEnv::new().at("https://api.playground.kustom.co", "kco_test_api_x");
    insta::assert_snapshot!(&service.run(["dev", "emulator", "clock", "show"]).assert_failure(2), @"error: this is for an emulator on this machine, and https://api.playground.kustom.co is not on this machine
  hint: start one with `kustom dev emulator`, and name its URL in KUSTOM_BASE_URL or in a profile
");
    let refused =
        TestEnv::new().run(["dev", "emulator", "--listen", "127.0.0.1:0", "clock", "show"]).assert_failure(2);
    assert!(refused.contains("the subcommand 'clock' cannot be used with '--listen <ADDRESS>'"), "{refused}");
}

#[test]
fn a_phone_can_lose_its_connection() {
    let env = TestEnv::new().local();
    let _ = env.run(["dev", "create-device", "--name", "Till 1", "-q"]).assert_code(0);
    let sale = || env.run(["sessions", "create", "--device", "Till 1", "--amount", "5", "--currency", "SEK"]);
    let offline = env.run(["dev", "pos", "offline", "Till 1", "-o", "json"]).json();
    assert_eq!((&offline["name"], &offline["offline"]), (&json!("Till 1"), &json!(true)));
    assert!(sale().assert_failure(5).contains("is offline. (HTTP 409)"));
    insta::assert_snapshot!(&env.run(["dev", "pos", "offline", "Till 1"]).err(), @"The device is offline.\n  reconnect it: kustom dev pos online <id-1>\n");
    insta::assert_snapshot!(&env.run(["dev", "pos", "online", "Till 1"]).err(), @"The device is online.\n");
    let _ = sale().assert_code(0);
    let nobody = "00000000-0000-4000-8000-000000000001";
    assert_eq!(
        &env.run(["dev", "pos", "online", nobody]).assert_failure(4),
        &format!(
            "error: There is no device {nobody}. (HTTP 404)\n  hint: list the devices: kustom devices list\n"
        )
    );
}
