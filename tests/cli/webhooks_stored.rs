//! Deliveries that `kustom webhooks listen` stored: listed, shown, verified and sent again, also after a crash.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;

use super::callbacks::{NEXT_SECRET, SECRET};
use super::webhooks::{Listening, finalized, post, signed};
use crate::common::prelude::*;
use crate::common::redaction::fixed_id as id;

fn list(env: &TestEnv, args: &[&str]) -> Vec<Value> {
    let all = [&["webhooks", "list", "-o", "json"], args].concat();
    env.run(all).json().as_array().unwrap().clone()
}

#[test]
fn a_delivery_is_stored_with_its_verdict_and_the_response() {
    let env = TestEnv::new();
    let server =
        Server::script([Reply::new(500, "text/plain", "no whsec_c2VjcmV0c2VjcmV0"), Reply::empty(204)]);
    let to = server.url();
    let listening = Listening::start(&env, &["--forward-to", &to, "--header", "x-tenant: 5", "--save", "."]);
    assert_eq!(listening.deliver("kevt_1", &finalized(&id(1))), 500);
    assert_eq!(list(&env, &["--failed"])[0]["outcome"], "failed");
    assert_eq!(listening.deliver("kevt_1", &finalized(&id(1))), 204);
    let forged = finalized(&id(2)).to_string();
    let headers = signed(NEXT_SECRET, "kevt_2", Timestamp::now(), forged.as_bytes());
    let _ = post(&listening.address, &headers, forged.as_bytes());
    let _ = listening.end();

    assert_eq!(server.asked()[0].header("x-tenant"), Some("5"));
    let mark = server.asked()[1].header("kustom-repeated").map(str::to_owned);
    assert_eq!(mark, None, "the application has refused the first, so it has not processed it");
    let stored = list(&env, &[]);
    let outcomes: Vec<_> =
        stored.iter().map(|one| (&one["webhook_id"], &one["outcome"], &one["status"])).collect();
    assert_eq!(
        outcomes,
        [
            (&json!("kevt_2"), &json!("refused"), &json!(401)),
            (&json!("kevt_1"), &json!("acknowledged"), &json!(204)),
        ]
    );
    assert_eq!((&stored[0]["reason"], &stored[0]["session_id"]), (&json!("wrong_signature"), &Value::Null));
    assert_eq!(list(&env, &["--failed"]).len(), 1);
    assert_eq!(list(&env, &["--type", "session.finalized"]).len(), 1);
    assert_eq!(list(&env, &["--session", &id(1), "--since", "1h", "--limit", "5"]).len(), 1);
    let shown = env.run(["webhooks", "show", "kevt_1", "-o", "json"]).json();
    assert_eq!(shown["event"]["new"].to_string(), "1.1");
    assert!(shown["headers"]["webhook-signature"].as_str().unwrap().starts_with("v1,"));
    assert_eq!(shown["attempts"], 2);
    // Nothing secret is in the database.
    for file in ["ledger.db", "ledger.db-wal"] {
        let bytes = fs::read(env.state_folder().join(file)).unwrap_or_default();
        assert!(!bytes.windows(12).any(|window| window == b"c2VjcmV0c2Vj"), "{file}");
    }
    // The saved files and the stored delivery verify.
    let verify = ["webhooks", "verify", "--secret-file", "secret"];
    let saved = [&verify[..], &["--headers", "kevt_1.headers.txt", "--body", "kevt_1.body.json"]].concat();
    let _ = env.run(saved).assert_code(0);
    let _ = env.run([&verify[..], &["--id", "kevt_1"]].concat()).assert_code(0);
    env.run([&verify[..], &["--id", "kevt_2"]].concat())
        .assert_failure_with(5, "the signature does not match");
    env.run(["webhooks", "show", "kevt_"])
        .assert_failure_with(2, "'kevt_' is ambiguous: it matches 2 deliveries");
    env.run(["webhooks", "show", "kevt_9"]).assert_failure_with(4, "there is no delivery kevt_9");
}

#[test]
fn a_restart_knows_what_was_acknowledged() {
    let env = TestEnv::new();
    let listening = Listening::start(&env, &[]);
    assert_eq!(listening.deliver("kevt_1", &finalized(&id(1))), 200);
    let _ = listening.running.kill();
    let server = Server::unwanted();
    let listening = Listening::start(&env, &["--forward-to", &server.url()]);
    assert_eq!(listening.deliver("kevt_1", &finalized(&id(1))), 200);
    assert_eq!(listening.end().stdout, "", "it was printed again");
    server.assert_untouched();
}

/// What the listener committed of each delivery, and whether it is writing.
fn progress(ledger: &Connection) -> (Vec<String>, bool) {
    let mut select = ledger.prepare("SELECT state FROM deliveries ORDER BY seq").unwrap();
    let states = select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    (states, ledger.execute_batch("BEGIN IMMEDIATE; ROLLBACK").is_err())
}

/// A trigger that never ends, or an application that does not respond, holds the listener at a step until it is killed.
#[test]
fn a_listener_that_is_killed_at_any_step_loses_nothing_and_repeats_only_what_it_forwarded() {
    let steps = [
        ("before it stores", Some("INSERT ON deliveries"), None, 0, 1),
        (
            "before it forwards",
            Some("UPDATE ON deliveries WHEN new.state = 'processing'"),
            Some("received"),
            0,
            1,
        ),
        ("while it forwards", None, Some("processing"), 1, 2),
        (
            "before it stores the response",
            Some("UPDATE ON deliveries WHEN new.state = 'acknowledged'"),
            Some("processing"),
            1,
            2,
        ),
        ("before the sender has the response", None, Some("acknowledged"), 1, 1),
    ];
    for (step, trigger, stored, before, after) in steps {
        let env = TestEnv::new();
        let stalls = AtomicBool::new(step == "while it forwards");
        let server = Server::new(move |_| {
            if stalls.swap(false, Ordering::Relaxed) { Reply::stall() } else { Reply::empty(200) }
        });
        assert_eq!(list(&env, &[]).len(), 0);
        let ledger = Connection::open(env.state_folder().join("ledger.db")).unwrap();
        ledger.busy_timeout(Duration::ZERO).unwrap();
        if let Some(trigger) = trigger {
            let endless = format!(
                "CREATE TRIGGER endless BEFORE {trigger} BEGIN SELECT count(*) FROM (WITH RECURSIVE numbers(n) AS \
                 (SELECT 1 UNION ALL SELECT n + 1 FROM numbers) SELECT n FROM numbers); END"
            );
            ledger.execute_batch(&endless).unwrap();
        }
        let listening = Listening::start(&env, &["--forward-to", &server.url()]);
        let address = listening.address.clone();
        let body = finalized(&id(1)).to_string();
        let headers = signed(SECRET, "kevt_1", Timestamp::now(), body.as_bytes());
        // The connection breaks, or nobody looks at the response.
        let sender = std::thread::spawn(move || post(&address, &headers, body.as_bytes()));
        let expected = (stored.map(str::to_owned).into_iter().collect::<Vec<_>>(), trigger.is_some());
        until(step, || progress(&ledger) == expected && server.asked().len() >= before);
        let _ = listening.running.kill();
        sender.join().unwrap();
        assert_eq!(server.asked().len(), before, "{step}");
        assert_eq!(list(&env, &[]).first().map(|one| one["outcome"].clone()), stored.map(Value::from));

        ledger.busy_timeout(TIMEOUT).unwrap();
        ledger.execute_batch("DROP TRIGGER IF EXISTS endless").unwrap();
        let listening = Listening::start(&env, &["--forward-to", &server.url()]);
        for _ in 0..2 {
            assert_eq!(listening.deliver("kevt_1", &finalized(&id(1))), 200, "{step}");
        }
        let printed = listening.end().stdout;
        assert_eq!(printed.matches("\"repeated\":true").count(), after - 1, "{step}: {printed}");
        let asked = server.asked();
        let marks: Vec<_> = asked.iter().map(|asked| asked.header("kustom-repeated")).collect();
        assert_eq!(marks, [None, Some("true")][..after], "{step}");
        assert_eq!(progress(&ledger), (vec!["acknowledged".to_owned()], false), "{step}");
    }
}

#[test]
fn a_delivery_that_an_application_accepted_and_nobody_read_is_a_repeat() {
    let application = Server::always(Reply::empty(200));
    let env = TestEnv::new();
    env.file("secret", SECRET);
    let listen = ["webhooks", "listen", "--secret-file", "secret", "--listen", "127.0.0.1:0"];
    let forward = ["--forward-to", &application.url(), "-o", "ndjson"];
    let running = env.command([&listen[..], &forward].concat()).full(StandardStream::Stdout).spawn();
    let stderr = running.until_stderr(|stderr| stderr.contains('\n'));
    let url = json_lines(&stderr)[0]["ready"]["url"].as_str().unwrap().to_owned();
    let body = finalized(&id(1)).to_string();
    let headers = signed(SECRET, "kevt_1", Timestamp::now(), body.as_bytes());
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let answer = post(address, &headers, body.as_bytes());
    assert!(answer.contains(" 503 ") && answer.contains("nobody reads the output"), "{answer}");
    let _ = running.kill();
    assert_eq!(list(&env, &[])[0]["outcome"], "processing");
    let listening = Listening::start(&env, &["--forward-to", &application.url()]);
    assert_eq!(listening.deliver("kevt_1", &finalized(&id(1))), 200);
    let _ = listening.end();
    let asked = application.asked();
    let marks: Vec<_> = asked.iter().map(|asked| asked.header("kustom-repeated")).collect();
    assert_eq!(marks, [None, Some("true")]);
}

#[test]
fn types_are_routed_and_selected() {
    let env = TestEnv::new();
    let (refunds, others) = (Server::always(Reply::empty(200)), Server::always(Reply::empty(200)));
    let route = format!("refund.*={}", refunds.url());
    let to = ["--forward-to", &others.url(), "--route", &route];
    let only = ["--only", "refund.created", "--only", "session.finalized"];
    let listening = Listening::start(&env, &[to, only].concat());
    let refund = json!({"type": "refund.created", "data": {"order_id": "o-1", "refund_id": "r-1"}});
    let created = json!({"type": "ipp.session.created", "data": {"session_id": id(1)}});
    for (event, body) in [("kevt_1", &refund), ("kevt_2", &finalized(&id(1))), ("kevt_3", &created)] {
        assert_eq!(listening.deliver(event, body), 200);
    }
    let printed = listening.end().stdout;
    assert_eq!((refunds.asked().len(), others.asked().len(), printed.lines().count()), (1, 1, 2));
    let wrong = ["webhooks", "listen", "--secret-file", "secret", "--route", "nothing.*=http://127.0.0.1:1/"];
    assert!(env.run(wrong).assert_failure(2).contains("'nothing.*' matches no type"));
}

#[test]
fn a_replay_is_sent_as_received_or_signed_again_and_changed() {
    let env = TestEnv::new();
    let listening = Listening::start(&env, &[]);
    let body = finalized(&id(1));
    assert_eq!(listening.deliver("kevt_1", &body), 200);
    let _ = listening.end();
    env.run(["webhooks", "replay", "kevt_1"]).assert_failure_with(2, "there is no URL to send it to");

    let server = Server::script([Reply::empty(200), Reply::empty(503), Reply::empty(200), Reply::cut()]);
    let to = server.url();
    let replay = |args: &[&str]| env.run([&["webhooks", "replay", "--to", &to, "-o", "json"], args].concat());
    let sent = replay(&["kevt_1"]).json();
    assert_eq!((&sent[0]["webhook_id"], &sent[0]["status"]), (&json!("kevt_1"), &json!(200)));
    let changes = "kevt_1 --resign --secret-file secret --set data.order_id=other --set more.n=2";
    let _ = replay(&changes.split(' ').collect::<Vec<_>>()).assert_code(5);
    assert_eq!(list(&env, &["--failed"])[0]["reason"], "the application responded with 503");
    let _ = replay(&["--failed", "--since", "1h"]).assert_code(0);
    let _ = replay(&["kevt_1"]).assert_code(7);
    let asked = server.asked();
    assert!(asked.iter().all(|one| one.header("kustom-repeated") == Some("true")));
    assert_eq!(asked[0].json(), body);
    let second = asked[1].json();
    assert_eq!((&second["data"]["order_id"], &second["more"]["n"]), (&json!("other"), &json!(2)));
    assert!(asked[0].header("webhook-signature") != asked[1].header("webhook-signature"));
    let unsigned =
        env.run(["webhooks", "replay", "kevt_1", "--to", &to, "--set", "data.x=y"]).assert_failure(2);
    assert!(unsigned.contains("--resign"), "{unsigned}");
}

#[test]
fn a_payment_whose_callback_was_lost_is_reported() {
    let env = TestEnv::new();
    let emulator = EmulatorProcess::start(&env, &[]);
    let device = emulator.json("POST", "/ipp/v1/dev/devices", r#"{"name": "Till 1"}"#)["id"].clone();
    let sale = json!({"device_id": device, "order_amount": 100, "purchase_currency": "SEK"}).to_string();
    let sessions: Vec<String> = (0..2)
        .map(|_| emulator.json("POST", "/ipp/v1/sessions", &sale)["session_id"].as_str().unwrap().to_owned())
        .collect();
    let user = emulator.env();
    let listening = Listening::start(&user, &[]);
    for (number, session) in sessions.iter().enumerate() {
        let created = json!({"type": "ipp.session.created", "data": {"session_id": session}});
        assert_eq!(listening.deliver(&format!("kevt_{number}"), &created), 200);
    }
    let _ = listening.end();
    assert_eq!(emulator.status("POST", &format!("/emulator/pos/sessions/{}/pay", sessions[0]), ""), 200);
    let checked = user.run(["webhooks", "list", "--check"]).assert_code(0).stderr;
    assert_eq!(checked, format!("warning: lost callback: session {} is FINALIZED\n", sessions[0]));
}

#[test]
fn a_listener_that_reads_sessions_reports_a_callback_that_was_lost_while_it_was_down() {
    // The first is paid, the second was paid just now and its callback may be on its way, and the third has expired.
    let server = Server::new(|asked| {
        let session = asked.line().rsplit('/').next().unwrap().to_owned();
        let (status, completed) = match session {
            _ if session == id(1) => ("FINALIZED", "2026-01-01T00:00:00Z".to_owned()),
            _ if session == id(2) => ("FINALIZED", Timestamp::now().to_string()),
            _ => ("EXPIRED", "2026-01-01T00:00:00Z".to_owned()),
        };
        let order = (status == "FINALIZED").then(|| id(9));
        Reply::json(
            200,
            &json!({"session_id": session, "status": status, "order_id": order, "order_amount": 100,
            "purchase_currency": "SEK", "purchase_completed_at": completed}),
        )
    });
    let env = server.env();
    let listening = Listening::start(&env, &[]);
    for number in 1..=3 {
        let created = json!({"type": "ipp.session.created", "data": {"session_id": id(number)}});
        assert_eq!(listening.deliver(&format!("kevt_{number}"), &created), 200);
    }
    let _ = listening.end();
    let listening = Listening::start(&env, &["--resolve"]);
    let _ = listening.running.until_stderr(|stderr| stderr.contains("lost callback"));
    until("all sessions are read", || server.asked().len() == 3);
    let stderr = listening.end().stderr;
    assert_eq!(stderr.matches("lost callback").count(), 1, "{stderr}");
    assert!(stderr.contains(&format!("lost callback: session {} is FINALIZED", id(1))), "{stderr}");
}

#[test]
fn the_page_of_the_listener_is_only_for_its_own_browser_and_shows_no_secret() {
    let env = TestEnv::new();
    let server = Server::always(Reply::empty(200));
    let listening = Listening::start(&env, &["--ui", "127.0.0.1:0", "--forward-to", &server.url()]);
    let stderr = listening.running.until_stderr(|stderr| stderr.lines().count() > 1);
    let page = json_lines(&stderr).remove(1);
    let url = page["page"]["url"].as_str().unwrap();
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let mut body = finalized(&id(1));
    body["note"] = json!("kco_live_api_c2VjcmV0c2VjcmV0");
    body["enrollment_code"] = json!("ABCD2345");
    assert_eq!(listening.deliver("kevt_1", &body), 200);
    let forged = signed(NEXT_SECRET, "kevt_2", Timestamp::now(), b"{}");
    let _ = post(&listening.address, &forged, b"kco_live_api_b3RoZXJzZWNyZXQ");

    let get = |path: &str, headers: &str| {
        exchange(address, format!("GET {path} HTTP/1.1\r\n{headers}connection: close\r\n\r\n"))
    };
    let own = format!("host: {address}\r\n");
    let page = get("/", &own);
    assert!(page.contains("ipp.session.finalized") && page.contains("kevt_2"), "{page}");
    for secret in ["c2VjcmV0c2Vj", "b3RoZXJz", "ABCD2345", &SECRET[6..], &NEXT_SECRET[6..]] {
        assert!(!page.contains(secret), "{secret}: {page}");
    }
    let token = token_of(&page);
    let act = |headers: &str, form: &str| {
        let length = form.len();
        exchange(
            address,
            format!(
                "POST /page/act HTTP/1.1\r\n{headers}content-length: {length}\r\naccept: application/json\r\n\
                 connection: close\r\n\r\n{form}"
            ),
        )
    };
    let form = format!("do=send&id=kevt_1&token={token}");
    let too_long = format!("{form}&more={}", "x".repeat(70_000));
    let refused = [
        (get("/", "host: evil.example\r\n"), 403),
        (get("/", &format!("{own}sec-fetch-site: cross-site\r\nsec-fetch-mode: cors\r\n")), 403),
        (get("/page/events", &own), 403),
        (get("/page/events?token=wrong", &own), 403),
        (act(&format!("{own}origin: http://evil.example\r\n"), &form), 403),
        (act("host: evil.example\r\n", &form), 403),
        (act(&own, "do=send&id=kevt_1&token=wrong"), 403),
        (act(&own, &too_long), 413),
        (get("/", &format!("{own}x-long: {}\r\n", "x".repeat(20_000))), 431),
    ];
    for (number, (answer, status)) in refused.iter().enumerate() {
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{number}: {answer}");
        assert!(!answer.contains("kevt_1"), "{number}: {answer}");
    }
    assert_eq!(server.asked().len(), 1);
    let sent = act(&format!("{own}origin: {}\r\n", url.trim_end_matches('/')), &form);
    assert!(sent.starts_with("HTTP/1.1 204 "), "{sent}");
    let asked = server.asked();
    assert_eq!((asked.len(), asked[1].json()), (2, body));
    assert_eq!(asked[1].header("kustom-repeated"), Some("true"));
    let _ = listening.end();
    // A delivery that fails verification can contain anything.
    for file in ["ledger.db", "ledger.db-wal"] {
        let bytes = fs::read(env.state_folder().join(file)).unwrap_or_default();
        assert!(!bytes.windows(8).any(|window| window == b"b3RoZXJz"), "{file}");
    }
}

#[test]
fn a_signing_secret_is_generated_into_a_private_file() {
    let env = TestEnv::new();
    let told = env.run(["webhooks", "secret", "new.txt"]).assert_code(0);
    assert_eq!(told.stdout, "");
    let secret = fs::read_to_string(env.path().join("new.txt")).unwrap();
    assert!(kustom::secret::CallbackSecret::parse(&secret).is_ok());
    assert_eq!(mode(env.path().join("new.txt")), 0o600);
    env.run(["webhooks", "secret", "new.txt"]).assert_failure_with(2, "cannot create new.txt");
    assert_eq!(fs::read_to_string(env.path().join("new.txt")).unwrap(), secret);
}

#[test]
fn a_triggered_callback_can_be_changed() {
    let env = TestEnv::new();
    env.file("secret", SECRET);
    let server = Server::always(Reply::empty(200));
    let trigger = |args: &[&str]| {
        let all = ["dev", "trigger", "--to", &server.url(), "--secret-file", "secret"];
        env.run([&all[..], args].concat())
    };
    let _ = trigger(&["payment.failed", "--failure-reason", "lost-card", "--set", "data.extra=true"])
        .assert_code(0);
    let sent = server.asked()[0].json();
    assert_eq!(
        (&sent["data"]["failure_reason"], &sent["data"]["extra"]),
        (&json!("LOST_CARD"), &json!(true))
    );
    trigger(&["session.finalized", "--failure-reason", "lost-card"])
        .assert_failure_with(2, "--failure-reason is for payment.failed");
}
