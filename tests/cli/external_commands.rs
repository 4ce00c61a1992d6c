//! Programs that kustom runs (the commands of a profile and the pager), and `--jq`: each has a time limit and ends with a
//! signal.

use std::time::{Duration, Instant};

use crate::common::prelude::*;

/// Long enough to fail the test that waits for it.
const ENDLESS: &str = "exec sleep 600";

fn env(url: &str, more: &str) -> TestEnv {
    TestEnv::new().with_profiles(&format!(
        "active = \"x\"\n[profiles.x]\nenvironment = \"playground\"\nbase_url = \"{url}\"\n{more}\n"
    ))
}

#[test]
fn the_command_for_the_key_obeys_the_timeout() {
    let env = env("http://127.0.0.1:1", &format!("api_key_command = \"{ENDLESS}\""));
    for args in [
        &["devices", "list"][..],
        &["sessions", "create", "--device", "x", "--amount", "1", "--currency", "SEK"],
        &["doctor"],
        &["login", "--profile", "y", "--environment", "playground", "--api-key-command", ENDLESS],
    ] {
        let outcome = env.run(args.iter().chain(&["--timeout", "300ms"]));
        assert_eq!(outcome.code, Some(6), "{outcome:?}");
        let text = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(text.contains("the command for the API key took longer than 300 ms"), "{outcome:?}");
        assert!(text.contains("--timeout"), "{outcome:?}");
    }
}

#[test]
fn the_command_for_the_password_of_the_ledger_obeys_the_timeout() {
    let ledger = "api_key = \"kco_test_api_0123456789\"\nledger = \"postgres://kustom@127.0.0.1:1/x\"";
    let env = env("http://127.0.0.1:1", &format!("{ledger}\nledger_command = \"{ENDLESS}\""));
    env.run(["sessions", "list", "--timeout", "300ms"])
        .assert_failure_with(6, "the command for the ledger's password took longer than 300 ms");
}

#[test]
fn a_signal_ends_the_wait_for_a_command() {
    let started = "touch started; exec sleep 600";
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let env = env("http://127.0.0.1:1", &format!("api_key_command = \"{started}\""));
        let running = env.command(["devices", "list", "-o", "json"]).spawn();
        until("the command runs", || env.path().join("started").exists());
        running.signal(signal);
        let outcome = running.wait();
        assert_eq!(outcome.code, Some(code), "{outcome:?}");
        assert!(outcome.stderr.contains("interrupted"), "{outcome:?}");
    }
}

#[test]
fn waiting_for_a_command_takes_no_processor() {
    let env = env("http://127.0.0.1:1", "api_key_command = \"sleep 2\"");
    let running = env.command(["devices", "list", "--timeout", "60s"]).spawn();
    let process = running.id();
    let read = || std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let mut last = String::new();
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(1800) && cfg!(target_os = "linux") {
        last = Some(read()).filter(|text| !text.is_empty()).unwrap_or(last);
        std::thread::sleep(Duration::from_millis(50));
    }
    // In hundredths of a second, after the name of the program.
    let fields: Vec<_> = last.rsplit(')').next().unwrap().split_whitespace().collect();
    let used: u32 = [11, 12].iter().filter_map(|field| fields.get(*field)?.parse::<u32>().ok()).sum();
    assert!(used < 20, "{used} hundredths of a second");
    assert_eq!(running.wait().code, Some(3), "it printed no key");
}

#[test]
fn a_filter_without_end_obeys_the_timeout_and_signals() {
    let env = TestEnv::new().local();
    let filter = ["locations", "list", "-o", "json", "--jq", "[repeat(1)]"];
    for expression in ["[repeat(1)]", "repeat(1)", "def f: f; f"] {
        let args = [&filter[..5], &[expression, "--timeout", "300ms"]].concat();
        let failed = env.run(args).assert_code(7);
        let said = failed.stderr;
        assert!(said.contains("\"kind\":\"output\"") && said.contains("did not end in time"), "{said}");
    }
    let mut running = env.command(filter).spawn();
    assert!(!running.exits_within(Duration::from_millis(500)));
    running.signal("TERM");
    assert_eq!(running.wait().code, Some(143));
}

#[test]
fn sigterm_ends_a_pager_that_does_not_read() {
    let server = Server::new(|_| {
        let devices: Vec<_> =
            (0..100).map(|n| serde_json::json!({"id": n, "name": "x".repeat(2000)})).collect();
        Reply::json(200, &serde_json::json!({"content": devices, "last": true}))
    });
    let env = server.env();
    let pager = "sh -c 'echo started; exec sleep 600'";
    let pty = PtySession::open(&env, ["devices", "list"], &[("KUSTOM_PAGER", pager)]);
    pty.until("started");
    pty.signal("TERM");
    pty.end_with(143);
}

#[cfg(target_os = "linux")]
#[test]
fn no_core_is_dumped_once_a_key_is_loaded() {
    let server = Server::always(Reply::stall());
    let env = server.env();
    let unlimited = "ulimit -c unlimited 2>/dev/null; exec \"$0\" \"$@\"";
    let running = env.command(["devices", "list"]).through(unlimited).spawn();
    until("a request", || !server.asked().is_empty());
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", running.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    let _ = running.kill();
}
