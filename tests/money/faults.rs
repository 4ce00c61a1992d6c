//! The connection breaks at every point of the exchange, and a script repeats the command as scripts do. The sale
//! is charged at most once, the exit code is true, and what exists is in the ledger.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::faulty_proxy::{Fault, Point, Then};
use super::fixture::{Charged, DUPLICATE, Sale, Shop, UNKNOWN, attempt_of};
use crate::common::commands::in_parallel;

pub(crate) fn repeat(shop: &mut Shop, case: &str, sale: &Sale, first: Option<i32>, mut charged: Charged) {
    let mut last = first;
    let attempted = shop.is_attempted(sale);
    for time in 1..=2 {
        if last == Some(0) && sale.reference.is_none() {
            break;
        }
        let outcome = shop.command(sale).run();
        charged = shop.judge(&format!("{case}, repeated {time}×"), sale, &charged, &outcome);
        // What may be charged, or is, is stopped until a person lets it through; what is not goes through.
        let may_be_charged = last.map_or(attempted, |code| matches!(code, 0 | DUPLICATE | UNKNOWN));
        let expected = if may_be_charged { DUPLICATE } else { 0 };
        assert_eq!(outcome.code, Some(expected), "{case}, repeated {time}×: {}", outcome.stderr);
        last = outcome.code;
    }
    settle(shop, case, sale, &charged);
}

fn settle(shop: &mut Shop, case: &str, sale: &Sale, charged: &Charged) {
    let Some(attempt) = shop.unknown(sale) else { return };
    shop.runs += 1;
    match charged.first() {
        Some(session) => {
            shop.env.run(["sessions", "recover", &attempt, "--session", session, "-q"]).ok();
            if sale.reference.is_none() {
                return;
            }
        }
        None => {
            shop.env.run(["sessions", "recover", &attempt, "--not-carried-out", "-q"]).ok();
        }
    }
    let outcome = shop.command(sale).run();
    let expected = if charged.is_empty() { 0 } else { DUPLICATE };
    shop.judge(&format!("{case}, settled"), sale, charged, &outcome);
    assert_eq!(outcome.code, Some(expected), "{case}, settled: {}", outcome.stderr);
}

/// Runs the sale into the fault, then as a script would.
fn script(shop: &mut Shop, case: &str, sale: &Sale, fault: Fault, more: &[&str], expected: &[i32]) {
    shop.wire.breaks(fault);
    let outcome = shop.command(sale).args(more).run();
    let charged = shop.judge(case, sale, &Charged::new(), &outcome);
    assert!(shop.wire.mend(), "{case}: the fault never happened");
    let code = outcome.code.unwrap_or(-1);
    assert!(expected.contains(&code), "{case}: exit {code}, expected {expected:?}\n{}", outcome.stderr);
    repeat(shop, case, sale, outcome.code, charged);
}

/// A shop has few cases, since each is judged by all that its shop has sold. Returns the number of runs.
pub(crate) fn in_shops<C: Sync>(cases: &[C], work: impl Fn(&mut Shop, &C) + Sync) -> usize {
    let runs = AtomicUsize::new(0);
    in_parallel(3, cases.chunks(20), |cases| {
        let mut shop = Shop::open();
        for case in cases {
            work(&mut shop, case);
        }
        shop.close();
        runs.fetch_add(shop.runs, Ordering::Relaxed);
    });
    runs.into_inner()
}

pub(crate) fn points(shop: &mut Shop, with_reference: bool, parts: usize) -> Vec<Point> {
    let sale = shop.sale(with_reference);
    shop.command(&sale).run().ok();
    let ((request_head, request), (answer_head, answer)) = shop.wire.lengths();
    let spread = |head: usize, whole: usize, edges: &[usize]| {
        let mut places: Vec<usize> = (0..parts).map(|part| part * whole / parts).collect();
        places.extend([1, head - 2, head - 1, head, head + 1, whole - 1]);
        places.extend(edges);
        places.sort_unstable();
        places.dedup();
        places
    };
    let mut points = vec![Point::Accepted];
    points.extend(spread(request_head, request, &[]).into_iter().map(Point::Request));
    points.push(Point::Forwarded);
    points.extend(spread(answer_head, answer, &[9, 12, 15, 16, 17]).into_iter().map(Point::Answer));
    points.push(Point::Answered);
    points
}

#[test]
fn a_connection_that_breaks_anywhere_charges_nothing_twice() {
    let mut cases = Vec::new();
    for with_reference in [true, false] {
        for point in points(&mut Shop::open(), with_reference, 26) {
            for then in [Then::Close, Then::Reset] {
                cases.push((with_reference, point, then));
            }
        }
    }
    let runs = in_shops(&cases, |shop, (with_reference, point, then)| {
        let sale = shop.sale(*with_reference);
        let expected: &[i32] = match (point, then) {
            (Point::Accepted, _) => &[0, 6, UNKNOWN],
            (Point::Answered, Then::Close) => &[0],
            (Point::Answered, _) => &[0, UNKNOWN],
            _ => &[UNKNOWN],
        };
        script(shop, &format!("{then:?} at {point:?}"), &sale, Fault::At(*point, *then), &[], expected);
    });
    assert!(runs >= 1000, "{runs} runs");
}

#[test]
fn a_connection_that_was_used_before_breaks_anywhere() {
    let mut cases = Vec::new();
    for point in points(&mut Shop::open(), true, 4) {
        for then in [Then::Close, Then::Reset] {
            cases.push((point, then));
        }
    }
    cases.extend([Then::Close, Then::Reset].into_iter().cycle().take(16).map(|then| (Point::Read, then)));
    in_shops(&cases, |shop, (point, then)| {
        let mut sale = shop.sale(true);
        "Till 1".clone_into(&mut sale.device);
        let case = format!("{then:?} at {point:?} of a connection that was used before");
        script(shop, &case, &sale, Fault::At(*point, *then), &[], &[0, 6, UNKNOWN]);
    });
}

fn answer(status: u16, content_type: &str, body: &str, further: &str) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status} Whatever\r\ncontent-length: {}\r\n", body.len());
    if !content_type.is_empty() {
        let _ = write!(text, "content-type: {content_type}\r\n");
    }
    let _ = write!(text, "{further}connection: close\r\n\r\n{body}");
    text.into_bytes()
}

#[test]
fn an_answer_that_is_not_the_emulators() {
    let problem = json!({"title": "No", "detail": "it was not meant to be"}).to_string();
    let json = "application/json";
    let mut cases = Vec::new();
    let mut case = |carried_out: bool, answer: Vec<u8>, expected: i32| {
        for with_reference in [true, false] {
            cases.push((with_reference, carried_out, answer.clone(), expected));
        }
    };
    for carried_out in [true, false] {
        for status in [408, 500, 501, 502, 503, 504, 599] {
            case(carried_out, answer(status, "application/problem+json", &problem, ""), UNKNOWN);
            case(carried_out, answer(status, "", "", "retry-after: 0\r\n"), UNKNOWN);
        }
        case(carried_out, answer(302, "", "", "location: /elsewhere\r\n"), UNKNOWN);
        for (kind, body) in [
            ("", ""),
            (json, ""),
            (json, r#"{"session_id":"5e5510"#),
            (json, "{}"),
            (json, "null"),
            (json, "[]"),
            (json, r#"{"status":"CREATED"}"#),
            ("text/html", "<html><body>It works!</body></html>"),
        ] {
            case(carried_out, answer(200, kind, body, ""), UNKNOWN);
        }
        case(carried_out, answer(204, "", "", ""), UNKNOWN);
        case(carried_out, b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n".to_vec(), UNKNOWN);
        case(carried_out, b"SSH-2.0-OpenSSH_9.9\r\n".to_vec(), UNKNOWN);
    }
    for (status, expected) in [(400, 5), (401, 3), (403, 5), (404, 4), (409, 5), (418, 5), (422, 5)] {
        case(false, answer(status, "application/problem+json", &problem, ""), expected);
    }
    // Too many requests is not now: it is sent again by itself, unless that would take too long.
    case(false, answer(429, "", "", "retry-after: 0\r\n"), 0);
    case(false, answer(429, "", "", "retry-after: 1000\r\n"), 6);
    in_shops(&cases, |shop, (with_reference, carried_out, answer, expected)| {
        let sale = shop.sale(*with_reference);
        let told = String::from_utf8_lossy(answer);
        let case = format!("{} (carried out: {carried_out})", told.escape_debug());
        let fault = Fault::Instead { answer: answer.clone(), carried_out: *carried_out };
        script(shop, &case, &sale, fault, &[], &[*expected]);
    });
}

#[test]
fn an_api_that_is_silent_at_any_point() {
    in_shops(&points(&mut Shop::open(), true, 3), |shop, point| {
        let sale = shop.sale(true);
        let expected = if *point == Point::Answered { 0 } else { UNKNOWN };
        let fault = Fault::At(*point, Then::Hold);
        script(shop, &format!("silence at {point:?}"), &sale, fault, &["--timeout", "700ms"], &[expected]);
    });
}

#[test]
fn a_connection_that_cannot_be_made() {
    let closed = tokio::net::TcpSocket::new_v4().expect("a socket");
    closed.bind((std::net::Ipv4Addr::LOCALHOST, 0).into()).expect("a port on loopback");
    let nowhere = format!("http://{}", closed.local_addr().expect("an address"));
    let no_name = format!("https://{}.invalid", "x".repeat(64));
    let mut shop = Shop::open();
    for with_reference in [true, false] {
        let sale = shop.sale(with_reference);
        let refused = shop.command(&sale).env("KUSTOM_BASE_URL", &nowhere).run();
        let charged = shop.judge("refused", &sale, &Charged::new(), &refused);
        assert_eq!(refused.code, Some(6), "{}", refused.stderr);
        repeat(&mut shop, "refused", &sale, refused.code, charged);
        // A name that cannot exist, which no resolver has to be asked about.
        let sale = shop.sale(with_reference);
        let unheard = shop.command(&sale).env("KUSTOM_BASE_URL", &no_name).run();
        let charged = shop.judge("no such name", &sale, &Charged::new(), &unheard);
        assert_eq!(unheard.code, Some(6), "{}", unheard.stderr);
        repeat(&mut shop, "no such name", &sale, unheard.code, charged);
        // A server that never answers a TLS greeting: nothing was sent over it.
        let sale = shop.sale(with_reference);
        let url = shop.wire.url().replace("http:", "https:");
        let no_tls = shop.command(&sale).args(["--timeout", "1s"]).env("KUSTOM_BASE_URL", &url).run();
        let charged = shop.judge("no TLS", &sale, &Charged::new(), &no_tls);
        assert_eq!(no_tls.code, Some(6), "{}", no_tls.stderr);
        repeat(&mut shop, "no TLS", &sale, no_tls.code, charged);
    }
    assert_eq!(shop.wire.posts().len(), 6);
    shop.close();
}

#[test]
fn a_connection_that_breaks_while_a_large_request_is_sent() {
    let mut shop = Shop::open();
    for (number, then) in [Then::Close, Then::Reset, Then::Hold].into_iter().cycle().take(6).enumerate() {
        let mut sale = shop.sale(true);
        let reference = sale.reference.clone().expect("a reference");
        let data = "x".repeat(1_000_000);
        let body = json!({
            "device_id": shop.device, "order_amount": sale.amount, "purchase_currency": "SEK",
            "purchase_started_at": format!("2026-11-22T10:00:{number:02}Z"),
            "merchant_reference1": reference, "merchant_data": data,
        });
        let file = shop.env.file("body.json", body.to_string());
        let point = Point::Request([400, 300_000][number % 2]);
        shop.wire.breaks(Fault::At(point, then));
        shop.runs += 1;
        let command = ["sessions", "create", "-o", "json", "--timeout", "1s", "--body"];
        let outcome = shop.env.command(command.iter().map(AsRef::as_ref).chain([file.as_os_str()])).run();
        let case = format!("{then:?} at {point:?} of a large request");
        let charged = shop.judge(&case, &sale, &Charged::new(), &outcome);
        assert!(shop.wire.mend(), "{case}: the fault never happened");
        assert_eq!(outcome.code, Some(UNKNOWN), "{case}: {}", outcome.stderr);
        assert_eq!(attempt_of(&outcome), shop.unknown(&sale).expect("an attempt"));
        sale.device = shop.device.clone();
        repeat(&mut shop, &case, &sale, outcome.code, charged);
    }
    shop.close();
}
