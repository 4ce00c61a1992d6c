//! `sessions watch`: the outcome is the exit code, and nothing but an outcome or a real refusal ends the wait.

use serde_json::json;

use crate::common::harness::{CommandOutput, TestEnv};
use crate::common::redaction::fixed_id;
use crate::common::server::{Reply, Server};

fn session(status: &str) -> Reply {
    Reply::json(200, &json!({"session_id": fixed_id(1), "status": status}))
}

fn watch(server: &Server, more: &[&str]) -> CommandOutput {
    let env = TestEnv::new().at(&server.url(), "kco_test_api_0123456789abcdef");
    let id = fixed_id(1);
    let args = ["sessions", "watch", &id, "--interval", "10ms"];
    env.run(args.iter().chain(more))
}

#[test]
fn the_outcome_is_the_exit_code() {
    let outcomes = [
        ("FINALIZED", 0, "Paid."),
        ("CANCELLED", 10, "Canceled: nothing was charged."),
        ("EXPIRED", 11, "Expired: nobody paid in time, and nothing was charged."),
        ("FAILED", 12, "Failed: the payment could not be processed. The sale needs a new session."),
    ];
    for (status, code, words) in outcomes {
        let script = ["CREATED", "CREATED", "AUTHORIZING", "ACTIVE", "ACTIVE", status].map(session);
        let server = Server::script(script.clone());
        assert_eq!(
            &watch(&server, &[]).assert_code(code).whole(),
            &format!(
                "<elapsed>  CREATED\n<elapsed>  AUTHORIZING\n<elapsed>  ACTIVE\n<elapsed>  {status}\n\
                 ! {words} It took <elapsed>.\nexit {code}\n"
            )
        );
        assert_eq!(server.asked().len(), 6, "it is over when it is over");
        let lines = watch(&Server::script(script.clone()), &["-o", "ndjson"]).assert_code(code);
        let seen = lines.ndjson();
        let statuses: Vec<_> = seen.iter().map(|session| session["status"].as_str().unwrap()).collect();
        assert_eq!(statuses, ["CREATED", "AUTHORIZING", "ACTIVE", status]);
        let document = watch(&Server::script(script), &["-o", "json"]).json_with(code);
        assert_eq!(document, json!({"session_id": fixed_id(1), "status": status}));
    }
}

#[test]
fn a_wait_that_is_over_leaves_the_session_open() {
    let server = Server::always(session("ACTIVE"));
    let outcome = watch(&server, &["--timeout", "1s"]).assert_code(13);
    assert!(outcome.out().starts_with("<elapsed>  ACTIVE\n"), "{}", outcome.stdout);
    let warned = format!(
        "warning: the session is still open after <elapsed>; it was left as it is\n  \
         hint: wait again: kustom sessions watch {}\n",
        fixed_id(1)
    );
    assert!(outcome.err().ends_with(&warned), "{}", outcome.stderr);
    assert!(server.lines().iter().all(|line| line.starts_with("GET ")), "nothing was canceled");
}

#[test]
fn a_session_that_was_never_seen_is_not_said_to_be_open() {
    let server = Server::always(Reply::problem(503, "not now"));
    let outcome = watch(&server, &["--timeout", "300ms"]);
    let error = outcome.assert_failure(6);
    let expected = format!(
        "error: no poll of session {} succeeded in <elapsed>, so its status is unknown\n  \
         hint: check the network with `kustom doctor`\n",
        fixed_id(1)
    );
    let (before, after) = expected.split_once("<elapsed>").unwrap();
    assert!(error.contains(before) && error.ends_with(after), "{error}");
}

#[test]
fn a_failure_that_passes_is_not_an_outcome() {
    let server = Server::script([
        session("CREATED"),
        Reply::problem(503, "not now"),
        Reply::problem(503, "not now"),
        Reply::cut(),
        Reply::problem(429, "slow down").header("retry-after", "0"),
        session("CREATED"),
        Reply::new(502, "text/html", "<html>"),
        session("FINALIZED"),
    ]);
    let outcome = watch(&server, &[]).assert_code(0);
    let warned: Vec<_> = outcome.stderr.lines().filter(|line| line.starts_with("warning: ")).collect();
    assert_eq!(warned.len(), 2, "told once each time it begins:\n{}", outcome.stderr);
    assert!(warned[0].contains("not now (HTTP 503); still waiting"), "{}", outcome.stderr);
    assert_eq!(server.asked().len(), 8);
    let server = Server::script([Reply::cut(), Reply::problem(500, "oops"), session("CANCELLED")]);
    let outcome = watch(&server, &[]).assert_code(10);
    let warned: Vec<_> = outcome.stderr.lines().filter(|line| line.starts_with("warning: ")).collect();
    assert_eq!(warned.len(), 1, "{}", outcome.stderr);
    assert!(warned[0].ends_with("; still waiting"), "{}", outcome.stderr);
}

#[cfg(unix)]
#[test]
fn a_wait_that_nobody_reads_ends_quietly_and_not_as_paid() {
    let server = Server::always(session("ACTIVE"));
    let env = TestEnv::new().at(&server.url(), "kco_test_api_0123456789abcdef");
    let id = fixed_id(1);
    for format in ["table", "ndjson"] {
        let watch = env.command(["sessions", "watch", &id, "--interval", "10ms", "-o", format]);
        let outcome = watch.through("(\"$0\" \"$@\"; echo \"code $?\" >&2) | head -n 1").run().assert_code(0);
        assert_eq!(outcome.stdout.lines().count(), 1);
        assert_eq!(outcome.stderr, "code 13\n");
    }
}

#[test]
fn a_refusal_ends_the_wait() {
    for (status, code) in [(401, 3), (403, 5), (404, 4), (400, 5)] {
        let server = Server::script([session("CREATED"), Reply::problem(status, "no"), session("FINALIZED")]);
        let outcome = watch(&server, &["-o", "ndjson"]).assert_code(code);
        assert_eq!((outcome.stdout.lines().count(), server.asked().len()), (1, 2), "{status}");
        let error = outcome.last_error();
        assert_eq!(error["exit_code"], code);
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_the_session_and_says_how_to_cancel_it() {
    let server = Server::always(session("ACTIVE"));
    let env = TestEnv::new().at(&server.url(), "kco_test_api_0123456789abcdef");
    let id = fixed_id(1);
    let watching = env.command(["sessions", "watch", &id]).spawn();
    let _ = watching.until_stdout(|text| text.contains("ACTIVE"));
    watching.interrupt();
    let outcome = watching.wait().assert_code(130);
    assert!(outcome.stderr.contains(&format!("kustom sessions cancel {id}")), "{}", outcome.stderr);
    assert!(server.lines().iter().all(|line| line.starts_with("GET ")), "nothing was canceled");
}
