//! A missing device, location or session is selected from a list on a terminal, and is an error elsewhere.

use crate::common::prelude::*;

fn env_with_devices() -> TestEnv {
    let env = TestEnv::new().local();
    for (name, location) in
        [("Till 1", "Stockholm City"), ("Till 2", "Göteborg Haga"), ("Bar", "Stockholm City")]
    {
        env.run(["dev", "create-device", "--name", name, "--location", location]).ok();
    }
    env
}

fn session(env: &TestEnv, amount: &str, reference: &str) -> String {
    let args = ["sessions", "create", "--device", "Till 1", "-o", "json", "--amount", amount];
    env.run(args.iter().chain(&["--reference", reference])).json()["session_id"].as_str().unwrap().to_owned()
}

fn choose(env: &TestEnv, args: &[&str], list: &str, search: &str, exit: u32) -> String {
    let mut screen = PtySession::open(env, args, &[]);
    screen.choose(list, search);
    plain(&screen.end_with(exit))
}

#[test]
fn a_device_is_chosen_by_a_part_of_its_name() {
    let env = env_with_devices();
    let shown = choose(&env, &["devices", "get"], "Device", "ll 2", 0);
    assert!(shown.contains("Device: Till 2") && shown.contains("NAME      Till 2"), "{shown}");
    choose(&env, &["devices", "update", "--name", "Counter"], "Device", "bar", 0);
    choose(&env, &["devices", "deregister"], "Device", "count", 0);
    let left = env.run(["devices", "list", "-o", "json"]).json();
    let names = column(&left, "name");
    assert_eq!(names, ["Till 1", "Till 2"]);
}

#[test]
fn a_location_is_chosen_by_a_part_of_its_name() {
    let shown = choose(&env_with_devices(), &["locations", "get"], "Location", "haga", 0);
    assert!(shown.contains("Location: Göteborg Haga"), "{shown}");
}

#[test]
fn a_payment_has_its_device_chosen() {
    let env = env_with_devices();
    choose(&env, &["sessions", "create", "--amount", "5"], "Device", "till 1", 0);
    let journal = env.run(["sessions", "list", "-o", "json"]).json();
    let device = env.run(["devices", "get", "Till 1", "-o", "json"]).json();
    assert_eq!(journal[0]["device_id"], device["id"]);
}

/// Sessions come from the ledger, and only open ones are listed where the session must be open.
#[test]
fn a_session_is_chosen_from_those_that_were_created_here() {
    let env = env_with_devices();
    let paid = session(&env, "5", "receipt-5");
    env.run(["dev", "simulate-tap", &paid]).ok();
    env.run(["sessions", "watch", &paid]).ok();
    env.run(["sessions", "watch", &paid]).ok();
    let open = session(&env, "7.50", "receipt-7");
    let status =
        |id: &str| -> Value { env.run(["sessions", "get", id, "-o", "json"]).json()["status"].clone() };
    let shown = choose(&env, &["sessions", "get"], "Session", "receipt-5", 0);
    assert!(shown.contains(&paid) && shown.contains("7.50 SEK  receipt-7  CREATED"), "{shown}");
    for (args, after) in [
        (&["dev", "pos", "choose", "--method", "swish"][..], "ACTIVE"),
        (&["dev", "simulate-tap", "--outcome", "insufficient-funds"], "ACTIVE"),
        (&["dev", "pos", "decline"], "ACTIVE"),
        (&["sessions", "cancel"], "CANCELLED"),
    ] {
        let shown = choose(&env, args, "Session", "7.50", 0);
        assert!(!shown.contains("receipt-5"), "a paid session is listed:\n{shown}");
        assert_eq!(status(&open), after, "{args:?}");
    }
    let screen = PtySession::open(&env, ["sessions", "watch"], &[]);
    let shown = screen.end_with(4);
    assert!(shown.contains("no open session was created here"), "{shown}");
}

#[test]
fn ctrl_c_at_a_list_does_nothing() {
    let env = env_with_devices();
    let mut screen = PtySession::open(&env, ["devices", "deregister"], &[]);
    screen.answer("Device (type to search):", "\x03");
    screen.end_with(130);
    assert_eq!(env.run(["devices", "list", "-o", "json"]).json().as_array().unwrap().len(), 3);
}

#[test]
fn a_narrow_terminal_truncates_names_and_not_ids() {
    let env = TestEnv::new().local();
    let long = "The till beside the large window at the back";
    for number in [1, 2] {
        let name = format!("{long} {number}");
        env.run(["dev", "create-device", "--name", &name, "--location", "Stockholm City"]).ok();
    }
    let wanted = env.run(["devices", "list", "-o", "json"]).json()[1]["id"].as_str().unwrap().to_owned();
    let mut screen = PtySession::of_width(40, &env, ["devices", "get"], &[]);
    screen.answer("Device (type to search):", &wanted[..8]);
    screen.until(&format!("{}|", &wanted[..8]));
    screen.type_in("\r");
    let shown = screen.end_with(0);
    let device = plain(&shown).rsplit_once("Device: ").unwrap().1.replace(['\n', ' '], "");
    assert!(device.contains(&wanted), "{shown}");
}

#[test]
fn without_a_terminal_what_is_missing_is_exit_2_with_the_way_to_find_it() {
    let env = env_with_devices();
    for (args, noun) in [
        (&["devices", "get"][..], "device"),
        (&["devices", "update", "--name", "x"], "device"),
        (&["devices", "deregister"], "device"),
        (&["sessions", "create", "--amount", "5"], "device"),
        (&["locations", "get"], "location"),
    ] {
        assert_eq!(
            &env.run(args).assert_failure(2),
            &format!(
                "error: no {noun} is given\n  hint: pass a name or an ID; `kustom {noun}s list` lists them\n"
            )
        );
    }
    for args in [
        &["sessions", "get"][..],
        &["sessions", "watch"],
        &["sessions", "cancel"],
        &["dev", "simulate-tap"],
        &["dev", "pos", "pay"],
    ] {
        assert_eq!(
            env.run(args).assert_failure(2),
            "error: no session is given\n  hint: pass an ID or a reference; `kustom sessions list` lists the sessions that \
             were created here\n"
        );
    }
}

#[test]
fn a_long_list_has_a_bar_that_goes_away() {
    use crate::common::server::{Asked, Reply, Server};
    use std::sync::{Arc, Condvar, Mutex};
    let seen = Arc::new((Mutex::new(false), Condvar::new()));
    let is_seen = Arc::clone(&seen);
    let server = Server::new(move |asked: &Asked| {
        let number = asked.query("page_number").unwrap_or_default().to_owned();
        let is_last = number == "3";
        if is_last {
            let (seen, changed) = &*is_seen;
            drop(changed.wait_while(seen.lock().unwrap(), |seen| !*seen).unwrap());
        }
        let content = [serde_json::json!({"id": number, "name": "Till"})];
        Reply::json(200, &serde_json::json!({"content": content, "total_pages": 4, "last": is_last}))
    });
    let env = server.env();
    let screen = PtySession::open(&env, ["devices", "list"], &[]);
    screen.until("3 of 4");
    *seen.0.lock().unwrap() = true;
    seen.1.notify_all();
    let shown = screen.end_with(0);
    let after = plain(&shown).rsplit_once(" of 4").unwrap().1.to_owned();
    assert_eq!(after.matches("Till").count(), 4, "{shown}");
}

#[test]
fn a_sale_is_chosen_for_every_command_about_an_order() {
    let env = env_with_devices();
    let paid = session(&env, "12.50", "receipt-1");
    env.run(["dev", "simulate-tap", &paid]).ok();
    env.run(["sessions", "watch", &paid]).ok();
    let shown = choose(&env, &["orders", "get"], "Sale", "receipt", 0);
    assert!(shown.contains("CAPTURED"), "{shown}");
    for command in ["capture", "cancel", "release"] {
        let shown = choose(&env, &["orders", command], "Sale", "receipt", 5);
        assert!(shown.contains("Sale: 12.50 SEK  receipt-1"), "{shown}");
        assert!(shown.contains("because Kustom captures in-person orders"), "{shown}");
    }
}
