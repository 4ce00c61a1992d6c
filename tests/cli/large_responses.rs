//! Responses that are as large as kustom accepts, and words of the API that are far too long.

#![cfg(target_os = "linux")]

use crate::common::ledger::attempts;
use crate::common::prelude::*;

const LIMIT: usize = 8 * 1024 * 1024;

/// The most memory that a command uses. Nobody reads its output, so that it waits at its end.
fn memory_of(env: &TestEnv, args: &[&str]) -> usize {
    let args = args.iter().chain(&["--timeout", "30s"]);
    let mut running = env.command(args).full(StandardStream::Stdout).spawn();
    let (mut peak, mut unchanged) = (0, 0);
    // It has printed everything when its memory has not grown for a while.
    while unchanged < 60 && !running.exits_within(std::time::Duration::from_millis(20)) {
        let now = running.peak_memory().unwrap_or_default();
        unchanged = if now > peak || now < LIMIT { 0 } else { unchanged + 1 };
        peak = peak.max(now);
    }
    let _ = running.kill();
    peak
}

#[test]
fn a_response_takes_at_most_six_times_its_size() {
    let filler = |length: usize| "x".repeat(length);
    let device = |number: usize, more: Value| json!({"id": fixed_id(number), "name": "Till", "more": more});
    let few = |value: Value| json!({"content": [value], "last": true}).to_string();
    let many: Vec<_> = (0..98).map(|number| device(number, json!(vec![filler(400); 200]))).collect();
    let bodies = [
        few(json!({"id": fixed_id(1)})),
        few(json!({"id": fixed_id(1), "name": filler(LIMIT - 200)})),
        json!({"content": many, "last": true}).to_string(),
        few(device(1, json!(vec![json!({"a": 1}); 30_000]))),
    ];
    let sizes = bodies.clone().map(|body| body.len());
    assert!(sizes[1..3].iter().all(|size| (LIMIT * 9 / 10..LIMIT).contains(size)), "{sizes:?}");
    let server = Server::new(move |asked| {
        let number: usize = asked.target[1..2].parse().unwrap();
        Reply::new(200, "application/json", &bodies[number])
    });
    let env = |body: usize| TestEnv::new().at(&format!("{}/{body}", server.url()), kustom::emulator::API_KEY);
    let json = ["devices", "list", "-o", "json"];
    let base = memory_of(&env(0), &json);
    for (body, args) in [
        (1, &["devices", "list"][..]),
        (2, &json),
        (2, &["devices", "list", "-o", "csv"]),
        (3, &["api", "GET", "/ipp/v1/devices"]),
    ] {
        let peak = memory_of(&env(body), args);
        assert!(
            peak < base + 6 * LIMIT,
            "{body} {args:?}: {} KiB, and {} KiB for little",
            peak / 1024,
            base / 1024
        );
    }
}

#[test]
fn a_response_with_too_many_values_is_not_parsed() {
    let body = format!("[{}1]", "1,".repeat(200_000));
    let server = Server::always(Reply::new(200, "application/json", body));
    let env = TestEnv::new().at(&server.url(), kustom::emulator::API_KEY);
    env.run(["api", "GET", "/ipp/v1/devices"]).assert_failure_with(6, "it has more than 100000 values");
}

#[test]
fn long_words_of_the_api_are_shortened_on_screen_and_in_the_ledger() {
    let long = "ö".repeat(100_000);
    for (status, body) in [
        (400, json!({"detail": long})),
        (400, json!({"errors": {(&long): [&long]}, "error_code": long, "correlation_id": long})),
        (500, json!({"title": long})),
        (200, json!({"session_id": long})),
        (200, json!({"session_id": fixed_id(1), "merchant_reference1": long})),
        (200, json!({"session_id": fixed_id(1), "status": long})),
    ] {
        let server = Server::always(Reply::json(status, &body));
        let env = TestEnv::new().at(&server.url(), kustom::emulator::API_KEY);
        let create = "sessions create --amount 1 --currency SEK --reference r --allow-duplicate --device";
        for format in ["table", "json"] {
            let outcome = env.command(create.split(' ')).args([&*fixed_id(2), "-o", format]).run();
            assert!(outcome.stderr.chars().count() < 6000, "{}", outcome.stderr.len());
        }
        let stored: Vec<_> =
            attempts(&env.state_folder()).iter().map(|attempt| json!(attempt).to_string()).collect();
        assert!(
            !stored.is_empty() && stored.iter().all(|attempt| attempt.len() < 6 * 1024),
            "{:?}",
            stored.iter().map(String::len).max()
        );
    }
}
