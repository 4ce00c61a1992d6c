//! Lists: all pages, in order, as they arrive; and names that try to control the terminal or a spreadsheet.

use std::io::Read as _;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kustom::emulator::{Emulator, State};

use crate::common::contract_emulator::{Ask, ask_router};
use crate::common::prelude::*;

fn devices(range: std::ops::Range<usize>) -> Vec<Value> {
    range.map(|number| json!({"id": format!("d{number}"), "name": format!("Till {number}")})).collect()
}

#[test]
fn two_hundred_and_fifty_devices_come_in_order() {
    let emulator = Emulator::new(State::seed());
    let expected: Vec<_> = (0..250).map(|number| format!("Till {number}")).collect();
    for name in &expected {
        ask_router(&emulator, Ask::new("POST", "/ipp/v1/dev/devices").json(&json!({"name": name})));
    }
    let proxy = ValidatingProxy::start(&emulator);
    let env = TestEnv::new().at_emulator(&proxy.base_url());
    assert_eq!(column(&env.run(["devices", "list", "-o", "json"]).json(), "name"), expected);
    let rows = env.run(["devices", "list", "-o", "ndjson"]).assert_code(0).ndjson();
    assert_eq!(column(&json!(rows), "name"), expected);
    assert_eq!(env.run(["devices", "list", "-o", "csv"]).stdout_only().lines().count(), 251);
    assert_eq!(env.run(["devices", "list"]).stdout_only().lines().count(), 251);
    for limit in [1, 100, 101, 249, 250, 1000] {
        let args = ["devices", "list", "-o", "json", "--limit", &limit.to_string()];
        assert_eq!(column(&env.run(args).json(), "name"), expected[..limit.min(250)]);
    }
    assert_eq!(env.run(["devices", "get", "till 249", "-o", "json"]).json()["name"], "Till 249");
    assert_eq!(proxy.violations(), []);
}

#[test]
fn a_limit_requests_no_more_than_it_needs() {
    let server = Server::new(|request| {
        let size: usize = request.query("page_size").unwrap().parse().unwrap();
        let page: usize = request.query("page_number").unwrap().parse().unwrap();
        Reply::json(200, &json!({"content": devices(page * size..(page + 1) * size), "total_pages": 50}))
    });
    let env = server.env();
    assert_eq!(
        env.run(["devices", "list", "-o", "json", "--limit", "7"]).json().as_array().unwrap().len(),
        7
    );
    let [request] = server.asked().try_into().unwrap();
    assert_eq!((request.query("page_size"), request.query("page_number")), (Some("7"), Some("0")));
}

#[test]
fn ndjson_arrives_page_by_page() {
    for (format, lines) in [("ndjson", 100), ("csv", 101)] {
        let (release, gate) = mpsc::channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        let server = Server::new(move |request| {
            let first = request.query("page_number") == Some("0");
            if !first {
                let _ = gate.lock().unwrap().recv();
            }
            let range = if first { 0..100 } else { 100..130 };
            Reply::json(200, &json!({"content": devices(range), "total_pages": 2}))
        });
        let listing = server.env();
        let listing = listing.command(["devices", "list", "-o", format]).spawn();
        let _ = listing.until_stdout(|text| text.lines().count() >= lines);
        release.send(()).unwrap();
        assert_eq!(listing.wait().stdout_only().lines().count(), lines + 30);
    }
}

#[test]
fn nothing_is_fetched_that_nobody_reads() {
    let large = |number: usize| json!({"id": format!("d{number}"), "name": "x".repeat(20_000)});
    let server = Server::new(move |request| {
        let range = if request.query("page_number") == Some("0") { 0..100 } else { 100..130 };
        Reply::json(200, &json!({"content": range.map(large).collect::<Vec<_>>(), "total_pages": 2}))
    });
    let env = server.env();
    let mut listing = std::process::Command::new(PROGRAM)
        .args(["devices", "list", "-o", "ndjson"])
        .env_clear()
        .envs(env.variables())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = listing.stdout.take().unwrap();
    let mut first = [0];
    stdout.read_exact(&mut first).unwrap();
    // An early request would have arrived by now on all but the slowest machines.
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(server.asked().len(), 1);
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert!(listing.wait().unwrap().success());
    assert_eq!((rest.lines().count(), server.asked().len()), (130, 2));
}

#[test]
fn a_list_that_fails_halfway_is_an_error() {
    let server = Server::new(|request| match request.query("page_number") {
        Some("0") => Reply::json(200, &json!({"content": devices(0..100), "total_pages": 2})),
        _ => Reply::problem(400, "no such page"),
    });
    let env = server.env();
    let outcome = env.run(["devices", "list", "-o", "ndjson"]).assert_code(5);
    assert_eq!(outcome.stdout.lines().count(), 100);
    insta::assert_snapshot!(&env.run(["devices", "list", "-o", "table"]).assert_failure(5), @"error: no such page (HTTP 400)\n");
    env.run(["devices", "list", "-o", "json"]).assert_failure(5);
}

#[test]
fn a_bare_array_is_a_list() {
    let server = Server::always(Reply::json(200, &json!(devices(0..3))));
    let env = server.env();
    assert_eq!(env.run(["devices", "list", "-o", "json"]).json(), json!(devices(0..3)));
    assert_eq!(server.asked().len(), 1);
}

const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\r\nTill\t\u{9b}31m\u{202e}x";
const VISIBLE: &str = "\\u{1b}[2J\\u{1b}]0;owned\\u{7}\\r\\nTill\\t\\u{9b}31m\\u{202e}x";

/// `hostile_text` has the other commands, formats and fields.
#[test]
fn a_name_cannot_control_the_terminal() {
    let device =
        json!({"id": fixed_id(1), "name": HOSTILE, "metadata": {HOSTILE: HOSTILE}, "platform": HOSTILE});
    let server = Server::always(Reply::json(200, &json!({"content": [device]})));
    let env = server.env();
    for (args, json) in [(&["list"][..], json!([device])), (&["get", HOSTILE], device.clone())] {
        let args = [&["devices"], args].concat();
        let table = env.run(&args).ok();
        assert!(table.contains(VISIBLE) && !table.contains('\u{1b}'), "{table}");
        assert_eq!(env.run(args.iter().chain(&["-o", "json"])).json(), json);
    }
    env.run(["devices", "get", "\u{1b}[31m"]).assert_failure(4);
}

#[test]
fn a_name_that_could_be_two_devices_lists_them_and_does_nothing() {
    let devices = json!([
        {"id": fixed_id(1), "name": "Bar", "location_id": "north"}, {"id": fixed_id(2), "name": "Bar"}, {"id": fixed_id(3), "name": "Till"},
    ]);
    let server = Server::always(Reply::json(200, &json!({"content": devices})));
    let env = server.env();
    let two = format!(
        "error: 'Bar' is ambiguous: it matches 2 devices\n  {}  Bar  north\n  {}  Bar\n  \
         hint: use the ID of the device\n",
        fixed_id(1),
        fixed_id(2)
    );
    for args in [
        &["devices", "get", "Bar"][..],
        &["devices", "update", "Bar", "--name", "x"],
        &["devices", "deregister", "Till", "Bar"],
        &["sessions", "create", "--device", "Bar", "--amount", "1", "--currency", "SEK"],
    ] {
        assert_eq!(&env.run(args).assert_failure(2), &two);
    }
    env.run(["devices", "get", FIXED_ID])
        .assert_failure_with(2, &format!("error: '{FIXED_ID}' is ambiguous: it matches 3 devices\n"));
    assert!(server.lines().iter().all(|line| line.starts_with("GET ")), "{:?}", server.lines());
    insta::assert_snapshot!(&env.run(["devices", "get", "Kiosk"]).assert_failure(4), @"error: there is no device with the name or ID 'Kiosk'\n  hint: list them with `kustom devices list`\n");
}

#[test]
fn no_cell_of_a_csv_is_a_formula() {
    let formulas =
        ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "＝1", "a,\"b\"\nc", "a;=1", "a, +1;b;\"-2", "a\t@b"];
    let devices: Vec<_> =
        formulas.iter().map(|name| json!({"id": 5, "name": name, "metadata": {"a": "v;=1"}})).collect();
    let server = Server::always(Reply::json(200, &json!({"content": devices})));
    let env = server.env();
    for args in [["devices", "list"], ["api", "GET"]] {
        let path = (args[0] == "api").then_some("/ipp/v1/devices");
        let csv = env.run(args.into_iter().chain(path).chain(["-o", "csv"])).stdout_only();
        assert_eq!(csv.lines().count(), 1 + formulas.len(), "{csv}");
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        for record in reader.records() {
            for cell in &record.unwrap() {
                for part in cell.split([',', ';', '\t']) {
                    assert!(!part.trim_start().starts_with(['=', '+', '-', '@', '＝']), "{cell:?} in {csv}");
                }
            }
        }
    }
    insta::assert_snapshot!(&env.run(["devices", "list", "-o", "csv", "--limit", "1"]).stdout_only(), @"id,name,location_id,platform,metadata,created_at,merchant_id,hardware_id,open_cash_register_id,unique_id\n\
         5,'=1+1,,,\"{\"\"a\"\":\"\"v;'=1\"\"}\",,,,,\n");
}
