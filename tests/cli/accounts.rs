//! Which account a command speaks for: flag before variable before profile before default, each value with its
//! source and what it shadows; and what `login`, `profiles` and `doctor` make of it.

use std::fs;

use super::doctor::{OFFLINE, assert_finding, finding};
use crate::common::prelude::*;

const OTHER: &str = "kco_test_api_fedcba9876543210";

fn nothing() -> Reply {
    Reply::json(200, &json!({"content": []}))
}

fn two_profiles(server: &Server) -> TestEnv {
    let profile = |name: &str, key: &str| {
        format!(
            "[profiles.{name}]\nenvironment = \"playground\"\napi_key = \"{key}\"\nusername = \"user-{name}\"\n\
             merchant_id = \"merchant-{name}\"\nbase_url = \"{}/{name}\"\n",
            server.url()
        )
    };
    TestEnv::new().with_profiles(&format!("active = \"a\"\n{}{}", profile("a", KEY), profile("b", OTHER)))
}

#[test]
fn a_flag_goes_before_a_variable_before_the_active_profile() {
    let server = Server::always(nothing());
    let env = two_profiles(&server);
    let list = ["devices", "list"];
    env.run(list).ok();
    env.command(list).env("KUSTOM_PROFILE", "b").run().ok();
    env.command(["--profile", "a", "devices", "list"]).env("KUSTOM_PROFILE", "b").run().ok();
    env.command(list).env("KUSTOM_PROFILE", "").run().ok();
    let used: Vec<_> = server.lines().iter().map(|line| line.chars().nth(5).unwrap()).collect();
    assert_eq!(used, ['a', 'b', 'a', 'a'], "an empty variable counts as not set");
}

#[test]
fn variables_go_before_the_profile_and_what_belongs_to_a_key_stays_with_it() {
    use base64::Engine as _;
    let basic = |pair: &str| format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
    let server = Server::always(nothing());
    let env = two_profiles(&server);
    let list = || env.command(["devices", "list"]);
    list().run().ok();
    list().env("KUSTOM_API_KEY", OTHER).run().ok();
    list().env("KUSTOM_API_KEY", OTHER).env("KUSTOM_USERNAME", "u").run().ok();
    list().env("KUSTOM_MERCHANT_ID", "m").env("KUSTOM_BASE_URL", server.url()).run().ok();
    let sent: Vec<_> = server
        .asked()
        .iter()
        .map(|asked| {
            let header = |name| asked.header(name).unwrap_or_default().to_owned();
            (asked.line(), header("authorization"), header("x-merchant-id"))
        })
        .collect();
    let expect = |line: &str, authorization: String, merchant: &str| {
        (line.to_owned(), authorization, merchant.to_owned())
    };
    let own = basic(&format!("user-a:{KEY}"));
    assert_eq!(
        sent,
        [
            expect("GET /a/ipp/v1/devices", own.clone(), "merchant-a"),
            expect("GET /a/ipp/v1/devices", format!("Basic {OTHER}"), ""),
            expect("GET /a/ipp/v1/devices", basic(&format!("u:{OTHER}")), ""),
            expect("GET /ipp/v1/devices", own, "m"),
        ]
    );
}

#[test]
fn every_value_is_shown_with_its_source_and_what_it_shadows() {
    let server = Server::unwanted();
    let env = two_profiles(&server);
    insta::assert_snapshot!(&env.run(["profiles", "show"]).assert_code(0).out(), @"NAME         VALUE                     SOURCE\n\
         profile      a                         the active profile\n\
         environment  playground                profile 'a'\n\
         base_url     http://127.0.0.1:<port>/a  profile 'a'\n\
         api_key      a kco_test_… key          profile 'a'\n\
         username     user-a                    profile 'a'\n\
         merchant_id  merchant-a                profile 'a'\n\
         location     not set\n\
         device       not set\n\
         currency     not set\n\
         if_busy      not set\n\
         ledger       sqlite                    built in\n\
         completions  true                      built in\n");
    server.assert_untouched();
}

#[test]
fn what_is_shadowed_is_named() {
    let server = Server::unwanted();
    let env = two_profiles(&server).env("KUSTOM_API_KEY", OTHER).env("KUSTOM_MERCHANT_ID", "m");
    let shown = env.command(["profiles", "show", "-o", "json"]).env("KUSTOM_PROFILE", "b").run().json();
    let row = |name: &str| shown.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone();
    assert_eq!(
        row("profile"),
        json!({
            "name": "profile", "value": "b", "source": "KUSTOM_PROFILE",
            "shadows": [{"source": "the active profile", "value": "a"}],
        })
    );
    assert_eq!(
        row("api_key"),
        json!({
            "name": "api_key", "value": "a kco_test_… key", "source": "KUSTOM_API_KEY",
            "shadows": [{"source": "profile 'b'", "value": "a kco_test_… key"}],
        })
    );
    assert_eq!(
        row("merchant_id"),
        json!({
            "name": "merchant_id", "value": "m", "source": "KUSTOM_MERCHANT_ID",
            "shadows": [{"source": "profile 'b'", "value": "merchant-b"}],
        })
    );
    assert_eq!(row("username")["value"], Value::Null, "it was issued with the other key");
    let args = ["profiles", "show", "-o", "json", "--profile", "b"];
    let shown = env.command(args).env("KUSTOM_PROFILE", "b").run().json();
    assert_eq!(
        shown[0],
        json!({
            "name": "profile", "value": "b", "source": "--profile",
            "shadows": [
                {"source": "KUSTOM_PROFILE", "value": "b"}, {"source": "the active profile", "value": "a"},
            ],
        })
    );
    server.assert_untouched();
}

#[test]
fn an_account_of_variables_has_the_environment_of_its_key_or_else_of_its_host() {
    let (key, host) = ("recognized from the key", "recognized from the base URL");
    let unmarked = "shared-secret";
    for (api_key, url, environment, source) in [
        (KEY, "http://127.0.0.1:1", "playground", key),
        ("kco_live_api_0123456789abcdef", "https://proxy.example", "production", key),
        (unmarked, "http://127.0.0.1:1", "local", host),
        (unmarked, "https://api.playground.kustom.co", "playground", host),
        // It may be worth real money.
        (unmarked, "https://proxy.example", "production", host),
    ] {
        let shown = TestEnv::new().at(url, api_key).run(["profiles", "show", "-o", "json"]).json();
        let row = shown.as_array().unwrap().iter().find(|row| row["name"] == "environment").unwrap();
        assert_eq!((&row["value"], &row["source"]), (&json!(environment), &json!(source)), "{url}");
    }
}

#[test]
fn login_stores_a_profile_once_its_key_is_accepted() {
    let server = Server::always(nothing());
    let env = TestEnv::new();
    let url = server.url();
    let args = ["login", "--api-key-stdin", "--merchant-id", "M100", "--currency", "sek", "--base-url", &url];
    insta::assert_snapshot!(&env.command(args).stdin(format!("{KEY}\n")).run().assert_code(0).whole(), @"NAME         playground\nACTIVE       yes\nENVIRONMENT  playground\nKEY          stored\n\
         MERCHANT     M100\nCURRENCY     SEK\nBASE URL     http://127.0.0.1:<port>\n\
         ! Stored the profile 'playground' in <home>/config/profiles.toml (mode 0600: only you can read it).\n\
         ! It is the active profile.\n! Pair a phone: kustom enrollments pair\nexit 0\n");
    let [asked] = server.asked().try_into().unwrap();
    assert_eq!(asked.line(), "GET /ipp/v1/devices", "one harmless call");
    assert_eq!(asked.header("authorization"), Some(format!("Basic {KEY}").as_str()));
    let text = fs::read_to_string(env.profiles_file()).unwrap();
    assert_eq!(
        &text,
        &format!(
            "# Profiles of kustom. This file holds API keys: keep it private.\n\nactive = \"playground\"\n\n\
             [profiles.playground]\nenvironment = \"playground\"\napi_key = \"{KEY}\"\nmerchant_id = \"M100\"\n\
             currency = \"SEK\"\nbase_url = \"{url}\"\n"
        )
    );
    env.run(["login", "--api-key-command", &format!("echo {OTHER}"), "--no-check", "--profile", "b"]).ok();
    let rotated =
        env.command(["login", "--api-key-stdin", "--no-check", "-o", "json"]).stdin(OTHER).run().json();
    assert_eq!((&rotated["active"], &rotated["merchant_id"]), (&json!(true), &json!("M100")));
    let text = fs::read_to_string(env.profiles_file()).unwrap();
    assert!(text.contains(&format!("api_key_command = \"echo {OTHER}\"")) && !text.contains(KEY), "{text}");
}

#[test]
fn login_stores_nothing_that_was_refused() {
    let refusing = Server::always(Reply::problem(401, "who are you?"));
    let broken = Server::always(Reply::new(200, "text/plain", "It works!"));
    let login =
        |env: &TestEnv, args: &[&str], key: &str| env.command([&["login"], args].concat()).stdin(key).run();
    let env = TestEnv::new();
    insta::assert_snapshot!(&login(&env, &["--api-key-stdin", "--base-url", &refusing.url()], KEY).assert_failure(3), @"error: the API does not accept the key: who are you? (HTTP 401)\n  \
         hint: see which key is used and where it comes from with `kustom doctor`\n  hint: nothing was stored\n");
    let unwanted = Server::unwanted();
    let url = unwanted.url();
    for (args, key, code, begins) in [
        (&["--api-key-stdin"][..], "", 2, "error: standard input holds no API key: the key is empty\n"),
        (&["--api-key-stdin"], "two words", 2, "error: standard input holds no API key: "),
        (&["--api-key-file", "missing"], "", 2, "error: cannot read missing: "),
        (&["--api-key-command", "exit 1"], "", 3, "error: the command for the API key exited with "),
        (&[], "", 8, "error: the API key is missing\n"),
        (
            &["--api-key-stdin", "--api-key-file", "x"],
            KEY,
            2,
            "error: the argument '--api-key-stdin' cannot be used with ",
        ),
        (&["--api-key-stdin", "--environment", "production"], KEY, 3, "error: a kco_test_… key ("),
        (
            &["--api-key-stdin", "--base-url", "http://example.com"],
            KEY,
            2,
            "error: the base URL from --base-url cannot be used: it is plain http",
        ),
        (
            &["--api-key-stdin", "--profile", "local"],
            KEY,
            2,
            "error: 'local' is the name of the built-in profile",
        ),
        (&["--api-key-stdin", "--profile", "a b"], KEY, 2, "error: 'a b' cannot be a profile's name; "),
        (
            &["--api-key-stdin", "--no-check", "--environment", "local"],
            "secret",
            2,
            "error: a profile of the environment 'local' needs a name",
        ),
    ] {
        let args: Vec<_> =
            if args.contains(&"--base-url") { args.to_vec() } else { [args, &["--base-url", &url]].concat() };
        let said = login(&env, &args, key).assert_failure(code);
        assert!(said.starts_with(begins), "{args:?}: {said}");
        assert!(!said.contains(KEY), "{said}");
    }
    unwanted.assert_untouched();
    login(&env, &["--api-key-stdin"], "shared-secret").assert_failure(8);
    assert!(!env.profiles_file().exists(), "something was stored");
    let _ = login(&env, &["--api-key-stdin", "--base-url", &broken.url()], KEY).ok();
    assert!(env.profiles_file().exists());
}

#[test]
fn profiles_are_listed_chosen_and_removed_with_comments_kept() {
    let text = format!(
        "# mine\nactive = \"a\" # for now\n\n[profiles.a]\n# from the portal\nenvironment = \"playground\"\n\
         api_key = \"{KEY}\" # rotate in June\n\n[profiles.b] # the shop\nenvironment = \"production\"\n\
         api_key_command = \"pass show kustom\"\n"
    );
    let env = TestEnv::new().with_profiles(&text);
    insta::assert_snapshot!(&env.run(["profiles", "list"]).stdout_only(), @"NAME   ACTIVE  ENVIRONMENT  KEY       MERCHANT\n\
         a      yes     playground   stored\nb              production   command\n\
         local          local        built in  EMULATED\n");
    env.run(["profiles", "use", "b"]).ok();
    assert_eq!(
        fs::read_to_string(env.profiles_file()).unwrap(),
        text.replace("active = \"a\"", "active = \"b\"")
    );
    env.run(["profiles", "remove", "b"])
        .assert_failure_with(8, "error: not confirmed: Remove the profile 'b' with its production key?");
    env.run(["profiles", "remove", "b", "--yes"]).ok();
    let left = fs::read_to_string(env.profiles_file()).unwrap();
    assert!(
        left.starts_with("# mine\n") && left.contains("# rotate in June") && !left.contains("pass show"),
        "{left}"
    );
    assert!(!left.contains("active"), "{left}");
    let warned = env.command(["profiles", "use", "a"]).env("KUSTOM_PROFILE", "local").run().assert_code(0);
    insta::assert_snapshot!(&warned.stderr, @"Commands now use the profile 'a' (playground).\n\
         warning: KUSTOM_PROFILE is set, so 'local' is used instead of 'a'\n");
    let again = fs::read_to_string(env.profiles_file()).unwrap();
    assert!(again.contains("# mine\n") && again.starts_with("active = \"a\"\n"), "{again}");
    insta::assert_snapshot!(&env.run(["profiles", "remove", "local"]).assert_failure(2), @"error: the profile 'local' is built in and cannot be removed\n");
}

const DOCTOR: [&str; 3] = ["doctor", "-o", "json"];

#[test]
fn the_doctor_finds_a_healthy_account() {
    let server = Server::always(nothing());
    let env = two_profiles(&server).env("KUSTOM_MERCHANT_ID", "m");
    let rows = env.run(DOCTOR).json();
    let merchant = "m, from KUSTOM_MERCHANT_ID; shadows merchant-a from profile 'a'";
    assert_eq!(finding(&rows, "merchant_id"), ("ok", merchant));
    assert_eq!(finding(&rows, "environment"), ("ok", "playground, from profile 'a'"));
    assert_eq!(finding(&rows, "api_key"), ("ok", "a kco_test_… key, from profile 'a'"));
    assert_eq!(finding(&rows, "key"), ("ok", "is accepted"));
    assert!(finding(&rows, "host").1.starts_with("responds in "));
    assert_eq!(server.asked().len(), 2);
    env.run(OFFLINE).ok();
    assert_eq!(server.asked().len(), 2, "offline sends nothing");
    let local = ["--profile", "local", "doctor"];
    let _ = env.run(local).assert_code(0).assert_stdout("the emulator in this process, built in");
    let shown = env.command(local).env("KUSTOM_API_KEY", "kco_live_api_0123456789abcdef").run().ok();
    let ignored = shown.lines().find(|line| line.contains("set, but not used"));
    assert!(ignored.is_some_and(|line| line.contains("KUSTOM_API_KEY")), "{shown}");
}

#[test]
fn the_doctor_finds_what_is_wrong_and_its_exit_code() {
    let refusing = Server::always(Reply::problem(401, "no"));
    let elsewhere = Server::always(Reply::empty(302).header("location", "https://example.com/"));
    let slow = Server::always(nothing().header("date", "Sun, 22 Nov 2020 10:00:00 GMT"));
    let gone = TestEnv::new().at("https://does-not-exist.invalid", KEY);
    let broken = TestEnv::new().with_profiles("active = 5\n");
    for (env, code, check, text) in [
        (TestEnv::new(), 3, "account", "there is no API key: no profile is active"),
        (two_profiles(&refusing), 3, "key", "the API does not accept the key (HTTP 401)"),
        (two_profiles(&elsewhere), 6, "key", "the host responds with 302, a redirect: it is not the API"),
        (gone, 6, "host", ""),
        (two_profiles(&slow), 2, "clock", ""),
        (broken, 2, "profiles file", ""),
    ] {
        assert_finding(env.command(DOCTOR), code, check, "failure", text);
    }
    let typo = TestEnv::new().with_profiles(&format!(
        "active = \"a\"\n[profiles.a]\nenvironment = \"playground\"\napi_key = \"{KEY}\"\nmerchant = \"M\"\n"
    ));
    let rows = typo.run(OFFLINE).json();
    let is_odd =
        |row: &Value| row["level"] == "warning" && row["finding"].to_string().contains("profiles.a.merchant");
    assert!(rows.as_array().unwrap().iter().any(is_odd), "{rows:#}");
}

#[test]
fn the_doctor_looks_at_modes_and_folders() {
    let server = Server::always(nothing());
    let env = two_profiles(&server);
    for (mode, level, text) in [(0o644, "warning", "0644"), (0o600, "ok", "0600")] {
        set_mode(env.profiles_file(), mode);
        assert_finding(env.command(OFFLINE), 0, "file mode", level, text);
    }
    let file = env.file("file", "");
    assert_finding(env.command(OFFLINE).env("KUSTOM_STATE", &file), 6, "state folder", "failure", "");
}
