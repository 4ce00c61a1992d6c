//! What is not known about an attempt is settled by its session, or by a person's word, and by nothing else.

use std::fs;

use kustom::journal::{Event, EventKind, Outcome as Came};
use serde_json::{Value, json};

use super::faulty_proxy::{Fault, Point, Then};
use super::fixture::{Shop, UNKNOWN, attempt_of};
use super::journal::{DEVICE, env, id, journal, one_of_each, text};
use crate::common::server::{Reply, Server};

fn lost() -> (Shop, String, String) {
    let mut shop = Shop::open();
    let sale = shop.sale(true);
    shop.wire.breaks(Fault::At(Point::Forwarded, Then::Close));
    let attempt = attempt_of(&shop.command(&sale).run().assert_code(UNKNOWN));
    shop.wire.until_quiet();
    let session = shop.charged(&sale).into_iter().next().expect("a session");
    (shop, attempt, session)
}

#[test]
fn an_attempt_is_settled_by_its_session() {
    for by in [8, 36, 0] {
        let (shop, attempt, session) = lost();
        let named: Vec<&str> = [&attempt[..by]].into_iter().filter(|named| !named.is_empty()).collect();
        let words = ["sessions", "recover", "--session", &session, "-o", "json"];
        let settled = shop.env.run(words.iter().chain(&named)).json();
        assert_eq!(settled["session_id"], session.as_str());
        assert!(
            matches!(&shop.journal().attempts()[0].outcome, Came::Created { session_id, .. } if *session_id == session)
        );
        let again = shop.env.run(["sessions", "recover", &attempt, "--session", &session]).assert_failure(2);
        assert_eq!(again, "error: the outcome of attempt <id-1> is already known\n");
    }
}

#[test]
fn a_session_that_does_not_match_settles_nothing() {
    let (shop, attempt, session) = lost();
    let was = shop.env.run(["sessions", "get", &session, "-o", "json"]).json();
    for (field, value, told) in [
        ("device_id", json!(DEVICE), format!("its device is {DEVICE}, but ")),
        ("order_amount", json!(1), "its amount is 0.01 SEK, but 1000.01 SEK was asked for".to_owned()),
        (
            "purchase_currency",
            json!("NOK"),
            "its amount is 1000.01 NOK, but 1000.01 SEK was asked for".to_owned(),
        ),
        (
            "merchant_reference1",
            json!("x"),
            "its reference is x, but receipt-000001 was asked for".to_owned(),
        ),
        ("merchant_reference1", Value::Null, "its reference is nothing, but ".to_owned()),
        (
            "purchase_started_at",
            json!("2026-11-22T10:00:00.001Z"),
            "its purchase_started_at is <time>, but ".to_owned(),
        ),
        ("purchase_started_at", Value::Null, "its purchase_started_at is nothing, but ".to_owned()),
    ] {
        let mut other = was.clone();
        other[field] = value;
        let server = Server::always(Reply::json(200, &other));
        let recover = |words: &[&str]| {
            let command =
                shop.env.command(["sessions", "recover", "--session", &session].iter().chain(words));
            command.env("KUSTOM_BASE_URL", server.url()).run()
        };
        let said = recover(&[&attempt]).assert_failure(2);
        assert!(said.contains(&told), "{field}: {said}");
        assert!(said.ends_with("  hint: nothing was resolved\n"), "{said}");
        let said = recover(&[]).assert_failure(4);
        assert!(said.starts_with("error: no unknown attempt matches session "), "{said}");
        assert!(shop.journal().attempts()[0].outcome.is_unknown());
    }
    let unheard = shop.env.run(["sessions", "recover", &attempt, "--session", DEVICE]);
    let _ = unheard.assert_failure(4);
    assert!(shop.journal().attempts()[0].outcome.is_unknown());
}

#[test]
fn a_session_settles_one_attempt_only() {
    let (shop, attempt, session) = lost();
    let path = shop.env.state_folder().join("journal/@playground.jsonl");
    let journal = fs::read_to_string(&path).expect("a journal");
    let other = id(77).to_string();
    fs::write(&path, format!("{journal}{}", journal.replace(&attempt, &other))).expect("a journal");
    let recover =
        |words: &[&str]| shop.env.run(["sessions", "recover", "--session", &session].iter().chain(words));
    let said = recover(&[]).assert_failure(2);
    assert!(said.contains("matches 2 unknown attempts") && said.contains("name one of them"), "{said}");
    let _ = recover(&[&attempt]).ok();
    let said = recover(&[&other]).assert_failure(2);
    assert!(
        said.contains("another attempt created session") && said.contains("nothing was resolved"),
        "{said}"
    );
    assert!(shop.journal().attempts()[1].outcome.is_unknown());
}

#[test]
fn an_attempt_that_was_not_carried_out_is_settled_by_a_persons_word() {
    let env = env("http://127.0.0.1:1", &text(&one_of_each()));
    let listed = env.run(["sessions", "recover", "-o", "json"]).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(2));
    let said = env.run(["sessions", "recover", "0000", "--not-processed"]).assert_failure(2);
    insta::assert_snapshot!(&said, @r"
    error: '0000' is ambiguous: it matches 8 attempts
      hint: write more of the ID
    ");
    let said = env.run(["sessions", "recover", "ffff", "--not-carried-out"]).assert_failure(4);
    assert!(said.starts_with("error: there is no attempt 'ffff'\n"), "{said}");
    let said = env.run(["sessions", "recover", &id(1).to_string(), "--not-carried-out"]).assert_failure(2);
    assert!(said.contains("is already known"), "{said}");
    let settled = env.run(["sessions", "recover", &id(6).to_string(), "--not-carried-out", "-o", "json"]);
    assert_eq!(settled.json()["outcome"], "not_carried_out");
    assert_eq!(journal(&env).attempts()[5].outcome, Came::NotProcessed);
    let both = ["sessions", "recover", "0000", "--not-carried-out", "--session", DEVICE];
    assert!(env.run(both).assert_failure(2).contains("cannot be used with"));
    assert!(env.run(["sessions", "recover", "--not-carried-out"]).assert_failure(2).contains("required"));
}

#[test]
#[cfg(target_os = "linux")]
fn what_becomes_known_meanwhile_is_not_settled_again() {
    use std::io::Write as _;
    let env = env("http://127.0.0.1:1", &text(&one_of_each()));
    let path = env.state_folder().join("journal/@playground.jsonl");
    let held = fs::File::create(path.with_extension("lock")).expect("a lock");
    held.lock().expect("a lock");
    let mut file = fs::File::options().append(true).open(path).expect("a journal");
    let running = env.command(["sessions", "recover", &id(7).to_string(), "--not-carried-out"]).spawn();
    crate::crash::until("it waits for the journal", || crate::crash::waits_for_a_lock(running.id()));
    let event = EventKind::Created { attempt: id(7), session_id: id(107).to_string() };
    file.write_all(text(&[Event { at: jiff::Timestamp::now(), event }]).as_bytes()).expect("a line");
    drop(held);
    let said = running.wait().assert_failure(2);
    let known = format!("error: the outcome of attempt {} is already known\n", id(7));
    assert_eq!(&said, &known);
    assert!(matches!(journal(&env).attempts()[6].outcome, Came::Created { .. }));
}

#[test]
fn an_attempt_that_is_under_way_is_not_settled() {
    let mut shop = Shop::open();
    let sale = shop.sale(true);
    shop.wire.breaks(Fault::Pause);
    let running = shop.command(&sale).spawn();
    shop.wire.until_held();
    let attempt = shop.unknown(&sale).expect("an attempt");
    let session = shop.charged(&sale).into_iter().next().expect("a session");
    for how in [&["--not-processed"][..], &["--session", &session]] {
        let said = shop.env.run(["sessions", "recover", &attempt].iter().chain(how)).assert_failure(2);
        let expected = "error: a session is being created on this device right now; wait for its outcome\n  \
                        hint: nothing was resolved\n";
        assert_eq!(&said, expected);
    }
    shop.wire.release();
    assert_eq!(running.wait().json()["session_id"], session.as_str());
}
