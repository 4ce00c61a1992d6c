//! Which keys completing may use, and that nothing else is ever done with them.

use std::time::Instant;

use super::helpers::{ask, ask_until_known, caches};
use crate::common::prelude::*;

const LIVE: &str = "kco_live_api_0123456789abcdef";
const TEST: &str = "kco_test_api_0123456789abcdef";

fn one_device(asked: &Asked) -> Reply {
    match asked.line().as_str() {
        "GET /ipp/v1/devices" => {
            Reply::json(200, &json!({"content": [{"id": "1", "name": "Till"}], "last": true}))
        }
        _ => Reply::json(200, &json!({"content": [], "last": true})),
    }
}

#[track_caller]
fn until_others_would_have_asked() {
    let server = Server::new(one_device);
    let env = server.env();
    assert_eq!(ask_until_known(&env, &["devices", "get", ""]), "Till\n");
}

#[test]
fn a_production_key_is_used_only_if_the_profile_says_so() {
    let server = Server::new(one_device);
    let profile = |more: &str| {
        let url = server.url();
        format!("[profiles.shop]\nenvironment = 'production'\napi_key = '{LIVE}'\nbase_url = '{url}'\n{more}")
    };
    for more in ["", "completions = false\n"] {
        let env = TestEnv::new().with_profiles(&profile(more));
        assert_eq!(ask(&env, &["--profile", "shop", "devices", "get", ""]), "");
        assert_eq!(caches(&env), []);
    }
    let env = TestEnv::new().at(&server.url(), LIVE);
    assert_eq!(ask(&env, &["devices", "get", ""]), "");
    let env =
        TestEnv::new().at(&server.url(), "unmarked").env("KUSTOM_BASE_URL", "https://127.0.0.1.example");
    assert_eq!(ask(&env, &["devices", "get", ""]), "");
    for env in [TestEnv::new().with_profiles(&profile("")), TestEnv::new().at(&server.url(), LIVE)] {
        env.command(["--", "shop"]).env("KUSTOM_COMPLETE", "refresh").run().stdout_only();
        env.command(["--"]).env("KUSTOM_COMPLETE", "refresh").run().stdout_only();
    }
    until_others_would_have_asked();
    server.assert_untouched();

    let env = TestEnv::new().with_profiles(&profile("completions = true\n"));
    assert_eq!(ask_until_known(&env, &["--profile", "shop", "devices", "get", ""]), "Till\n");
    assert!(server.asked().iter().all(|asked| asked.method == "GET"));
}

#[test]
fn a_profile_can_forbid_it() {
    let server = Server::new(one_device);
    let profile = |more: &str| {
        let url = server.url();
        format!("[profiles.till]\nenvironment = 'playground'\napi_key = '{TEST}'\nbase_url = '{url}'\n{more}")
    };
    let env = TestEnv::new().with_profiles(&profile("completions = false\n"));
    assert_eq!(ask(&env, &["--profile", "till", "devices", "get", ""]), "");
    until_others_would_have_asked();
    server.assert_untouched();
    let env = env.with_profiles(&profile(""));
    assert_eq!(ask_until_known(&env, &["--profile", "till", "devices", "get", ""]), "Till\n");
    let env = env.with_profiles(&profile("completions = false\n"));
    assert_eq!(ask(&env, &["--profile", "till", "devices", "get", ""]), "");
}

#[test]
fn a_command_that_gives_the_key_is_run_only_if_the_profile_says_so() {
    let server = Server::new(one_device);
    let env = TestEnv::new();
    let mark = env.path().join("was-run");
    // It would ask for a password if it could: standard input gives nothing, and there is no terminal.
    let command = format!(
        "touch {}; cat; if (true < /dev/tty) 2> /dev/null; then false; else echo {TEST}; fi",
        mark.display()
    );
    let profile = |more: &str| {
        let url = server.url();
        format!(
            "[profiles.till]\nenvironment = 'playground'\napi_key_command = '{command}'\nbase_url = '{url}'\n{more}"
        )
    };
    for more in ["", "completions = false\n"] {
        env.file("config/profiles.toml", profile(more));
        assert_eq!(ask(&env, &["--profile", "till", "devices", "get", ""]), "");
    }
    until_others_would_have_asked();
    assert!(!mark.exists(), "the command was run");
    server.assert_untouched();
    env.file("config/profiles.toml", profile("completions = true\n"));
    assert_eq!(ask_until_known(&env, &["--profile", "till", "devices", "get", ""]), "Till\n");
    assert!(mark.exists());
}

#[test]
fn a_service_that_does_not_answer_is_not_waited_for() {
    let server = Server::always(Reply::stall());
    let env = server.env();
    let begin = Instant::now();
    assert_eq!(ask(&env, &["devices", "get", ""]), "");
    // A request alone would wait for 30 s.
    assert!(begin.elapsed() < TIMEOUT / 6, "{:?}", begin.elapsed());
    assert_eq!(ask(&env, &["dev"]).lines().count(), 2);
}

#[test]
fn what_the_service_says_is_never_an_error_of_completing() {
    for reply in [
        Reply::problem(401, "no"),
        Reply::problem(500, "no"),
        Reply::cut(),
        Reply::new(200, "application/json", "{"),
        Reply::new(200, "text/html", "<p>"),
        Reply::json(200, &json!({"content": [1, null, {"id": 5, "name": []}]})),
    ] {
        let server = Server::always(reply);
        let env = server.env();
        for words in [&["devices", "get", ""][..], &["enrollments", "delete", ""]] {
            assert_eq!(ask(&env, words), "");
        }
        let outcome = env.command(["--"]).env("KUSTOM_COMPLETE", "refresh").run();
        assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("", ""));
    }
    let env = TestEnv::new().at("ftp://nowhere", TEST);
    assert_eq!(ask(&env, &["devices", "get", ""]), "");
    let env = TestEnv::new().at("http://127.0.0.1:1", "a key with spaces");
    assert_eq!(ask(&env, &["devices", "get", ""]), "");
}

#[test]
fn whether_it_is_allowed_is_shown_with_its_source() {
    let env = TestEnv::new().with_profiles(&format!(
        "[profiles.till]\nenvironment = 'playground'\napi_key = '{TEST}'\n\
         [profiles.shop]\nenvironment = 'production'\napi_key = '{LIVE}'\n\
         [profiles.both]\nenvironment = 'production'\napi_key_command = 'false'\ncompletions = true\n"
    ));
    for (profile, value, source) in [
        ("till", "true", "built in"),
        ("shop", "false", "built in"),
        ("both", "true", "profile 'both'"),
        ("local", "true", "built in"),
    ] {
        let shown = env.run(["profiles", "show", profile, "-o", "json"]).json();
        let row = shown.as_array().unwrap().iter().find(|row| row["name"] == "completions").unwrap().clone();
        assert_eq!(row, json!({"name": "completions", "value": value, "source": source, "shadows": []}));
    }
    let told = env.command(["doctor", "--offline", "--profile", "both"]).run();
    assert!(told.stdout.contains("completions"), "{}", told.stdout);
}

#[test]
fn login_stores_it_and_keeps_it() {
    let env = TestEnv::new();
    let login = |more: &[&str]| {
        let args = [&["login", "--api-key-stdin", "--no-check"], more].concat();
        let _ = env.command(args).stdin(LIVE).run().assert_code(0);
    };
    login(&["--completions", "true"]);
    let file = || std::fs::read_to_string(env.profiles_file()).unwrap();
    assert!(file().contains("completions = true\n"), "{}", file());
    login(&["--merchant-id", "M1"]);
    assert!(file().contains("completions = true\n"), "{}", file());
    login(&["--completions", "false"]);
    assert!(file().contains("completions = false\n"), "{}", file());
}
