//! `ledger repair`: what can be read is kept, what is lost is shown, and nothing changes without a confirmation.

use std::fs;

use kustom::emulator::MERCHANT_ID;

use super::fixture::{DUPLICATE, Shop};
use super::ledger::id;
use super::shared_ledger::{create_ledger, machine};
use crate::common::ledger::{attempts, damage};
use crate::common::postgres::{PASSWORD, Postgres};
use crate::common::prelude::*;

/// Changes an amount, as nothing but kustom should.
const CHANGE: &str = "SET record = replace(record, 'amount\":', 'amount\":9')";

#[test]
fn a_damaged_attempt_stops_its_sale_until_the_ledger_is_repaired() {
    let mut shop = Shop::open();
    let (one, two) = (shop.sale(true), shop.sale(true));
    for sale in [&one, &two] {
        let _ = shop.command(sale).run().assert_code(0);
    }
    let state = shop.env.state_folder();
    damage(&state, &format!("UPDATE attempts {CHANGE} WHERE reference_key = 'receipt-000001'"));
    let stopped = shop.command(&one).run().assert_code(6).last_error();
    assert!(
        stopped["message"].as_str().unwrap().ends_with("one attempt is not what was stored"),
        "{stopped}"
    );
    assert!(stopped["hints"][1].as_str().unwrap().starts_with("`kustom ledger repair`"), "{stopped}");
    let _ = shop.env.run(["webhooks", "list"]).assert_code(0);
    let delivery = "INSERT INTO deliveries (webhook_id, valid, received_ms, state, headers, body) \
                    VALUES ('kevt_1', 1, unixepoch() * 1000, 'acknowledged', '[]', x'')";
    damage(&state, delivery);
    let before = attempts(&state);
    let shown =
        shop.env.run(["ledger", "repair"]).assert_code(8).assert_stderr("1 attempt can be read, 0 unknown.");
    assert!(shown.stderr.contains("1 attempt would be lost. What is left of them:"), "{}", shown.stderr);
    assert!(shown.stdout.contains("receipt-000001"), "{}", shown.stdout);
    assert_eq!(attempts(&state), before, "it changed something without a confirmation");
    let lost = shop.env.run(["ledger", "repair", "--yes", "-o", "json"]).json();
    let expected = (json!("attempt"), json!("receipt-000001"), json!(before[0].session_id()));
    assert_eq!(
        (lost[0]["kind"].clone(), lost[0]["merchant_reference1"].clone(), lost[0]["session_id"].clone()),
        expected
    );
    assert_eq!(attempts(&state), before[1..]);
    let deliveries = shop.env.run(["webhooks", "list", "-o", "json"]).json();
    assert_eq!(
        (&deliveries[0]["webhook_id"], &deliveries[0]["outcome"]),
        (&json!("kevt_1"), &json!("acknowledged"))
    );
    let names = fs::read_dir(&state).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(
        names.filter(|name| name.starts_with("ledger.db.damaged-") && name.ends_with('Z')).count(),
        1,
        "the old one is kept"
    );
    let _ = shop.command(&two).run().assert_code(DUPLICATE);
    let _ = shop.command(&one).run().assert_code(0);
    assert_eq!(shop.env.run(["ledger", "repair"]).assert_code(0).stderr, "Nothing needs a repair.\n");
}

/// The lines of an export: attempts, and refunds whose outcome is known of every second one.
fn records() -> Vec<String> {
    let at = |number: u128| format!("2026-11-26T10:00:{number:02}Z");
    let attempts = (1..=30).map(|number| {
        json!({
            "id": id(number), "at": at(number), "account": {"merchant_id": MERCHANT_ID}, "origin": {},
            "intent": {"order_amount": 100, "merchant_reference1": format!("r-{number}")},
            "outcome": {"created": {"session_id": id(100 + number), "status": "FINALIZED"}}, "reported": true,
        })
    });
    let refunds = (31..=40).map(|number| {
        json!({"order_change": {
            "id": id(number), "at": at(number), "account": {"merchant_id": MERCHANT_ID}, "origin": {},
            "intent": {"order_id": id(200 + number), "operation": "refund", "amount": 100, "currency": "SEK"},
            "outcome": if number % 2 == 0 { json!("pending") } else { json!({"processed": {"id": "R"}}) },
        }})
    });
    attempts.chain(refunds).map(|record| record.to_string() + "\n").collect()
}

fn env() -> TestEnv {
    TestEnv::new().at_emulator("http://127.0.0.1:1")
}

#[test]
fn what_is_left_of_a_damaged_file_is_kept_and_the_rest_is_reported() {
    let source = env();
    let records = records();
    let imported = source.command(["ledger", "import", "-"]).stdin(records.concat()).run().assert_code(0);
    assert_eq!(imported.stderr, "Imported 30 attempts and 10 order changes.\n");
    assert_eq!(source.run(["ledger", "export"]).ok(), records.concat());
    let bytes = fs::read(source.state_folder().join("ledger.db")).unwrap();
    let mut kept_all = 0;
    for page in 0..bytes.len() / 4096 {
        let mut damaged = bytes.clone();
        damaged[page * 4096..][..600].fill(0xa5);
        let env = env();
        env.file("state/ledger.db", damaged);
        let repaired = env.run(["ledger", "repair", "--yes"]).assert_code(0);
        let exported = env.run(["ledger", "export"]).ok();
        let label = format!("page {page}: {exported}{}", repaired.stderr);
        assert!(
            exported.split_inclusive('\n').all(|line| records.iter().any(|known| known == line)),
            "{label}"
        );
        let is_complete = exported.lines().count() == records.len();
        kept_all += usize::from(is_complete);
        let is_reported =
            repaired.stderr.contains("would be lost") || repaired.stderr.contains("others are lost");
        assert!(is_complete || is_reported, "{label}");
        assert_eq!(
            env.run(["ledger", "repair"]).assert_code(0).stderr,
            "Nothing needs a repair.\n",
            "{label}"
        );
    }
    // The header and the indexes can be made anew.
    assert!(kept_all > 10, "{kept_all} pages of {}", bytes.len() / 4096);
}

#[test]
fn a_damaged_refund_is_reported_by_an_export_and_removed_by_a_repair() {
    let env = env();
    let _ = env.command(["ledger", "import", "-"]).stdin(records().concat()).run().assert_code(0);
    damage(&env.state_folder(), &format!("UPDATE order_changes {CHANGE} WHERE id = '{}'", id(31)));
    let exported =
        env.run(["ledger", "export"]).assert_code(6).assert_stderr("1 damaged record could not be exported");
    assert_eq!(exported.stdout.lines().count(), 39);
    let _ =
        env.run(["doctor", "--offline"]).assert_code(6).assert_stdout("30 attempts, 0 unknown, 1 damaged");
    let lost = env.run(["ledger", "repair", "--yes", "-o", "json"]).json();
    assert_eq!((&lost[0]["kind"], &lost[0]["order_id"]), (&json!("order change"), &json!(id(231))));
    assert_eq!(env.run(["ledger", "export"]).ok(), exported.stdout);
}

#[test]
fn damaged_rows_of_a_shared_ledger_are_moved_by_its_owner() {
    let Some(server) = Postgres::shared() else { return };
    let database = create_ledger(server, "damaged_rows");
    database.sql(&format!("CREATE ROLE till LOGIN PASSWORD '{PASSWORD}'"));
    let mut shop = Shop::open();
    let (one, two) = (shop.sale(true), shop.sale(true));
    let owner = machine(&shop, &database.url(), "1");
    let _ = owner.run(["ledger", "init", "--role", "till"]).assert_code(0);
    let till = machine(&shop, &database.url().replace("postgres@", "till@"), "2");
    for sale in [&one, &two] {
        let _ = till.run(sale.args()).assert_code(0);
    }
    let refund = records().pop().unwrap();
    let _ = till.command(["ledger", "import", "-"]).stdin(refund).run().assert_code(0);
    assert_eq!(till.run(["ledger", "export"]).ok().lines().count(), 3);
    database.sql(&format!("UPDATE kustom.attempts {CHANGE} WHERE reference_key = 'receipt-000001'"));
    database.sql(&format!("UPDATE kustom.order_changes {CHANGE}"));
    let _ = till.run(one.args()).assert_code(6).assert_stderr("one attempt is not what was stored");
    let _ = owner
        .run(["ledger", "repair"])
        .assert_code(8)
        .assert_stderr("1 attempt and 1 order change would be lost");
    let _ = till.run(["ledger", "repair", "--yes"]).assert_code(6).assert_stderr("permission denied");
    let rows = owner.run(["ledger", "repair", "--yes", "-o", "json"]).json_with(0);
    let found: Vec<_> =
        rows.as_array().unwrap().iter().map(|row| (&row["kind"], &row["merchant_reference1"])).collect();
    assert_eq!(
        found,
        [(&json!("attempt"), &json!("receipt-000001")), (&json!("order change"), &Value::Null)]
    );
    let kept = "SELECT (SELECT count(*) FROM kustom.damaged_attempts), (SELECT count(*) FROM kustom.damaged_order_changes)";
    assert_eq!(database.sql(kept), "1|1");
    let _ = till.run(two.args()).assert_code(DUPLICATE);
    let _ = till.run(one.args()).assert_code(0);
    assert_eq!(owner.run(["ledger", "repair"]).assert_code(0).stderr, "Nothing needs a repair.\n");
}
