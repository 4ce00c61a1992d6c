//! The wait: what it shows, what it survives, and the exit code it ends with.

use std::fmt::Write as _;

use kustom::emulator::Emulator;
use kustom::emulator::state::AfterDecline;
use kustom::model::{PaymentMethod, TapOutcome};
use uuid::Uuid;

use super::faulty_proxy::{Fault, Point, Then};
use super::fixture::{Shop, UNKNOWN, attempt_of};
use crate::common::contract_emulator::{Ask, ask_router, order};
use crate::common::prelude::*;

pub(crate) const FAST: [&str; 2] = ["--interval", "20ms"];
const SESSION: &str = "00000000-0000-4000-8000-00000000005e";

pub(crate) fn session(shop: &Shop) -> Uuid {
    let created = ask_router(&shop.emulator, Ask::new("POST", "/ipp/v1/sessions").json(&order(&shop.device)));
    created.body["session_id"].as_str().expect("an ID").parse().expect("a UUID")
}

fn activate(emulator: &Emulator, id: Uuid) {
    emulator
        .with_state(|state, moment| state.choose_method(id, PaymentMethod::Card, moment))
        .expect("a method");
}

pub(crate) fn end(shop: &Shop, id: Uuid, status: &str) {
    match status {
        "FINALIZED" => shop.pay(id),
        "CANCELLED" => shop.cancel(id),
        _ => shop.emulator.with_state(|state, moment| match status {
            "FAILED" => {
                state.options.status_after_decline = AfterDecline::Failed;
                drop(state.simulate_tap(id, TapOutcome::InsufficientFunds, moment).expect("a decline"));
            }
            "EXPIRED" => {
                state.advance_clock(jiff::SignedDuration::from_mins(15), moment).expect("a later time");
            }
            _ => {}
        }),
    }
}

fn in_status(shop: &Shop, status: &str) -> Uuid {
    let id = session(shop);
    end(shop, id, status);
    assert_eq!(shop.status(id), status);
    id
}

pub(crate) fn watch(shop: &Shop, ids: &[Uuid], more: &[&str]) -> RunningCommand {
    let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
    let words = ["sessions", "watch"].into_iter().chain(ids.iter().map(String::as_str));
    shop.env.command(words.chain(FAST).chain(more.iter().copied())).spawn()
}

fn statuses(stdout: &str) -> Vec<&str> {
    stdout.lines().map(|line| line.split_whitespace().nth(1).expect("a status")).collect()
}

#[test]
fn a_change_is_a_line_in_a_pipe_and_an_object_in_ndjson() {
    let shop = Shop::open();
    for (status, code, words) in [
        ("FINALIZED", 0, "Paid. Order <id-1>."),
        ("CANCELLED", 10, "Canceled: nothing was charged."),
        ("FAILED", 12, "Failed: the payment could not be processed. The sale needs a new session."),
        ("EXPIRED", 11, "Expired: nobody paid in time, and nothing was charged."),
    ] {
        let id = session(&shop);
        let (table, ndjson) = (watch(&shop, &[id], &[]), watch(&shop, &[id], &["-o", "ndjson"]));
        let quiet = watch(&shop, &[id], &["-o", "json"]);
        let csv = watch(&shop, &[id], &["-o", "csv"]);
        let seen = |wanted: &str| {
            table.until_stdout(|said| said.contains(wanted));
            ndjson.until_stdout(|said| said.contains(wanted));
        };
        seen("CREATED");
        activate(&shop.emulator, id);
        seen("ACTIVE");
        end(&shop, id, status);
        let table = table.wait().assert_code(code);
        assert_eq!(statuses(&table.stdout), ["CREATED", "ACTIVE", status]);
        assert_eq!(table.stdout.contains("  order "), code == 0, "{}", table.stdout);
        let said = table.err().replace("It took ", "after ");
        let took = crate::common::redaction::redact(&said, shop.env.path());
        assert_eq!(&took, &format!("{words} after <elapsed>.\n"));
        let ndjson = ndjson.wait().assert_code(code);
        let objects = ndjson.ndjson();
        let told: Vec<&str> =
            objects.iter().map(|object| object["status"].as_str().expect("a status")).collect();
        assert_eq!(told, ["CREATED", "ACTIVE", status]);
        let get = shop.env.run(["sessions", "get", &id.to_string(), "-o", "json"]).json();
        assert_eq!(objects[2], get);
        let json = quiet.wait().assert_code(code);
        assert_eq!((json.document(), json.stderr.as_str()), (get, ""));
        let csv = csv.wait().assert_code(code);
        assert_eq!(csv.stdout.lines().count(), 2, "{}", csv.stdout);
        assert!(csv.stdout.contains(status));
    }
}

#[test]
fn the_worst_of_many_outcomes_is_the_exit_code() {
    let shop = Shop::open();
    let all = [("FINALIZED", 0), ("CANCELLED", 10), ("EXPIRED", 11), ("FAILED", 12), ("CREATED", 13)];
    let ids = all.map(|(status, _)| in_status(&shop, status));
    for mix in 1_usize..32 {
        let chosen: Vec<usize> = (0..5).filter(|number| mix & (1 << number) != 0).collect();
        let chosen: Vec<usize> = if mix % 2 == 0 { chosen } else { chosen.into_iter().rev().collect() };
        let worst = chosen.iter().map(|number| all[*number].1).max().expect("one");
        let named: Vec<Uuid> = chosen.iter().map(|number| ids[*number]).collect();
        let shown = watch(&shop, &named, &["-o", "json", "--timeout", "300ms"]).wait().json_with(worst);
        let shown = shown.as_array().cloned().unwrap_or_else(|| vec![shown]);
        let told: Vec<&str> =
            shown.iter().map(|session| session["status"].as_str().expect("a status")).collect();
        let expected: Vec<&str> = chosen.iter().map(|number| all[*number].0).collect();
        assert_eq!(told, expected);
    }
    let words = watch(&shop, &ids[..4], &[]).wait().assert_code(12);
    insta::assert_snapshot!(&words.err(), @"1 FINALIZED, 1 CANCELLED, 1 EXPIRED, 1 FAILED after <elapsed>.\n");
}

#[test]
fn a_hundred_sessions_in_one_process() {
    let shop = Shop::open();
    let ids: Vec<Uuid> = (0..100).map(|_| session(&shop)).collect();
    let watching = watch(&shop, &ids, &[]);
    let seen = |status: &str| {
        watching.until_stdout(|said| said.lines().filter(|line| line.contains(status)).count() == 100);
    };
    seen("CREATED");
    for id in &ids {
        activate(&shop.emulator, *id);
    }
    seen("ACTIVE");
    for (number, id) in ids.iter().enumerate() {
        let how = if number == 57 { "CANCELLED" } else { "FINALIZED" };
        end(&shop, *id, how);
    }
    let outcome = watching.wait().assert_code(10);
    assert_eq!(outcome.stdout.lines().count(), 300);
    for id in &ids {
        let lines: String = outcome.stdout.lines().filter(|line| line.contains(&id.to_string())).fold(
            String::new(),
            |mut lines, line| {
                let _ = writeln!(lines, "{line}");
                lines
            },
        );
        assert_eq!(statuses(&lines)[..2], ["CREATED", "ACTIVE"]);
    }
    insta::assert_snapshot!(&outcome.err(), @"99 FINALIZED, 1 CANCELLED after <elapsed>.\n");
}

#[test]
fn a_change_is_seen_by_the_next_look_and_nothing_is_asked_after_the_end() {
    let session = |status: &str| Reply::json(200, &json!({"session_id": SESSION, "status": status}));
    let server = Server::script(["CREATED", "CREATED", "ACTIVE", "AUTHORIZING", "FINALIZED"].map(session));
    let env = server.env();
    let outcome = env.run(["sessions", "watch", SESSION, "--interval", "1ms"]).assert_code(0);
    assert_eq!(statuses(&outcome.stdout), ["CREATED", "ACTIVE", "AUTHORIZING", "FINALIZED"]);
    assert_eq!(server.asked().len(), 5);
    let _ = env.run(["sessions", "watch", SESSION, SESSION]).assert_code(0);
    assert_eq!(server.asked().len(), 6);
}

#[test]
fn a_create_that_watches_ends_with_the_outcome() {
    let mut shop = Shop::open();
    let sale = shop.sale(true);
    let create = |shop: &mut Shop, format: &str, more: &[&str]| {
        let words = sale.words(format);
        shop.env.command(words).args(["--watch"]).args(FAST).args(more).spawn()
    };
    let running = create(&mut shop, "table", &[]);
    running.until_stdout(|said| said.contains("CREATED"));
    let id: Uuid = shop.charged(&sale).first().expect("a session").parse().expect("an id");
    end(&shop, id, "FINALIZED");
    let outcome = running.wait().assert_code(0);
    assert_eq!(statuses(&outcome.stdout), ["CREATED", "FINALIZED"]);
    assert!(
        outcome.stderr.starts_with(&format!("Session {id} of 1000.01 SEK on device ")),
        "{}",
        outcome.stderr
    );
    let listed = shop.env.run(["sessions", "list", "-o", "json"]).json();
    assert_eq!(listed[0]["status"], "FINALIZED");

    let running = create(&mut shop, "json", &["--allow-duplicate"]);
    until("it is created", || shop.charged(&sale).len() == 2);
    let other = shop.charged(&sale).into_iter().find(|other| *other != id.to_string()).expect("another");
    end(&shop, other.parse().expect("an id"), "CANCELLED");
    let shown = running.wait().json_with(10);
    assert_eq!((&shown["status"], &shown["session_id"]), (&"CANCELLED".into(), &other.into()));

    let sale = shop.sale(true);
    shop.wire.breaks(Fault::At(Point::Forwarded, Then::Close));
    let lost = shop.env.command(sale.args()).args(["--watch"]).run().assert_code(UNKNOWN);
    assert_eq!((lost.stdout.as_str(), Some(attempt_of(&lost))), ("", shop.unknown(&sale)));
}

#[test]
fn a_wait_flag_without_a_wait_is_refused() {
    let server = Server::unwanted();
    let env = server.env();
    let create = ["sessions", "create", "--device", SESSION, "--amount", "1", "--currency", "SEK"];
    let said = env.run(create.iter().chain(&FAST)).assert_failure(2);
    insta::assert_snapshot!(&said, @"error: --interval, --cancel-on-timeout and --cancel-on-interrupt go with --watch\n");
    env.run(["sessions", "watch"]).assert_failure(2);
    env.run(["sessions", "watch", SESSION, "--interval", "0s"]).assert_failure(2);
    server.assert_untouched();
}

#[test]
fn the_end_of_the_wait_leaves_the_session_or_cancels_it() {
    let shop = Shop::open();
    let id = session(&shop);
    let outcome = watch(&shop, &[id], &["--timeout", "300ms"]).wait().assert_code(13);
    assert_eq!(shop.status(id), "CREATED");
    assert!(outcome.stdout.ends_with("CREATED\n"), "{}", outcome.stdout);
    let warning = "warning: the session is still open after <elapsed>; it was left as it is\n  \
                   hint: wait again: kustom sessions watch <id-1>\n";
    assert!(outcome.err().ends_with(warning), "{}", outcome.stderr);
    let outcome = watch(&shop, &[id], &["--timeout", "300ms", "--cancel-on-timeout"]).wait().assert_code(10);
    assert_eq!(statuses(&outcome.stdout), ["CREATED", "CANCELLED"]);
    assert_eq!(shop.status(id), "CANCELLED");
}

fn paid_by_then() -> Server {
    let cancelled = std::sync::atomic::AtomicBool::new(false);
    Server::new(move |asked| {
        let paid = cancelled.load(std::sync::atomic::Ordering::SeqCst);
        if asked.method == "PUT" {
            cancelled.store(true, std::sync::atomic::Ordering::SeqCst);
            return Reply::problem(409, "it has ended");
        }
        let status = if paid { "FINALIZED" } else { "ACTIVE" };
        Reply::json(200, &json!({"session_id": SESSION, "status": status, "order_id": paid.then_some("o-1")}))
    })
}

#[test]
fn a_cancel_that_loses_to_a_payment_reports_the_payment() {
    let server = paid_by_then();
    let env = server.env();
    let words = ["sessions", "watch", SESSION, "--timeout", "300ms", "--cancel-on-timeout"];
    let outcome: CommandOutput = env.run(words.iter().chain(&FAST)).assert_code(0);
    assert_eq!(statuses(&outcome.stdout), ["ACTIVE", "FINALIZED"]);
    assert!(outcome.stderr.starts_with("Paid. Order o-1."), "{}", outcome.stderr);

    let server = paid_by_then();
    let env = server.env();
    let words = ["sessions", "watch", SESSION, "--cancel-on-interrupt", "-o", "json"];
    let running = env.command(words.iter().chain(&FAST)).spawn();
    until("it watches", || server.asked().len() > 1);
    running.interrupt();
    let shown = running.wait().json_with(0);
    assert_eq!((&shown["status"], &shown["order_id"]), (&"FINALIZED".into(), &"o-1".into()));
}

#[test]
fn a_session_that_cannot_be_polled_lets_the_cancellation_of_another_one_finish() {
    const OTHER: &str = "00000000-0000-4000-8000-00000000005f";
    let (cancels, cancelling) = std::sync::mpsc::channel();
    let cancelling = std::sync::Mutex::new(cancelling);
    let polls = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::new(move |asked| {
        let session = |id: &str, status: &str| Reply::json(200, &json!({"session_id": id, "status": status}));
        match (asked.method.as_str(), asked.target.contains(OTHER)) {
            ("PUT", _) => {
                cancels.send(()).expect("the other one is polled");
                // The response to that poll arrives first.
                std::thread::sleep(std::time::Duration::from_millis(200));
                session(SESSION, "CANCELLED")
            }
            (_, true) if polls.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 => {
                session(OTHER, "CREATED")
            }
            (_, true) => {
                cancelling.lock().expect("one poll").recv().expect("a cancellation");
                Reply::problem(404, "there is no such session")
            }
            (_, false) => session(SESSION, "CREATED"),
        }
    });
    let env = TestEnv::new().at(&server.url(), "kco_test_api_x");
    let words = ["sessions", "watch", SESSION, OTHER, "--timeout", "300ms", "--cancel-on-timeout"];
    let outcome = env.run(words.iter().chain(&FAST)).assert_code(4);
    assert!(outcome.stderr.contains("no such session"), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("CANCELLED"), "{}", outcome.stdout);
}

#[test]
fn what_no_waiting_can_change_ends_the_wait() {
    for (answer, code) in [(401, 3), (403, 5), (404, 4), (400, 5)] {
        let server = Server::script([
            Reply::json(200, &json!({"session_id": SESSION, "status": "CREATED"})),
            Reply::problem(answer, "no"),
        ]);
        let env = server.env();
        let words = ["sessions", "watch", SESSION, "-o", "json"];
        let outcome = env.run(words.iter().chain(&FAST)).assert_code(code);
        let message = outcome.last_error()["message"].as_str().expect("a message").to_owned();
        assert!(message.starts_with(&format!("session {SESSION}: ")), "{message}");
        assert_eq!(server.asked().len(), 2);
    }
}

#[test]
fn a_wait_that_nobody_reads_ends_quietly_and_not_as_paid() {
    let server = Server::always(Reply::json(200, &json!({"session_id": SESSION, "status": "ACTIVE"})));
    let env = server.env();
    for format in ["table", "ndjson"] {
        let watch = env.command(["sessions", "watch", SESSION, "--interval", "10ms", "-o", format]);
        let outcome = watch.through("(\"$0\" \"$@\"; echo \"code $?\" >&2) | head -n 1").run().assert_code(0);
        assert_eq!((outcome.stdout.lines().count(), outcome.stderr.as_str()), (1, "code 13\n"));
    }
}
