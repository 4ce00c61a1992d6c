use super::*;
use proptest::prelude::*;

fn parse(text: &str) -> Fault {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn matches(text: &str, method: &Method, path: &str) -> bool {
    parse(&format!("{text}: drop")).matches(method, path)
}

#[test]
fn a_fault_is_parsed_in_any_order() {
    let fault = parse("POST /ipp/v1/sessions: 503 x2");
    let status = StatusCode::SERVICE_UNAVAILABLE;
    assert_eq!(
        fault.action,
        FaultAction { delay: None, effect: Some(Effect::Status { status, retry_after: None }) }
    );
    assert_eq!((fault.times, fault.percent), (Some(2), None));
    let fault = parse("* /ipp/v1/*:x3   retry-after=3 10% delay=1500ms 429");
    assert_eq!(fault.to_string(), "* /ipp/v1/*: delay=1500ms 429 retry-after=3 10% x3");
    assert_eq!(parse("GET /x: drop once").to_string(), "GET /x: drop once");
    assert_eq!(parse("GET /x: delay=60s").to_string(), "GET /x: delay=60s");
    assert_eq!(parse("GET /x: delay=1m").to_string(), "GET /x: delay=60s");
}

#[test]
fn an_error_has_the_reason() {
    for (text, why) in [
        ("", "use a fault such as 'POST /ipp/v1/sessions: 503 x2'"),
        ("POST /ipp/v1/sessions 503", "use a fault such as"),
        ("/ipp/v1/sessions: 503", "use a fault such as"),
        ("post /x: 503", "'post' is not a method: use one such as POST, or * for any"),
        ("GET x: 503", "'x' is not a path pattern: use one such as /ipp/v1/sessions"),
        ("GET /: 503", "'/' is not a path pattern"),
        ("GET /x?a=1: 503", "it cannot have a query"),
        ("GET /emulator/faults: 503", "requests to /emulator never fail, so that faults can be removed"),
        ("GET /x/a*: 503", "* and {id} match a complete path segment"),
        ("GET /x/{}: 503", "* and {id} match a complete path segment"),
        ("GET /x:", "the fault has no effect: use a status such as 503, delay=2s, drop, "),
        ("GET /x: once", "the fault has no effect"),
        ("GET /x: 200", "'200': a status is 400 to 599"),
        ("GET /x: 600", "'600': a status is 400 to 599"),
        ("GET /x: 99999999999", "'99999999999': a status is 400 to 599"),
        ("GET /x: 503 504", "'504': given twice"),
        ("GET /x: once x2 503", "'x2': given twice"),
        ("GET /x: drop truncate", "'truncate': given twice"),
        ("GET /x: 503 drop", "a fault has either a status or a dropped connection"),
        ("GET /x: drop retry-after=3", "retry-after needs a status such as 429"),
        ("GET /x: 429 retry-after=soon", "retry-after is a number of seconds"),
        ("GET /x: delay=0s", "a delay is 1ms to 1h"),
        ("GET /x: delay=-1s", "a delay is 1ms to 1h"),
        ("GET /x: delay=2h", "a delay is 1ms to 1h"),
        ("GET /x: delay=2", "a delay is 1ms to 1h"),
        ("GET /x: 503 x0", "use a number of times such as x3"),
        ("GET /x: 503 0%", "use 1% to 100%"),
        ("GET /x: 503 101%", "use 1% to 100%"),
        ("GET /x: explode", "'explode': not part of a fault"),
        ("GET /x: 503\nx2", "a fault is a single line of at most 500 characters"),
    ] {
        let error = text.parse::<Fault>().unwrap_err();
        assert!(error.contains(why), "{text}: {error}");
    }
    assert!(format!("GET /{}: drop", "x".repeat(500)).parse::<Fault>().is_err());
}

#[test]
fn a_pattern_matches_segments() {
    let get = &Method::GET;
    assert!(matches("GET /ipp/v1/sessions", get, "/ipp/v1/sessions"));
    assert!(!matches("POST /ipp/v1/sessions", get, "/ipp/v1/sessions"));
    assert!(matches("* /ipp/v1/sessions", get, "/ipp/v1/sessions"));
    for pattern in ["GET /ipp/v1/sessions/{id}", "GET /ipp/*/sessions/{session_id}"] {
        assert!(matches(pattern, get, "/ipp/v1/sessions/x"), "{pattern}");
        for other in ["/ipp/v1/sessions", "/ipp/v1/sessions/x/cancel", "/ipp/v1/devices/x", "/"] {
            assert!(!matches(pattern, get, other), "{pattern} {other}");
        }
    }
    assert!(matches("GET /ipp/*/cancel", get, "/ipp/x/cancel"));
    for path in ["/ipp/v1/sessions", "/ipp/v1/sessions/x/cancel"] {
        assert!(matches("GET /ipp/v1/*", get, path) && matches("GET /*", get, path), "{path}");
    }
    assert!(!matches("GET /ipp/v1/*", get, "/ipp/v1"));
}

proptest! {
    #[test]
    fn a_parsed_fault_is_displayed_as_the_same_fault(
        text in "(POST|\\*) /ipp(/[a-z0-9_.-]{1,8}|/\\*|/\\{id\\}){1,4}: (delay=[1-9][0-9]{0,5}ms )?\
                 ([45][0-9]{2}( retry-after=[0-9]{1,3})?|drop|drop-after-response-headers|truncate)( x[1-9])?( [1-9]%)?"
    ) {
        let fault = parse(&text);
        prop_assert_eq!(parse(&fault.to_string()), fault);
    }
}
