//! `sessions list` filters in the ledger, and `sessions get`, `watch` and `cancel` find sessions there.

use kustom::emulator::state::STOCKHOLM;

use super::fixture::{Sale, Shop, device};
use crate::common::ledger::{change_attempt, replace_session};
use crate::common::prelude::*;

fn create(command: TestCommand<'_>) -> String {
    let session = command.run().json();
    session["session_id"].as_str().expect("an ID").to_owned()
}

fn list(shop: &Shop, filter: &[&str]) -> Vec<String> {
    let words = ["sessions", "list", "-o", "json"].iter().chain(filter);
    let rows = shop.env.run(words).json();
    let rows = rows.as_array().expect("a list");
    rows.iter().map(|row| row["merchant_reference1"].as_str().unwrap_or("-").to_owned()).collect()
}

fn get(shop: &Shop, query: &str) -> CommandOutput {
    shop.env.run(["sessions", "get", query, "-o", "json"])
}

/// Four sales: r-1 on Till 1 three days ago by till 7, r-2 on Till 2, r-3 paid, r-4 at a location.
fn shop_with_sales() -> Shop {
    let mut shop = Shop::open();
    let till_2 = device(&shop.emulator, "Till 2");
    let sale =
        |shop: &mut Shop, number: usize| Sale { reference: Some(format!("r-{number}")), ..shop.sale(false) };
    let first = sale(&mut shop, 1);
    let words = first.args();
    create(shop.env.command(words).env("KUSTOM_TILL", "7"));
    let attempt = shop.attempts()[0].clone();
    change_attempt(&shop.env.state_folder(), &attempt.id.to_string(), |attempt| {
        attempt.at -= jiff::SignedDuration::from_hours(72);
    });
    let second = Sale { device: till_2, ..sale(&mut shop, 2) };
    create(shop.command(&second));
    let third = sale(&mut shop, 3);
    let id = create(shop.command(&third)).parse().expect("a UUID");
    shop.pay(id);
    let fourth = sale(&mut shop, 4);
    let location = STOCKHOLM.to_string();
    create(shop.env.command(fourth.args()).args(["--location", &location]));
    shop
}

#[test]
fn each_filter_selects_and_the_newest_is_first() {
    let shop = shop_with_sales();
    let location = STOCKHOLM.to_string();
    let today = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC).date();
    let (today, old) = (today.to_string(), (today - jiff::Span::new().days(2)).to_string());
    let cases: [(&[&str], &[&str]); 18] = [
        (&[], &["r-4", "r-3", "r-2", "r-1"]),
        (&["--limit", "2"], &["r-4", "r-3"]),
        (&["--since", "2h"], &["r-4", "r-3", "r-2"]),
        (&["--since", &today], &["r-4", "r-3", "r-2"]),
        (&["--until", &today], &["r-4", "r-3", "r-2", "r-1"]),
        (&["--until", &old], &["r-1"]),
        (&["--until", "2d"], &["r-1"]),
        (&["--since", "2020-01-01T00:00:00Z", "--until", "2d"], &["r-1"]),
        (&["--since", "4d", "--until", "2d", "--till", "7"], &["r-1"]),
        (&["--till", "8"], &[]),
        (&["--device", "Till 2"], &["r-2"]),
        (&["--device", "till 1", "--limit", "1"], &["r-4"]),
        (&["--location", &location], &["r-4"]),
        (&["--reference", " r-2 "], &["r-2"]),
        (&["--unknown"], &[]),
        // The status is the last known one: the fourth create requested that of the third session.
        (&["--status", "created"], &["r-4", "r-2", "r-1"]),
        (&["--status", "finalized", "--refresh"], &["r-3"]),
        (&["--status", "FINALIZED", "--device", &shop.device[..8]], &["r-3"]),
    ];
    for (filter, expected) in cases {
        assert_eq!(list(&shop, filter), expected, "{filter:?}");
    }
}

#[test]
fn a_name_takes_one_request_and_an_id_none() {
    let shop = shop_with_sales();
    shop.wire.down(true);
    assert_eq!(list(&shop, &["--device", &shop.device, "--limit", "1"]), ["r-4"]);
    let _ = shop.env.run(["sessions", "list", "--device", "Till 1", "--timeout", "1s"]).assert_code(6);
}

#[test]
fn a_filter_that_cannot_match_is_an_error() {
    let shop = shop_with_sales();
    for (filter, code) in [
        (&["--since", "yesterday"][..], 2),
        (&["--since", "2026-02-30"], 2),
        (&["--since", "2026-13-01"], 2),
        (&["--since", "1h", "--until", "2h"], 2),
        (&["--since", "9999999999999h"], 2),
        (&["--device", "Till 9"], 4),
        (&["--location", "Nowhere"], 4),
        (&["--reference", " "], 2),
        (&["--limit", "0"], 2),
    ] {
        let failed = shop.env.run(["sessions", "list"].iter().chain(filter)).assert_code(code);
        assert!(
            failed.stdout.is_empty() && failed.stderr.starts_with("error: "),
            "{filter:?}: {}",
            failed.stderr
        );
    }
}

#[test]
fn a_refresh_updates_only_open_sessions_and_survives_one_that_is_gone() {
    let shop = shop_with_sales();
    let gone = uuid::Uuid::from_u128(7).to_string();
    let first = shop.attempts()[0].session_id().expect("a session").to_owned();
    replace_session(&shop.env.state_folder(), &first, &gone);
    let words = ["sessions", "list", "-o", "json", "--refresh"];
    let listed = shop.env.run(words).assert_code(0).assert_stderr(&gone);
    let statuses = column(&listed.document(), "status");
    assert_eq!(statuses, ["CREATED", "FINALIZED", "CREATED", "CREATED"]);
    let third = shop.attempts()[2].session_id().expect("a session").to_owned();
    let reads = shop.wire.reads_of(&third);
    let _ = shop.env.run(words).assert_code(0);
    assert_eq!(shop.wire.reads_of(&third), reads, "a paid session was requested again");
}

#[test]
fn a_session_is_found_by_reference_and_by_the_beginning_of_its_id() {
    let shop = shop_with_sales();
    let id = shop.attempts()[1].session_id().expect("a session").to_owned();
    for query in ["r-2", " r-2 ", &id[..8], &id.to_uppercase()[..8], &id] {
        let found = get(&shop, query).json();
        assert_eq!(found["session_id"], id.as_str(), "{query}");
    }
    for query in ["r-9", "zzzz", "r"] {
        let _ = get(&shop, query).assert_code(4).assert_stderr("no session with the ID or reference");
    }
    let short = "is too short: an ID prefix has at least 4 characters";
    let _ = get(&shop, &id[..2]).assert_code(2).assert_stderr(short);
    let cancelled = shop.env.run(["sessions", "cancel", "r-2", "r-4", "-o", "json"]).json();
    assert_eq!(cancelled.as_array().expect("a list").len(), 2);
    let _ = shop.env.run(["sessions", "watch", "r-2", "--interval", "20ms"]).assert_code(10);
    let _ = shop.env.run(["sessions", "watch", "r-3", &id[..8], "--interval", "20ms"]).assert_code(10);
    // One that is not found changes nothing.
    let _ = shop.env.run(["sessions", "cancel", "r-1", "r-9"]).assert_code(4);
    assert_eq!(get(&shop, "r-1").json()["status"], "CREATED");
}

#[test]
fn of_the_sessions_of_a_reference_the_one_that_is_open_or_paid_is_meant_or_else_the_newest() {
    let mut shop = Shop::open();
    let sale = shop.sale(true);
    let reference = sale.reference.clone().expect("a reference");
    for _ in 0..2 {
        let unpaid = create(shop.command(&sale));
        let _ = shop.env.run(["sessions", "cancel", &reference]).assert_code(0);
        assert_eq!(get(&shop, &reference).json()["session_id"], unpaid.as_str());
    }
    let second = create(shop.command(&sale));
    assert_eq!(get(&shop, &reference).json()["session_id"], second.as_str());
    let third = create(shop.env.command(sale.args()).args(["--allow-duplicate"]));
    let error = get(&shop, &reference).assert_code(2).last_error();
    let mut expected = [second, third];
    expected.sort();
    let candidates = error["candidates"].as_array().expect("candidates");
    let mut ids: Vec<_> =
        candidates.iter().map(|candidate| candidate["id"].as_str().expect("an ID")).collect();
    ids.sort_unstable();
    assert_eq!(ids, expected);
}
