//! The end of the day: totals, payouts and the reconciliation.

use serde_json::{Value, json};

use crate::common::emulator_process::EmulatorProcess;
use crate::common::harness::TestEnv;

fn sell(env: &TestEnv, amount: &str, currency: &str, reference: &str, pays: bool) -> String {
    let args = ["sessions", "create", "--device", "Till 1", "--amount", amount, "--currency", currency];
    let created = env.run(args.iter().chain(&["--reference", reference, "-o", "json"])).json();
    let session = created["session_id"].as_str().unwrap().to_owned();
    if pays {
        let _ = env.run(["dev", "simulate-tap", &session]).ok();
        let _ = env.run(["sessions", "watch", &session, "-q"]).assert_code(0);
    }
    session
}

fn store() -> TestEnv {
    let env = TestEnv::new().local().env("TZ", "UTC");
    let _ = env.run(["dev", "create-device", "--name", "Till 1", "--location", "Stockholm City"]).ok();
    env
}

fn report(env: &TestEnv, args: &[&str]) -> Value {
    env.run(["report", "-o", "json"].iter().chain(args)).json()
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
    let _ = env.run(["orders", "refund", "a", "--amount", "30.00"]).ok();
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
        let _ = env.run(["report"].iter().chain(args)).assert_failure(2);
    }
}

#[test]
fn payouts_are_listed_shown_and_taken_apart() {
    let env = store();
    let _ = sell(&env, "100.00", "SEK", "a", true);
    let _ = env.run(["orders", "refund", "a", "--amount", "30.00"]).ok();
    assert_eq!(env.run(["payouts", "list", "-o", "json"]).json(), json!([]));
    let _ = env.run(["dev", "emulator", "clock", "advance", "96h"]).ok();
    let payouts = env.run(["payouts", "list", "-o", "json"]).json();
    let reference = payouts[0]["payment_reference"].as_str().unwrap();
    let payout = env.run(["payouts", "get", reference, "-o", "json"]).json();
    assert_eq!(payout["totals"]["settlement_amount"], 10_000 - 3_000 - 100);
    let entries = env.run(["payouts", "transactions", reference, "-o", "json"]).json();
    let kinds: Vec<_> = entries.as_array().unwrap().iter().map(|entry| entry["type"].clone()).collect();
    assert_eq!(kinds, ["SALE", "FEE", "RETURN"]);
    assert_eq!(env.run(["payouts", "transactions", "--order", "a", "-o", "json"]).json(), entries);
    assert_eq!(env.run(["payouts", "list", "--currency", "EUR", "-o", "json"]).json(), json!([]));
    let _ = env.run(["payouts", "get", "none"]).assert_failure(4);
}

#[test]
fn all_parts_of_a_list_are_fetched_in_either_envelope() {
    for envelope in ["object", "array"] {
        let env = TestEnv::new();
        let option = format!("settlements_envelope={envelope}");
        let args = ["--option", &option, "--option", "payout_fee=none", "--option", "payout_delay=0s"];
        let emulator = EmulatorProcess::start(&env, &args);
        let user = emulator.env();
        let _ = user.run(["dev", "create-device", "--name", "Till 1"]).ok();
        for number in 0..3 {
            let _ = sell(&user, "1", "SEK", &format!("r-{number}"), true);
        }
        let _ = user.run(["dev", "emulator", "clock", "advance", "48h"]).ok();
        let entries = user.run(["payouts", "transactions", "-o", "json"]).json();
        assert_eq!(entries.as_array().unwrap().len(), 3, "{envelope}");
        let _ = emulator.end().assert_code(0);
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
    assert_eq!(serde_json::from_str::<Value>(&right.stdout).unwrap(), json!([]));
    let _ = env.run(["report", "reconcile"]).assert_code(0);
    let _ = env.run(["orders", "refund", "a", "--amount", "30.00"]).ok();
    let outcome = pos("Kvitto;Belopp\nb;1249,00\nc;5,00\nx;7,00\na;100,00\na;-20,00\n").assert_code(14);
    let differences: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let found: Vec<_> = differences
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["kind"].as_str().unwrap(), entry["reference"].as_str().unwrap()))
        .collect();
    assert_eq!(found, [("in_pos_not_paid", "x"), ("amount_differs", "b"), ("refunded_more", "a")]);
    let outcome = pos("Kvitto;Belopp\nb;1249,50\na;100,00\na;-30,00\n").assert_code(14);
    assert!(outcome.stdout.contains("paid_not_in_pos"), "{}", outcome.stdout);
    let error = pos("Quittung;Betrag\nb;1\n").assert_code(2).stderr;
    assert!(error.contains("it has no column 'Kvitto'; its columns are Quittung, Betrag"), "{error}");
    let table = env.run(["report", "reconcile"]).assert_code(0);
    assert!(
        table.stderr.contains("Compared 3 paid sales: everything matches. 3 not paid out yet."),
        "{}",
        table.stderr
    );
}
