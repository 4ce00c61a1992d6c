//! Names of the account: which are offered, how, and where from.

use std::fs;

use super::helpers::{ask, ask_until_known, caches, values};
use crate::common::prelude::*;

const CODE: &str = "482913";

fn page(content: &Value) -> Reply {
    Reply::json(200, &json!({"content": content, "page_number": 0, "total_pages": 1, "last": true}))
}

fn service(asked: &Asked) -> Reply {
    match asked.line().as_str() {
        "GET /ipp/v1/devices" => page(&json!([
            {"id": "aaaa1111-0000-4000-8000-000000000001", "name": "Till 1", "location_id": "loc-1", "platform": "IOS"},
            {"id": "aaaa2222-0000-4000-8000-000000000002", "name": "Bar", "location_id": "loc-9", "platform": "ANDROID"},
            {"id": "bbbb3333-0000-4000-8000-000000000003", "name": "bar", "location_id": "loc-1"},
            {"id": "cccc4444-0000-4000-8000-000000000004", "name": "evil\u{1b}]0;x\u{7}\nname"},
            {"id": "dddd5555-0000-4000-8000-000000000005", "name": "-rf"},
            {"id": "eeee6666-0000-4000-8000-000000000006"},
            {"id": "99998888-0000-4000-8000-000000000008", "name": "aaaa1111"},
            {"name": "without an id"},
        ])),
        "GET /ipp/v1/locations" => page(&json!([
            {"id": "loc-1", "name": "Stockholm City", "city": "Stockholm"},
            {"id": "loc-2", "name": "tab\there", "city": "multi\nline"},
        ])),
        "GET /ipp/v1/enrollments" => page(&json!([
            {"enrollment_id": "ffff7777-0000-4000-8000-000000000007", "enrollment_code": CODE, "status": "PENDING",
             "location_id": "loc-1"},
        ])),
        _ => Reply::problem(404, "not here"),
    }
}

/// A name that is an ID prefix of another device is ambiguous, as one that two devices have.
const DEVICES: &str = "\
99998888-0000-4000-8000-000000000008\taaaa1111
aaaa2222-0000-4000-8000-000000000002\tBar, loc-9, ANDROID
bbbb3333-0000-4000-8000-000000000003\tbar, Stockholm City
cccc4444-0000-4000-8000-000000000004\tevil\\u{1b}]0;x\\u{7}\\nname
dddd5555-0000-4000-8000-000000000005\t-rf
eeee6666-0000-4000-8000-000000000006
Till 1\tStockholm City, IOS
";

/// An account whose names are in the cache.
fn known() -> (Server, TestEnv) {
    let server = Server::new(service);
    let env = server.env();
    ask_until_known(&env, &["devices", "get", ""]);
    (server, env)
}

#[test]
fn things_are_offered_by_what_names_them_for_certain() {
    let server = Server::new(service);
    let env = server.env();
    assert_eq!(&ask_until_known(&env, &["devices", "get", ""]), DEVICES);
    insta::assert_snapshot!(&ask(&env, &["sessions", "create", "--device", "Ti"]), @"Till 1\tStockholm City, IOS\n");
    insta::assert_snapshot!(&ask(&env, &["devices", "get", "ti"]), @"Till 1\tStockholm City, IOS\n");
    insta::assert_snapshot!(&ask(&env, &["devices", "get", "aaaa"]), @"aaaa1111-0000-4000-8000-000000000001\tTill 1, Stockholm City, IOS\n\
         aaaa2222-0000-4000-8000-000000000002\tBar, loc-9, ANDROID\n");
    insta::assert_snapshot!(&ask(&env, &["devices", "get", "zz"]), @"");
    insta::assert_snapshot!(&ask(&env, &["devices", "list", "--location="]), @"--location=loc-2\ttab\\there, multi\\nline\n--location=Stockholm City\tStockholm\n");
    insta::assert_snapshot!(&ask(&env, &["enrollments", "delete", ""]), @"ffff7777-0000-4000-8000-000000000007\tStockholm City, PENDING\n");
}

#[test]
fn a_table_shows_names_that_are_remembered_without_another_request() {
    let (server, env) = known();
    let before = server.asked().len();
    let shown = env.run(["enrollments", "list"]).ok();
    assert!(shown.contains("Stockholm City"), "{shown}");
    let asked: Vec<_> = server.asked()[before..].iter().map(Asked::line).collect();
    assert_eq!(asked, ["GET /ipp/v1/enrollments"]);
}

#[test]
fn what_is_remembered_is_private_and_holds_no_secret() {
    let (_server, env) = known();
    let [(file, text)] = caches(&env).try_into().unwrap();
    assert!(text.contains("Till 1") && text.contains("ffff7777"), "{text}");
    for secret in [KEY, "0123456789abcdef", CODE] {
        assert!(!text.contains(secret), "{text}");
    }
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
}

#[test]
fn a_key_that_the_service_repeats_is_not_remembered() {
    let server = Server::new(|asked| {
        let header = asked.header("authorization").unwrap_or_default();
        let name = format!("Till {header}");
        page(&json!([{"id": "1", "name": name, "platform": KEY, "enrollment_id": "2", "status": header}]))
    });
    let env = server.env();
    let shown = ask_until_known(&env, &["devices", "get", ""]);
    assert!(shown.starts_with("Till ") && !shown.contains(KEY), "{shown}");
    let [(_, text)] = caches(&env).try_into().unwrap();
    assert!(!text.contains(KEY) && !text.contains("0123456789abcdef"), "{text}");
}

#[test]
fn while_it_is_fresh_nothing_is_asked_again() {
    let (server, env) = known();
    let asked = server.lines();
    for _ in 0..3 {
        assert_eq!(&ask(&env, &["devices", "get", ""]), DEVICES);
    }
    assert_eq!(server.lines(), asked);
}

fn age(env: &TestEnv, seconds: i64) {
    for (file, text) in caches(env) {
        let mut content: Value = serde_json::from_str(&text).unwrap();
        let at = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(seconds);
        content["fetched_at"] = at.to_string().into();
        content["requested_at"] = at.to_string().into();
        fs::write(file, content.to_string()).unwrap();
    }
}

#[test]
fn what_is_not_an_hour_old_is_better_than_nothing() {
    let (server, env) = known();
    drop(server);
    age(&env, 3000);
    assert_eq!(&ask(&env, &["devices", "get", ""]), DEVICES);
    age(&env, 4000);
    insta::assert_snapshot!(&ask(&env, &["devices", "get", ""]), @"");
    age(&env, -4000);
    insta::assert_snapshot!(&ask(&env, &["devices", "get", ""]), @"");
}

#[track_caller]
fn refresh_when_free(env: &TestEnv) {
    until("no other process refreshes", || {
        let outcome = env.command(["--"]).env("KUSTOM_COMPLETE", "refresh").run();
        outcome.code != Some(3) && outcome.assert_code(0).stderr.is_empty()
    });
}

#[test]
fn a_service_that_refuses_is_left_alone_for_a_while() {
    let refuses = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let now = std::sync::Arc::clone(&refuses);
    let server = Server::new(move |asked: &Asked| {
        if now.load(std::sync::atomic::Ordering::SeqCst) {
            return Reply::json(401, &json!({"title": "no"}));
        }
        service(asked)
    });
    let env = server.env();
    ask_until_known(&env, &["devices", "get", ""]);
    refuses.store(true, std::sync::atomic::Ordering::SeqCst);
    age(&env, 3000);
    refresh_when_free(&env);
    let asked = server.lines().len();
    assert!(asked > 3, "it was asked once more");
    refresh_when_free(&env);
    assert_eq!(&ask(&env, &["devices", "get", ""]), DEVICES);
    assert_eq!(server.lines().len(), asked);
}

#[test]
fn only_one_process_asks_at_a_time() {
    let (server, env) = known();
    let [(file, _)] = caches(&env).try_into().unwrap();
    let lock = fs::File::options().write(true).open(file.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    age(&env, 3000);
    let asked = server.lines();
    let refresh = || env.command(["--"]).env("KUSTOM_COMPLETE", "refresh").run();
    assert_eq!(refresh().assert_code(3).stderr, "");
    assert_eq!(&ask(&env, &["devices", "get", ""]), DEVICES);
    assert_eq!(server.lines(), asked);
    drop(lock);
    refresh_when_free(&env);
    let mut twice = [asked.clone(), asked].concat();
    let mut lines = server.lines();
    twice.sort();
    lines.sort();
    assert_eq!(lines, twice);
    refresh_when_free(&env);
    assert_eq!(server.lines().len(), twice.len());
}

#[test]
fn a_damaged_cache_is_made_anew() {
    let (_server, env) = known();
    let [(file, _)] = caches(&env).try_into().unwrap();
    for damage in
        ["", "{", "[]", "{\"fetched_at\":\"2026-11-25T00:00:00Z\",\"resources\":{\"devices\":5}}", "\u{0}"]
    {
        fs::write(&file, damage).unwrap();
        assert_eq!(&ask_until_known(&env, &["devices", "get", ""]), DEVICES);
    }
}

#[test]
fn what_nobody_asks_for_any_more_is_forgotten() {
    let (_server, env) = known();
    let [(old, text)] = caches(&env).try_into().unwrap();
    let file = fs::File::options().append(true).open(&old).unwrap();
    file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(100_000)).unwrap();
    let other = env.command(["--"]).env("KUSTOM_COMPLETE", "refresh");
    other.env("KUSTOM_MERCHANT_ID", "M2").run().stdout_only();
    let [(new, same_text)] = caches(&env).try_into().unwrap();
    assert_ne!(old, new);
    assert_eq!(text.split("resources").last(), same_text.split("resources").last());
}

#[test]
fn accounts_are_not_mixed_up() {
    let server = Server::new(service);
    let other = Server::new(|asked| match asked.line().as_str() {
        "GET /ipp/v1/devices" => page(&json!([{"id": "1", "name": "Other"}])),
        _ => Reply::problem(404, "not here"),
    });
    let profile = |name: &str, url: &str| {
        format!("[profiles.{name}]\nenvironment = 'playground'\napi_key = '{KEY}'\nbase_url = '{url}'\n")
    };
    let env = TestEnv::new().with_profiles(&(profile("a", &server.url()) + &profile("b", &other.url())));
    assert_eq!(&ask_until_known(&env, &["--profile", "a", "devices", "get", ""]), DEVICES);
    insta::assert_snapshot!(&ask_until_known(&env, &["devices", "get", "--profile=b", ""]), @"Other\n");
    assert_eq!(&ask(&env, &["devices", "get", "--profile", "a", ""]), DEVICES);
    insta::assert_snapshot!(&ask(&env, &["devices", "get", ""]), @"");
    let by_variable = env.command(["--", "kustom", "devices", "get", ""]).env("KUSTOM_COMPLETE", "fish");
    insta::assert_snapshot!(&by_variable.env("KUSTOM_PROFILE", "b").run().stdout_only(), @"Other\n");
    let another_key = env.command(["--", "kustom", "--profile", "b", "devices", "get", "O"]);
    drop(other);
    let another_key =
        another_key.env("KUSTOM_COMPLETE", "fish").env("KUSTOM_API_KEY", "kco_test_api_another");
    insta::assert_snapshot!(&another_key.run().stdout_only(), @"");
}

#[test]
fn the_profile_local_needs_no_cache() {
    let env = TestEnv::new().local();
    env.run(["dev", "create-device", "--name", "Till 1", "--location", "Stockholm City"]).ok();
    insta::assert_snapshot!(&ask(&env, &["devices", "get", ""]), @"Till 1\tStockholm City, TERMINAL\n");
    insta::assert_snapshot!(&ask(&env, &["locations", "get", ""]), @"Göteborg Haga\tHaga Nygata 999, Göteborg\nStockholm City\tDrottninggatan 999, Stockholm\n");
    assert_eq!(caches(&env), []);
}

#[test]
fn an_emulator_of_another_process_is_asked_like_the_service() {
    let at_home = TestEnv::new();
    let emulating = EmulatorProcess::start(&at_home, &[]);
    let env = emulating.env();
    assert_eq!(
        ask_until_known(&env, &["locations", "get", "S"]),
        "Stockholm City\tDrottninggatan 999, Stockholm\n"
    );
    let _ = emulating.kill();
}

#[test]
fn orders_come_from_the_ledger_with_amount_and_reference() {
    let env = TestEnv::new().local();
    env.run(["dev", "create-device", "--name", "Till 1"]).ok();
    let create = |reference: &str| {
        let args = ["sessions", "create", "--device", "Till 1", "--amount", "249.50", "--currency", "SEK"];
        let session = env.run(args.iter().chain(&["--reference", reference, "-o", "json"])).json();
        session["session_id"].as_str().unwrap().to_owned()
    };
    let _ = create("receipt-1");
    let paid = create("receipt-2");
    env.run(["dev", "simulate-tap", &paid]).ok();
    let session = env.run(["sessions", "watch", &paid, "-o", "json"]).json();
    let order = session["order_id"].as_str().unwrap();
    for command in [&["orders", "get"][..], &["orders", "refund"], &["payouts", "transactions", "--order"]] {
        let shown = ask(&env, &[command, &[""]].concat());
        assert!(shown.starts_with(&format!("{order}\t249.50 SEK, receipt-2, ")), "{command:?}: {shown}");
        assert_eq!(shown.lines().count(), 1, "{shown}");
        assert_eq!(values(&env, &[command, &["rec"]].concat()), ["receipt-2"]);
        assert_eq!(values(&env, &[command, &[&order[..6]]].concat()), [order]);
    }
}

#[test]
fn sessions_come_from_the_ledger() {
    let env = TestEnv::new().local();
    env.run(["dev", "create-device", "--name", "Till 1"]).ok();
    let create = ["sessions", "create", "--device", "Till 1", "--amount", "249.50", "-o", "json"];
    let id = env.run(create.iter().chain(&["--reference", "r-1"])).json()["session_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let shown = ask(&env, &["sessions", "get", ""]);
    let (value, about) = shown.trim_end().split_once('\t').unwrap();
    assert_eq!(value, id);
    assert!(about.starts_with("CREATED, 249.50 SEK, r-1, ") && about.ends_with(" ago"), "{about}");
    assert_eq!(values(&env, &["sessions", "watch", &id, ""]), [id.as_str()]);
    assert_eq!(values(&env, &["dev", "pos", "pay", &id[..3]]), [id.as_str()]);
}

#[test]
fn an_attempt_that_is_unknown_is_offered_to_be_settled() {
    let server = Server::new(|asked| match asked.line().as_str() {
        "POST /ipp/v1/sessions" => Reply::cut(),
        _ => service(asked),
    });
    let env = server.env();
    let device = "aaaa1111-0000-4000-8000-000000000001";
    let create = ["sessions", "create", "--device", device, "--amount", "5", "--currency", "SEK"];
    env.run(create).assert_failure(7);
    let shown = ask(&env, &["sessions", "recover", ""]);
    assert!(shown.contains("\tunknown, 5.00 SEK, ") && shown.lines().count() == 1, "{shown}");
    assert_eq!(ask(&env, &["sessions", "get", ""]), "");
}
