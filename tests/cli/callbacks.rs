//! `kustom dev emulator --callback-url`: what happens to sessions is told to an endpoint, and the log says so.

use jiff::Timestamp;
use kustom::secret::CallbackSecret;
use kustom::webhooks::SigningKeys;

use crate::common::prelude::*;

pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub(crate) const NEXT_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

#[track_caller]
pub(crate) fn verified(asked: &Asked, secret: &str) -> Value {
    let mut headers = http::HeaderMap::new();
    for (name, value) in &asked.headers {
        headers.append(http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
    }
    let secret = CallbackSecret::parse(secret).unwrap();
    SigningKeys::new(&[secret]).unwrap().verify(&headers, &asked.body, Timestamp::now()).unwrap();
    assert_eq!((&*asked.method, asked.header("content-type")), ("POST", Some("application/json")));
    let body = asked.json();
    assert_eq!(asked.header("webhook-id"), body["id"].as_str());
    body
}

fn telling(env: &TestEnv, server: &Server, args: &[&str]) -> (EmulatorProcess, TestEnv) {
    env.file("secret", format!("{SECRET}\n"));
    let url = format!("{}/hooks?token=t0k3n", server.url());
    let all = [&["--callback-url", &url, "--callback-secret-file", "secret"], args].concat();
    let emulator = EmulatorProcess::start(env, &all);
    let user = emulator.env();
    user.run(["dev", "create-device", "--name", "Till 1", "--location", "Stockholm City"]).ok();
    (emulator, user)
}

fn session(user: &TestEnv) -> String {
    let create = ["sessions", "create", "--device", "Till 1", "--amount", "5", "--currency", "SEK"];
    let made = user.run(create.iter().chain(&["-o", "json"])).json();
    made["session_id"].as_str().unwrap().to_owned()
}

#[test]
fn an_event_is_told_until_it_is_acknowledged_and_then_the_next() {
    for state in [&[][..], &["--state", "state.json"]] {
        let server = Server::script([500, 302, 204].map(Reply::empty));
        let env = TestEnv::new();
        let (emulator, user) = telling(&env, &server, state);
        let session = session(&user);
        user.run(["dev", "simulate-tap", &session, "--outcome", "lost-card"]).ok();
        let paid = user.run(["dev", "simulate-tap", &session, "-o", "json"]).json();
        emulator.log(|log| log.contains("callback capture.created"));
        let mut bodies: Vec<Value> = server.asked().iter().map(|asked| verified(asked, SECRET)).collect();
        // The callbacks about the order come last, and name no session.
        let about_order = bodies.split_off(bodies.len() - 2);
        for (body, kind) in about_order.iter().zip(["order.created", "capture.created"]) {
            let data = body["data"].as_object().unwrap();
            assert_eq!((&body["type"], &data["order_id"]), (&json!(kind), &paid["order_id"]));
            assert_eq!(data.len(), if kind == "order.created" { 1 } else { 2 }, "{data:?}");
        }
        let told: Vec<_> = bodies
            .iter()
            .map(|body| {
                assert_eq!(
                    (&body["merchant_id"], &body["data"]["session_id"]),
                    (&json!("EMULATED"), &json!(session))
                );
                let nanoseconds = body["timestamp"].as_str().unwrap().split('.').nth(1).unwrap();
                assert_eq!(nanoseconds.len(), "123456789Z".len());
                let data = &body["data"];
                (body["type"].as_str().unwrap(), data["order_id"].clone(), data["failure_reason"].clone())
            })
            .collect();
        let created = ("ipp.session.created", Value::Null, Value::Null);
        assert_eq!(
            told,
            [
                created.clone(),
                created.clone(),
                created,
                ("ipp.session.activated", Value::Null, Value::Null),
                ("ipp.payment.failed", Value::Null, json!("LOST_CARD")),
                ("ipp.session.finalized", paid["order_id"].clone(), Value::Null),
            ]
        );
        assert!(bodies[..3].iter().all(|body| body == &bodies[0]), "it is the same one that comes again");
        let outcome = emulator.end().assert_code(0);
        let log: Vec<_> = outcome.stderr.lines().filter(|line| line.starts_with("callback ")).collect();
        assert_eq!(
            log.join("\n").replace(&session, "SESSION"),
            "callback ipp.session.created SESSION attempt 1: 500, retry in 500 ms
callback ipp.session.created SESSION attempt 2: 302, retry in 1000 ms
callback ipp.session.created SESSION attempt 3: 204
callback ipp.session.activated SESSION attempt 1: 204
callback ipp.payment.failed SESSION attempt 1: 204
callback ipp.session.finalized SESSION attempt 1: 204
callback order.created SESSION attempt 1: 204
callback capture.created SESSION attempt 1: 204"
        );
        for hidden in [&SECRET["whsec_".len()..], "t0k3n"] {
            assert!(!outcome.stderr.contains(hidden) && !outcome.stdout.contains(hidden), "{outcome:?}");
        }
    }
}

#[test]
fn a_script_reads_the_log_as_objects_and_what_was_not_acknowledged_is_told_at_the_end() {
    let server = Server::always(Reply::empty(503));
    let env = TestEnv::new();
    env.file("next", NEXT_SECRET);
    let (emulator, user) = telling(&env, &server, &["-o", "ndjson", "--callback-secret-file", "next"]);
    let session = session(&user);
    emulator.log(|log| log.contains("\"attempt\":1"));
    let [asked, ..] = &server.asked()[..] else { panic!("it was not told") };
    let body = verified(asked, SECRET);
    assert_eq!(verified(asked, NEXT_SECRET), body, "signed with both");
    emulator.signal("TERM");
    emulator.signal("TERM");
    let outcome = emulator.wait().assert_code(0);
    let lines = json_lines(&outcome.stderr);
    let first = lines.iter().find(|line| !line["callback"].is_null()).unwrap();
    assert_eq!(
        first["callback"],
        json!({
            "type": "ipp.session.created", "id": body["id"], "session_id": session, "attempt": 1,
            "status": 503, "error": null, "again_in_ms": 500,
        })
    );
    let warning = json!({"warning": {"message": "not acknowledged before exit: 1 callback"}});
    assert!(lines.contains(&warning), "{}", outcome.stderr);
}

#[test]
fn what_cannot_be_used_is_refused_before_it_listens() {
    let env = TestEnv::new();
    env.file("secret", SECRET);
    env.file("key", "kco_test_api_0123456789");
    let emulator = |args: &[&str]| {
        env.run([&["dev", "emulator", "--listen", "127.0.0.1:0"], args].concat()).assert_failure(2)
    };
    let url = ["--callback-url", "http://127.0.0.1:1/"];
    let with = |url: &str, file: &str| emulator(&["--callback-url", url, "--callback-secret-file", file]);
    insta::assert_snapshot!(&with("http://shop.example/hooks", "secret"), @"error: --callback-url cannot be used: it is plain http to another machine, which would show payments to the \
         network; use https, or --allow-http HOST in a private network\n");
    insta::assert_snapshot!(&with(url[1], "key"), @"error: key does not contain a callback secret: it is an API key (kco_…), not a callback secret (whsec_…)
  hint: write only the secret, of the form whsec_…, to the file
");
    insta::assert_snapshot!(&with(url[1], "none"), @"error: cannot read none: No such file or directory\n");
    let pasted = with(url[1], SECRET);
    assert!(pasted.contains("this is a secret, which other users can see in an argument"), "{pasted}");
    assert!(!pasted.contains(&SECRET["whsec_".len()..]), "{pasted}");
    assert!(emulator(&url).contains("--callback-secret-file <FILE>"));
    assert!(emulator(&["--callback-secret-file", "secret"]).contains("--callback-url <URL>"));
}
