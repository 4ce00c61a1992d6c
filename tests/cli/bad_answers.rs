//! An API that misbehaves: each way with its exit code and its words, and with what was sent.

use crate::common::prelude::*;
use crate::common::redaction::fixed_id as id;
use crate::common::tls;

const CHECK_URL: &str = "  hint: check the base URL with `kustom doctor`\n";
const CHECK_NETWORK: &str = "  hint: nothing was sent; check the network with `kustom doctor`\n";
const LOOK: &str = "  hint: the request may have been processed: check before you send it again\n";

fn reading(server: &Server) -> (String, usize) {
    (server.env().run(["sessions", "get", &id(1)]).assert_failure(6), server.asked().len())
}

fn cannot_read(why: &str) -> String {
    format!("error: the response (HTTP 200) cannot be read: {why}\n{CHECK_URL}")
}

#[test]
fn a_page_that_is_not_json() {
    for (kind, body, why) in [
        ("text/plain", "It works!", "it is not JSON"),
        ("application/json", "", "it is empty"),
        ("application/json", "[{\"id\": 1}", "it is JSON that ends too early"),
        ("application/json", "[]", "expected a JSON object, found an array"),
    ] {
        assert_eq!(reading(&Server::always(Reply::new(200, kind, body))).0, cannot_read(why));
    }
    let server = Server::always(Reply::new(200, "application/json", "5"));
    server
        .env()
        .run(["devices", "list"])
        .assert_failure_with(6, "error: the response (HTTP 200) cannot be read: ");
}

#[test]
fn an_html_page() {
    let page = "<!DOCTYPE html><html><body>Welcome</body></html>";
    let server = Server::always(Reply::new(200, "text/html", page));
    let html = "it is an HTML page, not JSON; is the base URL right?";
    assert_eq!(reading(&server), (cannot_read(html), 1));
    let server = Server::always(Reply::new(404, "text/html", page));
    insta::assert_snapshot!(&server.env().run(["sessions", "get", &id(1)]).assert_failure(4), @"error: the API responded with 404 Not Found\n");
}

#[test]
fn an_html_error_page() {
    let server = Server::always(Reply::new(502, "text/html", "<html><h1>Bad gateway</h1></html>"));
    let said = "error: the API responded with 502 Bad Gateway (4 attempts)\n  \
                hint: try again later; `kustom doctor` checks the connection\n";
    assert_eq!(reading(&server), (said.to_owned(), 4));
}

#[test]
fn a_truncated_body() {
    let session = json!({"session_id": id(1), "status": "CREATED"});
    let server = Server::script([Reply::json(200, &session).without_the_last(5), Reply::json(200, &session)]);
    assert_eq!(server.env().run(["sessions", "get", &id(1), "-o", "json"]).json(), session);
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn a_truncated_body_of_something_that_was_created() {
    let server = Server::always(Reply::json(200, &json!({"id": id(1)})).without_the_last(5));
    let said = server.env().run(["dev", "create-device", "--name", "x"]).assert_failure(7);
    let begins = "error: the response from 127.0.0.1 is incomplete (";
    assert!(said.starts_with(begins) && said.ends_with(LOOK), "{said}");
    assert_eq!(server.lines(), ["POST /ipp/v1/dev/devices"]);
}

#[test]
fn a_body_of_a_hundred_megabytes() {
    let server = Server::always(Reply::huge(100 * 1024 * 1024));
    assert_eq!(reading(&server), (cannot_read("it is larger than 8 MiB"), 1));
}

#[test]
fn a_redirect_to_another_host() {
    let elsewhere = Server::unwanted();
    for status in [301, 302, 303, 307, 308] {
        let to = format!("{}/ipp/v1/devices", elsewhere.url());
        let server = Server::always(Reply::empty(status).header("location", &to));
        assert_eq!(
            &server.env().run(["devices", "list"]).assert_failure(6),
            &format!(
                "error: the API responded with {status}, a redirect to \
                 http://127.0.0.1:<port>/ipp/v1/devices, which is not followed with a key\n{CHECK_URL}"
            )
        );
        assert_eq!(server.asked().len(), 1);
    }
    elsewhere.assert_untouched();
}

#[test]
fn a_certificate_that_does_not_verify() {
    let answer = || Reply::json(200, &json!({"content": []}));
    let stranger = Server::with_tls(tls::server_config(tls::stranger(), "127.0.0.1"), answer());
    assert_eq!(
        &stranger.env().run(["devices", "list"]).assert_failure(6),
        &format!(
            "error: cannot reach the Kustom API: the certificate of 127.0.0.1 does not verify: nobody this machine \
 trusts issued it (SSL_CERT_FILE is <home>/authority.pem)\n{CHECK_NETWORK}"
        )
    );
    assert_eq!(stranger.asked(), []);
    let other_name = Server::with_tls(tls::server_config(tls::authority(), "api.example"), answer());
    let said = other_name.env().run(["devices", "list"]).assert_failure(6);
    let begins = "error: cannot reach the Kustom API: the certificate of 127.0.0.1 is for api.example, not for 127.0.0.1";
    assert!(said.starts_with(begins) && said.ends_with(CHECK_NETWORK), "{said}");
    assert_eq!(other_name.asked(), []);
    // The same with the right certificate works, so that it is the certificate that decides.
    let right = Server::with_tls(tls::server_config(tls::authority(), "127.0.0.1"), answer());
    assert_eq!(right.env().run(["devices", "list", "-o", "json"]).stdout_only(), "[]\n");
}

#[test]
fn a_refused_connection() {
    // A port that only the system itself could listen at.
    let env = TestEnv::new().at("http://127.0.0.1:1", KEY);
    let refused = format!(
        "error: cannot reach the Kustom API: 127.0.0.1 refused the connection (4 attempts)\n{CHECK_NETWORK}"
    );
    assert_eq!(env.run(["devices", "list"]).assert_failure(6), refused);
    assert_eq!(env.run(["dev", "create-device", "--name", "x"]).assert_failure(6), refused);
    // The request is for programs, and for --verbose.
    let error = env.run(["devices", "list", "-o", "json"]).json_failure(6);
    assert_eq!(error["request"], "GET /ipp/v1/devices");
}

#[test]
fn a_name_that_does_not_resolve() {
    let env = TestEnv::new().at("https://does-not-exist.invalid", KEY);
    assert_eq!(
        &env.run(["devices", "list"]).assert_failure(6),
        &format!(
            "error: cannot reach the Kustom API: the name does-not-exist.invalid does not resolve (4 attempts)\n{CHECK_NETWORK}"
        )
    );
}

#[test]
fn an_api_that_is_too_busy() {
    let busy = || Reply::problem(429, "slow down").header("retry-after", "0");
    // 429 has carried out nothing, so that even a POST is repeated.
    let device = json!({"id": id(2), "name": "x"});
    let server = Server::script([busy(), busy(), Reply::json(200, &device)]);
    assert_eq!(server.env().run(["dev", "create-device", "--name", "x", "-o", "json"]).json(), device);
    assert_eq!(server.asked().len(), 3);
    let server = Server::always(Reply::problem(429, "slow down").header("retry-after", "31"));
    insta::assert_snapshot!(&server.env().run(["devices", "list"]).assert_failure(6), @"error: slow down (HTTP 429)\n  hint: try again in 31 seconds, as the API requests\n");
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn an_api_that_recovers() {
    let devices = json!({"content": [{"id": id(2)}], "last": true});
    for status in [500, 502, 503, 504, 408] {
        let server = Server::script([Reply::problem(status, "not now"), Reply::json(200, &devices)]);
        let listed = server.env().run(["devices", "list", "-o", "json"]).json();
        assert_eq!((listed, server.asked().len()), (json!([{"id": id(2)}]), 2), "{status}");
    }
}

#[test]
fn an_api_that_does_not_answer_in_time() {
    let server = Server::script([Reply::stall(), Reply::json(200, &json!({"content": []}))]);
    let env = server.env();
    assert_eq!(env.run(["devices", "list", "-o", "json", "--timeout", "200ms"]).stdout_only(), "[]\n");
    let server = Server::always(Reply::stall());
    let env = server.env();
    assert_eq!(
        &env.run(["dev", "create-device", "--name", "x", "--timeout", "200ms"]).assert_failure(7),
        &format!("error: 127.0.0.1 did not respond within 200ms\n{LOOK}")
    );
    assert_eq!(server.lines(), ["POST /ipp/v1/dev/devices"]);
}

/// There is no idempotency key: a POST that may have arrived is never sent again.
#[test]
fn a_payment_that_may_have_arrived_is_not_sent_again() {
    let replies = [
        Reply::cut(),
        Reply::problem(500, "oops"),
        Reply::problem(502, "oops"),
        Reply::problem(503, "oops"),
        Reply::problem(408, "too slow"),
        Reply::new(200, "text/html", "<html>"),
        Reply::empty(302).header("location", "http://127.0.0.1:1/"),
        Reply::json(200, &json!({"session_id": id(1)})).without_the_last(3),
    ];
    for reply in replies {
        let server = Server::always(reply.clone());
        let create = ["sessions", "create", "--device", &id(2), "--amount", "1", "--currency", "SEK"];
        server.env().run(create).assert_failure_with(7, "error: the session may have been created: ");
        assert_eq!(server.lines(), ["POST /ipp/v1/sessions"], "{reply:?}");
    }
    let server = Server::always(Reply::cut());
    let error = server.env().run(["api", "POST", "/ipp/v1/sessions", "-o", "json"]).json_failure(7);
    assert_eq!((&error["kind"], &error["exit_code"]), (&json!("unknown"), &json!(7)));
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn a_deletion_that_was_cut_off_and_is_gone_is_done() {
    let gone = || Reply::problem(404, "no such thing");
    for first in [Reply::cut(), Reply::problem(503, "oops")] {
        let server = Server::script([first, gone()]);
        let done = server.env().run(["enrollments", "delete", &id(3), "-o", "ndjson"]).stdout_only();
        assert_eq!(
            done,
            format!("{{\"id\":\"{}\",\"object\":\"enrollment\",\"result\":\"deleted\"}}\n", id(3))
        );
        assert_eq!(server.asked().len(), 2);
    }
    for first in [gone(), Reply::problem(429, "slow down").header("retry-after", "0")] {
        let server = Server::script([first, gone()]);
        assert_eq!(
            &server.env().run(["enrollments", "delete", &id(3)]).assert_failure(4),
            &format!("error: enrollment {}: no such thing (HTTP 404)\n", id(3))
        );
    }
}

#[test]
fn refusals_are_told_with_their_fields_first() {
    let problem =
        json!({"title": "T", "detail": "D", "errors": {"name": "is taken", "platform": "is closed"}});
    for (status, code) in [(400, 5), (409, 5), (422, 5), (404, 4)] {
        let server = Server::always(Reply::json(status, &problem));
        let error =
            server.env().run(["dev", "create-device", "--name", "x", "-o", "json"]).json_failure(code);
        let kind = if code == 4 { "not_found" } else { "refused" };
        assert_eq!(
            error,
            json!({
                "kind": kind, "exit_code": code, "status": status, "hints": [], "errors": problem["errors"],
                "message": format!("name: is taken; platform: is closed (HTTP {status})"),
                "request": "POST /ipp/v1/dev/devices",
            })
        );
        assert_eq!(server.asked().len(), 1);
    }
    for (status, code, expected) in [
        (
            401,
            3,
            "error: the API does not accept the key: who are you? (HTTP 401)\n  \
             hint: see which key is used and where it comes from with `kustom doctor`\n",
        ),
        (403, 5, "error: who are you? (HTTP 403)\n"),
    ] {
        let server = Server::always(Reply::problem(status, "who are you?"));
        assert_eq!(server.env().run(["devices", "list"]).assert_failure(code), expected);
    }
    let server = Server::always(Reply::new(403, "text/html", "<html>Forbidden</html>"));
    assert_eq!(
        server.env().run(["devices", "list"]).assert_failure(6),
        "error: a firewall in front of the API refused the request (HTTP 403, an HTML page)\n  \
         hint: the firewall refuses some regions: try again without a VPN, or from another network\n"
    );
}

#[test]
fn answers_that_are_not_as_documented_are_tolerated() {
    let devices = r#"{"content":[{"id":17,"name":null,"platform":"WATCH","metadata":{"n":1.50},"created_at":"yesterday","new":[1,{"a":123456789012345678901234567890}]},{"platform":5},{}],"total_pages":"1","last":true,"extra":{}}"#;
    let server = Server::always(Reply::new(200, "application/json", devices));
    let home_ = server.env();
    let lines = home_.run(["devices", "list", "-o", "ndjson"]).stdout_only();
    let expected = "{\"id\":17,\"name\":null,\"platform\":\"WATCH\",\"metadata\":{\"n\":1.50},\
                    \"created_at\":\"yesterday\",\"new\":[1,{\"a\":123456789012345678901234567890}]}\n{\"platform\":5}\n{}\n";
    assert_eq!(&lines, expected);
    let table = "ID  PLATFORM  METADATA\n17  WATCH     n=1.50\n    5\n\n";
    assert_eq!(&home_.run(["devices", "list"]).stdout_only(), table);

    let session = json!({
        "session_id": id(1), "status": "AUTHORIZING", "order_amount": "24950", "purchase_currency": "SEK",
        "merchant_reference1": 1001, "order_items": [7, {"name": "Coffee"}], "tip": 3,
    });
    let server = Server::always(Reply::json(200, &session));
    let home_ = server.env();
    assert_eq!(home_.run(["sessions", "get", &id(1), "-o", "json"]).json(), session);
    let shown = home_.run(["sessions", "get", &id(1)]).assert_code(0);
    insta::assert_snapshot!(&shown.whole(), @"ID         00000000-0000-4000-8000-000000000001\nSTATUS     AUTHORIZING\nAMOUNT     249.50 SEK\nREFERENCE  1001\nITEMS      Coffee\n\
         ! The status AUTHORIZING is new to this version of kustom; see the session itself.\nexit 0\n");
}
