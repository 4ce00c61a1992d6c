//! What is not known about an attempt is settled by its session, or by a person's word, and by nothing else.

use kustom::ledger::Outcome;

use super::faulty_proxy::Fault;
use super::fixture::Shop;
use super::ledger::{DEVICE, env, id, one_of_each, text};
use crate::common::ledger::{attempts, copy_attempt, lock, move_to_host};
use crate::common::prelude::*;

fn lost() -> (Shop, String, String) {
    let mut shop = Shop::open();
    let sale = shop.sale(true);
    let attempt = shop.lose(&sale, &[]);
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
            matches!(&shop.attempts()[0].outcome, Outcome::Created { session_id, .. } if *session_id == session)
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
        move_to_host(&shop.env.state_folder(), &server.url());
        let recover = |words: &[&str]| {
            let command =
                shop.env.command(["sessions", "recover", "--session", &session].iter().chain(words));
            command.env("KUSTOM_BASE_URL", server.url()).run()
        };
        let said = recover(&[&attempt]).assert_failure_with(2, &told);
        assert!(said.ends_with("  hint: nothing was resolved\n"), "{said}");
        recover(&[]).assert_failure_with(4, "error: no unknown attempt matches session ");
        assert!(shop.attempts()[0].outcome.is_unknown());
    }
    move_to_host(&shop.env.state_folder(), &shop.wire.url());
    let unheard = shop.env.run(["sessions", "recover", &attempt, "--session", DEVICE]);
    unheard.assert_failure(4);
    assert!(shop.attempts()[0].outcome.is_unknown());
}

#[test]
fn a_session_settles_one_attempt_only() {
    let (shop, attempt, session) = lost();
    // The same sale once more, as far as the ledger can tell.
    let other = id(77).to_string();
    copy_attempt(&shop.env.state_folder(), &attempt, &other);
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
    assert!(shop.attempts()[1].outcome.is_unknown());
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
    env.run(["sessions", "recover", "ffff", "--not-carried-out"])
        .assert_failure_with(4, "error: there is no attempt 'ffff'\n");
    env.run(["sessions", "recover", &id(1).to_string(), "--not-carried-out"])
        .assert_failure_with(2, "is already known");
    let settled = env.run(["sessions", "recover", &id(6).to_string(), "--not-carried-out", "-o", "json"]);
    assert_eq!(settled.json()["outcome"], "not_carried_out");
    assert_eq!(attempts(&env.state_folder())[5].outcome, Outcome::NotProcessed);
    let both = ["sessions", "recover", "0000", "--not-carried-out", "--session", DEVICE];
    assert!(env.run(both).assert_failure(2).contains("cannot be used with"));
    assert!(env.run(["sessions", "recover", "--not-carried-out"]).assert_failure(2).contains("required"));
}

#[test]
fn what_becomes_known_meanwhile_is_not_settled_again() {
    // The response to the attempt is stored just when a person says that there is none.
    let env = env("http://127.0.0.1:1", &text(&one_of_each()));
    env.run(["sessions", "list"]).ok();
    let state = env.state_folder();
    let ledger = lock(&state);
    let running = env.command(["sessions", "recover", &id(7).to_string(), "--not-processed"]).spawn();
    let device = state.join("locks");
    until("it has locked the device", || device.exists());
    ledger.execute(&resolve_statement(&state, id(7), id(107)));
    let said = running.wait().assert_failure(2);
    let known = format!("error: the outcome of attempt {} is already known\n", id(7));
    assert_eq!(&said, &known);
    assert!(matches!(attempts(&state)[6].outcome, Outcome::Created { .. }));
}

/// Stores the session of an attempt as the process that created it would.
fn resolve_statement(state: &std::path::Path, attempt: uuid::Uuid, session: uuid::Uuid) -> String {
    let mut attempt = attempts(state).into_iter().find(|known| known.id == attempt).expect("an attempt");
    attempt.outcome = Outcome::Created {
        session_id: session.to_string(),
        status: "CREATED".to_owned().into(),
        order_id: None,
    };
    let record = serde_json::to_string(&attempt).expect("JSON");
    let checksum = kustom::ledger::checksum(&record);
    format!(
        "UPDATE attempts SET record = '{record}', checksum = '{checksum}', outcome = 'created', unsettled = NULL \
         WHERE id = '{}'",
        attempt.id
    )
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
        let said = shop
            .env
            .run(["sessions", "recover", &attempt].iter().chain(how))
            .assert_failure_with(2, "error: a session is being created on this device right now by machine ");
        assert!(said.ends_with("; wait for its outcome\n  hint: nothing was resolved\n"), "{said}");
    }
    shop.wire.release();
    assert_eq!(running.wait().json()["session_id"], session.as_str());
}
