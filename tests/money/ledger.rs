//! The ledger: stored before anything is sent, kept whatever happens to it, and resolved by people. Its attempts come from
//! journals of earlier versions, which are imported.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex};

use jiff::{Timestamp, ToSpan as _};
use kustom::ledger::{Attempt, Outcome};
use uuid::Uuid;

use super::fixture::{DUPLICATE, Shop, device};
use crate::common::ledger;
use crate::common::prelude::*;

pub(crate) const DEVICE: &str = "00000000-0000-4000-8000-0000000000d1";
pub(crate) fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0000 + number)
}

/// An attempt as an earlier version would have written it some days ago, with what came of it.
fn attempt(number: u128, days_ago: i64, amount: i64, outcome: Option<Value>) -> Vec<Value> {
    let at = Timestamp::now() - (days_ago * 24).hours();
    let intent = json!({
        "device_id": DEVICE, "order_amount": amount, "purchase_currency": "SEK", "purchase_started_at": at,
        "merchant_reference1": format!("r-{number}"),
    });
    let intent = json!({"intent": {"attempt": id(number), "intent": intent}});
    [Some(intent), outcome].into_iter().flatten().map(|event| json!({"at": at, "event": event})).collect()
}

pub(crate) fn created(number: u128) -> Value {
    json!({"created": {"attempt": id(number), "session_id": id(100 + number)}})
}

fn seen(number: u128, status: &str) -> Value {
    let mut seen = json!({"session_id": id(100 + number), "status": status});
    if status == "FINALIZED" {
        seen["order_id"] = json!(id(200 + number));
    }
    json!({"at": Timestamp::now(), "event": {"seen": seen}})
}

/// One of each kind, oldest first.
pub(crate) fn one_of_each() -> Vec<Value> {
    let with_reason =
        |kind: &str, number: u128, reason: &str| json!({kind: {"attempt": id(number), "reason": reason}});
    let mut events = attempt(1, 100, 100, Some(created(1)));
    events.push(seen(1, "FINALIZED"));
    events.extend(attempt(2, 99, 200, Some(created(2))));
    events.push(seen(2, "EXPIRED"));
    events.extend(attempt(3, 98, 300, Some(created(3))));
    events.extend(attempt(4, 97, 400, Some(with_reason("refused", 4, "no such device"))));
    events.extend(attempt(5, 96, 500, Some(json!({"not_carried_out": {"attempt": id(5)}}))));
    events.extend(attempt(6, 95, 600, Some(with_reason("unknown", 6, "it broke"))));
    events.extend(attempt(7, 94, 700, None));
    events.extend(attempt(8, 0, 800, Some(created(8))));
    events.push(seen(8, "CANCELLED"));
    events
}

pub(crate) fn text(events: &[Value]) -> String {
    events.iter().map(|event| event.to_string() + "\n").collect()
}

pub(crate) fn env(url: &str, journal: &str) -> TestEnv {
    let env = TestEnv::new().at(url, KEY);
    env.file("state/journal/@playground.jsonl", journal);
    env
}

fn attempts(env: &TestEnv) -> Vec<Attempt> {
    ledger::attempts(&env.state_folder())
}

#[test]
fn the_list_is_the_same_in_all_formats_and_newest_first() {
    let env = env("http://127.0.0.1:1", &text(&one_of_each()));
    let list = |format: &str| env.run(["sessions", "list", "-o", format]);
    let shown = list("table").assert_code(0).out();
    let words: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
    insta::assert_snapshot!(&words[0].join(" "), @"SESSION WHEN STATUS AMOUNT REFERENCE DEVICE");
    let rows: Vec<String> = words[1..].iter().map(|row| row.join(" ")).collect();
    let of = |number: u128| id(number).to_string();
    let expected = [
        format!("{} <time> CANCELLED 8.00 SEK r-8 {DEVICE}", of(108)),
        format!("attempt {} <time> unknown 7.00 SEK r-7 {DEVICE}", of(7)),
        format!("attempt {} <time> unknown 6.00 SEK r-6 {DEVICE}", of(6)),
        format!("attempt {} <time> not processed 5.00 SEK r-5 {DEVICE}", of(5)),
        format!("attempt {} <time> refused 4.00 SEK r-4 {DEVICE}", of(4)),
        format!("{} <time> CREATED 3.00 SEK r-3 {DEVICE}", of(103)),
        format!("{} <time> EXPIRED 2.00 SEK r-2 {DEVICE}", of(102)),
        format!("{} <time> FINALIZED 1.00 SEK r-1 {DEVICE}", of(101)),
    ];
    let plain: Vec<String> = rows.iter().map(|row| row.replace(" - ", " ").replace(" – ", " ")).collect();
    assert_eq!(plain, expected);

    let json = list("json").json();
    let rows = json.as_array().expect("an array");
    let attempts: Vec<_> =
        rows.iter().map(|row| row["attempt"].as_str().expect("an id").to_owned()).collect();
    assert_eq!(attempts, (1..=8).rev().map(of).collect::<Vec<_>>());
    let mut first = rows[7].clone();
    for instant in ["at", "purchase_started_at"] {
        assert!(first[instant].take().as_str().expect("an instant").parse::<Timestamp>().is_ok());
    }
    let expected = json!({
        "attempt": of(1), "at": null, "outcome": "created", "session_id": of(101), "status": "FINALIZED",
        "order_id": of(201), "order_amount": 100, "purchase_currency": "SEK", "device_id": DEVICE,
        "merchant_reference1": "r-1", "merchant_reference2": null, "merchant_id": null,
        "purchase_started_at": null, "reason": null, "location_id": null, "till": null, "machine": null,
        "user": null, "process": null,
    });
    assert_eq!(first, expected);
    assert_eq!((&rows[2]["outcome"], &rows[2]["reason"]), (&"unknown".into(), &"it broke".into()));
    assert_eq!(rows[1]["reason"], "no response was stored");

    assert_eq!(&list("ndjson").assert_code(0).ndjson(), rows);

    let csv = list("csv").assert_code(0).out();
    let lines: Vec<&str> = csv.lines().collect();
    let header = "attempt,at,outcome,session_id,status,order_id,order_amount,purchase_currency,device_id,\
                  location_id,merchant_reference1,merchant_reference2,merchant_id,purchase_started_at,till,machine,\
                  user,process,reason";
    assert_eq!((lines.len(), lines[0]), (9, header));
    let paid = format!(
        "{},<time>,created,{},FINALIZED,{},100,SEK,{DEVICE},,r-1,,,<time>,,,,,",
        of(1),
        of(101),
        of(201)
    );
    assert_eq!(lines[8], paid);

    let unknown = env.run(["sessions", "list", "--unknown", "-o", "json"]).json();
    assert_eq!(unknown.as_array().map(Vec::len), Some(2));
    let two = env.run(["sessions", "list", "--limit", "2", "-o", "json"]).json();
    assert_eq!((&two[0]["attempt"], &two[1]["attempt"]), (&of(8).into(), &of(7).into()));
    assert_eq!(two.as_array().map(Vec::len), Some(2));
}

#[test]
fn a_ledger_that_does_not_exist_is_empty() {
    let env = TestEnv::new().at("http://127.0.0.1:1", KEY);
    assert_eq!(env.run(["sessions", "list", "-o", "json"]).stdout_only(), "[]\n");
    assert!(!env.state_folder().exists(), "reading makes no files");
}

#[test]
fn pruning_keeps_what_is_unknown_or_open_or_young() {
    let env = env("http://127.0.0.1:1", &text(&one_of_each()));
    let pruned = env.run(["sessions", "list", "--prune", "90d", "-o", "json"]);
    let kept = |env: &TestEnv| -> Vec<Uuid> { attempts(env).iter().map(|attempt| attempt.id).collect() };
    assert_eq!(pruned.json().as_array().map(Vec::len), Some(4));
    assert_eq!(kept(&env), [id(3), id(6), id(7), id(8)]);
    let again = env.run(["sessions", "list", "--prune", "365d"]);
    assert!(again.err().starts_with("Removed 0 resolved attempts from the ledger.\n"), "{}", again.err());
    let all = env.run(["sessions", "list", "--prune", "1ms"]);
    assert!(all.err().starts_with("Removed 1 resolved attempt from the ledger.\n"), "{}", all.err());
    assert_eq!(kept(&env), [id(3), id(6), id(7)]);
    assert_eq!(mode(env.state_folder().join("ledger.db")), 0o600);
}

#[test]
fn the_intent_is_in_the_ledger_when_the_request_arrives() {
    let state = Arc::new(Mutex::new(None));
    let (folder, found) = (Arc::<Mutex<Option<std::path::PathBuf>>>::default(), Arc::clone(&state));
    let told = Arc::clone(&folder);
    let server = Server::new(move |asked| {
        let folder = told.lock().expect("a folder").clone().expect("a folder");
        *found.lock().expect("a place") = Some((asked.json(), ledger::attempts(&folder)));
        Reply::json(200, &json!({"session_id": id(1), "status": "CREATED"}))
    });
    let env = server.env();
    *folder.lock().expect("a folder") = Some(env.state_folder());
    let words = ["--amount", "2.50", "--currency", "SEK", "--reference", "r-1", "--reference2", "r-2"];
    env.run(["sessions", "create", "--device", DEVICE].iter().chain(&words)).ok();
    let (body, then) = state.lock().expect("a place").take().expect("a request");
    let [attempt] = &then[..] else { panic!("{then:?}") };
    assert_eq!(attempt.outcome, Outcome::Pending);
    let intent = serde_json::to_value(&attempt.intent).expect("JSON");
    let expected = json!({
        "device_id": DEVICE, "order_amount": 250, "purchase_currency": "SEK",
        "purchase_started_at": body["purchase_started_at"], "merchant_reference1": "r-1",
        "merchant_reference2": "r-2",
    });
    assert_eq!(intent, expected);
    let outcome = attempts(&env)[0].outcome.clone();
    assert!(matches!(outcome, Outcome::Created { session_id, .. } if session_id == id(1).to_string()));
}

#[test]
fn a_torn_last_line_costs_nothing_else() {
    let whole = text(&one_of_each());
    let server = Server::always(Reply::json(200, &json!({"session_id": id(9), "status": "CREATED"})));
    for torn in ["{\"at\":\"2026-11-22T10", "{", "\u{0}\u{0}\u{0}\u{0}"] {
        let env = env(&server.url(), &format!("{whole}{torn}"));
        let listed = env.run(["sessions", "list", "-o", "json"]);
        assert_eq!(listed.stderr, "", "it was being written, which is no damage");
        assert_eq!(listed.json().as_array().map(Vec::len), Some(8));
        let create = ["sessions", "create", "--device", DEVICE, "--amount", "1", "--currency", "SEK"];
        env.run(create).ok();
        assert_eq!(attempts(&env).len(), 9);
        assert!(matches!(attempts(&env)[8].outcome, Outcome::Created { .. }));
        let _ = env.run(create.iter().chain(&["--reference", "r-6"])).assert_code(DUPLICATE);
    }
}

/// Any other line that cannot be read may have been about this very sale.
#[test]
fn a_damaged_journal_stops_a_create_and_is_told_everywhere() {
    let server = Server::unwanted();
    let whole = text(&one_of_each());
    for damaged in [format!("oops\n{whole}"), whole.replacen("intent", "intend", 1), format!("{whole}{{\n")] {
        let env = env(&server.url(), &damaged);
        let create = ["sessions", "create", "--device", DEVICE, "--amount", "1", "--currency", "SEK"];
        env.run(create).assert_failure_with(6, "error: 1 line of the journal <home>");
        let listed = env.run(["sessions", "list"]);
        assert!(listed.stderr.contains("cannot be read"), "{}", listed.stderr);
        let _ = env.run(["doctor", "--offline"]).assert_code(6).assert_stdout("1 line of the journal");
    }
    server.assert_untouched();
}

#[test]
fn without_a_ledger_nothing_is_sent() {
    let server = Server::unwanted();
    let create = ["sessions", "create", "--device", DEVICE, "--amount", "1", "--currency", "SEK"];
    let env = server.env();
    env.file("state", "");
    let said = env.run(create).assert_failure_with(6, "the ledger <home>/state/");
    assert!(said.contains("hint: nothing was sent"), "{said}");
    let env = server.env();
    env.file("state/ledger.db/x", "");
    assert!(env.run(create).assert_failure(6).contains("hint: nothing was sent"));
    // A full disk: no file can grow.
    let env = server.env();
    let full = env.command(create).through("ulimit -f 0; trap '' XFSZ; exec \"$0\" \"$@\"").run();
    assert!(full.assert_failure(6).contains("hint: nothing was sent"));
    let json = env.command(create).env("KUSTOM_OUTPUT", "json");
    let full = json.through("ulimit -f 0; trap '' XFSZ; exec \"$0\" \"$@\"").run();
    assert_eq!(full.last_error()["exit_code"], 6);
    server.assert_untouched();
}

#[test]
fn many_processes_at_once_lose_nothing() {
    let mut shop = Shop::open();
    let tills: Vec<String> =
        (0..20).map(|number| device(&shop.emulator, &format!("Till {number}"))).collect();
    let sale = shop.sale(false);
    let running: Vec<RunningCommand> = tills
        .iter()
        .map(|till| {
            let mut sale = sale.clone();
            sale.device.clone_from(till);
            shop.command(&sale).spawn()
        })
        .collect();
    let ids: BTreeSet<String> = running
        .into_iter()
        .map(|running| running.wait().json()["session_id"].as_str().expect("an id").to_owned())
        .collect();
    assert_eq!((ids.len(), &ids), (20, &shop.charged(&sale)));
    let stored: BTreeSet<String> =
        shop.attempts().iter().filter_map(|attempt| attempt.session_id().map(str::to_owned)).collect();
    assert_eq!(stored, ids);
}

#[derive(Default)]
struct Gate(Mutex<usize>, Condvar);

impl Gate {
    fn pass(&self, enough: usize) {
        let mut here = self.0.lock().expect("a gate");
        *here += 1;
        self.1.notify_all();
        while *here < enough {
            let left;
            (here, left) = self.1.wait_timeout(here, crate::common::harness::TIMEOUT).expect("a gate");
            assert!(!left.timed_out(), "they do not come at the same time");
        }
    }
}

#[test]
fn a_refresh_asks_for_the_open_ones_only_and_all_at_once() {
    let mut events = one_of_each();
    for number in 11..=13 {
        events.extend(attempt(number, 1, 100, Some(created(number))));
    }
    let gate = Gate::default();
    let server = Server::new(move |asked| {
        gate.pass(4);
        let session = asked.target.rsplit('/').next().expect("an id").to_owned();
        match session {
            gone if gone == id(111).to_string() => Reply::problem(404, "gone"),
            wrong if wrong == id(112).to_string() => Reply::problem(400, "no"),
            paid => Reply::json(200, &json!({"session_id": paid, "status": "FINALIZED", "order_id": "o-1"})),
        }
    });
    let env = env(&server.url(), &text(&events));
    let refreshed: CommandOutput = env.run(["sessions", "list", "--refresh", "-o", "json"]).assert_code(5);
    let mut asked = server.lines();
    asked.sort_unstable();
    let open = [103, 111, 112, 113].map(|number| format!("GET /ipp/v1/sessions/{}", id(number)));
    assert_eq!(asked, open);
    let error = refreshed.last_error();
    let message = error["message"].as_str().expect("a message");
    assert!(
        message.starts_with(&format!("not all sessions could be refreshed: session {}: ", id(112))),
        "{message}"
    );
    assert!(refreshed.stderr.contains(&format!("session {}: ", id(111))), "one that is gone is named");
    let rows = refreshed.document();
    let status = |number: u128| {
        let rows = rows.as_array().expect("a list").iter();
        rows.filter(|row| row["attempt"] == id(number).to_string()).map(|row| row["status"].clone()).next()
    };
    assert_eq!(status(3), Some("FINALIZED".into()));
    assert_eq!(status(13), Some("FINALIZED".into()));
    assert_eq!(status(12), Some("CREATED".into()));
    assert_eq!(env.run(["sessions", "list", "-o", "json"]).json(), rows);
}
