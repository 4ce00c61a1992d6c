//! Input that cannot be used is refused with a sentence and an exit code, and nothing is sent or changed.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use crate::common::prelude::*;

/// Every command line is run against a server that must not be asked, and must end with exit code 2 and this error.
#[track_caller]
fn refused(cases: &[(&str, &str)]) {
    let server = Server::unwanted();
    let env = server.env();
    for (line, expected) in cases {
        let said = env.run(shell_words::split(line).unwrap()).assert_failure(2);
        // Every error of an argument also names the help of its command.
        let said = said.split("\n  hint: see `kustom").next().unwrap().trim_end();
        assert_eq!(said, format!("error: {expected}"), "{line}");
    }
    server.assert_untouched();
    assert!(!env.state_folder().exists() && !env.profiles_file().exists(), "something was written");
}

fn invalid(flag: &str, given: &str, why: &str) -> String {
    format!("invalid value '{given}' for '{flag}': {why}")
}

#[test]
fn a_malformed_uuid() {
    let why = "write the complete ID, such as 51e2a9c4-7b0d-4f63-9d18-3ac5f0e72b41";
    refused(&[("sessions recover --session nope", &invalid("--session <SESSION>", "nope", why))]);
}

#[test]
fn a_malformed_uuid_of_a_session() {
    let server = Server::unwanted();
    let env = server.env();
    for command in ["sessions get", "sessions watch", "sessions cancel", "dev simulate-tap"] {
        let expected = "error: no session with the ID or reference '51e2a9c4-nope' was created here\n";
        env.run(command.split(' ').chain(["51e2a9c4-nope"])).assert_failure_with(4, expected);
    }
    server.assert_untouched();
}

#[test]
fn a_malformed_amount() {
    for (amount, expected) in [
        (
            "249,50",
            "'249,50' contains a comma; write the decimals after a point and no separators, like 1249.50",
        ),
        ("249.505", "'249.505' has 3 decimals, but SEK has 2"),
        ("12 kr", "'12 kr' is not an amount; write digits with a point before the decimals, like 249.50"),
        ("1e3", "'1e3' is not an amount; write digits with a point before the decimals, like 249.50"),
        ("99999999999999999999", "'99999999999999999999' is too large"),
    ] {
        let line = format!("sessions create --device 'Till 1' --currency SEK --amount '{amount}'");
        refused(&[(&line, &format!("--amount: {expected}"))]);
    }
    refused(&[
        ("sessions create --device x --currency SEK --amount 0", "--amount must be more than zero"),
        ("sessions create --device x --currency SEK --amount -5", "--amount must be more than zero"),
    ]);
}

#[test]
fn a_malformed_currency() {
    let unknown = "'SKE' is not an ISO 4217 currency code such as SEK, EUR or NOK";
    let gold = "XAU has no minor units, so nothing can be charged in it";
    let none = "no currency is given, and the profile has no default\n  hint: add --currency, such as --currency SEK";
    let flag = "--currency <CURRENCY>";
    refused(&[
        ("sessions create --device x --amount 1 --currency SKE", &invalid(flag, "SKE", unknown)),
        ("sessions create --device x --amount 1 --currency XAU", &invalid(flag, "XAU", gold)),
        (
            "sessions create --device x --amount 1.50 --currency JPY",
            "--amount: '1.50' has 2 decimals, but JPY has 0",
        ),
        ("sessions create --device x --amount 1", none),
    ]);
}

#[test]
fn a_malformed_pair() {
    let metadata = "--metadata <KEY=VALUE>";
    let no_pair = "write a pair such as floor=2";
    let both = "'a' is both in --metadata and in --unset-metadata";
    refused(&[
        ("devices update x --metadata floor", &invalid(metadata, "floor", no_pair)),
        ("enrollments create --metadata =2", &invalid(metadata, "=2", "the key before '=' is empty")),
        ("api GET /x --query a", &invalid("--query <KEY=VALUE>", "a", no_pair)),
        ("devices update x --metadata a=1 --unset-metadata a", both),
    ]);
}

#[test]
fn a_malformed_duration() {
    let form = "write a duration such as 30s, 90m, 2h or 3d";
    let nothing = "a duration must be longer than zero";
    let watch = format!("sessions watch {} --interval 0s", fixed_id(1));
    refused(&[
        ("enrollments create --expires-in soon", &invalid("--expires-in <DURATION>", "soon", form)),
        ("enrollments create --expires-in 1month", &invalid("--expires-in <DURATION>", "1month", form)),
        ("enrollments create --expires-in 0s", &invalid("--expires-in <DURATION>", "0s", nothing)),
        ("devices list --timeout 5x", &invalid("--timeout <DURATION>", "5x", form)),
        (&watch, &invalid("--interval <DURATION>", "0s", nothing)),
        ("enrollments create --expires-in 1us", "--expires-in must be at least one millisecond"),
    ]);
}

#[test]
fn a_malformed_outcome() {
    let all = "success, declined-generic, insufficient-funds, lost-card, stolen-card, expired-card, incorrect-cvc, \
               processing-error, incorrect-number, card-velocity-exceeded";
    let said = format!(
        "invalid value 'stolen' for '--outcome <OUTCOME>'\n  [possible values: {all}]\n  hint: did you mean 'stolen-card'?"
    );
    refused(&[(&format!("dev simulate-tap {} --outcome stolen", fixed_id(1)), &said)]);
}

#[test]
fn six_metadata_filters_and_a_repeated_key() {
    let six = "enrollments list --metadata a=1 --metadata b=1 --metadata c=1 --metadata d=1 --metadata e=1 --metadata f=1";
    let colon = "--metadata 'a:b': the API cannot filter by a key that contains a colon";
    refused(&[
        (six, "--metadata can be given at most 5 times"),
        ("enrollments list --metadata a=1 --metadata a=2", "--metadata sets the key 'a' twice"),
        ("devices update x --metadata a=1 --metadata a=1", "--metadata sets the key 'a' twice"),
        ("enrollments list --metadata a:b=1", colon),
    ]);
}

#[test]
fn a_change_that_changes_nothing_and_a_path_on_another_host() {
    let path = "PATH: write a path such as /ipp/v1/devices; the host comes from the profile";
    let hint = "add --name, --location, --no-location, --metadata or --unset-metadata";
    refused(&[
        ("devices update x", &format!("no change was given\n  hint: {hint}")),
        ("api GET https://elsewhere.example/", path),
        ("api GET //elsewhere.example/", path),
        ("api GET C:/elsewhere/devices", path),
    ]);
}

#[test]
fn a_body_that_is_no_object() {
    let server = Server::unwanted();
    let env = server.env();
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

#[test]
fn an_argument_that_is_not_utf_8() {
    let server = Server::unwanted();
    let env = server.env();
    let strange = OsStr::from_bytes(b"Till \xff");
    let get = |format: &str| {
        env.run([OsStr::new("devices"), "get".as_ref(), strange, "-o".as_ref(), format.as_ref()])
    };
    let message = "invalid UTF-8 was detected in one or more arguments";
    let hint = "hint: see `kustom devices get --help`";
    assert_eq!(get("table").assert_failure(2), format!("error: {message}\n  {hint}\n"));
    assert_eq!(get("json").json_failure(2)["message"], message);
    for name in ["KUSTOM_PROFILE", "KUSTOM_API_KEY", "KUSTOM_BASE_URL", "KUSTOM_MERCHANT_ID"] {
        let said = env.command(["devices", "list"]).env(name, strange).run().assert_failure(2);
        assert_eq!(&said, &format!("error: {name} is not UTF-8 text\n"));
    }
    server.assert_untouched();
}

#[test]
fn every_kind_of_failure_is_one_json_object() {
    let server = Server::unwanted();
    let env = server.env();
    let uuid = "invalid value 'nope' for '--session <SESSION>': write the complete ID, such as \
                51e2a9c4-7b0d-4f63-9d18-3ac5f0e72b41";
    let comma =
        "--amount: '1,5' contains a comma; write the decimals after a point and no separators, like 1249.50";
    let cases: [(&str, &str, &[&str]); 5] = [
        ("sessions recover --session nope", uuid, &["see `kustom sessions recover --help`"]),
        (
            "devices lst",
            "unrecognized subcommand 'lst'",
            &["did you mean 'list'?", "see `kustom devices --help`"],
        ),
        (
            "sessions create --device x --amount 5",
            "no currency is given, and the profile has no default",
            &["add --currency, such as --currency SEK"],
        ),
        ("sessions create --device x --amount 1,5 --currency SEK", comma, &[]),
        ("profiles use nope", "there is no profile 'nope'", &["the profiles are: local"]),
    ];
    for (line, message, hints) in cases {
        let error = json!({"kind": "usage", "exit_code": 2, "message": message, "hints": hints});
        let expected = format!("{}\n", json!({ "error": error }));
        for flag in [" -o json", " --output=ndjson", " -ojson"] {
            assert_eq!(env.run(format!("{line}{flag}").split(' ')).assert_failure(2), expected);
        }
        let command = env.command(line.split(' ')).env("KUSTOM_OUTPUT", "json");
        assert_eq!(command.run().assert_failure(2), expected);
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
    let strange = OsStr::from_bytes(b"\xff");
    let command = env.command(["devices", "list"]).env("KUSTOM_OUTPUT", "json");
    let said = command.env("KUSTOM_PROFILE", strange).run().assert_failure(2);
    assert!(said.starts_with("{\"error\":{\"kind\":\"usage\",\"exit_code\":2,"), "{said}");
}
