//! The harness itself: a comparison that hides too much, or a server that nobody can reach, would pass anything.

use std::path::Path;

use serde_json::json;

use crate::common::harness::TestEnv;
use crate::common::redaction::{FIXED_ID, redact};
use crate::common::server::{Reply, Server};

#[test]
fn only_what_is_random_is_hidden() {
    let show = |text: &str| redact(text, Path::new("/tmp/home-x"));
    let (a, b) = ("aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002");
    assert_eq!(show(&format!("{a} {b} {a}")), "<id-1> <id-2> <id-1>");
    let fixed = format!("{FIXED_ID}000000000007");
    assert_eq!(show(&fixed), fixed);
    assert_eq!(show("2026-11-22T10:00:00.123Z 2026-11-22 10:00:00"), "<time> <time>");
    assert_eq!(
        show("< 200 in 12 ms, after 1m 5s; within 30s"),
        "< 200 in <elapsed>, after <elapsed>; within 30s"
    );
    assert_eq!(show("    0.4s  CREATED\n   1m 5s  PAID\n"), "<elapsed>  CREATED\n<elapsed>  PAID\n");
    assert_eq!(show("/tmp/home-x/state 127.0.0.1:4711/ö"), "<home>/state 127.0.0.1:<port>/ö");
    assert_eq!(show("in vain 249.50 SEK 2026-11"), "in vain 249.50 SEK 2026-11");
}

#[test]
fn a_server_remembers_what_it_was_asked() {
    let server = Server::always(Reply::json(200, &json!({"content": []})));
    let env = TestEnv::new().at(&server.url(), "kco_test_api_0123456789");
    assert_eq!(env.run(["devices", "list", "-o", "json"]).stdout_only(), "[]\n");
    let [asked] = server.asked().try_into().unwrap();
    assert_eq!(asked.line(), "GET /ipp/v1/devices");
    assert_eq!(asked.query("page_size"), Some("100"));
    assert_eq!(asked.header("authorization"), Some("Basic kco_test_api_0123456789"));
}
