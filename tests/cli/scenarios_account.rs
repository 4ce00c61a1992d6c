//! `kustom dev run --profile`: scenarios on an account.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use kustom::emulator::state::PageRequest;
use kustom::emulator::{API_KEY, Emulator, State};
use tower::ServiceExt as _;

use super::scenarios::{SALE, run, without_times};
use crate::common::prelude::*;
use crate::common::redaction::fixed_id as id;

fn env(url: &str, files: &[(&str, &str)]) -> TestEnv {
    let profile = format!(
        "[profiles.p]\nenvironment = \"playground\"\napi_key = \"{API_KEY}\"\nmerchant_id = \"EMULATED\"\n\
         base_url = \"{url}\"\n"
    );
    let env = TestEnv::new().with_profiles(&profile);
    for (name, text) in files {
        let _ = env.file(name, text);
    }
    env
}

fn service_routes_of(emulator: &Emulator) -> Router {
    let inner = emulator.router();
    Router::new().fallback(move |request: Request| {
        let inner = inner.clone();
        async move {
            let is_service = ["/ipp/v1/", "/ordermanagement/v1/"];
            if !is_service.iter().any(|start| request.uri().path().starts_with(start)) {
                return axum::response::IntoResponse::into_response(axum::http::StatusCode::NOT_FOUND);
            }
            let Ok(response) = inner.oneshot(request).await;
            response
        }
    })
}

fn devices(emulator: &Emulator) -> u64 {
    u64::try_from(
        emulator.state().list_devices(None, PageRequest::default(), jiff::Timestamp::MAX).total_elements,
    )
    .unwrap()
}

#[test]
fn scenarios_that_need_an_emulator_are_skipped_with_a_reason() {
    let emulator = Emulator::new(State::seed());
    let proxy = ValidatingProxy::in_front_of(service_routes_of(&emulator));
    let env = env(&proxy.base_url(), &[]);
    insta::assert_snapshot!(&run(&env, &["--profile", "p"]).whole(), @"
    SCENARIO                                RESULT   STEPS   WHERE                              WHAT
    Every outcome of a simulated tap        passed   13
    A clerk's second try                    skipped  0 of 6  built-in/second-try.toml:12        'choose' needs a simulated phone, which only an emulator has
    A session that nobody pays expires      skipped  0 of 7  built-in/expiry.toml:4             'options' needs an emulator that runs only this scenario
    A cancel against a payment              passed   8
    An offline phone                        skipped  0 of 7  built-in/phone-offline.toml:13     'offline' needs a simulated network, which only an emulator has
    A phone is paired and takes a payment   skipped  0 of 8  built-in/pairing.toml:10           'pair' needs a simulated phone, which only an emulator has
    An expired code cannot pair a phone     skipped  0 of 6  built-in/expired-code.toml:17      'pair' needs a simulated phone, which only an emulator has
    Two open sessions on a device           skipped  0 of 7  built-in/two-open-sessions.toml:4  'options' needs an emulator that runs only this scenario
    A cart that does not add up is refused  passed   5
    A refund in two parts                   passed   8
    ! Callbacks go to the account's endpoint, so they are not checked.
    ! 4 passed, 6 skipped.
    exit 0
    ");
    assert_eq!(devices(&emulator), 0, "created resources are removed");
    let violations: Vec<_> = proxy.violations().into_iter().map(|violation| violation.message).collect();
    assert_eq!(violations, ["GET / is not described"]);
}

#[test]
fn an_emulator_on_this_machine_has_a_phone_and_a_clock() {
    let emulator = Emulator::new(State::seed());
    let proxy = ValidatingProxy::start(&emulator);
    let env = TestEnv::new().local().env("KUSTOM_BASE_URL", proxy.base_url());
    let rows = run(&env, &["--filter", "toml", "-o", "json"]).json();
    let results: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["file"].as_str().unwrap(), row["result"].as_str().unwrap()))
        .collect();
    assert_eq!(
        results,
        [
            ("built-in/tap-outcomes.toml", "passed"),
            ("built-in/second-try.toml", "passed"),
            ("built-in/expiry.toml", "skipped"),
            ("built-in/cancel-against-pay.toml", "passed"),
            ("built-in/phone-offline.toml", "passed"),
            ("built-in/pairing.toml", "passed"),
            ("built-in/expired-code.toml", "passed"),
            ("built-in/two-open-sessions.toml", "skipped"),
            ("built-in/refused-cart.toml", "passed"),
            ("built-in/refund.toml", "passed"),
        ]
    );
    assert_eq!(devices(&emulator), 0);
    let violations: Vec<_> = proxy.violations().into_iter().map(|violation| violation.message).collect();
    assert_eq!(violations, ["GET / is not described"]);
}

#[test]
fn production_is_rejected_before_anything_is_sent() {
    let server = Server::unwanted();
    let profile = format!(
        "active = \"live\"\n[profiles.live]\nenvironment = \"production\"\napi_key = \"kco_live_api_x\"\nbase_url = \"{}\"\n",
        server.url()
    );
    let env = TestEnv::new().with_profiles(&profile);
    let expected = "error: scenarios create devices and payments, and this profile is for production\n  \
                    hint: run them on an emulator with --profile local, or name a playground profile\n";
    assert_eq!(&run(&env, &["--profile", "live", "--yes"]).assert_failure(2), expected);
    assert_eq!(&env.command(["dev", "run"]).env("KUSTOM_PROFILE", "live").run().assert_failure(2), expected);
    let _ = run(&env, &["--filter", "second"]).assert_code(0);
    assert!(server.asked().is_empty());
    run(&env, &["--profile", "unknown"]).assert_failure(2);
}

fn service(other: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Server {
    let created = AtomicUsize::new(0);
    Server::new(move |request| match request.line().as_str() {
        "POST /ipp/v1/dev/devices" => {
            Reply::json(200, &json!({"id": id(created.fetch_add(1, Ordering::SeqCst) + 1)}))
        }
        "POST /ipp/v1/sessions" => {
            let session_id = id(created.fetch_add(1, Ordering::SeqCst) + 1);
            Reply::json(200, &json!({"session_id": session_id, "status": "CREATED"}))
        }
        _ => other(request),
    })
}

fn changes(server: &Server) -> Vec<String> {
    server.lines().into_iter().filter(|line| !line.starts_with("GET ")).collect()
}

#[test]
fn created_resources_are_removed_or_listed() {
    let text = format!("{SALE}expect.response.color = \"blue\"\n");
    let refusing = |status: &'static str| {
        service(move |request| match request.method.as_str() {
            "PUT" => Reply::problem(409, "Not now."),
            "GET" => Reply::json(200, &json!({"session_id": id(2), "status": status})),
            _ => Reply::empty(204),
        })
    };
    let removed = refusing("EXPIRED");
    let env_for = |server: &Server| env(&server.url(), &[("x.toml", text.as_str())]);
    let outcome = run(&env_for(&removed), &["x.toml", "--profile", "p", "-o", "json"]).assert_code(5);
    let rows = outcome.document();
    assert_eq!((&rows[0]["left"], outcome.stderr.as_str()), (&json!([]), ""));
    assert_eq!(
        changes(&removed),
        [
            "POST /ipp/v1/dev/devices".to_owned(),
            "POST /ipp/v1/sessions".to_owned(),
            format!("PUT /ipp/v1/sessions/{}/cancel", id(2)),
            format!("DELETE /ipp/v1/devices/{}", id(1)),
        ]
    );
    let open = refusing("CREATED");
    let outcome = run(&env_for(&open), &["x.toml", "--profile", "p", "-o", "json"]).assert_code(5);
    let rows = outcome.document();
    assert_eq!(rows[0]["left"], json!([format!("session {}: Not now. (HTTP 409)", id(2))]));
    let stuck =
        service(
            |request| {
                if request.method == "GET" { Reply::empty(404) } else { Reply::problem(403, "Not you.") }
            },
        );
    let outcome = run(&env_for(&stuck), &["x.toml", "--profile", "p", "-o", "json"]).assert_code(5);
    let rows = outcome.document();
    let left =
        [format!("session {}: Not you. (HTTP 403)", id(2)), format!("device {}: Not you. (HTTP 403)", id(1))];
    assert_eq!(rows[0]["left"], json!(left));
    let warnings: Vec<_> =
        left.iter().map(|what| json!({"warning": {"message": format!("not removed: {what}")}})).collect();
    let stderr = json_lines(&outcome.stderr);
    assert_eq!(stderr, warnings);
}

#[test]
fn an_unusable_account_is_an_error_with_its_own_exit_code() {
    for (reply, code, kind) in [
        (Reply::problem(401, "no"), 3, "error"),
        (Reply::problem(429, "later").header("retry-after", "3600"), 6, "error"),
        (Reply::cut(), 7, "error"),
        (Reply::problem(500, "oops"), 7, "error"),
        (Reply::json(200, &json!({"name": "no id"})), 7, "error"),
        (Reply::problem(400, "no"), 5, "failure"),
    ] {
        let server = Server::always(reply);
        let env = env(&server.url(), &[("x.toml", SALE)]);
        let rows =
            run(&env, &["x.toml", "--profile", "p", "-o", "json", "--junit", "out.xml"]).json_with(code);
        assert_eq!((&rows[0]["line"], &rows[0]["exit_code"]), (&json!(1), &json!(code)));
        let report = std::fs::read_to_string(env.path().join("out.xml")).unwrap();
        assert!(
            report.contains(&format!("<{kind} message=\"create-device: expected exit 0, got exit {code}: ")),
            "{report}"
        );
        assert_eq!(changes(&server), ["POST /ipp/v1/dev/devices"]);
    }
}

#[test]
fn a_rejected_key_stops_the_run() {
    let server = Server::always(Reply::problem(401, "no"));
    let env = env(&server.url(), &[("a.toml", SALE), ("b.toml", SALE), ("c.toml", SALE)]);
    let args = ["a.toml", "b.toml", "c.toml", "--profile", "p", "--jobs", "1"];
    insta::assert_snapshot!(&run(&env, &args).whole(), @"
    SCENARIO  RESULT  STEPS   WHERE     WHAT
    a         failed  0 of 2  a.toml:1  create-device: expected exit 0, got exit 3: no
    ! 1 failed.
    ! warning: 2 scenarios not run, since the account cannot be used
    exit 3
    ");
    assert_eq!(changes(&server), ["POST /ipp/v1/dev/devices"]);
}

#[test]
fn codes_are_created_in_either_dialect() {
    let emulator = Emulator::new(State::seed());
    emulator.with_state(|state, _| {
        state.options.enrollment_dialect = kustom::emulator::state::EnrollmentDialect::TtlOnly;
    });
    let proxy = ValidatingProxy::in_front_of(service_routes_of(&emulator));
    let text = "[[step]]\ndo = \"enroll\"\nlocation = \"göteborg haga\"\nexpires_in = \"3h\"\nexpect = { http = 201, status = \"PENDING\" }\n\
                [[step]]\ndo = \"withdraw\"\nexpect.status = \"CANCELLED\"\n";
    let env = env(&proxy.base_url(), &[("x.toml", text)]);
    insta::assert_snapshot!(&run(&env, &["x.toml", "--profile", "p"]).whole(), @"SCENARIO  RESULT  STEPS\nx         passed  2\n! 1 passed.\nexit 0\n");
}

#[test]
fn a_wait_polls_in_real_time_and_survives_a_temporary_failure() {
    let polls = AtomicUsize::new(0);
    let server = service(move |request| match request.method.as_str() {
        "GET" if request.target == "/" => Reply::empty(404),
        "GET" => match polls.fetch_add(1, Ordering::SeqCst) {
            0 => Reply::json(200, &json!({"session_id": id(2), "status": "CREATED"})),
            1 => Reply::problem(503, "not now").header("retry-after", "0"),
            _ => Reply::json(200, &json!({"session_id": id(2), "status": "FINALIZED"})),
        },
        _ => Reply::empty(204),
    });
    let text = format!(
        "{SALE}[[step]]\ndo = \"wait\"\nwithin = \"100s\"\nexpect = {{ exit = 0, status = \"FINALIZED\" }}\n"
    );
    let env = env(&server.url(), &[("x.toml", &text)]);
    let _ = run(&env, &["x.toml", "--profile", "p", "-q"]).assert_code(0);
}

#[test]
fn an_interruption_cleans_up_and_prints_the_results_so_far() {
    let server = Arc::new(Mutex::new(None::<Server>));
    let running = service(|request| match request.method.as_str() {
        "GET" if request.target == "/" => Reply::empty(404),
        "GET" => Reply::json(200, &json!({"session_id": id(4), "status": "ACTIVE"})),
        _ => Reply::empty(204),
    });
    let wait = format!("{SALE}[[step]]\ndo = \"wait\"\nwithin = \"2h\"\n");
    let env = env(&running.url(), &[("a.toml", SALE), ("b.toml", &wait), ("c.toml", SALE)]);
    *server.lock().unwrap() = Some(running);
    let request_lines = || server.lock().unwrap().as_ref().unwrap().lines();
    let args = "dev run a.toml b.toml c.toml --profile p --jobs 1 --junit out.xml -v";
    let process = env.command(args.split(' ')).spawn();
    let _ = process.until_stderr(|text| text.contains(&format!("> GET /ipp/v1/sessions/{}", id(4))));
    process.interrupt();
    let outcome = process.wait().assert_code(130);
    insta::assert_snapshot!(&outcome.stdout, @"SCENARIO  RESULT   STEPS\na         passed   2\nb         stopped  2 of 3\n");
    let last: Vec<_> = outcome.stderr.lines().rev().take(2).collect();
    assert_eq!(last, ["error: interrupted: 1 of 3 scenarios done", "1 passed."]);
    let report = std::fs::read_to_string(env.path().join("out.xml")).unwrap();
    assert!(without_times(&report).contains("<skipped message=\"interrupted\"/>"), "{report}");
    let lines = request_lines();
    let end: Vec<_> = lines.iter().rev().take(2).cloned().collect();
    let cleanup =
        [format!("DELETE /ipp/v1/devices/{}", id(3)), format!("PUT /ipp/v1/sessions/{}/cancel", id(4))];
    assert_eq!(end, cleanup);
    assert_eq!(
        lines.iter().filter(|line| *line == "POST /ipp/v1/sessions").count(),
        2,
        "the third scenario does not start"
    );
}

#[test]
fn a_second_interruption_stops_at_once() {
    let server = service(|request| match request.method.as_str() {
        "GET" if request.target == "/" => Reply::empty(404),
        "PUT" => Reply::stall(),
        _ => Reply::json(200, &json!({"session_id": id(2), "status": "ACTIVE"})),
    });
    let wait = format!("{SALE}[[step]]\ndo = \"wait\"\nwithin = \"2h\"\n");
    let env = env(&server.url(), &[("b.toml", &wait)]);
    let process = env.command(["dev", "run", "b.toml", "--profile", "p", "-v", "--timeout", "1h"]).spawn();
    let _ = process.until_stderr(|text| text.contains("> GET /ipp/v1/sessions/"));
    process.interrupt();
    let _ = process.until_stderr(|text| text.contains("> PUT /ipp/v1/sessions/"));
    process.interrupt();
    let outcome = process.wait().assert_code(130);
    assert_eq!(outcome.stdout, "");
    let expected = "error: interrupted: 0 of 1 scenario done\n  \
                hint: the cleanup was interrupted too: check the account for open sessions and devices\n";
    assert!(outcome.stderr.ends_with(expected), "{}", outcome.stderr);
}
