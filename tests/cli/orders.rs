//! After the sale: orders and refunds.

use std::sync::mpsc::channel;
use std::time::Duration;

use rusqlite::Connection;

use crate::common::prelude::*;
use crate::common::redaction::fixed_id as id;

/// Sells two T-shirts and a bag for 249.50 SEK, and returns the IDs of the session and the order.
fn sell(env: &TestEnv, reference: &str) -> (String, String) {
    let devices = env.run(["devices", "list", "-o", "json"]).json();
    if devices.as_array().unwrap().is_empty() {
        env.run(["dev", "create-device", "--name", "Till 1"]).ok();
    }
    let shirts = "T-Shirt,price=100.00,qty=2,tax=25%,ref=SKU-001";
    let args = ["sessions", "create", "--device", "Till 1", "--currency", "SEK", "--item", shirts];
    let more = ["--item", "Bag,price=49.50,tax=25%,ref=SKU-002", "--reference", reference, "-o", "json"];
    let session = env.run(args.iter().chain(&more)).json()["session_id"].as_str().unwrap().to_owned();
    let paid = env.run(["dev", "simulate-tap", &session, "-o", "json"]).json();
    (session, paid["order_id"].as_str().unwrap().to_owned())
}

fn refund(env: &TestEnv, args: &[&str]) -> Value {
    env.run(["orders", "refund"].iter().chain(args).chain(&["-o", "json"])).json()
}

fn get(env: &TestEnv, order: &str) -> Value {
    env.run(["orders", "get", order, "-o", "json"]).json()
}

#[test]
fn an_order_is_found_by_its_id_its_session_its_reference_and_a_prefix() {
    let env = TestEnv::new().local();
    let (session, order) = sell(&env, "receipt-1");
    for query in
        [&order, &session, &order[..8], &session[..8], "receipt-1", " receipt-1 ", &order.to_uppercase()]
    {
        assert_eq!(get(&env, query)["order_id"], order.as_str(), "{query}");
    }
    // Another machine, whose ledger does not know the sale.
    let other = TestEnv::new().local();
    std::fs::create_dir_all(other.state_folder()).unwrap();
    std::fs::copy(env.state_folder().join("local.json"), other.state_folder().join("local.json")).unwrap();
    for query in [&order, &session] {
        assert_eq!(get(&other, query)["order_id"], order.as_str(), "{query}");
    }
    let _ = sell(&env, "receipt-1x");
    let (first, _) = sell(&env, "receipt-2");
    for (query, code) in [("receipt", 4), ("nothing", 4), ("00000000-0000-4000-8000-000000000000", 4)] {
        env.run(["orders", "get", query]).assert_failure(code);
    }
    env.run(["orders", "get"]).assert_failure_with(2, "error: no order is given\n");
    let args = ["sessions", "create", "--device", "Till 1", "--amount", "5", "--currency", "SEK"];
    let open = env.run(args.iter().chain(&["--reference", "open", "-o", "json"])).json();
    let error = env.run(["orders", "get", "open"]).assert_code(4).stderr;
    let session = open["session_id"].as_str().unwrap();
    assert_eq!(error, format!("error: session {session} is CREATED, so it has no order\n"));
    assert_ne!(first, session);
}

#[test]
fn an_order_shows_what_was_refunded_and_no_personal_data() {
    let env = TestEnv::new().local();
    let (_, order) = sell(&env, "receipt-1");
    let refunded = refund(&env, &["receipt-1", "--item", "SKU-001,qty=1", "--reference", "return-1"]);
    assert_eq!(refunded["refunded_amount"], 10_000);
    assert_eq!(refunded["refundable_amount"], 14_950);
    assert_eq!(refunded["order_lines"][0]["total_tax_amount"], 2_000);
    let rows = env.run(["sessions", "list", "-o", "json"]).json();
    assert_eq!(rows[0]["refunded_amount"], 10_000);
    assert_eq!(env.run(["sessions", "list", "--limit", "1", "-o", "json"]).json(), rows);
    let list = env.run(["sessions", "list"]).ok();
    assert!(list.contains("REFUNDED") && list.contains("100.00 SEK"), "{list}");
    let _ = env
        .run(["sessions", "get", rows[0]["session_id"].as_str().unwrap()])
        .assert_code(0)
        .assert_stderr("Refunded with kustom: 100.00 SEK.");
    let shown = get(&env, &order);
    assert_eq!((&shown["refunded_amount"], &shown["captured_amount"]), (&json!(10_000), &json!(24_950)));
    assert_eq!(shown["refunds"][0]["refund_id"], refunded["refund_id"]);
    let table = env.run(["orders", "get", &order]).ok();
    for part in
        ["REFUNDED 100.00 SEK", "REFUNDABLE 149.50 SEK", "2 × T-Shirt 200.00 SEK (SKU-001), 1 refunded"]
    {
        assert!(table.split_whitespace().collect::<Vec<_>>().join(" ").contains(part), "{table}");
    }
    // The emulator's orders have a made-up customer.
    let personal = ["Exempel", "ada.exempel", "Provgatan", "700101", "billing_address", "customer\""];
    for args in
        [&["-o", "json"][..], &["-o", "ndjson"], &["-o", "csv"], &[], &["-vv"], &["-vv", "-o", "json"]]
    {
        let outcome = env.run(["orders", "get", &order].iter().chain(args));
        let all = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(personal.iter().all(|part| !all.contains(part)), "{args:?}: {all}");
    }
    for path in ["/ordermanagement/v1/orders", "ordermanagement/v1/orders", "/order%6danagement/v1/orders"] {
        let path = format!("{path}/{order}");
        let outcome = env.run(["api", "GET", &path, "-vv"]);
        let all = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(personal.iter().all(|part| !all.contains(part)), "{path}: {all}");
    }
    let path = format!("/ordermanagement/v1/orders/{order}");
    assert_eq!(env.run(["api", "GET", &path]).json()["order_amount"], 24_950);
    let shown = env.run(["api", "GET", &path, "--show-personal-data"]).json();
    assert_eq!(shown["billing_address"]["family_name"], "Exempel");
    let outcome = env.run(["orders", "refund", &order, "--amount", "1", "-vv"]);
    let all = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(personal.iter().all(|part| !all.contains(part)), "{all}");
    let _ = env.run(["dev", "emulator", "clock", "advance", "72h"]);
    let commands = "payouts list|payouts transactions --order receipt-1|report|report reconcile|sessions list|\
                    sessions get receipt-1|sessions watch receipt-1|orders capture receipt-1|ledger export|\
                    ledger status|webhooks list --check|doctor";
    for command in commands.split('|') {
        for more in [&["-vv"][..], &["-vv", "-o", "json"]] {
            let outcome = env.run(command.split(' ').chain(more.iter().copied()));
            assert_ne!(outcome.code, Some(2), "{command}: {}", outcome.stderr);
            let all = format!("{}{}", outcome.stdout, outcome.stderr);
            assert!(personal.iter().all(|part| !all.contains(part)), "{command}: {all}");
        }
    }
    for entry in std::fs::read_dir(env.state_folder()).unwrap() {
        let path = entry.unwrap().path();
        // The state of the emulator itself has no customers either: they are made up for each response.
        let bytes = if path.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(personal[..4].iter().all(|part| !text.contains(part)), "{}", path.display());
    }
    let shown = env.run(["orders", "get", &order, "--show-personal-data", "-o", "json"]).json();
    assert_eq!(shown["billing_address"]["family_name"], "Exempel");
}

#[test]
fn the_same_refund_is_made_once_unless_again() {
    let env = TestEnv::new().local();
    let (_, order) = sell(&env, "receipt-1");
    let first = refund(&env, &["receipt-1", "--amount", "50.00", "--reference", "r-1"]);
    for args in [
        &["receipt-1", "--amount", "50", "--reference", "r-1"][..],
        &[&order, "--amount", "50.00", "--reference", " r-1"],
    ] {
        let outcome = env.run(["orders", "refund"].iter().chain(args).chain(&["-o", "json"])).assert_code(9);
        let error = outcome.error();
        assert_eq!(error["refund_id"], first["refund_id"]);
        assert_eq!(error["kind"], "duplicate");
    }
    assert_eq!(get(&env, &order)["refunded_amount"], 5_000);
    let _ = refund(&env, &["receipt-1", "--amount", "50.00", "--reference", "r-1", "--again"]);
    let _ = refund(&env, &["receipt-1", "--item", "Bag"]);
    env.run(["orders", "refund", "receipt-1", "--item", "SKU-002"]).assert_failure(9);
    let _ = refund(&env, &["receipt-1", "--all"]);
    env.run(["orders", "refund", "receipt-1", "--all"])
        .assert_failure_with(9, "error: this refund was made ");
    let shown = get(&env, &order);
    assert_eq!((&shown["refunded_amount"], &shown["status"]), (&json!(24_950), &json!("CLOSED")));
    env.run(["orders", "refund", "receipt-1", "--amount", "1"])
        .assert_failure_with(5, "nothing can be refunded: the order is CLOSED");
}

#[test]
fn a_refund_is_checked_before_it_is_sent() {
    let env = TestEnv::new().local();
    let (_, order) = sell(&env, "receipt-1");
    for (args, code, part) in [
        (&["--amount", "249.51"][..], 5, "249.51 SEK is more than 249.50 SEK"),
        (&["--amount", "0"], 2, "must be more than zero"),
        (&["--amount", "-5"], 2, "must be more than zero"),
        (&["--amount", "1,50"], 2, "--amount: '1,50' contains a comma"),
        (&["--item", "SKU-001,qty=3"], 5, "3 of 'T-Shirt' cannot be refunded: 2 were sold and 0 refunded"),
        (&["--item", "Hat"], 2, "the order has no line 'Hat'\n  1  2 × T-Shirt 200.00 SEK (SKU-001)\n"),
        (&["--item", "SKU-001", "--item", "T-Shirt"], 2, "line 'T-Shirt' is named twice"),
        (&["--yes"], 2, "--yes needs --amount, --item or --all"),
        (&[], 8, "it is not clear what to refund"),
        (&["--amount", "1", "--all"], 2, "cannot be used with"),
    ] {
        env.run(["orders", "refund", &order].iter().chain(args)).assert_failure_with(code, part);
    }
    assert_eq!(get(&env, &order)["refunded_amount"], 0);
    for verb in ["capture", "cancel", "release"] {
        env.run(["orders", verb, &order])
            .assert_failure_with(5, "because Kustom captures in-person orders when the customer pays");
    }
}

const CHANGES: [(&str, &str); 4] = [
    ("refund", "POST /ordermanagement/v1/orders/{id}/refunds"),
    ("capture", "POST /ordermanagement/v1/orders/{id}/captures"),
    ("cancel", "POST /ordermanagement/v1/orders/{id}/cancel"),
    ("release", "POST /ordermanagement/v1/orders/{id}/release-remaining-authorization"),
];

/// An order of 249.50 SEK. Only a refund is of a payment that was captured.
fn order_for(verb: &str, faults: &[String]) -> (EmulatorProcess, TestEnv, String) {
    let mut options: Vec<&str> = faults.iter().flat_map(|fault| ["--fault", fault]).collect();
    if verb != "refund" {
        options.extend(["--option", "order_capture=manual"]);
    }
    let emulator = EmulatorProcess::start(&TestEnv::new(), &options);
    let user = emulator.env();
    let (_, order) = sell(&user, "receipt-1");
    (emulator, user, order)
}

/// The arguments that change an order, and what the order is after one change.
fn change<'a>(verb: &'a str, order: &'a str) -> (Vec<&'a str>, fn(&Value) -> bool) {
    fn is_one(amount: &Value, list: &Value) -> bool {
        *amount == 5_000 && list.as_array().unwrap().len() == 1
    }
    let mut args = vec!["orders", verb, order, "-o", "json"];
    if matches!(verb, "refund" | "capture") {
        args.extend(["--amount", "50.00"]);
    }
    match verb {
        "refund" => (args, |order| is_one(&order["refunded_amount"], &order["refunds"])),
        "capture" => (args, |order| is_one(&order["captured_amount"], &order["captures"])),
        "cancel" => (args, |order| order["status"] == "CANCELLED"),
        _ => (args, |order| order["remaining_authorized_amount"] == 0),
    }
}

/// The order changes in the ledger.
fn changes(env: &TestEnv) -> Vec<Value> {
    let lines = env.run(["ledger", "export"]).assert_code(0).ndjson().into_iter();
    lines.filter_map(|line| line.get("order_change").cloned()).collect()
}

#[test]
fn a_line_with_an_unknown_refund_is_not_refunded_by_another_one() {
    let (_emulator, user, order) = order_for("refund", &[]);
    user.run(["dev", "emulator", "fault", "add", &format!("{}: drop", CHANGES[0].1)]).ok();
    let both = ["orders", "refund", "receipt-1", "--item", "SKU-001,qty=2", "--reference", "a"];
    let one = ["orders", "refund", "receipt-1", "--item", "SKU-001,qty=1", "--reference", "b"];
    user.run(both).assert_failure(7);
    user.run(["dev", "emulator", "fault", "clear"]).ok();
    user.run(one).assert_failure_with(9, "a refund of the same line that was started");
    assert_eq!(get(&user, &order)["refunded_amount"], 0);
    // Another line is not concerned.
    user.run(["orders", "refund", "receipt-1", "--item", "SKU-002"]).ok();
    user.run(both).ok();
    user.run(one).assert_failure_with(5, "nothing can be refunded");
    assert_eq!(get(&user, &order)["refunded_amount"], 24_950);
}

#[test]
fn a_lost_response_is_retried_with_the_same_key_and_is_one_change() {
    for (verb, request) in CHANGES {
        let faults = ["drop-after-response-headers once", "503 once", "429 retry-after=0 once"];
        let (emulator, user, order) = order_for(verb, &faults.map(|fault| format!("{request}: {fault}")));
        let (args, is_made) = change(verb, &order);
        let made = user.run(&args).json();
        let shown = get(&user, &order);
        assert!(is_made(&shown), "{verb}: {shown}");
        let is_shown = shown["refunds"][0]["refund_id"] == made["refund_id"];
        assert!(if verb == "refund" { is_shown } else { is_made(&made) }, "{verb}: {made}");
        let error = user.run(&args).assert_code(9).error();
        assert_eq!(error["kind"], "duplicate", "{error}");
        let [stored] = &changes(&user)[..] else { panic!("{:?}", changes(&user)) };
        assert_eq!(stored["intent"]["operation"], verb);
        assert_eq!(error["attempt"], stored["id"]);
        // Another machine that takes over the ledger knows it.
        let other = emulator.env();
        let exported = user.run(["ledger", "export"]).ok();
        let _ = other.command(["ledger", "import", "-"]).stdin(exported).run().assert_code(0);
        let _ = other.run(&args).assert_code(9);
    }
}

#[test]
fn an_unknown_change_is_finished_by_the_same_command() {
    for (verb, request) in CHANGES {
        // Every request of one command is processed or not, and no response arrives. Nor does the order.
        for fault in ["drop-after-response-headers", "drop"] {
            let (_emulator, user, order) = order_for(verb, &[]);
            let (args, is_made) = change(verb, &order);
            user.run(["dev", "emulator", "fault", "add", &format!("{request}: {fault}")]).ok();
            let outcome = user.run(&args);
            let code = if fault == "drop" { 7 } else { 0 };
            assert_eq!(outcome.code, Some(code), "{verb}, {fault}: {}", outcome.stderr);
            user.run(["dev", "emulator", "fault", "clear"]).ok();
            let stored = changes(&user);
            if code == 7 {
                let error = outcome.last_error();
                assert_eq!(error["attempt"], stored[0]["id"]);
                assert!(
                    error["hints"][0].as_str().unwrap().starts_with("run the same command again"),
                    "{error}"
                );
                assert!(stored[0]["outcome"]["unknown"].is_string(), "{stored:?}");
                user.run(&args).ok();
            }
            assert!(is_made(&get(&user, &order)), "{verb}, {fault}");
            let finished = changes(&user);
            assert_eq!((finished.len(), &finished[0]["id"]), (1, &stored[0]["id"]), "{verb}, {fault}");
            assert!(finished[0]["outcome"]["processed"].is_object(), "{finished:?}");
            let _ = user.run(&args).assert_code(9);
        }
    }
}

#[test]
fn a_killed_change_has_its_key_in_the_ledger_and_is_finished_by_the_next_command() {
    for (verb, request) in &CHANGES[..2] {
        let (emulator, user, order) = order_for(verb, &[format!("{request}: delay=1h once")]);
        let (args, is_made) = change(verb, &order);
        let running = user.command(&args).spawn();
        // It was processed, and its response is delayed.
        while !is_made(&get(&user, &order)) {}
        drop(running.kill());
        let [pending] = &changes(&user)[..] else { panic!("{:?}", changes(&user)) };
        assert_eq!(pending["outcome"], "pending");
        user.run(&args).ok();
        let shown = get(&user, &order);
        assert!(is_made(&shown), "{shown}");
        let [finished] = &changes(&user)[..] else { panic!("{:?}", changes(&user)) };
        let id = &shown[format!("{verb}s")][0][format!("{verb}_id")];
        assert_eq!((&finished["id"], &finished["outcome"]["processed"]["id"]), (&pending["id"], id));
        let _ = user.run(&args).assert_code(9);
        if *verb == "capture" {
            // The rest is another capture, and so is the same amount with --again.
            let again = args.iter().copied().chain(["--again"]);
            assert_eq!(user.run(again).json()["captured_amount"], 10_000);
            let rest = user.run(["orders", "capture", &order, "-o", "json"]).json();
            assert_eq!(rest["captured_amount"], 24_950);
            user.run(["orders", "capture", &order]).assert_failure_with(9, "error: this capture was made ");
            // A refund is not taken for one of them.
            refund(&user, &[&order, "--amount", "50.00"]);
            assert_eq!(user.run(["report", "-o", "json"]).json()[0]["refunded"], 5_000);
        }
        let _ = emulator.kill();
    }
}

#[test]
fn processes_at_the_same_time_make_one_change() {
    for verb in ["refund", "capture"] {
        let (_emulator, user, order) = order_for(verb, &[]);
        let (mut args, is_made) = change(verb, &order);
        if verb == "refund" {
            args.extend(["--reference", "r-1"]);
        }
        let running: Vec<_> = (0..4).map(|_| user.command(&args).spawn()).collect();
        let codes: Vec<_> = running.into_iter().map(|running| running.wait().code.unwrap()).collect();
        assert!(codes.contains(&0) && codes.iter().all(|code| matches!(code, 0 | 9)), "{codes:?}");
        assert!(is_made(&get(&user, &order)), "{verb}");
    }
}

/// Without typing an ID: the sale, the line and the number of pieces are prompted for.
#[test]
fn a_store_operator_refunds_one_of_three_items_with_prompts_only() {
    let env = TestEnv::new().local();
    let (_, other) = sell(&env, "receipt-1");
    let (_, order) = sell(&env, "receipt-2");
    let mut screen = PtySession::open(&env, ["orders", "refund"], &[]);
    screen.choose("Sale", "receipt-2");
    screen.choose("Refund", "T-Sh");
    screen.until("How many, of 2");
    screen.type_in("1\r");
    screen.until("Continue?");
    screen.type_in("y\r");
    let shown = plain(&screen.end_with(0));
    assert!(shown.contains(&format!("Refunded 100.00 SEK of order {order}.")), "{shown}");
    assert_eq!(get(&env, &order)["refunded_amount"], 10_000);
    assert_eq!(get(&env, &other)["refunded_amount"], 0);
}

#[test]
fn a_scenario_refunds_an_order_and_expects_its_amounts() {
    let env = TestEnv::new();
    let scenario = r#"
name = "A refund"
step = [
    { do = "create-device" },
    { do = "create", amount = "249.50" },
    { do = "get-order", expect.exit = 4, expect.says = "so it has no order" },
    { do = "tap", expect.callbacks = ["session.activated", "session.finalized", "order.created", "capture.created"] },
    { do = "refund", amount = "50.00", expect.callbacks = ["refund.created"] },
    { do = "get-order", expect.response = { status = "CAPTURED", refunded_amount = 5000 }, expect.lacks = ["customer"] },
    { do = "refund", amount = "200.00", expect = { http = 403, exit = 5, response = { error_code = "REFUND_NOT_ALLOWED" } } },
    { do = "refund" },
    { do = "get-order", expect.response = { status = "CLOSED", refunded_amount = 24950 }, expect.status = "FINALIZED" },
]
"#;
    env.file("refund.toml", scenario);
    env.run(["dev", "run", "refund.toml"]).ok();
}

#[test]
fn an_interrupted_refund_stores_its_outcome_when_the_ledger_is_free_again() {
    let env = TestEnv::new();
    let database = env.state_folder().join("ledger.db");
    let (locks, locked) = channel();
    let order = json!({
        "order_id": id(1), "status": "CAPTURED", "order_amount": 1000, "captured_amount": 1000, "refunded_amount": 0,
        "purchase_currency": "SEK",
    });
    let server = Server::new(move |asked| {
        if asked.method != "POST" {
            return Reply::json(200, &order);
        }
        let ledger = Connection::open(&database).unwrap();
        ledger.execute_batch("BEGIN IMMEDIATE").unwrap();
        locks.send(ledger).unwrap();
        Reply::empty(201).header("refund-id", "R1")
    });
    let env = env.at(&server.url(), KEY);
    let running = env.command(["orders", "refund", &id(1), "--amount", "5", "--yes"]).spawn();
    let ledger = locked.recv_timeout(TIMEOUT).unwrap();
    running.interrupt();
    // Without an outcome, it would have ended by now.
    std::thread::sleep(Duration::from_millis(200));
    drop(ledger);
    let outcome = running.wait();
    assert_ne!(outcome.stderr, "error: interrupted\n");
    let exported = env.run(["ledger", "export"]).ok();
    let change: Value = serde_json::from_str(&exported).unwrap();
    assert_ne!(change["order_change"]["outcome"], "pending", "{exported}{}", outcome.stderr);

    // Before anything is sent, an interruption ends the wait for the ledger.
    let ledger = Connection::open(env.state_folder().join("ledger.db")).unwrap();
    ledger.execute_batch("BEGIN IMMEDIATE").unwrap();
    let before = server.asked().len();
    let running = env.command(["orders", "refund", &id(1), "--amount", "4", "--yes"]).spawn();
    let deadline = std::time::Instant::now() + TIMEOUT;
    while server.asked().len() == before {
        assert!(std::time::Instant::now() < deadline, "the order was not read");
        std::thread::sleep(Duration::from_millis(1));
    }
    running.interrupt();
    let _ = running.wait().assert_code(130);
    assert!(server.asked()[before..].iter().all(|asked| asked.method == "GET"));
}
