//! `kustom login`, typed.

use std::fs;
use std::path::Path;

use crate::common::prelude::*;

const RIGHT: &str = "kco_test_api_Rg8Hf3Kd9Ls2";
const WRONG: &str = "kco_test_api_Wr0ngWr0ngW1";

fn api() -> Server {
    Server::new(|asked: &Asked| {
        let authorization = asked.header("authorization").unwrap_or_default();
        let known = [RIGHT.to_owned(), "kco_live_api_1".to_owned(), "shared-secret".to_owned()];
        if !known.iter().any(|key| authorization == format!("Basic {key}")) {
            return Reply::problem(401, "who are you?");
        }
        let location = |id: &str, name: &str| json!({"id": id, "name": name, "city": "x", "country": "SE"});
        let content = if asked.line().contains("/locations") {
            json!([location("1", "Haga"), location("2", "City")])
        } else {
            json!([])
        };
        Reply::json(200, &json!({"content": content, "last": true}))
    })
}

fn begin(env: &TestEnv, server: &Server, more: &[&str]) -> PtySession {
    let url = server.url();
    PtySession::open(env, [&["login", "--base-url", &url][..], more].concat(), &[])
}

fn type_key(screen: &mut PtySession, key: &str) {
    screen.until_asked_in_secret("API key:");
    screen.type_in(&format!("{key}\r"));
}

fn accept(screen: &mut PtySession, question: &str) {
    screen.answer(question, "\r");
}

fn files(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let bytes = fs::read(&path).unwrap();
            found.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    found
}

#[test]
fn a_typo_in_the_key_is_corrected_on_the_spot_and_the_key_is_in_the_profile_alone() {
    let (env, server) = (TestEnv::new(), api());
    let mut screen = begin(&env, &server, &[]);
    screen.until("What you paste here is not shown.");
    type_key(&mut screen, "not a key");
    screen.until("error: the key contains white space");
    type_key_again(&mut screen, WRONG);
    accept(&mut screen, "Profile name [playground]:");
    screen.answer("Username (Enter for none):", "M100-1\r");
    screen.until_asked("Merchant ID (- for none) [M100]:");
    let seen = fs::read_to_string(format!("/proc/{}/cmdline", screen.process_id())).unwrap_or_default();
    assert!(!seen.contains("kco_"), "the key is in the list of processes: {seen}");
    screen.type_in("\r");
    screen.until("the API does not accept the key: who are you? (HTTP 401)");
    screen.until_asked_in_secret("paste it again, or give up with Ctrl-C.");
    screen.type_in(&format!("{RIGHT}\r"));
    screen.answer("Username (- for none) [M100-1]:", "-\r");
    screen.until_times(2, "Merchant ID (- for none) [M100]: ");
    screen.type_in("\r");
    screen.until("City    x");
    screen.type_in("ha");
    screen.until("ha|");
    screen.type_in("\r");
    screen.until("Default location: Haga");
    accept(&mut screen, "Default currency (- for none) [SEK]:");
    let shown = screen.end_with(0);
    let file = env.profiles_file();
    let stored =
        format!("Stored the profile 'playground' in {} (mode 0600: only you can read it).", file.display());
    assert!(shown.contains(&stored), "{shown}");
    assert!(shown.contains("Pair a phone: kustom enrollments pair"), "{shown}");
    assert_eq!(
        &fs::read_to_string(&file).unwrap(),
        &format!(
            "# Profiles of kustom. This file holds API keys: keep it private.\n\nactive = \"playground\"\n\n\
             [profiles.playground]\nenvironment = \"playground\"\napi_key = \"{RIGHT}\"\nmerchant_id = \"M100\"\n\
             location = \"Haga\"\ncurrency = \"SEK\"\nbase_url = \"{}\"\n",
            server.url()
        )
    );
    for key in [RIGHT, WRONG, "Rg8Hf3Kd9Ls2", "Wr0ngWr0ngW1"] {
        assert!(!shown.contains(key), "the key was shown:\n{shown}");
        for (name, content) in files(env.path()) {
            assert!(!content.contains(key) || name == file.display().to_string(), "the key is in {name}");
        }
    }
    assert!(!fs::read_to_string(&file).unwrap().contains(WRONG));
}

fn type_key_again(screen: &mut PtySession, key: &str) {
    screen.until_times(2, "API key:");
    type_key(screen, key);
}

#[test]
fn replacing_a_profile_names_it_and_asks() {
    let server = api();
    let old = format!(
        "active = \"shop\"\n\n[profiles.shop]\nenvironment = \"playground\"\napi_key = \"{WRONG}\"\n\
         merchant_id = \"M1\"\ncurrency = \"NOK\"\n"
    );
    let env = TestEnv::new().with_profiles(&old);
    let args = "--profile shop --merchant-id M2 --location City --username M2-1 --no-check";
    let args: Vec<_> = args.split(' ').collect();
    let ask = |answer: &str| {
        let mut screen = begin(&env, &server, &args);
        type_key(&mut screen, RIGHT);
        accept(&mut screen, "Default currency (- for none) [NOK]:");
        screen.until("The profile 'shop' exists.");
        screen.answer("Replace it? [y/N]", answer);
        screen.end()
    };
    let (code, shown) = ask("\r");
    assert_eq!(code, 8, "{shown}");
    assert!(shown.contains("not confirmed; nothing was stored"), "{shown}");
    assert_eq!(&fs::read_to_string(env.profiles_file()).unwrap(), &old);
    let (code, shown) = ask("y\r");
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("Replaced the profile 'shop'"), "{shown}");
    assert!(fs::read_to_string(env.profiles_file()).unwrap().contains(RIGHT));
    server.assert_untouched();
}

#[test]
fn replacing_a_profile_without_a_terminal_does_not_ask() {
    let old = format!("[profiles.playground]\nenvironment = \"playground\"\napi_key = \"{WRONG}\"\n");
    let env = TestEnv::new().with_profiles(&old);
    let login = env.command(["login", "--api-key-stdin", "--no-check", "--currency", "SEK"]).stdin(RIGHT);
    let outcome = login.run().assert_code(0);
    insta::assert_snapshot!(&outcome.err(), @"Replaced the profile 'playground' in <home>/config/profiles.toml (mode 0600: only you can read it).\n\
         It is the active profile.\n\
         Pair a phone: kustom enrollments pair\n");
}

#[test]
fn a_key_that_does_not_tell_its_environment_has_it_asked_for() {
    let (env, server) = (TestEnv::new(), api());
    let mut screen = begin(&env, &server, &[]);
    type_key(&mut screen, "shared-secret");
    screen.until("The key does not show which environment it is for.");
    screen.choose("Environment", "play");
    accept(&mut screen, "Profile name [playground]:");
    accept(&mut screen, "Username (Enter for none):");
    accept(&mut screen, "Merchant ID (Enter for none):");
    accept(&mut screen, "Default location (type to search):");
    screen.until("Default location: none");
    screen.answer("Default currency (- for none) [SEK]:", "\x7f\x7f\x7fgold\r");
    screen.until("error: 'gold' is not an ISO 4217 currency code");
    screen.type_in("-\r");
    let shown = screen.end_with(0);
    let text = fs::read_to_string(env.profiles_file()).unwrap();
    assert!(text.contains("environment = \"playground\"") && !text.contains("currency"), "{text}");
    assert!(!shown.contains("shared-secret"), "{shown}");
}

#[test]
fn a_live_key_is_production_without_a_question() {
    let (env, server) = (TestEnv::new(), api());
    let mut screen = begin(&env, &server, &["--environment", "playground"]);
    type_key(&mut screen, "kco_live_api_1");
    for question in
        ["Profile name [playground]:", "Username (Enter for none):", "Merchant ID (Enter for none):"]
    {
        accept(&mut screen, question);
    }
    screen.until("a kco_live_… key (from profile 'playground') does not belong to playground");
    server.assert_untouched();
    screen.until_asked_in_secret("paste it again");
    screen.type_in("\x03");
    screen.end_with(130);
    assert!(!env.profiles_file().exists());
    let mut screen = begin(&env, &server, &[]);
    type_key(&mut screen, "kco_live_api_1");
    accept(&mut screen, "Profile name [production]:");
    screen.answer("Username", "\x03");
    screen.end_with(130);
    assert!(!env.profiles_file().exists());
}

#[test]
fn a_login_that_is_left_leaves_the_terminal_in_order() {
    let server = api();
    for signal in ["TERM", "HUP", "QUIT", "INT"] {
        for at_key in [true, false] {
            let env = TestEnv::new();
            let mut screen = begin(&env, &server, &[]);
            screen.until_asked_in_secret("API key:");
            if !at_key {
                screen.type_in(&format!("{RIGHT}\r"));
                screen.until_asked("Profile name [playground]:");
            }
            screen.signal(signal);
            let (code, shown) = screen.end();
            assert_eq!(code, if signal == "TERM" { 143 } else { 130 }, "{signal}:\n{shown}");
            assert!(!env.profiles_file().exists());
        }
    }
    server.assert_untouched();
}

#[test]
fn nobody_is_asked_who_said_so() {
    let (env, server) = (TestEnv::new(), api());
    let shown = begin(&env, &server, &["--no-input"]).end_with(8);
    assert!(shown.contains("the API key is missing"), "{shown}");
    assert!(shown.contains("--api-key-stdin, --api-key-file FILE or --api-key-command COMMAND"), "{shown}");
    server.assert_untouched();
}

#[test]
fn flags_are_enough_on_a_terminal_too() {
    let (env, server) = (TestEnv::new(), api());
    let key = env.file("key", RIGHT);
    begin(&env, &server, &["--api-key-file", &key.display().to_string()]).end_with(0);
    assert!(env.profiles_file().exists());
}
