//! The end of the day: totals, payouts and the reconciliation.

use crate::common::prelude::*;

fn sell(env: &TestEnv, amount: &str, currency: &str, reference: &str, pays: bool) -> String {
    let args = ["sessions", "create", "--device", "Till 1", "--amount", amount, "--currency", currency];
    let created = env.run(args.iter().chain(&["--reference", reference, "-o", "json"])).json();
    let session = created["session_id"].as_str().unwrap().to_owned();
    if pays {
        env.run(["dev", "simulate-tap", &session]).ok();
    }
    session
}

fn store() -> TestEnv {
    let env = TestEnv::new().local().env("TZ", "UTC");
    env.run(["dev", "create-device", "--name", "Till 1", "--location", "Stockholm City"]).ok();
    env
}

fn report(env: &TestEnv, args: &[&str]) -> Value {
    env.run(["report", "-o", "json"].iter().chain(args)).json()
}

/// Pays at the phone, which no command here notices.
fn pay_elsewhere(env: &TestEnv, session: &str) {
    let path = format!("/ipp/v1/dev/sessions/{session}/simulate-tap");
    let _ = env.run(["api", "POST", &path]).assert_code(0);
}

#[test]
fn a_payment_that_any_command_notices_is_in_the_report() {
    for command in [
        "sessions get SESSION",
        "orders get SESSION",
        "orders get receipt-1",
        "orders refund receipt-1 --all --yes",
        "dev simulate-tap SESSION",
    ] {
        let env = store();
        let session = sell(&env, "100.00", "SEK", "receipt-1", false);
        if !command.starts_with("dev") {
            pay_elsewhere(&env, &session);
        }
        assert_eq!(report(&env, &[])[0]["count"], 0);
        let args = command.replace("SESSION", &session);
        let _ = env.run(args.split(' ')).assert_code(0);
        assert_eq!(report(&env, &[])[0]["count"], 1, "{command}");
    }
}

/// A sale is offered although its payment was not noticed before.
#[test]
fn a_sale_that_was_paid_meanwhile_can_be_picked() {
    let env = store();
    let session = sell(&env, "100.00", "SEK", "receipt-1", false);
    pay_elsewhere(&env, &session);
    let mut screen = PtySession::open(&env, ["orders", "get"], &[]);
    screen.answer("Sale (type to search):", "\r");
    let (exit, shown) = screen.end();
    assert!(exit == 0 && shown.contains("receipt-1"), "{shown}");
}

#[test]
fn a_day_has_its_sums_by_currency_and_group() {
    let env = store();
    assert_eq!(report(&env, &[]), json!([]));
    for (amount, currency, reference, pays) in [
        ("100.00", "SEK", "a", true),
        ("50.00", "SEK", "b", true),
        ("7", "EUR", "c", true),
        ("9", "SEK", "d", false),
    ] {
        let _ = sell(&env, amount, currency, reference, pays);
    }
    env.run(["orders", "refund", "a", "--amount", "30.00"]).ok();
    let rows = report(&env, &[]);
    assert_eq!(rows[0]["currency"], "EUR");
    let sek = &rows[1];
    let sums =
        ["count", "amount", "refund_count", "refunded", "net", "open_count", "open_amount", "unknown_count"];
    let sums: Vec<_> = sums.iter().map(|field| sek[*field].as_i64().unwrap()).collect();
    assert_eq!(sums, [2, 15_000, 1, 3_000, 12_000, 1, 900, 0]);
    for (by, group) in [("device", "Till 1"), ("location", "Stockholm City"), ("method", "CARD")] {
        let rows = report(&env, &["--by", by]);
        let row =
            rows.as_array().unwrap().iter().find(|row| row["group"] == group && row["currency"] == "SEK");
        let row = row.unwrap_or_else(|| panic!("{by}: {rows}"));
        assert_eq!((&row["amount"], &row["refunded"]), (&json!(15_000), &json!(3_000)), "{by}");
    }
    let rows = report(&env, &["--by", "hour", "--time-zone", "Europe/Stockholm"]);
    assert!(rows[0]["group"].as_str().unwrap().ends_with(":00"));
    assert_eq!(report(&env, &["--day", "2020-01-01"]), json!([]));
    let csv = env.run(["report", "-o", "csv"]).ok();
    assert!(csv.contains("\n,SEK,2,15000,0,1,3000,12000,1,900,0,0,0\n"), "{csv}");
    for args in [
        &["--day", "today"][..],
        &["--since", "2026-11-02", "--until", "2026-11-01"],
        &["--time-zone", "Mars"],
    ] {
        env.run(["report"].iter().chain(args)).assert_failure(2);
    }
}

#[test]
fn payouts_are_listed_shown_and_taken_apart() {
    let env = store();
    let _ = sell(&env, "100.00", "SEK", "a", true);
    env.run(["orders", "refund", "a", "--amount", "30.00"]).ok();
    assert_eq!(env.run(["payouts", "list", "-o", "json"]).json(), json!([]));
    env.run(["dev", "emulator", "clock", "advance", "96h"]).ok();
    let payouts = env.run(["payouts", "list", "-o", "json"]).json();
    let reference = payouts[0]["payment_reference"].as_str().unwrap();
    let payout = env.run(["payouts", "get", reference, "-o", "json"]).json();
    assert_eq!(payout["totals"]["settlement_amount"], 10_000 - 3_000 - 100);
    let entries = env.run(["payouts", "transactions", reference, "-o", "json"]).json();
    let kinds = column(&entries, "type");
    assert_eq!(kinds, ["SALE", "FEE", "RETURN"]);
    assert_eq!(env.run(["payouts", "transactions", "--order", "a", "-o", "json"]).json(), entries);
    assert_eq!(env.run(["payouts", "list", "--currency", "EUR", "-o", "json"]).json(), json!([]));
    env.run(["payouts", "get", "none"]).assert_failure(4);
}

#[test]
fn all_parts_of_a_list_are_fetched_in_either_envelope() {
    for envelope in ["object", "array"] {
        let env = TestEnv::new();
        let option = format!("settlements_envelope={envelope}");
        let args = ["--option", &option, "--option", "payout_fee=none", "--option", "payout_delay=0s"];
        let emulator = EmulatorProcess::start(&env, &args);
        let user = emulator.env();
        user.run(["dev", "create-device", "--name", "Till 1"]).ok();
        for number in 0..3 {
            let _ = sell(&user, "1", "SEK", &format!("r-{number}"), true);
        }
        user.run(["dev", "emulator", "clock", "advance", "48h"]).ok();
        let entries = user.run(["payouts", "transactions", "-o", "json"]).json();
        assert_eq!(entries.as_array().unwrap().len(), 3, "{envelope}");
    }
}

#[test]
fn a_day_is_reconciled_with_orders_and_the_point_of_sale() {
    let env = store();
    for (reference, amount) in [("a", "100.00"), ("b", "1249.50"), ("c", "5.00")] {
        let _ = sell(&env, amount, "SEK", reference, true);
    }
    let pos = |text: &str| {
        env.file("export.csv", text);
        let columns = ["--reference-column", "Kvitto", "--amount-column", "Belopp"];
        env.run(["report", "reconcile", "--pos", "export.csv", "-o", "json"].iter().chain(&columns))
    };
    let right = pos("\u{feff}Kvitto;Belopp\r\na;100,00\r\nb;1 249,50\r\nc;5,00\r\n").assert_code(0);
    assert_eq!(right.document(), json!([]));
    let _ = env.run(["report", "reconcile"]).assert_code(0);
    env.run(["orders", "refund", "a", "--amount", "30.00"]).ok();
    let outcome = pos("Kvitto;Belopp\nb;1249,00\nc;5,00\nx;7,00\na;100,00\na;-20,00\n").assert_code(14);
    let differences = outcome.document();
    let found: Vec<_> = differences
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["kind"].as_str().unwrap(), entry["reference"].as_str().unwrap()))
        .collect();
    assert_eq!(found, [("in_pos_not_paid", "x"), ("amount_differs", "b"), ("refunded_more", "a")]);
    let _ = pos("Kvitto;Belopp\nb;1249,50\na;100,00\na;-30,00\n")
        .assert_code(14)
        .assert_stdout("paid_not_in_pos");
    let error = pos("Quittung;Betrag\nb;1\n").assert_code(2).stderr;
    assert!(error.contains("it has no column 'Kvitto'; its columns are Quittung, Betrag"), "{error}");
    let _ = env
        .run(["report", "reconcile"])
        .assert_code(0)
        .assert_stderr("Compared 3 paid sales: everything matches. 3 not paid out yet.");
}

/// A day with one difference of each kind, and a sale without one. `reconcile` names all of them and nothing else.
#[test]
fn a_day_with_one_difference_of_every_kind_is_reconciled() {
    let manual = ["--option", "order_capture=manual"];
    let emulator = EmulatorProcess::start(&TestEnv::new(), &manual);
    let env = emulator.env().env("TZ", "UTC");
    let advance = |time: &str| drop(env.run(["dev", "emulator", "clock", "advance", time]).ok());
    // Payouts are by day, so the day of the test begins at noon.
    let second = jiff::Timestamp::now().as_second().rem_euclid(86_400);
    advance(&format!("{}s", 86_400 + 43_200 - second));
    env.run(["dev", "create-device", "--name", "Till 1"]).ok();
    let paid = |reference: &str| {
        let session = sell(&env, "100.00", "SEK", reference, true);
        env.run(["sessions", "get", &session, "-o", "json"]).json()["order_id"].as_str().unwrap().to_owned()
    };
    let capture = |order: &str, amount: &str| {
        env.run(["orders", "capture", order, "--amount", amount, "--reference", amount]).ok();
    };
    for reference in ["ok", "nopos", "amount", "more", "less"] {
        capture(&paid(reference), "100.00");
    }
    let twice: Vec<_> = (0..2)
        .map(|_| {
            let args =
                ["sessions", "create", "--device", "Till 1", "--amount", "100.00", "--currency", "SEK"];
            let more = ["--reference", "twice", "--allow-duplicate", "-o", "json"];
            let session = env.run(args.iter().chain(&more)).json()["session_id"].as_str().unwrap().to_owned();
            env.run(["dev", "simulate-tap", &session]).ok();
            let _ = env.run(["sessions", "watch", &session, "-q"]).assert_code(0);
            session
        })
        .collect();
    for session in &twice {
        capture(session, "100.00");
    }
    let payout_differs = paid("payout");
    capture(&payout_differs, "60.00");
    env.run(["orders", "refund", "more", "--amount", "30.00"]).ok();
    advance("96h");
    let payouts = env.run(["payouts", "list", "-o", "json"]).json();
    let payout = payouts[0]["payment_reference"].as_str().unwrap();
    // The payout has neither the rest of this order nor anything of the next one.
    capture(&payout_differs, "40.00");
    capture(&paid("late"), "100.00");
    let fault = json!({"fault": "POST /ipp/v1/sessions: drop"});
    let _ = emulator.json("POST", "/emulator/faults", &fault.to_string());
    let args = ["sessions", "create", "--device", "Till 1", "--amount", "100.00", "--currency", "SEK"];
    let _ = env.run(args.iter().chain(&["--reference", "unknown"])).assert_code(7);
    let export = "reference;amount\nok;100,00\namount;90,00\nmore;100,00\nmore;-20,00\nless;100,00\nless;-30,00\n\
                  twice;100,00\npayout;100,00\nlate;100,00\nunknown;100,00\nnotpaid;7,00\n";
    env.file("export.csv", export);
    let args = ["report", "reconcile", "--pos", "export.csv", "--payout", payout, "--since", "2020-01-01"];
    let differences = env.run(args.iter().chain(&["-o", "json"])).json_with(14);
    let found: Vec<_> = differences
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let text = |field: &str| entry[field].as_str().unwrap();
            (text("kind"), text("reference"), entry["expected"].as_i64(), entry["actual"].as_i64())
        })
        .collect();
    assert_eq!(
        found,
        [
            ("unknown_attempt", "unknown", Some(10_000), None),
            ("paid_twice", "twice", Some(0), Some(10_000)),
            ("paid_not_in_pos", "nopos", None, Some(10_000)),
            ("in_pos_not_paid", "notpaid", Some(700), None),
            ("amount_differs", "amount", Some(9_000), Some(10_000)),
            ("refunded_more", "more", Some(2_000), Some(3_000)),
            ("refunded_less", "less", Some(3_000), Some(0)),
            ("not_paid_out", "late", Some(10_000), None),
            ("payout_differs", "payout", Some(10_000), Some(6_000)),
        ]
    );
}
