//! `--if-exists return` makes a create idempotent, and a result that was never printed is not forgotten.

use kustom::emulator::state::AfterDecline;
use kustom::model::TapOutcome;

use super::fixture::{DUPLICATE, Sale, Shop, attempt_of, session_id};
use crate::common::prelude::*;

const RETURN: [&str; 2] = ["--if-exists", "return"];
const WATCH: [&str; 3] = ["--watch", "--interval", "20ms"];

#[test]
fn return_prints_the_session_that_exists_with_its_present_status() {
    let mut shop = Shop::open();
    let sale = shop.sale(true);
    let id = session_id(&shop.create(&sale, &RETURN).assert_code(0));
    let open = shop.create(&sale, &RETURN).assert_code(0);
    assert_eq!(session_id(&open), id);
    assert!(open.stdout.contains("\"CREATED\""), "{}", open.stdout);
    shop.pay(id);
    // The second time, the ledger knows the status.
    for _ in 0..2 {
        let paid = shop.create(&sale, &RETURN).assert_code(0);
        assert_eq!(session_id(&paid), id);
        assert!(paid.stdout.contains("\"FINALIZED\"") && paid.stdout.contains("order_id"), "{}", paid.stdout);
    }
    assert_eq!(shop.wire.posts().len(), 1);
    let table = shop.env.command(sale.words("table")).args(RETURN).run().assert_code(0);
    let said = "This sale already has session <id-1>; no other one was created.\nPaid. Order <id-2>.\n";
    assert_eq!(table.err(), said);
    let _ = shop.create(&sale, &[]).assert_code(DUPLICATE);
    let _ = shop.create(&sale, &["--if-exists", "fail"]).assert_code(DUPLICATE);
    shop.close();
}

/// A script repeats one line until the sale is settled.
#[test]
fn return_with_watch_exits_by_the_outcome_of_the_session_that_exists() {
    let mut shop = Shop::open();
    shop.emulator.with_state(|state, _| state.options.status_after_decline = AfterDecline::Failed);
    let line = [&RETURN[..], &WATCH].concat();
    for (end, code) in [("pay", 0), ("cancel", 10), ("decline", 12)] {
        let sale = shop.sale(true);
        let stopped = shop.create(&sale, &[&line[..], &["--timeout", "60ms"]].concat()).assert_code(13);
        let id = session_id(&stopped);
        let again = shop.env.command(sale.words("table")).args(&line).spawn();
        again.until_stdout(|shown| shown.contains("CREATED"));
        let ended = shop.emulator.with_state(|state, moment| match end {
            "pay" => state.pay(id, None, moment).map(drop),
            "cancel" => state.cancel_session(id, moment).map(drop),
            _ => state.decline(id, TapOutcome::InsufficientFunds, moment).map(drop),
        });
        ended.expect("an outcome");
        let _ = again.wait().assert_code(code);
        assert_eq!(shop.charged(&sale).into_iter().collect::<Vec<_>>(), [id.to_string()]);
    }
    shop.close();
}

#[test]
fn return_creates_a_session_if_the_earlier_one_ended_unpaid() {
    let mut shop = Shop::open();
    let sale = shop.sale(true);
    let first = session_id(&shop.create(&sale, &RETURN).assert_code(0));
    shop.cancel(first);
    assert_ne!(session_id(&shop.create(&sale, &RETURN).assert_code(0)), first);
    assert_eq!(shop.charged(&sale).len(), 2);
}

#[test]
fn what_may_have_been_created_stays_exit_9_with_return_too() {
    let mut shop = Shop::open();
    let sale = shop.sale(true);
    let attempt = shop.lose(&sale, &RETURN);
    for more in [&RETURN[..], &["--if-exists", "fail"], &[&RETURN[..], &WATCH].concat()] {
        let stopped = shop.create(&sale, more).assert_code(DUPLICATE);
        assert_eq!(attempt_of(&stopped), attempt);
        assert_eq!(stopped.stdout, "");
    }
    assert_eq!(shop.charged(&sale).len(), 1);
}

#[test]
fn return_rejects_a_session_of_another_amount() {
    let mut shop = Shop::open();
    let sale = shop.sale(true);
    let id = session_id(&shop.create(&sale, &RETURN).assert_code(0));
    shop.pay(id);
    let dearer = Sale { amount: sale.amount + 1, ..sale };
    let stopped = shop.create(&dearer, &[&RETURN[..], &WATCH].concat()).assert_code(DUPLICATE);
    let error = stopped.last_error();
    assert_eq!((&error["kind"], &error["session_id"]), (&"duplicate".into(), &id.to_string().into()));
    assert!(error["message"].as_str().expect("a message").contains("of another amount than"), "{error}");
}

#[test]
fn return_does_not_answer_while_the_status_cannot_be_read() {
    let mut shop = Shop::open();
    let sale = shop.sale(true);
    let _ = shop.create(&sale, &RETURN).assert_code(0);
    shop.wire.down(true);
    let nowhere = shop.create(&sale, &RETURN).assert_code(6);
    shop.wire.down(false);
    assert_eq!(nowhere.stdout, "");
}

#[test]
fn allow_duplicate_and_if_exists_exclude_each_other() {
    let mut shop = Shop::open();
    let sale = shop.sale(true);
    let _ = shop.create(&sale, &["--allow-duplicate", "--if-exists", "return"]).assert_code(2);
    assert!(shop.attempts().is_empty());
}

fn stopped_by(shop: &Shop, sale: &Sale) {
    let stopped = shop.create(sale, &[]).assert_code(DUPLICATE);
    let message = stopped.last_error()["message"].as_str().expect("a message").to_owned();
    assert!(message.ends_with("was stopped before it could print that"), "{message}");
    assert_eq!(shop.charged(sale).len(), 1);
}

/// A sale without a reference looks like the next coffee, so only the mark tells that nobody saw its result.
#[test]
fn a_session_that_was_never_printed_stops_the_same_create() {
    for format in ["table", "json", "ndjson", "csv"] {
        let mut shop = Shop::open();
        let sale = shop.sale(false);
        let unread = shop.env.command(sale.words(format)).unread().run();
        assert_eq!(shop.charged(&sale).len(), 1, "{format}: {}", unread.stderr);
        assert!(!shop.attempts()[0].reported, "{format}");
        stopped_by(&shop, &sale);
        // Once it was printed, the next coffee is another sale.
        let id = session_id(&shop.create(&sale, &RETURN).assert_code(0));
        assert!(shop.charged(&sale).contains(&id.to_string()));
        assert_ne!(session_id(&shop.create(&sale, &[]).assert_code(0)), id, "{format}");
    }
}

#[test]
fn a_wait_that_was_killed_or_whose_pipe_was_closed_stops_the_same_create() {
    for format in ["table", "json", "ndjson"] {
        for is_killed in [true, false] {
            let mut shop = Shop::open();
            let sale = shop.sale(false);
            let command = shop.env.command(sale.words(format)).args(WATCH);
            if is_killed {
                let running = command.spawn();
                until("a session", || {
                    shop.attempts().first().is_some_and(|attempt| attempt.session_id().is_some())
                });
                let _ = running.kill();
            } else {
                let _ = command.unread().run();
            }
            assert!(!shop.attempts()[0].reported, "{format}, killed: {is_killed}");
            stopped_by(&shop, &sale);
        }
    }
}

#[test]
fn an_outcome_that_was_printed_is_marked() {
    for format in ["table", "json", "ndjson"] {
        let mut shop = Shop::open();
        let sale = shop.sale(false);
        let running = shop.env.command(sale.words(format)).args(WATCH).spawn();
        until("a session", || shop.attempts().first().is_some_and(|attempt| attempt.session_id().is_some()));
        let id = shop.attempts()[0].session_id().expect("a session").parse().expect("a UUID");
        shop.pay(id);
        let _ = running.wait().assert_code(0);
        assert!(shop.attempts()[0].reported, "{format}");
        let _ = shop.create(&sale, &[]).assert_code(0);
        assert_eq!(shop.charged(&sale).len(), 2);
    }
}
