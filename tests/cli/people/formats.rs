//! `--columns`, `--no-header`, `--jq` and `-o name`.

use crate::common::prelude::*;

fn env() -> TestEnv {
    let env = TestEnv::new().local();
    for (name, location, till) in [("Till 10", "Stockholm City", "10"), ("Till 2", "Göteborg Haga", "2")] {
        let till = format!("till={till}");
        let args = ["dev", "create-device", "--name", name, "--location", location, "--metadata", &till];
        env.run(args).ok();
    }
    env
}

#[test]
fn columns_are_selected_by_field_by_title_and_by_the_name_of_what_an_id_refers_to() {
    let env = env();
    let columns = ["devices", "list", "--columns", "name,location.name,metadata.till,PLATFORM"];
    insta::assert_snapshot!(env.run(columns).stdout_only(), @r"
    NAME     LOCATION.NAME   METADATA.TILL  PLATFORM
    Till 2   Göteborg Haga   2              TERMINAL
    Till 10  Stockholm City  10             TERMINAL
    ");
    insta::assert_snapshot!(env.run(columns.iter().chain(&["-o", "csv"])).stdout_only(), @r"
    name,location.name,metadata.till,platform
    Till 10,Stockholm City,10,TERMINAL
    Till 2,Göteborg Haga,2,TERMINAL
    ");
    for format in ["table", "wide", "csv"] {
        let with = env.run(columns.iter().chain(&["-o", format])).stdout_only();
        let without = env.run(columns.iter().chain(&["-o", format, "--no-header"])).stdout_only();
        assert_eq!(without.lines().count(), 2, "{without}");
        // The header is as wide as its titles.
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert!(with.lines().skip(1).map(words).eq(without.lines().map(words)), "{with}\n{without}");
    }
    insta::assert_snapshot!(env.run(["devices", "get", "till 2", "--columns", "name,location"]).stdout_only(), @r"
    NAME      Till 2
    LOCATION  Göteborg Haga
    ");
}

#[test]
fn a_column_or_an_expression_that_is_wrong_is_exit_2_before_anything_is_sent() {
    let server = Server::unwanted();
    let env = server.env();
    for (args, message) in [
        (&["devices", "list", "--columns", "nmae"][..], "--columns: a device has no column 'nmae'"),
        (&["devices", "list", "--columns", "nmae"], "location.name"),
        (
            &["devices", "update", "x", "--name", "y", "--columns", "nmae"],
            "--columns: a device has no column",
        ),
        (&["devices", "list", "--columns", "id,,name"], "--columns contains an empty name"),
        (&["devices", "list", "--columns", "id", "-o", "json"], "--columns is for tables and CSV"),
        (&["devices", "list", "--no-header", "-o", "ndjson"], "--no-header is for tables and CSV"),
        (
            &["devices", "list", "--jq", ".["],
            "--jq: the expression ends too early: closing bracket is expected",
        ),
        (&["devices", "list", "--jq", "1 | )"], "--jq: token is expected at ')'"),
        (&["devices", "list", "--jq", "nmae"], "--jq: there is no filter 'nmae'"),
        (&["devices", "list", "--jq", "env"], "--jq: there is no filter 'env'"),
        (&["devices", "list", "--jq", ".", "-o", "csv"], "--jq filters JSON"),
    ] {
        env.run(args).assert_failure_with(2, message);
    }
    server.assert_untouched();
}

#[test]
fn the_identity_prints_what_json_prints_for_every_command_that_reads() {
    let env = env();
    env.run(["enrollments", "create", "--location", "Stockholm City"]).ok();
    let created =
        ["sessions", "create", "--device", "Till 2", "--amount", "5", "--reference", "r1", "-o", "name"];
    let session = env.run(created).ok().trim().to_owned();
    for args in [
        &["locations", "list"][..],
        &["locations", "get", "Stockholm City"],
        &["devices", "list"],
        &["devices", "get", "Till 2"],
        &["enrollments", "list", "--show-codes"],
        &["sessions", "list"],
        &["sessions", "get", &session],
        &["profiles", "list"],
        &["profiles", "show"],
        &["doctor", "--offline"],
        &["dev", "emulator", "fault", "list"],
        &["dev", "run", "--list"],
        &["api", "GET", "/ipp/v1/devices"],
        &["devices", "update", "Till 2", "--name", "Till 2"],
        &["sessions", "cancel", &session],
    ] {
        for format in ["json", "ndjson"] {
            let plain = env.run(args.iter().chain(&["-o", format]));
            let filtered = env.run(args.iter().chain(&["-o", format, "--jq", "."]));
            assert_eq!((plain.code, &plain.stdout), (filtered.code, &filtered.stdout), "{args:?}");
        }
    }
}

#[test]
fn a_filter_streams_on_ndjson_prints_strings_as_they_are_and_implies_json() {
    let env = env();
    assert_eq!(
        env.run(["devices", "list", "-o", "ndjson", "--jq", ".name"]).stdout_only(),
        "Till 10\nTill 2\n"
    );
    assert_eq!(
        env.run(["devices", "list", "--jq", "map(.name) | sort | join(\"+\")"]).stdout_only(),
        "Till 10+Till 2\n"
    );
    for (expression, outputs) in [
        (".[] | select(.name | endswith(\"2\")) | .platform", "TERMINAL\n"),
        ("map(.name | length) | add, length", "13\n2\n"),
        ("infinite", "null\n"),
    ] {
        assert_eq!(env.run(["devices", "list", "--jq", expression]).stdout_only(), outputs);
    }
    let counted = env.command(["devices", "list", "--jq", "length"]).env("KUSTOM_OUTPUT", "table").run();
    assert_eq!(counted.stdout_only(), "2\n");
    let _ = env
        .run(["devices", "list", "--jq", ".[].name.x"])
        .assert_code(7)
        .assert_stderr(r#"--jq: cannot index \"Till 10\" with \"x\""#);
}

/// Numbers keep their digits, and a page is filtered as it arrives.
#[test]
fn a_filter_keeps_what_the_api_sent() {
    let device = r#"{"z":1.50,"id":"x","big":123456789012345678901234567890,"a":[1e+5,null,-5,1e+400,true],"ö":"a\"b\u001b"}"#;
    let page = format!(r#"{{"content":[{device}],"last":true}}"#);
    let server = Server::always(Reply::new(200, "application/json", page));
    let env = server.env();
    let plain = env.run(["devices", "list", "-o", "ndjson"]).stdout_only();
    assert_eq!(plain, format!("{device}\n"));
    assert_eq!(env.run(["devices", "list", "-o", "ndjson", "--jq", "."]).stdout_only(), plain);
}

#[test]
fn name_prints_ids_for_loops() {
    let env = env();
    let ids: Vec<_> = env
        .run(["devices", "list", "-o", "json"])
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|device| device["id"].as_str().unwrap().to_owned())
        .collect();
    let names = env.run(["devices", "list", "-o", "name"]).stdout_only();
    assert_eq!(names.lines().collect::<Vec<_>>(), ids);
    assert_eq!(env.run(["devices", "get", "Till 10", "-o", "name"]).stdout_only(), format!("{}\n", ids[0]));
    assert_eq!(env.run(["profiles", "list", "-o", "name"]).stdout_only(), "local\n");
}

#[test]
fn codes_are_hidden_in_lists_in_every_format() {
    let env = env();
    let created = env.run(["enrollments", "create", "--location", "Stockholm City", "-o", "json"]).json();
    let code = created["enrollment_code"].as_str().unwrap();
    for format in ["table", "wide", "json", "ndjson", "csv", "name"] {
        let hidden = env.run(["enrollments", "list", "-o", format]).stdout_only();
        assert!(!hidden.contains(code), "{format}: {hidden}");
        let shown = env.run(["enrollments", "list", "-o", format, "--show-codes"]).stdout_only();
        assert!(shown.contains(code) || format == "name", "{format}: {shown}");
    }
    let listed = env.run(["enrollments", "list", "-o", "json"]).json();
    assert_eq!(listed[0]["enrollment_code"], json!("[redacted]"));
    // An ID prefix is enough, and a code that exists can be withdrawn by it.
    let id = created["enrollment_id"].as_str().unwrap();
    env.run(["enrollments", "delete", &id[..3]])
        .assert_failure_with(2, "is too short: an ID prefix has at least 4 characters");
    let _ = env
        .run(["enrollments", "delete", &id[..8]])
        .assert_code(0)
        .assert_stderr(&format!("Withdrew the code of enrollment {id}."));
}

#[test]
fn an_ambiguous_name_is_data_in_json() {
    let env = env();
    env.run(["dev", "create-device", "--name", "Bar", "--location", "Stockholm City"]).ok();
    env.run(["dev", "create-device", "--name", "Bar", "--location", "Göteborg Haga"]).ok();
    let error = env.run(["devices", "get", "bar", "-o", "json"]).assert_code(2).error();
    assert_eq!(error["message"], "'bar' is ambiguous: it matches 2 devices");
    assert_eq!(error["candidates"][0]["name"], "Bar");
    assert_eq!(error["candidates"][1]["about"], "Göteborg Haga");
    assert_eq!(error["hints"], json!(["use the ID of the device"]));
    // Search ignores case and diacritics.
    assert_eq!(env.run(["locations", "get", "goteborg haga", "-o", "json"]).json()["name"], "Göteborg Haga");
}
