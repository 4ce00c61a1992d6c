//! `kustom dev emulator`: the emulator for other programs.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use kustom::emulator::{API_KEY, State};

use crate::common::prelude::*;

const DEVICES: &str = "/ipp/v1/dev/devices";

#[test]
fn it_says_where_it_is_answers_and_ends() {
    let env = TestEnv::new();
    let emulator = EmulatorProcess::start(&env, &[]);
    assert!(emulator.url.starts_with("http://127.0.0.1:"), "{}", emulator.url);
    let about = emulator.raw("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert!(about.contains("\"name\":\"kustom emulator\",\"emulator\":true"), "{about}");
    assert_eq!(emulator.status("POST", DEVICES, r#"{"name": "Till 1"}"#), 200);
    let user = emulator.env();
    let name = user.run(["devices", "get", "Till 1", "-o", "json"]).json()["name"].clone();
    assert_eq!(name, "Till 1");
    assert_eq!(emulator.status("DELETE", "/ipp/v1/enrollments/ABCD2345?a=EFGH2345", ""), 404);
    emulator.log(|log| log.contains("404"));
    let url = emulator.url.clone();
    let outcome = emulator.end().assert_code(0);
    assert_eq!(outcome.stdout, format!("{url}\n"));
    insta::assert_snapshot!(&crate::common::emulator_process::without_times(&outcome.err()), @"An emulator of the API: no payment is real. Press Ctrl-C to stop it.
  key: kco_test_api_emulator
  merchant ID: EMULATED
  page: http://127.0.0.1:<port>/
GET / 200
POST /ipp/v1/dev/devices 200
GET /ipp/v1/devices 200
DELETE /ipp/v1/enrollments/{enrollment_id} 404
");
}

#[test]
fn a_script_gets_an_object_and_a_file_that_is_there_as_long_as_it_listens() {
    for (format, args) in [("json", &["-o", "json"][..]), ("ndjson", &["-o", "ndjson"]), ("table", &[])] {
        let env = TestEnv::new();
        let file = env.file("ready", "of one that was killed");
        let emulator = EmulatorProcess::start(&env, &[args, &["--ready-file", "ready"]].concat());
        assert_eq!(emulator.status("GET", "/", ""), 200);
        let url = emulator.url.clone();
        let told = match format {
            "table" => format!("{url}\n"),
            _ => format!("{}\n", json!({"url": url, "key": API_KEY, "merchant_id": "EMULATED"})),
        };
        assert_eq!(fs::read_to_string(&file).unwrap(), told);
        emulator.signal("TERM");
        let outcome = emulator.wait().assert_code(0);
        assert_eq!(outcome.stdout, told);
        assert!(!file.exists(), "the file is left behind");
        if format != "table" {
            let line = json_lines(&outcome.stderr).remove(0);
            let request = &line["request"];
            assert_eq!(
                (&request["method"], &request["path"], &request["status"], request["ms"].is_u64()),
                (&json!("GET"), &json!("/"), &json!(200), true)
            );
        }
    }
}

#[test]
fn a_ready_file_that_cannot_be_written_or_is_anothers_by_now_is_not_touched() {
    let env = TestEnv::new();
    let args = ["dev", "emulator", "--listen", "127.0.0.1:0", "--ready-file", "nowhere/ready"];
    insta::assert_snapshot!(&env.run(args).assert_failure(2), @"error: cannot write the ready file nowhere/ready: No such file or directory
  hint: pass a path in a directory that exists and is writable: --ready-file FILE
");
    let emulator = EmulatorProcess::start(&env, &["--ready-file", "ready"]);
    let file = env.file("ready", "http://127.0.0.1:1\n");
    let _ = emulator.end().assert_code(0);
    assert_eq!(fs::read_to_string(file).unwrap(), "http://127.0.0.1:1\n");
}

#[test]
fn it_listens_where_it_is_told_to_and_nowhere_else() {
    let env = TestEnv::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    insta::assert_snapshot!(&env.run(["dev", "emulator", "--listen", &address]).assert_failure(2), @"error: 127.0.0.1:<port> is already in use
  hint: stop the program that uses it, or let kustom select a free port: --listen 127.0.0.1:<port>
");
    for public in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let refused = env
            .run(["dev", "emulator", "--listen", public, "--state", "s"])
            .assert_failure_with(2, "is not a loopback address: others on the network could use");
        assert!(refused.contains("hint: listen on 127.0.0.1, or add --public"), "{refused}");
    }
    assert!(!env.path().join("s").exists(), "something was done");
    let _ = env
        .run(["dev", "emulator", "--listen", "4010"])
        .assert_failure_with(2, "write an address and a port, such as 127.0.0.1:<port>; port 0");
    // An address of nobody's here: it is asked for, and the system refuses it.
    env.run(["dev", "emulator", "--listen", "192.0.2.1:80", "--public"])
        .assert_failure_with(2, "error: cannot listen on 192.0.2.1:80: ");
    let public = env.command(["dev", "emulator", "--listen", "0.0.0.0:0", "--public"]).spawn();
    let url = public.until_stdout(|stdout| stdout.ends_with('\n'));
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    public.until_stderr(|stderr| stderr.contains("warning: others on the network can use this emulator"));
    public.interrupt();
    let _ = public.wait().assert_code(0);
}

#[test]
fn it_needs_no_profile_and_no_key_and_minds_none() {
    let broken = TestEnv::new().with_profiles("this is no profile").env("KUSTOM_API_KEY", "kco_live_api_x");
    let emulator = EmulatorProcess::start(&broken, &["--profile", "nobody"]);
    assert_eq!(emulator.status("POST", DEVICES, r#"{"name": "x"}"#), 200);
}

#[test]
fn without_a_file_everything_is_forgotten_and_with_one_nothing_is() {
    let env = TestEnv::new();
    for (args, expected) in [(&[][..], 0), (&["--state", "folder/state.json"], 1)] {
        for _ in 0..2 {
            let emulator = EmulatorProcess::start(&env, args);
            if emulator.json("GET", "/ipp/v1/devices", "")["total_elements"] == 0 {
                assert_eq!(emulator.status("POST", DEVICES, r#"{"name": "Till 1"}"#), 200);
            }
            let _ = emulator.kill();
        }
        let emulator = EmulatorProcess::start(&env, args);
        assert_eq!(emulator.json("GET", "/ipp/v1/devices", "")["total_elements"], expected);
    }
}

#[test]
fn a_state_file_is_shared_with_the_profile_local_and_with_other_emulators() {
    let env = TestEnv::new().local();
    let args = ["--state", "state/local.json"];
    let emulators = [EmulatorProcess::start(&env, &args), EmulatorProcess::start(&env, &args)];
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (env, emulators) = (&env, &emulators);
            scope.spawn(move || {
                for emulator in emulators {
                    let body = json!({"name": format!("{number} at {}", emulator.url)}).to_string();
                    assert_eq!(emulator.status("POST", DEVICES, &body), 200);
                }
                let name = format!("{number} by command");
                let _ = env.run(["dev", "create-device", "--name", &name, "-q"]).assert_code(0);
            });
        }
    });
    for emulator in emulators {
        assert_eq!(emulator.json("GET", "/ipp/v1/devices?page_size=100", "")["total_elements"], 24);
        let _ = emulator.end().assert_code(0);
    }
    let devices = env.run(["devices", "list", "-o", "json"]).json();
    assert_eq!(devices.as_array().unwrap().len(), 24);
}

#[test]
fn a_damaged_state_file_is_named_at_the_start_and_never_a_crash_later() {
    let env = TestEnv::new();
    let file = env.file("state.json", "{\n  \"version\": 1,\n  oops");
    let args = ["dev", "emulator", "--listen", "127.0.0.1:0", "--state", "state.json"];
    insta::assert_snapshot!(&env.run(args).assert_failure(2), @"error: the emulator's state file state.json is not usable: key must be a string at line 3 column 3; \
         delete the file to begin with a new state
  hint: fix or delete the file, or use another one with --state
");
    fs::write(&file, State::seed().write()).unwrap();
    let emulator = EmulatorProcess::start(&env, &["--state", "state.json"]);
    fs::write(&file, "oops").unwrap();
    let answer = emulator.ask("POST", DEVICES, r#"{"name": "x"}"#);
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("application/problem+json"), "{answer}");
    assert!(!answer.contains("state.json"), "a path of this machine is told to a client: {answer}");
    emulator.log(|log| log.contains("warning: the emulator's state file state.json is not usable"));
    fs::write(&file, State::seed().write()).unwrap();
    assert_eq!(emulator.status("POST", DEVICES, r#"{"name": "x"}"#), 200);
}

#[test]
fn the_end_waits_for_open_requests_and_not_for_idle_connections() {
    let env = TestEnv::new();
    let emulator = EmulatorProcess::start(&env, &[]);
    let mut idle = emulator.connect();
    idle.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut begun = [0; 15];
    idle.read_exact(&mut begun).unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200 OK");
    let mut open = emulator.connect();
    let head = format!("POST {DEVICES} HTTP/1.1\r\nhost: x\r\nauthorization: Basic {API_KEY}\r\n");
    write!(open, "{head}expect: 100-continue\r\ncontent-length: 12\r\n\r\n").unwrap();
    let mut go_on = [0; 25];
    open.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    emulator.signal("TERM");
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).unwrap();
    open.write_all(br#"{"name":"x"}"#).unwrap();
    let mut answer = String::new();
    open.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    let _ = emulator.wait().assert_code(0);
}

#[test]
fn a_second_interruption_does_not_wait_for_a_request_that_never_comes() {
    let env = TestEnv::new();
    let emulator = EmulatorProcess::start(&env, &[]);
    let mut open = emulator.connect();
    open.write_all(b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n")
        .unwrap();
    open.read_exact(&mut [0; 25]).unwrap();
    emulator.signal("INT");
    until("it stops", || TcpStream::connect(emulator.address()).is_err());
    let _ = emulator.end().assert_code(0);
}

#[test]
fn a_body_that_is_too_long_is_refused_in_a_way_that_its_sender_hears() {
    let env = TestEnv::new();
    let emulator = EmulatorProcess::start(&env, &[]);
    let head = format!(
        "POST {DEVICES} HTTP/1.1\r\nhost: x\r\nauthorization: Basic {API_KEY}\r\nconnection: close\r\n"
    );
    let body = json!({"name": "x".repeat(3 * 1024 * 1024)}).to_string();
    let announced = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let asking = format!("{head}expect: 100-continue\r\ncontent-length: {}\r\n\r\n", body.len());
    for request in [announced, chunked, asking] {
        let answer = emulator.raw(&request);
        assert!(answer.starts_with("HTTP/1.1 413 Payload Too Large\r\n"), "{answer}");
        assert!(answer.contains("content-type: application/problem+json\r\n"), "{answer}");
    }
    assert_eq!(emulator.json("GET", "/ipp/v1/devices", "")["total_elements"], 0);
    // One that fits is received as it was sent.
    let name = "0123456789abcde".repeat(60_000);
    let made = emulator.json("POST", DEVICES, &json!({ "name": name }).to_string());
    assert_eq!(made["name"], name);
}
