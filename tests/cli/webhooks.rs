//! `kustom webhooks listen`: what comes is verified, shown once, read back, passed on.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};

use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use kustom::secret::CallbackSecret;
use kustom::webhooks::SigningKeys;

use super::callbacks::{NEXT_SECRET, SECRET};
use crate::common::ledger::copy_attempt;
use crate::common::prelude::*;
use crate::common::redaction::fixed_id as id;

pub(super) struct Listening {
    pub(super) running: RunningCommand,
    pub(super) address: String,
}

impl Listening {
    #[track_caller]
    pub(super) fn start(env: &TestEnv, args: &[&str]) -> Self {
        env.file("secret", SECRET);
        let common =
            ["webhooks", "listen", "--secret-file", "secret", "--listen", "127.0.0.1:0", "-o", "ndjson"];
        let running = env.command([&common, args].concat()).spawn();
        let stderr = running.until_stderr(|stderr| stderr.contains('\n'));
        let ready = json_lines(&stderr).remove(0);
        let url = ready["ready"]["url"].as_str().unwrap_or_else(|| panic!("{stderr}"));
        let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        Self { running, address }
    }

    fn post(&self, headers: &HeaderMap, body: &[u8]) -> String {
        post(&self.address, headers, body)
    }

    pub(super) fn deliver(&self, id: &str, body: &Value) -> u16 {
        let body = body.to_string();
        status_of(&self.post(&signed(SECRET, id, Timestamp::now(), body.as_bytes()), body.as_bytes()))
    }

    pub(super) fn end(self) -> CommandOutput {
        self.running.interrupt();
        self.running.wait()
    }
}

pub(super) fn post(address: &str, headers: &HeaderMap, body: &[u8]) -> String {
    exchange(address, request(headers, body))
}

fn request(headers: &HeaderMap, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut request = format!(
        "POST /callbacks?x=1 HTTP/1.1\r\nhost: shop\r\nconnection: close\r\ncontent-length: {length}\r\n"
    );
    for (name, value) in headers {
        request.extend([name.as_str(), ": ", value.to_str().unwrap(), "\r\n"]);
    }
    [request.as_bytes(), b"\r\n", body].concat()
}

pub(super) fn signed(secret: &str, id: &str, at: Timestamp, body: &[u8]) -> HeaderMap {
    let secret = CallbackSecret::parse(secret).unwrap();
    SigningKeys::new(&[secret]).unwrap().sign(id, at, body).unwrap()
}

pub(super) fn finalized(session: &str) -> Value {
    json!({
        "id": "kevt_1", "merchant_id": "M1", "timestamp": "2026-11-22T10:00:00.000000001Z",
        "type": "ipp.session.finalized",
        "data": {"session_id": session, "order_id": "o-1", "failure_reason": null}, "new": 1.10,
    })
}

#[test]
fn what_does_not_verify_is_refused_and_nothing_in_it_is_believed() {
    let env = TestEnv::new();
    let listening = Listening::start(&env, &[]);
    let body = finalized(&id(1)).to_string();
    let now = Timestamp::now();
    let late = SignedDuration::from_mins(6);
    let right = |at| signed(SECRET, "kevt_1", at, body.as_bytes());
    let without = |name: &str| {
        let mut headers = right(now);
        headers.remove(name);
        headers
    };
    let mut strange = right(now);
    strange.insert("webhook-timestamp", "today".parse().unwrap());
    let cases = [
        (HeaderMap::new(), "missing_header", "the header webhook-id is missing"),
        (without("webhook-signature"), "missing_header", "the header webhook-signature is missing"),
        (strange, "malformed", "the header webhook-timestamp is not a number of seconds since 1970"),
        (
            signed(NEXT_SECRET, "kevt_1", now, body.as_bytes()),
            "wrong_signature",
            "the signature does not match: ",
        ),
        (right(now - late), "too_old", "the signature is valid but too old: "),
        (right(now + late), "too_new", "the signature is valid but in the future: "),
    ];
    for (number, (headers, reason, detail)) in cases.into_iter().enumerate() {
        let answer = listening.post(&headers, body.as_bytes());
        assert_eq!(status_of(&answer), 401, "{answer}");
        assert!(answer.contains(&format!("\"detail\":\"Refused: {detail}")), "{answer}");
        let shown = listening.running.until_stdout(|shown| shown.matches('\n').count() > number);
        let shown = json_lines(&shown).pop().unwrap();
        let time = shown["received_at"].clone();
        let whole = shown["detail"].as_str().unwrap();
        assert!(whole.starts_with(detail), "{whole}");
        let known = headers.get("webhook-id").map(|_| "kevt_1");
        assert_eq!(
            shown,
            json!({
                "received_at": time, "outcome": "refused", "status": 401, "webhook_id": known, "type": null,
                "session_id": null, "order_id": null, "failure_reason": null, "reason": reason, "detail": whole,
                "settled_attempt": null, "session": null, "event": null,
            })
        );
    }
    assert_eq!(listening.deliver("kevt_1", &finalized(&id(1))), 200);
    let get = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answer = exchange(&listening.address, get);
    assert!(status_of(&answer) == 405 && answer.contains("allow: POST\r\n"), "{answer}");
    let outcome = listening.end().assert_code(0);
    for secret in [SECRET, NEXT_SECRET] {
        assert!(!outcome.stdout.contains(&secret[6..]) && !outcome.stderr.contains(&secret[6..]));
    }
}

#[test]
fn what_verifies_is_shown_as_it_came_and_once() {
    let env = TestEnv::new();
    env.file("next", NEXT_SECRET);
    let listening = Listening::start(&env, &["--secret-file", "next", "--exit-after", "3"]);
    let body = finalized(&id(1));
    assert_eq!(listening.deliver("kevt_1", &body), 200);
    assert_eq!(listening.deliver("kevt_1", &body), 200);
    let short = json!({"type": "session.created", "data": {"session_id": id(2)}}).to_string();
    let headers = signed(NEXT_SECRET, "kevt_2", Timestamp::now(), short.as_bytes());
    assert_eq!(status_of(&listening.post(&headers, short.as_bytes())), 200);
    assert_eq!(listening.deliver("kevt_3", &json!(["new"])), 200);
    let outcome = listening.running.wait().assert_code(0);
    let shown = outcome.ndjson();
    let time = shown[0]["received_at"].clone();
    assert_eq!(
        shown[0],
        json!({
            "received_at": time, "outcome": "accepted", "status": 200, "webhook_id": "kevt_1",
            "type": "ipp.session.finalized", "session_id": id(1), "order_id": "o-1", "failure_reason": null,
            "reason": null, "detail": null, "settled_attempt": null, "session": null, "event": body,
        })
    );
    let kinds: Vec<_> = shown.iter().map(|shown| shown["type"].clone()).collect();
    assert_eq!(kinds, [json!("ipp.session.finalized"), json!("ipp.session.created"), Value::Null]);
    assert_eq!(
        (&shown[1]["event"]["type"], &shown[2]["event"]),
        (&json!("session.created"), &json!(["new"]))
    );
}

#[test]
fn people_get_a_line_for_each_and_are_told_where_it_listens() {
    let env = TestEnv::new();
    env.file("secret", SECRET);
    let args =
        ["webhooks", "listen", "--secret-file", "secret", "--listen", "localhost:0", "--ready-file", "ready"];
    let running = env.command(args.iter().chain(&["--exit-after", "payment.failed"])).spawn();
    let stderr = running.until_stderr(|stderr| stderr.contains("to stop.\n"));
    let url = std::fs::read_to_string(env.path().join("ready")).unwrap();
    assert_eq!(stderr, format!("Listening at {}; press Ctrl-C to stop.\n", url.trim_end()));
    let address = url.trim().trim_start_matches("http://").trim_end_matches('/').to_owned();
    let failed =
        json!({"type": "payment.failed", "data": {"session_id": id(1), "failure_reason": "\u{1b}[2J"}});
    for (key, id, body) in [
        (NEXT_SECRET, "a", &failed),
        (SECRET, "b", &finalized(&id(1))),
        (SECRET, "b", &failed),
        (SECRET, "c", &failed),
    ] {
        let body = body.to_string();
        post(&address, &signed(key, id, Timestamp::now(), body.as_bytes()), body.as_bytes());
    }
    let outcome = running.wait().assert_code(0);
    insta::assert_snapshot!(&outcome.out(), @"<time>  refused                the signature does not match: another secret was used, or the body or a header \
         was changed in transit  401
<time>  ipp.session.finalized  00000000-0000-4000-8000-000000000001  order o-1  200
<time>  ipp.payment.failed     00000000-0000-4000-8000-000000000001  \\u{1b}[2J  200
");
    insta::assert_snapshot!(&outcome.err(), @"Listening at http://127.0.0.1:<port>/; press Ctrl-C to stop.\nDropped b, which was received before.\n");
    assert!(!env.path().join("ready").exists());
}

#[test]
fn a_wait_that_ends_without_what_it_waited_for_is_13() {
    let env = TestEnv::new();
    for (args, said) in [
        (
            &["--exit-after", "ipp.session.cancelled"][..],
            "ipp.session.cancelled was not received before the timeout",
        ),
        (&["--exit-after", "2"], "0 of 2 deliveries were received before the timeout"),
        (&[], "no delivery was received before the timeout"),
    ] {
        let outcome =
            Listening::start(&env, &[args, &["--timeout", "50ms"]].concat()).running.wait().assert_code(13);
        let warning = json!({"warning": {"message": said}}).to_string();
        assert_eq!(outcome.stderr.lines().last(), Some(&*warning));
        assert_eq!(outcome.stdout, "");
    }
    let _ = Listening::start(&env, &["--exit-after", "1"])
        .end()
        .assert_code(130)
        .assert_stderr("interrupted before the expected delivery");
    env.file("secret", SECRET);
    let json = ["webhooks", "listen", "--secret-file", "secret", "--listen", "127.0.0.1:0", "-o", "json"];
    let nothing = env.run(json.iter().chain(&["--timeout", "50ms"])).assert_code(13);
    assert_eq!(nothing.stdout, "[]\n");
}

#[test]
fn an_application_gets_the_bytes_and_headers_and_its_answer_goes_back() {
    let application = Server::script([
        Reply::json(500, &json!({"error": "not yet"})).header("x-app", "1"),
        Reply::empty(307).header("location", "http://127.0.0.1:1/"),
        Reply::cut(),
        Reply::new(202, "text/plain", "thanks"),
    ]);
    let env = TestEnv::new();
    let to = format!("{}/in?token=t0k3n", application.url());
    let listening = Listening::start(&env, &["--forward-to", &to, "--exit-after", "session.finalized"]);
    let body = format!(" {}\n", finalized(&id(1)));
    let mut headers = signed(SECRET, "kevt_1", Timestamp::now(), body.as_bytes());
    headers.insert("user-agent", "Kustom/1".parse().unwrap());
    headers.insert("x-trace", "7".parse().unwrap());
    let wrong = signed(NEXT_SECRET, "kevt_1", Timestamp::now(), body.as_bytes());
    assert_eq!(status_of(&listening.post(&wrong, body.as_bytes())), 401);
    application.assert_untouched();
    let answers: Vec<_> = (0..4).map(|_| listening.post(&headers, body.as_bytes())).collect();
    assert_eq!(answers.iter().map(|answer| status_of(answer)).collect::<Vec<_>>(), [500, 307, 504, 202]);
    assert!(
        answers[0].contains("x-app: 1\r\n") && answers[0].ends_with(r#"{"error":"not yet"}"#),
        "{}",
        answers[0]
    );
    assert!(answers[3].contains("content-type: text/plain\r\n") && answers[3].ends_with("\r\n\r\nthanks"));
    let asked = application.asked();
    assert_eq!(asked.len(), 4);
    for asked in &asked {
        assert_eq!((asked.target.as_str(), &*asked.body), ("/in?token=t0k3n", body.as_bytes()));
        for (name, value) in &headers {
            assert_eq!(asked.header(name.as_str()), value.to_str().ok(), "{name}");
        }
    }
    let outcome = listening.running.wait().assert_code(0);
    let shown: Vec<_> = outcome
        .ndjson()
        .into_iter()
        .map(|shown| (shown["outcome"].clone(), shown["status"].clone(), shown["reason"].clone()))
        .collect();
    let failed = |status: u16| (json!("not_acknowledged"), json!(status), json!("application"));
    assert_eq!(
        shown,
        [
            (json!("refused"), json!(401), json!("wrong_signature")),
            failed(500),
            failed(307),
            failed(504),
            (json!("accepted"), json!(202), Value::Null),
        ]
    );
    assert!(!outcome.stderr.contains("t0k3n") && !outcome.stdout.contains("t0k3n"));
}

#[test]
fn an_id_with_a_dot_cannot_be_cut_anew() {
    let env = TestEnv::new();
    let listening = Listening::start(&env, &[]);
    let (now, body) = (Timestamp::now(), finalized(&id(1)).to_string());
    let mut headers = signed(SECRET, &format!("kevt_1.{}", now.as_second()), now, body.as_bytes());
    assert_eq!(status_of(&listening.post(&headers, body.as_bytes())), 200);
    // The same signed bytes, cut after the first dot.
    headers.insert("webhook-id", "kevt_1".parse().unwrap());
    let body = format!("{}.{body}", now.as_second());
    let answer = listening.post(&headers, body.as_bytes());
    assert_eq!(status_of(&answer), 401, "{answer}");
    assert!(answer.contains("belongs to a delivery with another ID"), "{answer}");
    let _ = listening.end();
}

/// An application that responds to a delivery when it is released.
fn held_application() -> (Server, Sender<()>) {
    let (release, released) = channel();
    let released = Mutex::new(released);
    let application = Server::new(move |_| {
        released.lock().unwrap().recv_timeout(TIMEOUT).unwrap();
        Reply::empty(200)
    });
    (application, release)
}

#[test]
fn a_sender_that_hangs_up_can_deliver_again() {
    let (application, release) = held_application();
    let env = TestEnv::new();
    let listening = Listening::start(&env, &["--forward-to", &application.url()]);
    let body = finalized(&id(1)).to_string();
    let headers = signed(SECRET, "kevt_1", Timestamp::now(), body.as_bytes());
    let mut connection = TcpStream::connect(&listening.address).unwrap();
    connection.write_all(&request(&headers, body.as_bytes())).unwrap();
    let until_passed_on = |times| until("it is passed on", || application.asked().len() >= times);
    until_passed_on(1);
    drop(connection);
    std::thread::scope(|scope| {
        let again = scope.spawn(|| {
            std::iter::repeat_with(|| listening.deliver("kevt_1", &finalized(&id(1))))
                .find(|status| *status != 503)
        });
        until_passed_on(2);
        release.send(()).unwrap();
        release.send(()).unwrap();
        assert_eq!(again.join().unwrap(), Some(200));
    });
    assert_eq!(application.asked()[1].header("kustom-repeated"), Some("true"));
    assert_eq!(listening.end().assert_code(0).ndjson().len(), 1);
}

#[test]
fn one_that_is_being_handled_is_not_passed_on_twice_and_one_that_was_is_a_repeat() {
    let (application, release) = held_application();
    let env = TestEnv::new();
    let listening = Listening::start(&env, &["--forward-to", &application.url()]);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| listening.deliver("kevt_1", &finalized(&id(1))));
        until("it is passed on", || !application.asked().is_empty());
        assert_eq!(listening.deliver("kevt_1", &finalized(&id(1))), 503);
        release.send(()).unwrap();
        assert_eq!(first.join().unwrap(), 200);
    });
    assert_eq!(listening.deliver("kevt_1", &finalized(&id(1))), 200);
    assert_eq!(application.asked().len(), 1);
    assert_eq!(listening.end().assert_code(0).ndjson().len(), 1);
}

fn lost(counter: &ScriptedEmulator) -> (String, String) {
    let env = &counter.env;
    env.run(["dev", "create-device", "--name", "Till 1", "--location", "Stockholm City"]).ok();
    counter.on("POST /ipp/v1/sessions", || Act::Lose);
    let create = ["sessions", "create", "--device", "Till 1", "--amount", "5", "--currency", "SEK"];
    let error = env.command(create).args(["-o", "json"]).run().assert_code(7).last_error();
    counter.rule(|_| Act::Pass);
    let state = serde_json::to_value(counter.emulator.state()).unwrap();
    let session = state["sessions"][0]["id"].as_str().unwrap().to_owned();
    (error["attempt"].as_str().unwrap().to_owned(), session)
}

#[test]
fn a_session_that_is_read_back_settles_what_the_ledger_does_not_know() {
    let counter = ScriptedEmulator::new();
    let (attempt, session) = lost(&counter);
    let env = &counter.env;
    let listening = Listening::start(env, &["--resolve"]);
    assert_eq!(listening.deliver("kevt_1", &finalized(&session)), 200);
    env.run(["sessions", "cancel", &session]).ok();
    assert_eq!(listening.deliver("kevt_2", &finalized(&session)), 200);
    assert_eq!(listening.deliver("kevt_3", &finalized(&id(9))), 200);
    let outcome = listening.end().assert_code(0);
    let shown = outcome.ndjson();
    let facts: Vec<_> = shown
        .iter()
        .map(|shown| (shown["settled_attempt"].clone(), shown["session"]["status"].clone()))
        .collect();
    assert_eq!(
        facts,
        [(json!(attempt), json!("CREATED")), (Value::Null, json!("CANCELLED")), (Value::Null, Value::Null)]
    );
    let missing = format!("session {} was not found in this account", id(9));
    assert!(outcome.stderr.contains(&missing), "{}", outcome.stderr);
    let known = env.run(["sessions", "list", "-o", "json"]).json();
    assert_eq!((&known[0]["session_id"], &known[0]["status"]), (&json!(session), &json!("CANCELLED")));
}

#[test]
fn a_session_that_cannot_be_read_back_is_not_acknowledged() {
    let counter = ScriptedEmulator::new();
    let (attempt, session) = lost(&counter);
    let listening = Listening::start(&counter.env, &["--resolve"]);
    counter.rule(|_| Act::Refuse(503));
    assert_eq!(listening.deliver("kevt_1", &finalized(&session)), 503);
    counter.rule(|_| Act::Pass);
    assert_eq!(listening.deliver("kevt_1", &finalized(&session)), 200);
    let outcome = listening.end().assert_code(0);
    let shown: Vec<_> = outcome
        .ndjson()
        .into_iter()
        .map(|shown| (shown["outcome"].clone(), shown["reason"].clone(), shown["settled_attempt"].clone()))
        .collect();
    assert_eq!(
        shown,
        [
            (json!("not_acknowledged"), json!("unresolved"), Value::Null),
            (json!("accepted"), Value::Null, json!(attempt)),
        ]
    );
}

#[test]
fn a_session_whose_device_is_in_use_is_settled_when_it_comes_again() {
    let counter = ScriptedEmulator::new();
    let (attempt, session) = lost(&counter);
    let mut locks = std::fs::read_dir(counter.env.state_folder().join("locks")).unwrap();
    let lock = locks.next().unwrap().unwrap().path();
    let lock = std::fs::File::open(lock).unwrap();
    lock.lock().unwrap();
    let listening = Listening::start(&counter.env, &["--resolve"]);
    assert_eq!(listening.deliver("kevt_1", &finalized(&session)), 503);
    lock.unlock().unwrap();
    assert_eq!(listening.deliver("kevt_1", &finalized(&session)), 200);
    let outcome = listening.end().assert_code(0);
    let came: Vec<_> = outcome.ndjson().iter().map(|shown| shown["outcome"].clone()).collect();
    assert_eq!(came, ["not_acknowledged", "accepted"]);
    let known = counter.env.run(["sessions", "list", "-o", "json"]).json();
    assert_eq!((&known[0]["attempt"], &known[0]["session_id"]), (&json!(attempt), &json!(session)));
}

/// Two attempts that look the same to a session cannot be told apart: nothing is settled by a guess.
#[test]
fn a_session_of_several_attempts_settles_none() {
    let counter = ScriptedEmulator::new();
    let (attempt, session) = lost(&counter);
    copy_attempt(&counter.env.state_folder(), &attempt, &id(7));
    let listening = Listening::start(&counter.env, &["--resolve"]);
    assert_eq!(listening.deliver("kevt_1", &finalized(&session)), 200);
    let outcome = listening.end().assert_code(0);
    assert_eq!(outcome.ndjson()[0]["settled_attempt"], Value::Null);
    let said =
        format!("session {session} matches 2 unknown attempts; name the right one: kustom sessions recover");
    assert!(outcome.stderr.contains(&said), "{}", outcome.stderr);
}

#[test]
fn what_cannot_be_used_is_refused_before_it_listens() {
    let env = TestEnv::new();
    env.file("secret", SECRET);
    let listen = |args: &[&str]| env.run([&["webhooks", "listen"], args].concat()).assert_failure(2);
    let with = |args: &[&str]| listen(&[&["--secret-file", "secret"], args].concat());
    insta::assert_snapshot!(&with(&["--listen", "0.0.0.0:0"]), @"error: 0.0.0.0 is not a loopback address: other machines could send deliveries
  hint: listen on 127.0.0.1, or add --public to allow other machines
");
    insta::assert_snapshot!(&with(&["--forward-to", "http://shop.example/?t=t0k3n"]), @"error: --forward-to cannot be used: it is plain http to another machine, which would show payments to the \
         network; use https, or --allow-http HOST in a private network\n");
    let pasted = listen(&["--secret-file", SECRET]);
    assert!(!pasted.contains(&SECRET[6..]) && pasted.contains("other users can see"), "{pasted}");
    assert!(listen(&[]).contains("--secret-file <FILE>"));
    for (wrong, why) in
        [("0", "write a number from 1"), ("session.finalised", "the events are session.created, ")]
    {
        let said = with(&["--exit-after", wrong]);
        assert!(said.contains(why), "{said}");
    }
    env.run(["webhooks", "listen", "--secret-file", "secret", "--resolve"])
        .assert_failure_with(3, "error: there is no API key");
}

#[test]
fn a_script_waits_for_the_payment_that_the_emulator_tells_of() {
    let env = TestEnv::new();
    let listening = Listening::start(&env, &["--exit-after", "session.finalized"]);
    let url = format!("http://{}/", listening.address);
    let emulator =
        EmulatorProcess::start(&env, &["--callback-url", &url, "--callback-secret-file", "secret"]);
    let user = emulator.env();
    user.run(["dev", "create-device", "--name", "Till 1", "--location", "Stockholm City"]).ok();
    let create = ["sessions", "create", "--device", "Till 1", "--amount", "5", "--currency", "SEK"];
    let session = user.run(create.iter().chain(&["-o", "json"])).json()["session_id"].clone();
    let paid = user.run(["dev", "simulate-tap", session.as_str().unwrap(), "-o", "json"]).json();
    let shown = listening.running.wait().assert_code(0).ndjson();
    let told: Vec<_> =
        shown.iter().map(|shown| (shown["type"].as_str().unwrap(), shown["session_id"].clone())).collect();
    assert_eq!(
        told,
        [
            ("ipp.session.created", session.clone()),
            ("ipp.session.activated", session.clone()),
            ("ipp.session.finalized", session),
        ]
    );
    assert_eq!(shown[2]["order_id"], paid["order_id"]);
    assert_eq!(shown[2]["webhook_id"], shown[2]["event"]["id"]);
}
