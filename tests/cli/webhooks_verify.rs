//! One callback: `kustom webhooks verify` checks it, `kustom dev trigger` makes it.

use kustom::emulator::API_KEY;

use super::callbacks::{NEXT_SECRET, SECRET, verified};
use crate::common::prelude::*;

const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const BODY: &str = r#"{"test": 2432232314}"#;
const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

fn kept() -> TestEnv {
    let env = TestEnv::new();
    env.file("secret", SECRET);
    env.file("next", NEXT_SECRET);
    env.file("body", BODY);
    env.file(
        "headers",
        format!("Webhook-Id: {ID}\nwebhook-timestamp: 1614265330\nwebhook-signature: {SIGNATURE}\n"),
    );
    env
}

const VERIFY: [&str; 8] =
    ["webhooks", "verify", "--secret-file", "secret", "--headers", "headers", "--body", "body"];
const IN_TIME: [&str; 2] = ["--at", "2021-02-25T15:05:00Z"];

#[test]
fn a_saved_delivery_is_verified() {
    let env = kept();
    let outcome = env.run(VERIFY.iter().chain(&IN_TIME)).assert_code(0);
    assert_eq!(&outcome.out(), &format!("ID  {ID}\n"));
    insta::assert_snapshot!(&outcome.err(), @"The signature is valid.\n");
    let with_another =
        env.run(VERIFY.iter().chain(&IN_TIME).chain(&["--secret-file", "next", "-o", "json"])).json();
    assert_eq!(
        (&with_another["webhook_id"], &with_another["event"]),
        (&json!(ID), &serde_json::from_str(BODY).unwrap())
    );
}

#[test]
fn the_check_that_failed_is_named() {
    let env = kept();
    let fails = |more: &[&str]| env.run(VERIFY.iter().chain(more)).assert_failure(5);
    insta::assert_snapshot!(&fails(&[]), @"error: the delivery failed verification: the signature is valid but too old: it was made <time>, \
         more than 5 minutes ago
  hint: pass the time at which it was received with --at
");
    let wrong = "error: the delivery failed verification: the signature does not match: another secret was used, or \
                 the body or a header was changed in transit\n";
    env.file("body", format!("{BODY}\r\n"));
    let trailing = "  hint: remove the line break at the end of the body, which the sender did not sign\n";
    assert_eq!(&fails(&IN_TIME), &format!("{wrong}{trailing}"));
    env.file("body", "{}\n");
    assert_eq!(&fails(&IN_TIME), wrong);
    env.file("headers", format!(r#"{{"webhook-id": "{ID}", "webhook-timestamp": 1614265330}}"#));
    let missing = env.command(VERIFY).args(["-o", "json"]).run().assert_code(5).error();
    assert_eq!(
        missing,
        json!({
            "kind": "refused", "exit_code": 5, "reason": "missing_header", "hints": [],
            "message": "the delivery failed verification: the header webhook-signature is missing",
        })
    );
}

#[test]
fn a_file_that_is_missing_or_has_no_headers_is_an_error() {
    let env = kept();
    env.file("headers", "webhook-id\n");
    insta::assert_snapshot!(&env.run(VERIFY).assert_failure(2), @"error: cannot parse the headers in headers: line 1 is not of the form 'name: value'
  hint: write one header per line, such as `webhook-id: …`
");
    std::fs::remove_file(env.path().join("headers")).unwrap();
    insta::assert_snapshot!(&env.run(VERIFY).assert_failure(2), @"error: cannot read headers: No such file or directory\n");
}

fn trigger(env: &TestEnv, to: &str, args: &[&str]) -> Vec<String> {
    env.file("secret", SECRET);
    let common = ["dev", "trigger", "--to", to, "--secret-file", "secret"];
    common.iter().chain(args).map(|arg| (*arg).to_owned()).collect()
}

#[test]
fn a_sample_needs_no_account_and_shows_what_was_answered() {
    let env = TestEnv::new();
    let application = Server::always(Reply::new(200, "text/plain", "thanks\u{1b}[2J"));
    let to = format!("{}/in?token=t0k3n", application.url());
    for (event, kind) in [
        ("session.created", "ipp.session.created"),
        ("ipp.session.activated", "ipp.session.activated"),
        ("session.finalized", "ipp.session.finalized"),
        ("session.cancelled", "ipp.session.cancelled"),
        ("payment.failed", "ipp.payment.failed"),
    ] {
        let shown = env.run(trigger(&env, &to, &[event, "-o", "json"])).json();
        let body = verified(application.asked().last().unwrap(), SECRET);
        let data = &body["data"];
        assert_eq!((&body["type"], &body["merchant_id"]), (&json!(kind), &json!("SAMPLE")));
        assert_eq!(data["order_id"].is_string(), event == "session.finalized");
        let reason = if event == "payment.failed" { json!("DECLINED_GENERIC") } else { Value::Null };
        assert_eq!((data["session_id"].is_string(), &data["failure_reason"]), (true, &reason));
        let ms = shown["took_ms"].clone();
        assert_eq!(
            shown,
            json!({
                "id": body["id"], "type": kind, "session_id": data["session_id"], "order_id": data["order_id"],
                "failure_reason": reason, "to": format!("{}/in", application.url()), "status": 200,
                "took_ms": ms, "answer": "thanks\u{1b}[2J",
            })
        );
    }
    let shown = env.run(trigger(&env, &to, &["payment.failed"])).ok();
    assert!(shown.contains("BODY      thanks\\u{1b}[2J\n") && !shown.contains("t0k3n"), "{shown}");
    let talks = Server::always(Reply::new(200, "text/plain", format!("configured with {SECRET}")));
    let shown = env.run(trigger(&env, &talks.url(), &["payment.failed", "-o", "json"])).json();
    assert_eq!(shown["answer"], "configured with whsec_[redacted]");
}

#[test]
fn what_is_not_acknowledged_is_a_failure() {
    let env = TestEnv::new();
    for (reply, code, said) in [
        (Reply::empty(500), 5, "error: the application responded with 500 instead of a 2xx status\n"),
        (
            Reply::empty(307).header("location", "http://127.0.0.1:1/"),
            5,
            "error: the application responded with 307 instead of a 2xx status\n  hint: kustom does not follow \
             redirects; pass the final URL with --to\n",
        ),
        (
            Reply::empty(401),
            5,
            "error: the application responded with 401 instead of a 2xx status\n  hint: check the application's \
             secret and clock with `kustom webhooks verify`\n",
        ),
    ] {
        let application = Server::always(reply);
        let outcome = env.run(trigger(&env, &application.url(), &["session.created"])).assert_code(code);
        assert_eq!(&outcome.err(), said);
        assert_eq!(application.asked().len(), 1, "it is sent once");
    }
    let cut = Server::always(Reply::cut());
    env.run(trigger(&env, &cut.url(), &["session.created"]))
        .assert_failure_with(7, "error: the callback was sent, but there was no response: ");
    assert_eq!(cut.asked().len(), 1, "it is sent once");
    let gone = env.run(trigger(&env, "http://127.0.0.1:1/", &["session.created"])).assert_failure(6);
    insta::assert_snapshot!(&gone, @"error: the callback was not sent: 127.0.0.1 refused the connection
  hint: check that the application listens \
         at this URL
");
    env.run(trigger(&env, "http://shop.example/", &["session.created"]))
        .assert_failure_with(2, "error: --to cannot be used: it is plain http to another machine");
}

#[test]
fn a_callback_can_be_about_a_session_that_exists() {
    let env = TestEnv::new().local();
    let application = Server::always(Reply::empty(204));
    env.run(["dev", "create-device", "--name", "Till 1", "--location", "Stockholm City"]).ok();
    let create = ["sessions", "create", "--device", "Till 1", "--amount", "5", "-o", "json"];
    let session = env.run(create).json()["session_id"].as_str().unwrap().to_owned();
    let about = ["session.finalized", "--session", &session];
    let open = env.run(trigger(&env, &application.url(), &about)).assert_code(0);
    insta::assert_snapshot!(&open.err(), @"The session is CREATED, but the callback reports FINALIZED.\n");
    let paid = env.run(["dev", "simulate-tap", &session, "-o", "json"]).json();
    assert_eq!(env.run(trigger(&env, &application.url(), &about)).assert_code(0).stderr, "");
    let bodies: Vec<_> = application.asked().iter().map(|asked| verified(asked, SECRET)).collect();
    assert_ne!(bodies[0]["id"], bodies[1]["id"]);
    assert_eq!(bodies[0]["data"], json!({"session_id": session, "order_id": null, "failure_reason": null}));
    assert_eq!(bodies[1]["data"]["order_id"], paid["order_id"]);
    assert_eq!(bodies[1]["merchant_id"], "EMULATED");
    let nobodys = fixed_id(9);
    env.run(trigger(&env, &application.url(), &["session.created", "--session", &nobodys]))
        .assert_failure_with(4, &format!("error: session {nobodys}: "));
    assert_eq!(application.asked().len(), 2);
}

#[test]
fn production_is_refused_before_anything_is_sent() {
    let application = Server::unwanted();
    let production = "environment = \"production\"\napi_key = \"kco_live_api_0123456789\"\n";
    let env = TestEnv::new().with_profiles(&format!("active = \"live\"\n[profiles.live]\n{production}"));
    for more in [&[][..], &["--session", "00000000-0000-4000-8000-000000000001"]] {
        let args = [&["session.created"], more].concat();
        assert_eq!(
            env.run(trigger(&env, &application.url(), &args)).assert_failure(2),
            "error: `kustom dev trigger` does not send made-up callbacks for production
  hint: use a playground profile, or --profile local
"
        );
    }
    application.assert_untouched();
    let mismatched = TestEnv::new()
        .env("KUSTOM_API_KEY", "kco_live_x")
        .env("KUSTOM_BASE_URL", "https://api.playground.kustom.co");
    mismatched.run(trigger(&mismatched, &application.url(), &["session.created"])).assert_failure(3);
    let named = TestEnv::new().at(&application.url(), API_KEY);
    named
        .run(trigger(&named, "http://127.0.0.1:1/", &["session.created"]))
        .assert_failure_with(6, "refused the connection");
}
