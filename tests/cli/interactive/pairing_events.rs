//! `kustom enrollments pair` without a terminal: events, exit codes, and no code that is left behind.

use kustom::emulator::State;
use kustom::emulator::state::{DeviceUpdate, PageRequest};

use crate::common::prelude::*;

pub(super) const STOCKHOLM: [&str; 2] = ["--location", "Stockholm City"];

pub(super) fn pair(env: &TestEnv, more: &[&str]) -> RunningCommand {
    let interval = if more.contains(&"--interval") { &[][..] } else { &["--interval", "20ms"] };
    env.command([&["enrollments", "pair"], interval, more].concat()).spawn()
}

pub(super) fn pairing_to_events(env: &TestEnv) -> TestCommand<'_> {
    env.command(["enrollments", "pair", "--interval", "20ms", "-o", "ndjson"]).args(STOCKHOLM)
}

pub(super) fn pair_events(env: &TestEnv, more: &[&str]) -> RunningCommand {
    pair(env, &[&["-o", "ndjson"], &STOCKHOLM[..], more].concat())
}

pub(super) fn code(running: &RunningCommand, times: usize) -> String {
    let created = |stdout: &str| stdout.matches("\"created\"").count();
    let stdout = running.until_stdout(|stdout| created(stdout) >= times && stdout.ends_with('\n'));
    let all = json_lines(&stdout);
    let newest = all.iter().rfind(|event| event["event"] == "created").unwrap();
    newest["enrollment"]["enrollment_code"].as_str().unwrap().to_owned()
}

pub(super) fn names(outcome: &CommandOutput) -> Vec<String> {
    outcome.ndjson().iter().map(|event| event["event"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_script_gets_an_event_for_each_step() {
    let counter = ScriptedEmulator::new();
    let running = pair_events(&counter.env, &["--metadata", "floor=2"]);
    let code = code(&running, 1);
    let id = counter.use_code(&code);
    let outcome = running.wait().assert_code(0);
    assert_eq!(outcome.stderr, "");
    let [created, consumed, named] = outcome.ndjson().try_into().unwrap();
    for event in [&created, &consumed, &named] {
        assert_eq!((&event["number"], &event["count"]), (&json!(1), &json!(1)));
    }
    assert_eq!(created["event"], "created");
    assert_eq!(created["enrollment"]["status"], "PENDING");
    assert!(created["enrollment"]["metadata"]["kustom_pairing"].is_string());
    assert_eq!(consumed["event"], "consumed");
    assert_eq!(consumed["enrollment_id"], created["enrollment"]["enrollment_id"]);
    assert_eq!((&consumed["device"]["id"], &consumed["device"]["name"]), (&json!(id), &json!("Phone")));
    assert_eq!(named["event"], "named");
    assert_eq!(named["device"]["id"], json!(id));
    assert_eq!(named["device"]["name"], "Stockholm City till 1");
    assert_eq!(named["device"]["metadata"], json!({"floor": "2"}), "the tag is gone, and nothing else");
}

#[test]
fn the_tag_stays_where_that_is_wanted() {
    let counter = ScriptedEmulator::new();
    let running = pair_events(&counter.env, &["--keep-tag", "--name", "Bar"]);
    let code = code(&running, 1);
    counter.use_code(&code);
    let outcome = running.wait().assert_code(0);
    let [created, _, named] = outcome.ndjson().try_into().unwrap();
    assert_eq!(named["device"]["name"], "Bar");
    assert_eq!(
        named["device"]["metadata"]["kustom_pairing"],
        created["enrollment"]["metadata"]["kustom_pairing"]
    );
}

#[test]
fn plain_lines_tell_the_same() {
    let counter = ScriptedEmulator::new();
    let running = pair(&counter.env, &STOCKHOLM);
    let stdout = running.until_stdout(|stdout| stdout.ends_with('\n'));
    let code = stdout.split_whitespace().nth(1).unwrap().to_owned();
    let time = stdout.trim_end().rsplit(' ').next().unwrap().to_owned();
    counter.use_code(&code);
    let whole = running.wait().whole();
    insta::assert_snapshot!(&whole.replace(&code, "<code>").replace(&time, "<until>"), @"created    <code>  valid until <until>\n\
         consumed   'Phone' (<id-1>)\n\
         named      'Stockholm City till 1' (<id-1>)\n\
         ID        <id-1>\nNAME      Stockholm City till 1\nLOCATION  Stockholm City\n\
         PLATFORM  ANDROID\nMERCHANT  EMULATED\nHARDWARE  <id-2>\n\
         CREATED   <time>\n\
         ! Stockholm City till 1 is ready. [playground]\n\
         ! Take a payment: kustom sessions create --device 'Stockholm City till 1' --amount 1.00 --currency SEK --watch\nexit 0\n");
}

#[test]
fn several_phones_are_paired_one_after_another() {
    let counter = ScriptedEmulator::new();
    let running = pair_events(&counter.env, &["--count", "3"]);
    for number in 1..=3 {
        counter.use_code(&code(&running, number));
    }
    let outcome = running.wait().assert_code(0);
    let events = outcome.ndjson();
    let numbers: Vec<_> =
        events.iter().map(|event| (event["number"].as_u64(), event["count"].as_u64())).collect();
    assert_eq!(numbers, [1, 1, 1, 2, 2, 2, 3, 3, 3].map(|number| (Some(number), Some(3))));
    let mut all: Vec<_> = counter.devices().into_iter().filter_map(|device| device.name).collect();
    all.sort();
    assert_eq!(all, [1, 2, 3].map(|number| format!("Stockholm City till {number}")));
}

#[test]
fn two_pairings_at_once_each_find_their_own_phone() {
    let counter = ScriptedEmulator::new();
    let env = &counter.env;
    let first = pair_events(env, &["--name", "First"]);
    let second = pair_events(env, &["--name", "Second"]);
    let (first_code, second_code) = (code(&first, 1), code(&second, 1));
    let of_second = counter.use_code(&second_code);
    let of_first = counter.use_code(&first_code);
    for (running, id, name) in [(first, of_first, "First"), (second, of_second, "Second")] {
        let outcome = running.wait().assert_code(0);
        let named = outcome.ndjson().pop().unwrap();
        assert_eq!((&named["device"]["id"], &named["device"]["name"]), (&json!(id), &json!(name)));
    }
}

#[test]
fn a_code_that_nobody_uses_expires_with_exit_11() {
    let counter = ScriptedEmulator::new();
    let outcome = pair_events(&counter.env, &["--expires-in", "300ms"]).wait().assert_code(11);
    assert_eq!(names(&outcome), ["created", "expired"]);
    assert_eq!(counter.usable_codes(), Vec::<String>::new());
    let lines =
        pair(&counter.env, &[&STOCKHOLM[..], &["--expires-in", "300ms"]].concat()).wait().assert_code(11);
    assert!(lines.out().ends_with("expired    <id-1>\n"), "{}", lines.out());
}

#[test]
fn a_wait_that_is_over_withdraws_the_code_with_exit_13() {
    let counter = ScriptedEmulator::new();
    let outcome = pair_events(&counter.env, &["--timeout", "200ms"]).wait().assert_code(13);
    assert_eq!(names(&outcome), ["created", "withdrawn"]);
    assert!(outcome.stderr.contains("no phone used the code within "), "{}", outcome.stderr);
    assert_eq!(counter.enrollments(), []);
}

#[test]
fn every_way_to_interrupt_it_withdraws_the_code() {
    for signal in ["INT", "TERM", "HUP"] {
        let counter = ScriptedEmulator::new();
        let running = pair_events(&counter.env, &[]);
        let _ = code(&running, 1);
        running.signal(signal);
        let outcome = running.wait().assert_code(if signal == "TERM" { 143 } else { 130 });
        assert_eq!(names(&outcome), ["created", "withdrawn"], "{signal}");
        assert!(
            outcome.stderr.contains("\"message\":\"interrupted; the code was withdrawn\""),
            "{}",
            outcome.stderr
        );
        assert_eq!(counter.enrollments(), [], "{signal}");
    }
}

#[test]
fn naming_keeps_what_others_changed() {
    let counter = ScriptedEmulator::new();
    let running = pair_events(&counter.env, &["--name", "Till 1"]);
    let code = code(&running, 1);
    let mut has_looked = false;
    counter.on("GET /ipp/v1/devices", move || {
        if std::mem::replace(&mut has_looked, true) {
            return Act::Pass;
        }
        Act::Then(Box::new(|emulator| {
            let page = PageRequest { number: 0, size: 10 };
            let device = emulator.state().list_devices(None, page, jiff::Timestamp::MAX).content.remove(0);
            let mut metadata = device.metadata.clone();
            metadata.insert("by_erp".into(), "7".into());
            let update = DeviceUpdate { name: device.name, location_id: None, metadata };
            let id = device.id.unwrap().parse().unwrap();
            emulator.with_state(|state, _| state.update_device(id, update)).unwrap();
        }))
    });
    counter.use_code(&code);
    let outcome = running.wait().assert_code(0);
    let device = &outcome.ndjson()[2]["device"];
    assert_eq!((&device["name"], &device["metadata"]), (&json!("Till 1"), &json!({"by_erp": "7"})));
    assert!(device.get("location_id").is_none_or(Value::is_null), "{device}");
}

#[test]
fn somebody_elses_withdrawal_ends_the_wait() {
    let counter = ScriptedEmulator::new();
    let running = pair_events(&counter.env, &[]);
    let _ = code(&running, 1);
    until("it polls", || counter.asked("GET /ipp/v1/enrollments") > 1);
    let id = counter.enrollments()[0].enrollment_id.clone().unwrap();
    counter.emulator.with_state(|state, _| state.delete_enrollment(id.parse().unwrap())).unwrap();
    let _ = running.wait().assert_code(4).assert_stderr("the code was withdrawn elsewhere");
}

#[test]
fn one_location_needs_no_choice_and_several_need_one() {
    let counter = ScriptedEmulator::new();
    let said = pair(&counter.env, &[]).wait().assert_failure(2);
    insta::assert_snapshot!(&said, @"error: the account has 2 locations; name one\n  \
         hint: add --location; list the locations with `kustom locations list`\n");
    assert_eq!(counter.asked("POST"), 0);
    let alone = ScriptedEmulator::with(State::seed_with_one_location());
    let running = pair(&alone.env, &["-o", "ndjson"]);
    alone.use_code(&code(&running, 1));
    let outcome = running.wait().assert_code(0);
    assert_eq!(outcome.ndjson()[2]["device"]["name"], "Stockholm City till 1");
    let nowhere = ScriptedEmulator::with(State::with_locations(Vec::new()));
    pair(&nowhere.env, &[]).wait().assert_failure_with(4, "error: the account has no locations\n");
}

#[test]
fn what_cannot_work_is_refused_before_a_code_is_made() {
    let counter = ScriptedEmulator::new();
    let taken =
        counter.env.run(["dev", "create-device", "--name", "Till 1", "--location", "Stockholm City"]).ok();
    assert!(taken.contains("Till 1"));
    for (args, message) in [
        (&["-o", "json"][..], "error: -o json cannot print the code before a phone uses it"),
        (&["-o", "csv"], "error: -o csv cannot print the code before a phone uses it"),
        (&["--name", "till 1"], "error: a device named 'till 1' already exists; no code was created"),
        (&["--metadata", "kustom_pairing=x"], "error: --metadata: the key 'kustom_pairing' is reserved"),
        (
            &["--name", "x", "--count", "2"],
            "error: the argument '--name <NAME>' cannot be used with '--count <N>'",
        ),
        (&["--count", "0"], "error: invalid value '0' for '--count <N>'"),
    ] {
        let said = pair(&counter.env, &[&STOCKHOLM[..], args].concat()).wait();
        assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{args:?}: {}", said.stderr);
        let text =
            said.stderr.replace("{\"error\":{\"kind\":\"usage\",\"exit_code\":2,\"message\":\"", "error: ");
        assert!(text.starts_with(message), "{args:?}: {text}");
    }
    pair(&counter.env, &["--location", "Nowhere"])
        .wait()
        .assert_failure_with(4, "error: there is no location with the name or ID 'Nowhere'");
    assert_eq!(counter.asked("POST /ipp/v1/enrollments"), 0);
}

#[test]
fn a_command_that_is_shown_can_be_copied_whatever_the_name() {
    let counter = ScriptedEmulator::new();
    let running = pair(&counter.env, &[&STOCKHOLM[..], &["--name", "Joe's; true"]].concat());
    let stdout = running.until_stdout(|stdout| stdout.ends_with('\n'));
    counter.use_code(stdout.split_whitespace().nth(1).unwrap());
    let _ =
        running.wait().assert_code(0).assert_stderr("sessions create --device 'Joe'\\''s; true' --amount");
}

#[test]
fn nohup_is_respected() {
    let counter = ScriptedEmulator::new();
    let running = pairing_to_events(&counter.env).through("trap '' HUP; exec \"$0\" \"$@\"").spawn();
    let code = code(&running, 1);
    running.signal("HUP");
    counter.use_code(&code);
    let _ = running.wait().assert_code(0);
}
