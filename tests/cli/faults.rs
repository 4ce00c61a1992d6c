//! What goes wrong on purpose, as a client meets it.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use kustom::emulator::API_KEY;

use crate::common::prelude::*;

const DEVICES: &str = "/ipp/v1/dev/devices";
const NEW: &str = r#"{"name": "x"}"#;

fn devices(emulator: &EmulatorProcess) -> u64 {
    emulator.json("GET", "/ipp/v1/devices", "")["total_elements"].as_u64().unwrap()
}

fn start(env: &TestEnv, faults: &[&str]) -> EmulatorProcess {
    let args: Vec<_> = faults.iter().flat_map(|fault| ["--fault", fault]).collect();
    EmulatorProcess::start(env, &args)
}

#[test]
fn a_status_is_answered_and_nothing_is_carried_out() {
    let env = TestEnv::new();
    let emulator =
        start(&env, &["POST /ipp/v1/dev/devices: 503 x2", "* /ipp/v1/dev/*: 429 retry-after=3 once"]);
    for _ in 0..2 {
        let answer = emulator.ask("POST", DEVICES, NEW);
        assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
        assert!(answer.contains("\r\ncontent-type: application/problem+json\r\n"), "{answer}");
        assert!(answer.contains("\"status\":503"), "{answer}");
    }
    let limited = emulator.ask("POST", DEVICES, NEW);
    assert!(limited.starts_with("HTTP/1.1 429 ") && limited.contains("\r\nretry-after: 3\r\n"), "{limited}");
    assert_eq!(devices(&emulator), 0);
    assert_eq!(emulator.status("POST", DEVICES, NEW), 200);
    assert_eq!(devices(&emulator), 1);
    let told = emulator.end().assert_code(0);
    let log = crate::common::emulator_process::without_times(&told.stderr);
    assert!(
        log.contains("POST /ipp/v1/dev/devices 503 (fault 1)\nPOST /ipp/v1/dev/devices 503 (fault 1)\n"),
        "{log}"
    );
}

#[test]
fn a_dropped_request_is_not_carried_out_and_gets_not_one_byte() {
    let env = TestEnv::new();
    let emulator = start(&env, &["POST /ipp/v1/dev/devices: drop once"]);
    assert_eq!(emulator.ask("POST", DEVICES, NEW), "");
    assert_eq!(devices(&emulator), 0);
    assert_eq!(emulator.status("POST", DEVICES, NEW), 200);
    let log = crate::common::emulator_process::without_times(&emulator.end().assert_code(0).stderr);
    assert!(log.contains("POST /ipp/v1/dev/devices no response (fault 1)\n"), "{log}");
}

#[test]
fn a_broken_answer_belongs_to_a_request_that_was_carried_out() {
    for (what, of_body) in [("truncate", 2), ("drop-after-response-headers", usize::MAX)] {
        let env = TestEnv::new();
        let emulator = start(&env, &[&format!("POST /ipp/v1/dev/devices: {what} once")]);
        let answer = emulator.ask("POST", DEVICES, NEW);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        let length = head.split_once("content-length: ").unwrap().1.lines().next().unwrap();
        let length: usize = length.parse().unwrap();
        assert_eq!(body.len(), length / of_body, "{answer}");
        assert_eq!(devices(&emulator), 1);
        let log = crate::common::emulator_process::without_times(&emulator.end().assert_code(0).stderr);
        assert!(log.contains("POST /ipp/v1/dev/devices 200 truncated (fault 1)\n"), "{log}");
    }
}

#[test]
fn an_answer_without_a_body_has_nothing_to_lose() {
    let env = TestEnv::new();
    let emulator = start(&env, &["DELETE /ipp/v1/devices/{id}: truncate"]);
    let made = emulator.json("POST", DEVICES, NEW);
    let path = format!("/ipp/v1/devices/{}", made["id"].as_str().unwrap());
    assert_eq!(emulator.status("DELETE", &path, ""), 204);
}

#[test]
fn a_late_answer_belongs_to_a_request_that_was_carried_out_at_once() {
    let env = TestEnv::new();
    let emulator =
        start(&env, &["POST /ipp/v1/dev/devices: delay=1h once", "GET /ipp/v1/locations: delay=50ms"]);
    let begun = Instant::now();
    assert_eq!(emulator.status("GET", "/ipp/v1/locations", ""), 200);
    assert!(begun.elapsed() >= Duration::from_millis(50));
    let mut waiting = emulator.connect();
    let head = format!("POST {DEVICES} HTTP/1.1\r\nhost: x\r\nauthorization: Basic {API_KEY}\r\n");
    write!(waiting, "{head}content-length: {}\r\n\r\n{NEW}", NEW.len()).unwrap();
    until("it is carried out", || devices(&emulator) == 1);
    emulator.signal("TERM");
    until("it stops", || std::net::TcpStream::connect(emulator.address()).is_err());
    let _ = emulator.end().assert_code(0);
    let mut nothing = Vec::new();
    let _ = waiting.read_to_end(&mut nothing);
    assert_eq!(nothing, b"");
}

#[test]
fn percentages_follow_from_the_seed() {
    let run = |seed: &str| -> Vec<u16> {
        let env = TestEnv::new();
        let emulator =
            EmulatorProcess::start(&env, &["--fault", "GET /ipp/v1/*: 500 50%", "--fault-seed", seed]);
        (0..24).map(|_| emulator.status("GET", "/ipp/v1/locations", "")).collect()
    };
    let first = run("7");
    assert!(first.contains(&200) && first.contains(&500), "{first:?}");
    assert_eq!(run("7"), first);
    assert_ne!(run("8"), first);
}

#[test]
fn faults_come_and_go_while_it_runs() {
    for args in [&[][..], &["--state", "state.json"]] {
        let env = TestEnv::new();
        let emulator = EmulatorProcess::start(&env, args);
        let user = emulator.env();
        let fault = |args: &[&str]| user.run([&["dev", "emulator", "fault"], args].concat());
        assert_eq!(fault(&["list"]).err(), "No faults.\n");
        let added = fault(&["add", "POST /ipp/v1/dev/devices:  x2 503", "-o", "json"]).json();
        let text = "POST /ipp/v1/dev/devices: 503 x2";
        assert_eq!(added, json!({"id": 1, "fault": text, "matched": 0, "hit": 0, "left": 2}));
        let _ = fault(&["add", "* /*: drop 100%"]).assert_code(0);
        assert_eq!(emulator.status("POST", DEVICES, NEW), 503);
        assert_eq!(emulator.ask("GET", "/ipp/v1/devices", ""), "");
        assert_eq!(
            fault(&["list"]).stdout_only(),
            "ID  FAULT                             MATCHED  HIT  LEFT
1   POST /ipp/v1/dev/devices: 503 x2  1        1    1
2   * /*: drop 100%                   1        1
"
        );
        let cleared = fault(&["clear", "-o", "json"]).json();
        assert_eq!(cleared[0], json!({"id": 1, "fault": text, "matched": 1, "hit": 1, "left": 1}));
        assert_eq!(cleared.as_array().unwrap().len(), 2);
        assert_eq!(fault(&["list", "-o", "json"]).json(), json!([]));
        assert_eq!(emulator.status("POST", DEVICES, NEW), 200);
        assert_eq!(devices(&emulator), 1);
    }
}

#[test]
fn what_is_no_fault_is_refused_before_anything_is_sent() {
    let env = TestEnv::new();
    let refused = env.run(["dev", "emulator", "--fault", "POST /x: 200"]).assert_failure(2);
    let why = "invalid value 'POST /x: 200' for '--fault <FAULT>': '200': a status is 400 to 599";
    assert!(refused.contains(why), "{refused}");
    env.run(["dev", "emulator", "fault", "add", "POST: 503"])
        .assert_failure_with(2, "use a fault such as 'POST /ipp/v1/sessions: 503 x2'");
    let local = TestEnv::new().local();
    insta::assert_snapshot!(&local.run(["dev", "emulator", "fault", "list"]).assert_failure(2), @"error: the built-in emulator has no connections into which faults could be injected
  hint: start one with `kustom dev emulator`, and name its URL in KUSTOM_BASE_URL or in a profile
");
    let add = local.command(["api", "POST", "/emulator/faults", "--body", "-"]);
    let _ = add
        .stdin(r#"{"fault": "POST /x: 503"}"#)
        .run()
        .assert_code(5)
        .assert_stderr("no faults can be injected");
    let emulator = EmulatorProcess::start(&env, &[]);
    let answer = emulator.json("POST", "/emulator/faults", r#"{"fault": "POST /x: explode"}"#);
    assert_eq!(answer["status"], 400);
    assert!(
        answer["errors"]["fault"].as_str().unwrap().starts_with("is not a fault: 'explode': "),
        "{answer}"
    );
    let none: Value = emulator.json("GET", "/emulator/faults", "");
    assert_eq!(none["faults"], json!([]));
}

#[test]
fn a_client_of_ours_knows_what_was_carried_out() {
    let env = TestEnv::new();
    let emulator = start(&env, &["POST /ipp/v1/sessions: truncate once", "POST /ipp/v1/sessions: 400 x1"]);
    let user = emulator.env();
    let device = user.run(["dev", "create-device", "--name", "x", "-o", "json"]).json();
    let sale = |reference: &str| {
        let device = device["id"].as_str().unwrap();
        let args =
            ["sessions", "create", "--device", device, "--amount", "5", "--currency", "SEK", "--reference"];
        user.run([&args[..], &[reference]].concat())
    };
    let _ = sale("1").assert_code(7);
    let _ = sale("2").assert_code(5);
    let _ = sale("3").assert_code(0);
}
