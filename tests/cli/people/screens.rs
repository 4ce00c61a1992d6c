//! Lists and records on terminals of several widths.

use unicode_width::UnicodeWidthStr as _;

use crate::common::prelude::*;

fn id(kind: u32, number: usize) -> String {
    // The ends differ before the beginnings, as in the IDs of one second.
    format!("{:08x}-{kind:04}-4000-8000-{number:012}", number * 7919 + 1)
}

fn name(number: usize) -> String {
    match number % 4 {
        0 => format!("Till {number}"),
        1 => format!("Kassa {number} vid den stora utgången mot Drottninggatan och torget"),
        2 => format!("レジ {number} 東京駅前店の二階"),
        _ => format!("☕ Café {number}"),
    }
}

fn location(number: usize) -> Value {
    json!({
        "id": id(1, number), "name": name(number), "street_address": "Drottninggatan 999, uppgång B", "city": "Stockholm",
        "postal_code": "111 60", "country": "SE", "merchant_id": "M100", "created_at": "2026-11-22T10:00:00Z",
    })
}

fn device(number: usize) -> Value {
    json!({
        "id": id(2, number), "name": name(number), "location_id": id(1, number), "platform": "ANDROID",
        "metadata": {"till": number.to_string(), "note": "by the window"}, "merchant_id": "M100",
        "hardware_id": id(3, number), "created_at": "2026-11-22T10:00:00Z",
    })
}

fn enrollment(number: usize) -> Value {
    json!({
        "enrollment_id": id(4, number), "enrollment_code": "K7M2Q9XP", "status": "PENDING", "location_id": id(1, number),
        "expires_at": "2026-11-22T10:00:00Z", "metadata": {"till": "1"},
    })
}

fn session() -> Value {
    json!({
        "session_id": id(5, 1), "status": "FINALIZED", "device_id": id(2, 1), "order_id": id(6, 1),
        "order_amount": 24_950, "purchase_currency": "SEK", "merchant_reference1": "r".repeat(255),
        "purchase_started_at": "2026-11-22T10:00:00Z", "purchase_completed_at": "2026-11-22T10:00:05Z",
        "order_items": [{"name": "A very long name of an article that is sold", "quantity": 2, "total_amount": 24_950}],
    })
}

fn api(count: usize) -> impl Fn(&Asked) -> Reply + Send + Sync + 'static {
    move |asked| {
        let list = |item: fn(usize) -> Value| {
            let size: usize = asked.query("page_size").and_then(|size| size.parse().ok()).unwrap_or(100);
            let page: usize = asked.query("page_number").and_then(|page| page.parse().ok()).unwrap_or(0);
            let numbers = (page * size + 1).min(count + 1)..=((page + 1) * size).min(count);
            let content: Vec<_> = numbers.map(item).collect();
            Reply::json(200, &json!({"content": content, "total_pages": count.div_ceil(size)}))
        };
        match asked.line().as_str() {
            "GET /ipp/v1/devices" => list(device),
            "GET /ipp/v1/locations" => list(location),
            "GET /ipp/v1/enrollments" => list(enrollment),
            line if line.contains("/locations/") => Reply::json(200, &location(1)),
            line if line.contains("/sessions/") => Reply::json(200, &session()),
            line => panic!("{line}"),
        }
    }
}

fn show(env: &TestEnv, columns: u16, args: &[&str]) -> String {
    let (code, shown) = PtySession::of_width(columns, env, args, &[("KUSTOM_PAGER", "cat")]).end();
    assert_eq!(code, 0, "{args:?}: {shown}");
    // A bar is drawn over; what it leaves behind is cleared.
    let shown = shown.rsplit("\r\u{1b}[2K").next().unwrap().to_owned();
    plain(&shown)
}

#[test]
fn every_list_and_record_fits_the_terminal_and_shows_names() {
    for count in [3, 300] {
        let server = Server::new(api(count));
        let env = server.env();
        let (device, session) = (id(2, 1), id(5, 1));
        let commands: [&[&str]; 6] = [
            &["devices", "list"],
            &["locations", "list"],
            &["enrollments", "list"],
            &["devices", "get", &device],
            &["locations", "get", &name(1)],
            &["sessions", "get", &session],
        ];
        for args in commands {
            for columns in [40, 60, 80, 120] {
                let shown = show(&env, columns, args);
                for line in shown.lines() {
                    assert!(line.width() <= usize::from(columns), "{args:?} at {columns} columns:\n{line}");
                }
                let is_list = args[1] == "list";
                if is_list && columns >= 60 {
                    let header = shown.lines().next().unwrap();
                    assert!(header.starts_with("ID"), "{args:?} at {columns} is no table:\n{shown}");
                    assert_eq!(shown.lines().count(), count + 1, "{args:?} at {columns}:\n{shown}");
                }
                if !is_list {
                    assert!(shown.contains(args[2]) || args[0] == "locations", "{args:?}:\n{shown}");
                }
                // A location and a device are shown by their names.
                assert!(!shown.contains(&id(1, 1)[..13]) || args[0] == "locations", "{args:?}:\n{shown}");
                assert!(args[0] != "sessions" || !shown.contains(&id(2, 1)[..13]), "{args:?}:\n{shown}");
            }
        }
    }
}

/// The sales of a morning, one of them refunded and one open, with a reference and names that are too long for a table.
fn shop() -> TestEnv {
    let env = TestEnv::new().local();
    let sell = |device: &str, reference: &str| {
        let items = ["--item", "Coat of very soft Scandinavian wool,price=1249.50,tax=25%,ref=SKU-001"];
        let sale = ["sessions", "create", "--device", device, "--currency", "SEK", "--reference", reference];
        env.run([&sale[..], &items, &["-o", "name"]].concat()).ok().trim().to_owned()
    };
    for (number, device) in [name(1), name(2)].iter().enumerate() {
        env.run(["dev", "create-device", "--name", device]).ok();
        for reference in
            [format!("receipt-{number}"), format!("order {number} {}", "of the web shop ".repeat(9))]
        {
            let session = sell(device, &reference);
            env.run(["dev", "simulate-tap", &session]).ok();
            env.run(["sessions", "watch", &session]).ok();
        }
    }
    env.run(["orders", "refund", "receipt-0", "--amount", "50.00"]).ok();
    env.run(["dev", "emulator", "clock", "advance", "96h"]).ok();
    let _ = sell(&name(1), "open");
    env
}

#[test]
fn sales_orders_payouts_and_reports_fit_the_terminal_and_show_names() {
    let env = shop();
    let devices = env.run(["devices", "list", "-o", "name"]).ok();
    let commands: [&[&str]; 10] = [
        &["sessions", "list"],
        &["sessions", "get", "receipt-0"],
        &["orders", "get", "receipt-0"],
        &["payouts", "list"],
        &["payouts", "transactions"],
        &["report"],
        &["report", "--by", "device"],
        &["profiles", "list"],
        &["profiles", "show"],
        &["ledger", "status"],
    ];
    for args in commands {
        for columns in [40, 60, 80, 120] {
            let shown = show(&env, columns, args);
            // A command to copy is not broken.
            for line in shown.lines().filter(|line| !line.starts_with('`')) {
                assert!(line.width() <= usize::from(columns), "{args:?} at {columns} columns:\n{line}");
            }
            assert!(!devices.lines().any(|id| shown.contains(&id[..13])), "{args:?} at {columns}:\n{shown}");
            if args == ["report"] {
                assert!(shown.contains("OPEN"), "at {columns}:\n{shown}");
            }
        }
    }
}

/// The first columns of a list are what identifies its items, and the IDs are unique prefixes.
#[test]
fn a_table_has_short_unique_ids_and_truncates_names() {
    let server = Server::new(api(300));
    let env = server.env();
    let shown = show(&env, 80, &["devices", "list"]);
    let ids: std::collections::BTreeSet<_> =
        shown.lines().skip(1).map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(ids.len(), 300, "{shown}");
    assert!(ids.iter().all(|id| id.len() == 8), "{ids:?}");
    assert!(shown.contains('…'), "{shown}");
    assert!(shown.find("Till 4 ").unwrap() < shown.find("Till 12 ").unwrap(), "{shown}");
    // A prefix from the table finds the device.
    let first = ids.first().unwrap();
    assert!(env.run(["devices", "get", first, "-o", "name"]).ok().starts_with(first));
    assert!(!server.asked().is_empty());
}

#[test]
fn in_a_pipe_a_table_is_complete_and_wide_shows_every_column() {
    let server = Server::new(api(3));
    let env = server.env();
    let table = env.run(["devices", "list"]).stdout_only();
    assert!(table.contains(&id(2, 1)) && table.contains(&name(1)) && !table.contains('…'), "{table}");
    assert!(!table.contains(&id(1, 1)), "the location has a name: {table}");
    let wide = env.run(["devices", "list", "-o", "wide"]).stdout_only();
    for text in [id(1, 1), id(3, 1), "CASH REGISTER".to_owned(), "LOCATION ID".to_owned()] {
        assert!(wide.contains(&text), "{text} is missing:\n{wide}");
    }
}

/// Names cost one list request at most, and an ID stands for a name that cannot be found.
#[test]
fn names_cost_one_request_and_a_failure_shows_the_id() {
    let server = Server::new(|asked: &Asked| match asked.line().as_str() {
        "GET /ipp/v1/devices" => Reply::json(200, &json!({"content": [device(1), device(2)]})),
        _ => Reply::problem(403, "no"),
    });
    let env = server.env();
    let table = env.run(["devices", "list"]).stdout_only();
    assert!(table.contains(&id(1, 1)), "{table}");
    assert_eq!(server.lines(), ["GET /ipp/v1/devices", "GET /ipp/v1/locations"]);
    let server = Server::new(api(3));
    let env = server.env();
    let _ = env.run(["devices", "list"]).stdout_only();
    let _ = env.run(["devices", "list", "-o", "json"]).stdout_only();
    let lists = |line: &str| server.lines().iter().filter(|asked| *asked == line).count();
    assert_eq!((lists("GET /ipp/v1/locations"), lists("GET /ipp/v1/devices")), (1, 2));
}

#[test]
fn a_list_that_is_longer_than_the_screen_is_paged() {
    let server = Server::new(api(300));
    let env = server.env();
    let pager = env.file("pager.sh", "echo paged; head -n 2\n");
    let pager = format!("sh {}", pager.display());
    let page = |variables: &[(&str, &str)], args: &[&str]| {
        let shown = PtySession::of_width(80, &env, args, variables).end_with(0);
        plain(&shown)
    };
    for variable in ["PAGER", "KUSTOM_PAGER"] {
        let shown = page(&[(variable, &pager)], &["devices", "list"]);
        assert!(shown.contains("paged\nID"), "{variable}: {shown}");
        assert!(shown.lines().count() < 10, "{variable}: {shown}");
    }
    let shown = page(&[("PAGER", &pager), ("KUSTOM_PAGER", "cat")], &["devices", "list"]);
    assert!(!shown.contains("paged") && shown.lines().count() > 300, "{shown}");
    let shown = page(&[("PAGER", &pager)], &["devices", "list", "--limit", "3"]);
    assert!(!shown.contains("paged"), "{shown}");
}
