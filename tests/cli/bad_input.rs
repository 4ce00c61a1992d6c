//! Input that cannot be used is refused with a sentence and an exit code, and nothing is sent or changed.

use std::ffi::{OsStr, OsString};

use crate::common::harness::TestEnv;
use crate::common::redaction::fixed_id;
use crate::common::server::Server;

const KEY: &str = "kco_test_api_0123456789abcdef";

/// Every case is run against a server that must not be asked, and must end with exit code 2 and this on stderr.
#[track_caller]
fn refused(cases: &[(&[&str], &str)]) {
    let server = Server::unwanted();
    let env = TestEnv::new().at(&server.url(), KEY);
    for (args, expected) in cases {
        let said = env.run(*args).assert_failure(2);
        // Every error of an argument names the help of its command.
        let said = said.split_once("  hint: see `kustom").map_or(said.as_str(), |(said, _)| said);
        assert_eq!(said, *expected);
    }
    server.assert_untouched();
    assert!(!env.state_folder().exists() && !env.profiles_file().exists(), "something was written");
}

/// Before the hint that names the help of the command.
const HELP: &str = "\n";

#[test]
fn a_malformed_uuid() {
    let expected = |name: &str, given: &str| {
        let why = "write the complete ID, such as 51e2a9c4-7b0d-4f63-9d18-3ac5f0e72b41";
        format!("error: invalid value '{given}' for '{name}': {why}{HELP}")
    };
    refused(&[(&["sessions", "recover", "--session", "nope"], &expected("--session <SESSION>", "nope"))]);
}

#[test]
fn a_malformed_uuid_of_a_session() {
    let server = Server::unwanted();
    let env = TestEnv::new().at(&server.url(), KEY);
    for args in [["sessions", "get"], ["sessions", "watch"], ["sessions", "cancel"], ["dev", "simulate-tap"]]
    {
        let said = env.run(args.into_iter().chain(["51e2a9c4-nope"])).assert_failure(4);
        let expected = "error: no session with the ID or reference '51e2a9c4-nope' was created here\n";
        assert!(said.starts_with(expected), "{said}");
    }
    server.assert_untouched();
}

#[test]
fn a_malformed_amount() {
    let of = |amount| ["sessions", "create", "--device", "Till 1", "--currency", "SEK", "--amount", amount];
    refused(&[
        (
            &of("249,50"),
            "error: --amount: '249,50' contains a comma; write the decimals after a point and no separators, \
             like 1249.50\n",
        ),
        (&of("249.505"), "error: --amount: '249.505' has 3 decimals, but SEK has 2\n"),
        (
            &of("12 kr"),
            "error: --amount: '12 kr' is not an amount; write digits with a point before the decimals, like \
             249.50\n",
        ),
        (
            &of("1e3"),
            "error: --amount: '1e3' is not an amount; write digits with a point before the decimals, like 249.50\n",
        ),
        (&of("99999999999999999999"), "error: --amount: '99999999999999999999' is too large\n"),
        (&of("0"), "error: --amount must be more than zero\n"),
        (&of("-5"), "error: --amount must be more than zero\n"),
    ]);
}

#[test]
fn a_malformed_currency() {
    let of = |code| ["sessions", "create", "--device", "Till 1", "--amount", "1", "--currency", code];
    let unknown = "'SKE' is not an ISO 4217 currency code such as SEK, EUR or NOK";
    let gold = "XAU has no minor units, so nothing can be charged in it";
    let yen = "error: --amount: '1.50' has 2 decimals, but JPY has 0\n";
    refused(&[
        (&of("SKE"), &format!("error: invalid value 'SKE' for '--currency <CURRENCY>': {unknown}{HELP}")),
        (&of("XAU"), &format!("error: invalid value 'XAU' for '--currency <CURRENCY>': {gold}{HELP}")),
        (&["sessions", "create", "--device", "x", "--amount", "1.50", "--currency", "JPY"], yen),
        (
            &["sessions", "create", "--device", "x", "--amount", "1"],
            "error: no currency is given, and the profile has no default\n  \
             hint: add --currency, such as --currency SEK\n",
        ),
    ]);
}

#[test]
fn a_malformed_pair() {
    let of = |flag: &str, given: &str, why: &str| {
        format!("error: invalid value '{given}' for '{flag}': {why}{HELP}")
    };
    let metadata = "--metadata <KEY=VALUE>";
    let no_key = "the key before '=' is empty";
    refused(&[
        (
            &["devices", "update", "x", "--metadata", "floor"],
            &of(metadata, "floor", "write a pair such as floor=2"),
        ),
        (&["enrollments", "create", "--metadata", "=2"], &of(metadata, "=2", no_key)),
        (
            &["api", "GET", "/x", "--query", "a"],
            &of("--query <KEY=VALUE>", "a", "write a pair such as floor=2"),
        ),
        (
            &["devices", "update", "x", "--metadata", "a=1", "--unset-metadata", "a"],
            "error: 'a' is both in --metadata and in --unset-metadata\n",
        ),
    ]);
}

#[test]
fn a_malformed_duration() {
    let of = |flag: &str, given: &str, why: &str| {
        format!("error: invalid value '{given}' for '{flag} <DURATION>': {why}{HELP}")
    };
    let form = "write a duration such as 30s, 90m, 2h or 3d";
    let nothing = "a duration must be longer than zero";
    refused(&[
        (&["enrollments", "create", "--expires-in", "soon"], &of("--expires-in", "soon", form)),
        (&["enrollments", "create", "--expires-in", "1month"], &of("--expires-in", "1month", form)),
        (&["enrollments", "create", "--expires-in", "0s"], &of("--expires-in", "0s", nothing)),
        (&["devices", "list", "--timeout", "5x"], &of("--timeout", "5x", form)),
        (&["sessions", "watch", &fixed_id(1), "--interval", "0s"], &of("--interval", "0s", nothing)),
        (
            &["enrollments", "create", "--expires-in", "1us"],
            "error: --expires-in must be at least one millisecond\n",
        ),
    ]);
}

#[test]
fn a_malformed_outcome() {
    let all = "success, declined-generic, insufficient-funds, lost-card, stolen-card, expired-card, incorrect-cvc, \
               processing-error, incorrect-number, card-velocity-exceeded";
    let said = format!(
        "error: invalid value 'stolen' for '--outcome <OUTCOME>'\n  [possible values: {all}]\n  \
         hint: did you mean 'stolen-card'?{HELP}"
    );
    refused(&[(&["dev", "simulate-tap", &fixed_id(1), "--outcome", "stolen"], &said)]);
}

#[test]
fn six_metadata_filters_and_a_repeated_key() {
    let six = ["a=1", "b=1", "c=1", "d=1", "e=1", "f=1"].map(|pair| ["--metadata", pair]).concat();
    refused(&[
        (&[&["enrollments", "list"][..], &six].concat(), "error: --metadata can be given at most 5 times\n"),
        (
            &["enrollments", "list", "--metadata", "a=1", "--metadata", "a=2"],
            "error: --metadata sets the key 'a' twice\n",
        ),
        (
            &["devices", "update", "x", "--metadata", "a=1", "--metadata", "a=1"],
            "error: --metadata sets the key 'a' twice\n",
        ),
        (
            &["enrollments", "list", "--metadata", "a:b=1"],
            "error: --metadata 'a:b': the API cannot filter by a key that contains a colon\n",
        ),
    ]);
}

#[test]
fn a_change_that_changes_nothing_and_a_path_on_another_host() {
    let path = "error: PATH: write a path such as /ipp/v1/devices; the host comes from the profile\n";
    refused(&[
        (
            &["devices", "update", "x"],
            "error: no change was given\n  \
             hint: add --name, --location, --no-location, --metadata or --unset-metadata\n",
        ),
        (&["api", "GET", "https://elsewhere.example/"], path),
        (&["api", "GET", "//elsewhere.example/"], path),
        (&["api", "GET", "C:/elsewhere/devices"], path),
    ]);
}

#[test]
fn a_body_that_is_no_object() {
    let server = Server::unwanted();
    let env = TestEnv::new().at(&server.url(), KEY);
    let create =
        |body: &str| env.command(["sessions", "create", "--body", "-"]).stdin(body).run().assert_failure(2);
    insta::assert_snapshot!(&create("[1]"), @"error: --body is JSON, but not an object like {\"device_id\": …}\n");
    insta::assert_snapshot!(&create("{\"order_amount\": 5,}"), @"error: --body is not JSON: trailing comma at line 1 column 20\n");
    let missing = env.run(["sessions", "create", "--body", "missing.json"]).assert_failure(2);
    insta::assert_snapshot!(&missing, @"error: cannot read missing.json: No such file or directory\n");
    let large = env.command(["api", "POST", "/x", "--body", "-"]).stdin(vec![b'x'; 1024 * 1024 + 1]).run();
    insta::assert_snapshot!(&large.assert_failure(2), @"error: standard input is larger than 1 MiB\n");
    server.assert_untouched();
}

#[cfg(unix)]
#[test]
fn an_argument_that_is_not_utf_8() {
    use std::os::unix::ffi::OsStrExt as _;
    let server = Server::unwanted();
    let env = TestEnv::new().at(&server.url(), KEY);
    let strange = OsStr::from_bytes(b"Till \xff");
    let args = |more: &[&str]| {
        let args = ["devices", "get"].into_iter().map(OsString::from).chain([strange.to_owned()]);
        args.chain(more.iter().map(OsString::from)).collect::<Vec<_>>()
    };
    assert_eq!(
        &env.run(args(&[])).assert_failure(2),
        &format!(
            "error: invalid UTF-8 was detected in one or more arguments\n  hint: see `kustom devices get --help`{HELP}"
        )
    );
    let as_json = env.run(args(&["-o", "json"])).assert_failure(2);
    assert!(
        as_json.contains("\"message\":\"invalid UTF-8 was detected in one or more arguments\""),
        "{as_json}"
    );
    for name in ["KUSTOM_PROFILE", "KUSTOM_API_KEY", "KUSTOM_BASE_URL", "KUSTOM_MERCHANT_ID"] {
        let said = env.command(["devices", "list"]).env(name, strange).run().assert_failure(2);
        assert_eq!(&said, &format!("error: {name} is not UTF-8 text\n"));
    }
    server.assert_untouched();
}

#[test]
fn every_kind_of_failure_is_one_json_object() {
    let server = Server::unwanted();
    let env = TestEnv::new().at(&server.url(), KEY);
    let uuid = "invalid value 'nope' for '--session <SESSION>': write the complete ID, such as \
                51e2a9c4-7b0d-4f63-9d18-3ac5f0e72b41";
    let cases: [(&[&str], &str, &[&str]); 5] = [
        (&["sessions", "recover", "--session", "nope"], uuid, &["see `kustom sessions recover --help`"]),
        (
            &["devices", "lst"],
            "unrecognized subcommand 'lst'",
            &["did you mean 'list'?", "see `kustom devices --help`"],
        ),
        (
            &["sessions", "create", "--device", "x", "--amount", "5"],
            "no currency is given, and the profile has no default",
            &["add --currency, such as --currency SEK"],
        ),
        (
            &["sessions", "create", "--device", "x", "--amount", "1,5", "--currency", "SEK"],
            "--amount: '1,5' contains a comma; write the decimals after a point and no separators, like 1249.50",
            &[],
        ),
        (&["profiles", "use", "nope"], "there is no profile 'nope'", &["the profiles are: local"]),
    ];
    for (args, message, hints) in cases {
        let error = serde_json::json!({"kind": "usage", "exit_code": 2, "message": message, "hints": hints});
        let expected = format!("{}\n", serde_json::json!({ "error": error }));
        for flag in [&["-o", "json"][..], &["--output=ndjson"], &["-ojson"]] {
            assert_eq!(&env.run(args.iter().chain(flag)).assert_failure(2), &expected);
        }
        assert_eq!(&env.command(args).env("KUSTOM_OUTPUT", "json").run().assert_failure(2), &expected);
    }
    server.assert_untouched();
}

#[test]
fn a_variable_that_cannot_be_used_is_told_in_the_format_that_was_asked_for() {
    let env = TestEnv::new();
    let said = env.run(["-o", "json", "devices", "list"]).assert_failure(3);
    assert!(said.starts_with("{\"error\":{\"kind\":\"credentials\",\"exit_code\":3,"), "{said}");
    let said = env.command(["devices", "list"]).env("KUSTOM_OUTPUT", "xml").run().assert_failure(2);
    insta::assert_snapshot!(&said, @"error: KUSTOM_OUTPUT is not one of table, wide, json, ndjson, csv and name\n");
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt as _;
        let strange = OsStr::from_bytes(b"\xff");
        let command = env.command(["devices", "list"]).env("KUSTOM_OUTPUT", "json");
        let said = command.env("KUSTOM_PROFILE", strange).run().assert_failure(2);
        assert!(said.starts_with("{\"error\":{\"kind\":\"usage\",\"exit_code\":2,"), "{said}");
    }
}
