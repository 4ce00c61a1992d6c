//! Between a key and the wrong place: everything here ends before a byte is sent, wherever the values come from.

use crate::common::prelude::*;

const LIVE: &str = "kco_live_api_0123456789abcdef";
const TEST: &str = "kco_test_api_0123456789abcdef";
const RIGHT_KEY: &str =
    "  hint: nothing was sent; use a kco_live_… key for production and a kco_test_… key for playground\n";
const RIGHT_HOST: &str = "  hint: nothing was sent; correct one of the two\n";

fn env(environment: &str, lines: &str) -> TestEnv {
    let text = format!("active = \"x\"\n[profiles.x]\nenvironment = \"{environment}\"\n{lines}\n");
    TestEnv::new().with_profiles(&text)
}

#[test]
fn a_key_of_the_wrong_environment_from_the_profile_a_variable_or_a_command() {
    let server = Server::unwanted();
    for (environment, own, other, shown) in [
        ("production", LIVE, TEST, "kco_test_…"),
        ("playground", TEST, LIVE, "kco_live_…"),
        ("local", TEST, LIVE, "kco_live_…"),
    ] {
        for (line, variable, source) in [
            (format!("api_key = \"{other}\""), "", "profile 'x'"),
            (format!("api_key_command = \"printf {other}\""), "", "profile 'x'"),
            (format!("api_key = \"{own}\""), other, "KUSTOM_API_KEY"),
        ] {
            let env = env(environment, &format!("{line}\nbase_url = \"{}\"", server.url()));
            for args in [&["devices", "list"][..], &["api", "GET", "/x", "--yes"]] {
                assert_eq!(
                    env.command(args).env("KUSTOM_API_KEY", variable).run().assert_failure(3),
                    format!(
                        "error: a {shown} key (from {source}) does not belong to {environment} (from profile 'x')\n\
                         {RIGHT_KEY}"
                    )
                );
            }
        }
    }
    server.assert_untouched();
}

#[test]
fn a_key_at_the_host_of_the_other_environment() {
    // The hosts are real: a request to one of them would fail with exit code 6 here.
    let production = "https://api.kustom.co";
    let playground = "https://api.playground.kustom.co/";
    let expected = |url: &str, host: &str, source: &str, environment: &str| {
        format!(
            "error: the base URL (from {url}) is the host of {host}, but the environment ({source}) is {environment}\n\
             {RIGHT_HOST}"
        )
    };
    let list = |env: &TestEnv, url: &str| {
        env.command(["devices", "list"]).env("KUSTOM_BASE_URL", url).run().assert_failure(3)
    };
    let variable = "KUSTOM_BASE_URL";
    for (key, url, host, own) in
        [(TEST, production, "production", "playground"), (LIVE, playground, "playground", "production")]
    {
        let only_key = TestEnv::new().env("KUSTOM_API_KEY", key);
        assert_eq!(list(&only_key, url), expected(variable, host, "recognized from the key", own));
        let in_profile = env(own, &format!("api_key = \"{key}\"\nbase_url = \"{url}\""));
        assert_eq!(list(&in_profile, ""), expected("profile 'x'", host, "from profile 'x'", own));
        let unmarked = env(own, "api_key = \"shared-secret\"");
        assert_eq!(list(&unmarked, url), expected(variable, host, "from profile 'x'", own));
    }
    let local = TestEnv::new().local();
    assert_eq!(list(&local, production), expected(variable, "production", "built in", "local"));
}

#[test]
fn a_base_url_that_would_show_the_key() {
    let said = |url: &str| TestEnv::new().at(url, TEST).run(["devices", "list"]).assert_failure(2);
    let expected = |why: &str| format!("error: the base URL from KUSTOM_BASE_URL cannot be used: {why}\n");
    for url in [
        "http://api.playground.kustom.co",
        "http://192.0.2.1",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "http://localhost.example",
    ] {
        let why = "it is plain http to another machine, which would show the key to the network; use https";
        let hint = "  hint: for an emulator in a private network, name its host with --allow-http\n";
        assert_eq!(said(url), format!("{}{hint}", expected(why)));
    }
    for url in ["nonsense", "api.kustom.co", "https://"] {
        assert_eq!(&said(url), &expected("it is not a URL such as https://api.example.com"));
    }
    assert_eq!(&said("ftp://localhost"), &expected("its scheme is neither https nor http"));
    let userinfo = "it contains a user name or a password; those belong in the profile";
    assert_eq!(&said("https://user:secret@example.com"), &expected(userinfo));
    assert_eq!(&said("https://example.com/?key=1"), &expected("it contains a query or a fragment"));
}

#[test]
fn no_key_and_a_key_that_tells_nothing() {
    let none = "error: there is no API key: no profile is active\n  \
                hint: try everything without an account: add --profile local\n  \
                hint: add an account with `kustom login`, or choose one with `kustom profiles use NAME`\n";
    assert_eq!(&TestEnv::new().run(["devices", "list"]).assert_failure(3), none);
    insta::assert_snapshot!(&env("playground", "").run(["devices", "list"]).assert_failure(3), @"error: the profile 'x' has no API key\n  \
         hint: add one with `kustom login --profile x --api-key-stdin`\n");
    insta::assert_snapshot!(&TestEnv::new().env("KUSTOM_API_KEY", "shared-secret").run(["devices", "list"]).assert_failure(2), @"error: KUSTOM_API_KEY does not show whether it is for production or playground\n  \
         hint: name the host in KUSTOM_BASE_URL, or store the key with `kustom login --environment`\n");
    insta::assert_snapshot!(&TestEnv::new()
            .env("KUSTOM_API_KEY", "kco_test_api_with a space")
            .run(["devices", "list"])
            .assert_failure(2), @"error: KUSTOM_API_KEY: the key contains white space, a control character or a character outside ASCII\n");
}

#[test]
fn an_unknown_profile() {
    let env = env("playground", "api_key = \"kco_test_api_x\"");
    let there_is = "  hint: the profiles are: x, local\n";
    for (args, from) in [
        (&["devices", "list", "--profile", "y"][..], " (from --profile)"),
        (&["profiles", "show", "y"], " (from --profile)"),
        (&["profiles", "use", "y"], ""),
        (&["profiles", "remove", "x", "y", "--yes"], ""),
    ] {
        assert_eq!(
            &env.run(args).assert_failure(2),
            &format!("error: there is no profile 'y'{from}\n{there_is}")
        );
    }
    let said = env.command(["devices", "list"]).env("KUSTOM_PROFILE", "y").run().assert_failure(2);
    assert_eq!(&said, &format!("error: there is no profile 'y' (from KUSTOM_PROFILE)\n{there_is}"));
    assert!(env.run(["profiles", "list"]).ok().contains("\nx "), "removing all or nothing removed nothing");
}

#[test]
fn a_command_for_the_key_that_does_not_give_one() {
    let said = |command: &str| {
        env("playground", &format!("api_key_command = {command:?}"))
            .run(["devices", "list"])
            .assert_failure(3)
    };
    let hint = "  hint: run the profile's api_key_command by itself to see its output\n";
    let expected = |why: &str| format!("error: the command for the API key {why}\n{hint}");
    assert_eq!(&said("exit 3"), &expected("exited with exit status: 3"));
    assert_eq!(&said("true"), &expected("printed no key in its first line: the key is empty"));
    let strange = "printed no key in its first line: the key contains white space, a control character or a character \
         outside ASCII";
    assert_eq!(&said("echo kco_test_api_0123 and more"), &expected(strange));
    assert_eq!(&said("printf '\\377'"), &expected("printed invalid UTF-8"));
}

#[test]
fn dev_refuses_production() {
    let server = Server::unwanted();
    let env = env("production", &format!("api_key = \"{LIVE}\"\nbase_url = \"{}\"", server.url()));
    let session = fixed_id(1);
    for args in [&["dev", "create-device", "--name", "x", "--yes"][..], &["dev", "simulate-tap", &session]] {
        assert_eq!(
            env.run(args).assert_failure(2),
            "error: `kustom dev` simulates devices and payments; production has neither\n  \
             hint: use a playground profile, or --profile local\n"
        );
    }
    server.assert_untouched();
}

#[test]
fn a_profiles_file_with_a_mistake() {
    const SECRET: &str = "kco_test_api_0123456789abcdef";
    let profile = "[profiles.till]\nenvironment = \"playground\"\n";
    let cases = [
        (
            format!("{profile}api_key = \"{SECRET}\n"),
            "line 3, column 41: invalid basic string, expected `\"`",
        ),
        (
            format!("{profile}api_key = {SECRET}\n"),
            "line 3, column 11: string values must be quoted, expected literal string",
        ),
        (format!("{profile}api_key = [\"{SECRET}\"]\n"), "line 3, column 11: expected a string"),
        (
            format!("{profile}api_key = \"{SECRET} x\"\n"),
            "line 3, column 11: the key contains white space, a control character or a character outside ASCII",
        ),
        (format!("{profile}api_key = \"a\"\napi_key = \"{SECRET}\"\n"), "line 4, column 1: duplicate key"),
        (
            format!("# å\n[profiles.till]\nenvironment = \"test\"\napi_key = \"{SECRET}\"\n"),
            "line 3, column 15: expected one of `production`, `playground`, `local`",
        ),
        (
            format!("[profiles.till]\napi_key = \"{SECRET}\"\n"),
            "line 1, column 1: missing field `environment`",
        ),
        (
            format!("{profile}api_key = \"{SECRET}\"\napi_key_command = \"x\"\n"),
            "line 4, column 19: the profile 'till' has both 'api_key' and 'api_key_command'; keep one",
        ),
        (format!("profiles = \"{SECRET}\"\n"), "line 1, column 12: expected a map"),
        ("active = 5\n".to_owned(), "line 1, column 10: expected a string"),
        (format!("{profile}completions = \"{SECRET}\"\n"), "line 3, column 15: expected a boolean"),
        (
            format!("{profile}completions = \"{SECRET}, expected {SECRET}\"\n"),
            "line 3, column 15: expected a boolean",
        ),
        (format!("profiles.a = \"{SECRET}\"\n"), "line 1, column 14: expected a table"),
        (
            "[profiles.local]\nenvironment = \"local\"\n".to_owned(),
            "line 1, column 1: 'local' is the name of the built-in profile; choose another",
        ),
    ];
    for (text, mistake) in cases {
        let env = TestEnv::new().with_profiles(&text);
        let expected = format!(
            "error: <home>/config/profiles.toml, {mistake}\n  \
             hint: correct the file in an editor; nothing was changed\n"
        );
        for args in [&["devices", "list"][..], &["profiles", "list"], &["profiles", "use", "till"]] {
            assert_eq!(&env.run(args).assert_failure(2), &expected);
        }
        let login = env.command(["login", "--api-key-stdin", "--no-check"]).stdin(TEST).run();
        assert_eq!(&login.assert_failure(2), &expected);
        assert_eq!(std::fs::read_to_string(env.profiles_file()).unwrap(), text, "the file was changed");
        assert_eq!(env.run(["--profile", "local", "devices", "list"]).ok(), "");
    }
    let env = TestEnv::new();
    env.file("config/profiles.toml", b"active = \"\xff\"\n");
    insta::assert_snapshot!(&env.run(["profiles", "list"]).assert_failure(2), @"error: <home>/config/profiles.toml is not UTF-8 text\n  \
         hint: correct the file in an editor; nothing was changed\n");
}
