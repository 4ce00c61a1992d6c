//! Connections, and responses that other clients would read.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use crate::common::prelude::*;

const DEVICE: &str = "11111111-1111-4111-8111-111111111111";

#[test]
fn responses_with_a_byte_order_mark_or_compression_are_read() {
    let session = json!({"session_id": DEVICE, "status": "FINALIZED", "order_amount": 100.0}).to_string();
    let utf16 = [0xff, 0xfe]
        .into_iter()
        .chain(session.encode_utf16().flat_map(u16::to_le_bytes))
        .collect::<Vec<u8>>();
    for body in [format!("\u{feff}{session}").into_bytes(), utf16] {
        let server = Server::always(Reply::new(200, "application/json", body));
        let env = server.env();
        assert_eq!(env.run(["sessions", "get", DEVICE, "-o", "json"]).json()["status"], "FINALIZED");
        let watched = env.run(["sessions", "watch", DEVICE, "-o", "json"]);
        assert_eq!(watched.assert_code(0).json()["order_amount"], json!(100.0));
    }
    let problem = "\u{feff}{\"detail\":\"The device is unknown.\"}";
    let server = Server::always(Reply::new(404, "application/problem+json", problem));
    server.env().run(["sessions", "get", DEVICE]).assert_failure_with(4, "The device is unknown.");
    // `{"content":[]}` by gzip.
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x01\x0e\x00\xf1\xff{\"content\":[]}\x15\x28\xa1\xef\x0e\x00\x00\x00";
    let server = Server::always(Reply::new(200, "application/json", gzip).header("content-encoding", "gzip"));
    let env = server.env();
    assert_eq!(env.run(["devices", "list", "-o", "json"]).stdout_only(), "[]\n");
}

/// A response that is in the socket when the process goes on counts, although the timeout was over before.
#[test]
fn a_response_that_has_arrived_counts_before_the_timeout_does() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let env = TestEnv::new().at(&url, KEY);
    let create = format!("sessions create --device {DEVICE} --amount 1.00 --currency SEK --timeout 2s");
    let running = env.command(create.split(' ')).spawn();
    let (mut connection, _) = listener.accept().expect("a connection");
    connection.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
    let mut request = Vec::new();
    while !request.ends_with(b"}") {
        let mut buffer = [0; 4096];
        let length = connection.read(&mut buffer).expect("a request");
        request.extend_from_slice(&buffer[..length]);
    }
    running.signal("STOP");
    let body = json!({"session_id": DEVICE, "status": "CREATED"}).to_string();
    let response = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    connection.write_all(response.as_bytes()).expect("a response");
    // The timeout is what passes here.
    std::thread::sleep(Duration::from_millis(2500));
    running.signal("CONT");
    let _ = running.wait().assert_code(0);
}

#[test]
fn an_item_on_two_pages_is_one_and_a_page_that_repeats_itself_ends_the_list() {
    let page = |names: &[&str]| {
        let devices: Vec<_> = names.iter().map(|name| json!({"id": name, "name": name})).collect();
        Reply::json(200, &json!({"content": devices, "total_pages": 3}))
    };
    let moving = Server::new(move |asked| match asked.query("page_number") {
        Some("0") => page(&["a", "b"]),
        Some("1") => page(&["b", "c"]),
        _ => page(&["d"]),
    });
    let env = moving.env();
    let listed = env.run(["devices", "list", "-o", "ndjson"]).assert_code(0);
    let ids: Vec<_> = listed.stdout.lines().map(|line| line[7..8].to_owned()).collect();
    assert_eq!((ids.join(" "), listed.stderr.as_str()), ("a b c d".to_owned(), ""));
    env.run(["devices", "get", "b"]).ok();
    // The second one has other pages, but none with a new element.
    for ids in [["a", "a"], ["a", "b"]] {
        let endless = Server::new(move |asked| {
            let number: usize = asked.query("page_number").unwrap().parse().unwrap();
            Reply::json(200, &json!({"content": [{"id": ids[number % 2]}], "last": false}))
        });
        let listed = endless.env().run(["devices", "list", "-o", "ndjson"]).assert_code(0);
        assert_eq!(listed.stdout.lines().count(), if ids[0] == ids[1] { 1 } else { 2 });
        let warning = "GET /ipp/v1/devices returned the same page twice, so the list may be incomplete";
        assert!(listed.stderr.contains(warning), "{}", listed.stderr);
    }
}

#[test]
fn a_name_is_not_looked_for_in_a_list_that_never_ends() {
    let endless = Server::new(move |asked| {
        let number = asked.query("page_number").unwrap();
        Reply::json(200, &json!({"content": [{"id": format!("d-{number}"), "name": number}], "last": false}))
    });
    let message = "the list has 1000 pages or more, too many to find a name in it";
    endless.env().run(["devices", "get", "Till"]).assert_failure_with(6, message);
}

#[test]
fn the_status_of_an_application_decides_whatever_happens_to_its_body() {
    let env = TestEnv::new();
    let secret = env.file("secret", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3").display().to_string();
    for (status, exit) in [(200, 0), (500, 5)] {
        let whole = Reply::new(status, "text/plain", "a body that breaks off");
        for reply in [
            whole.clone().without_the_last(5),
            Reply::raw(format!("HTTP/1.1 {status} x\r\ncontent-length: 9\r\n\r\n")),
        ] {
            let application = Server::always(reply);
            let trigger = ["dev", "trigger", "session.finalized", "--secret-file", &secret, "--to"];
            let _ = env.run(trigger.iter().copied().chain([&*application.url()])).assert_code(exit);
        }
    }
}
