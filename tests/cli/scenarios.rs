//! `kustom dev run` on private emulators.

use std::fs;

use crate::common::prelude::*;

pub(super) const SALE: &str = "\
[[step]]
do = \"create-device\"
[[step]]
do = \"create\"
amount = \"1.00\"
";

pub(super) fn run(env: &TestEnv, args: &[&str]) -> CommandOutput {
    env.run(["dev", "run"].iter().chain(args))
}

pub(super) fn env_with_files(files: &[(&str, &str)]) -> TestEnv {
    let env = TestEnv::new();
    for (name, text) in files {
        let _ = env.file(name, text);
    }
    env
}

fn sale_and(more: &str) -> String {
    format!("{SALE}{more}")
}

#[test]
fn without_a_file_the_built_in_scenarios_run_and_leave_nothing_behind() {
    let env = TestEnv::new();
    let expected = "\
SCENARIO                                RESULT  STEPS
Every outcome of a simulated tap        passed  13
A clerk's second try                    passed  6
A session that nobody pays expires      passed  7
A cancel against a payment              passed  8
An offline phone                        passed  7
A phone is paired and takes a payment   passed  8
An expired code cannot pair a phone     passed  6
Two open sessions on a device           passed  7
A cart that does not add up is refused  passed  5
A refund in two parts                   passed  8
! 10 passed.
exit 0
";
    assert_eq!(&run(&env, &[]).whole(), expected);
    for jobs in ["1", "7"] {
        assert_eq!(&run(&env, &["--jobs", jobs]).whole(), expected);
    }
    assert!(!env.state_folder().exists() && !env.profiles_file().exists());
}

#[test]
fn every_key_has_its_effect() {
    let text = r#"
name = "A sale"
description = "of coffee"
[switches]
strict_sums = false
session_lifetime = "PT1M"

[[step]]
do = "create-device"
as = "till"
name = "Till 7"
location = "Göteborg Haga"
expect.response = { name = "Till 7", location_id = "b7f03d5e-1c86-4a29-8e47-60d9a1c35f02" }

[[step]]
do = "create"
as = "sale"
device = "till"
currency = "JPY"
items = ["Coffee,price=500,qty=2,tax=10%"]
reference = "r1"
# These replace what follows from the other keys.
body = { merchant_data = 2026-01-02, order_tax_amount = 7 }
[step.expect]
http = 200
exit = 0
status = "CREATED"
has = ["session_id"]
lacks = ["order_id", "a.b"]
callbacks = ["ipp.session.created"]
[step.expect.response]
order_amount = 1_000
order_tax_amount = 7
purchase_currency = "JPY"
merchant_reference1 = "r1"
merchant_data = "2026-01-02"
order_items = [{ name = "Coffee", quantity = 2, unit_price = 500, tax_rate = 1000, total_tax_amount = 91 }]

[[step]]
do = "create"
items = ["Tea,price=1"]

[[step]]
do = "cancel-on-phone"
session = "sale"
expect.callbacks = ["session.cancelled"]

[[step]]
do = "advance"
by = "1m"
expect.status = "EXPIRED"
"#;
    let env = env_with_files(&[("sale.toml", text)]);
    insta::assert_snapshot!(&run(&env, &["sale.toml"]).whole(), @"
    SCENARIO  RESULT  STEPS
    A sale    passed  5
    ! 1 passed.
    exit 0
    ");
}

#[test]
fn it_sends_no_requests() {
    let server = Server::unwanted();
    let active = format!(
        "active = \"x\"\n[profiles.x]\nenvironment = \"playground\"\napi_key = \"kco_test_api_x\"\nbase_url = \"{}\"\n",
        server.url()
    );
    let env = TestEnv::new().with_profiles(&active).at(&server.url(), "kco_test_api_0123456789abcdef");
    assert_eq!(run(&env, &["-q", "-o", "csv"]).stdout_only().lines().count(), 11);
    let local = TestEnv::new().local();
    assert_eq!(run(&local, &["-q", "-o", "csv"]).stdout_only().lines().count(), 11);
    assert!(server.asked().is_empty());
}

#[test]
fn failures_are_printed_with_line_and_expectation() {
    let wrong = sale_and(
        "expect.status = \"ACTIVE\"\nexpect.has = [\"order_id\"]\nexpect.response = { order_amount = 101 }\n",
    );
    let refused = sale_and("[[step]]\ndo = \"tap\"\n[[step]]\ndo = \"cancel\"\n");
    let files = [
        ("a.toml", "name = \"All passed\"\n".to_owned() + SALE),
        ("b.toml", "name = \"Not as expected\"\n".to_owned() + &wrong),
        ("c.toml", refused),
    ];
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let env = env_with_files(&files);
    insta::assert_snapshot!(&run(&env, &["a.toml", "b.toml", "c.toml"]).whole(), @"
    SCENARIO         RESULT  STEPS   WHERE     WHAT
    All passed       passed  2
    Not as expected  failed  1 of 2  b.toml:4  create: status expected ACTIVE, got CREATED; response.order_amount expected 101, got 100; has expected order_id, got nothing
    c                failed  3 of 4  c.toml:8  cancel: expected exit 0, got exit 5: Session <id-1> has ended: it is FINALIZED.
    ! 1 passed, 2 failed.
    exit 5
    ");
    let failure = |what: &str, expected: &str, actual: &str| json!({"what": what, "expected": expected, "actual": actual});
    let rows = json!([
        {"scenario": "All passed", "file": "a.toml", "result": "passed", "steps": 2, "steps_passed": 2, "line": null,
         "step": null, "failures": [], "exit_code": 0, "reason": null, "left": []},
        {"scenario": "Not as expected", "file": "b.toml", "result": "failed", "steps": 2, "steps_passed": 1, "line": 4,
         "step": "create", "exit_code": 5, "reason": null, "left": [], "failures": [
            failure("status", "ACTIVE", "CREATED"),
            failure("response.order_amount", "101", "100"),
            failure("has", "order_id", "nothing"),
         ]},
    ]);
    let outcome = run(&env, &["a.toml", "b.toml", "-o", "json"]).assert_code(5);
    assert_eq!(outcome.document(), rows);
    assert_eq!(outcome.stderr, "");
    let lines = run(&env, &["a.toml", "b.toml", "-o", "ndjson"]).assert_code(5);
    let lines = lines.ndjson();
    assert_eq!(json!(lines), rows);
    insta::assert_snapshot!(&run(&env, &["a.toml", "c.toml", "-o", "csv"]).whole(), @"scenario,file,result,steps,steps_passed,line,step,failures,exit_code,reason,left\n\
         All passed,a.toml,passed,2,2,,,[],0,,[]\n\
         c,c.toml,failed,4,3,8,cancel,\"[{\"\"what\"\":\"\"step\"\",\"\"expected\"\":\"\"exit 0\"\",\"\"actual\"\":\
         \"\"exit 5: Session <id-1> has ended: it is FINALIZED.\"\"}]\",5,,[]\nexit 5\n");
}

#[test]
fn the_exit_code_is_that_of_the_first_failed_step() {
    let cases = [
        (0, sale_and("")),
        (5, sale_and("expect.status = \"FAILED\"\n")),
        (5, sale_and("expect.http = 409\n")),
        (5, sale_and("[[step]]\ndo = \"cancel\"\n[[step]]\ndo = \"tap\"\n")),
        (4, sale_and("[[step]]\ndo = \"deregister\"\n[[step]]\ndo = \"create\"\namount = \"1.00\"\n")),
        (4, sale_and("[[step]]\ndo = \"create-device\"\nlocation = \"Nowhere\"\n")),
        (10, sale_and("[[step]]\ndo = \"cancel\"\n[[step]]\ndo = \"wait\"\n")),
        (11, sale_and("[[step]]\ndo = \"wait\"\nwithin = \"1h\"\n")),
        (
            12,
            format!(
                "options.status_after_decline = \"failed\"\n{}",
                sale_and("[[step]]\ndo = \"decline\"\n[[step]]\ndo = \"wait\"\n")
            ),
        ),
        (13, sale_and("[[step]]\ndo = \"wait\"\n")),
    ];
    for (code, text) in &cases {
        let env = env_with_files(&[("x.toml", text)]);
        let rows = run(&env, &["x.toml", "-o", "json"]).json_with(*code);
        assert_eq!(rows[0]["exit_code"], *code);
    }
    let env = env_with_files(&[("a.toml", &cases[6].1), ("b.toml", &cases[1].1), ("c.toml", &cases[0].1)]);
    let _ = run(&env, &["c.toml", "a.toml", "b.toml", "--jobs", "3"]).assert_code(10);
    let _ = run(&env, &["c.toml", "b.toml", "a.toml", "--jobs", "3"]).assert_code(5);
}

#[test]
fn waiting_takes_no_time_on_the_emulator() {
    let text = sale_and(
        "[[step]]\ndo = \"wait\"\nfor = \"EXPIRED\"\nwithin = \"10000h\"\n[[step]]\ndo = \"advance\"\nby = \"100000h\"\n",
    );
    let env = env_with_files(&[("x.toml", &text)]);
    let _ = run(&env, &["x.toml"]).assert_code(0);
}

#[test]
fn all_mistakes_are_reported_and_nothing_runs() {
    let env = env_with_files(&[
        ("good.toml", SALE),
        ("bad.toml", &sale_and("curency = \"SEK\"\n[[step]]\ndo = \"tapp\"\n")),
        ("worse.toml", "[[step]\n"),
    ]);
    let error = run(&env, &["good.toml", "bad.toml", "worse.toml", "--junit", "out.xml"]).assert_failure(2);
    insta::assert_snapshot!(&error, @"
    error: bad.toml:6:1: unexpected keys in table: curency, available keys: device, amount, currency, items, reference, body
    bad.toml:8:6: unknown variant `tapp`, expected one of `create-device`, `deregister`, `enroll`, `withdraw`, `pair`, `create`, `choose`, `tap`, `pay`, `decline`, `cancel-on-phone`, `cancel`, `get`, `refund`, `get-order`, `wait`, `offline`, `online`, `advance`
    worse.toml:1:8: unclosed array table, expected `]`
      hint: write an example with `kustom dev run --init`, or see `kustom help scenarios`
    ");
    assert!(!env.path().join("out.xml").exists());
    let error = run(&env, &["missing.toml"]).assert_failure(2);
    insta::assert_snapshot!(&error, @"error: cannot read missing.toml: No such file or directory\n");
    let _ = env.file("binary.toml", [0xff, 0xfe]);
    assert!(
        run(&env, &["binary.toml"])
            .assert_failure(2)
            .starts_with("error: binary.toml: the file is not valid UTF-8\n")
    );
}

#[test]
fn files_directories_and_standard_input() {
    let env = env_with_files(&[
        ("set/b.toml", SALE),
        ("set/a.toml", SALE),
        ("set/readme.md", "x"),
        ("empty/x", ""),
    ]);
    let names = |outcome: CommandOutput| -> Vec<String> {
        let rows = outcome.json();
        rows.as_array().unwrap().iter().map(|row| row["file"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(run(&env, &["set", "-o", "json"])), ["set/a.toml", "set/b.toml"]);
    let from_stdin = env.command(["dev", "run", "-", "-o", "json"]).stdin(SALE).run();
    assert_eq!(names(from_stdin), ["stdin"]);
    insta::assert_snapshot!(&run(&env, &["empty"]).assert_failure(2), @"error: no scenarios in empty: no file ends in .toml");
}

#[test]
fn scenarios_are_listed_and_filtered() {
    let env = TestEnv::new();
    insta::assert_snapshot!(&run(&env, &["--list", "--filter", "PAY"]).whole(), @"\
SCENARIO                               STEPS  RUNS ON            FILE
A session that nobody pays expires     7      emulator           built-in/expiry.toml
A cancel against a payment             8      emulator, account  built-in/cancel-against-pay.toml
A phone is paired and takes a payment  8      emulator           built-in/pairing.toml
exit 0
");
    let listed = run(&env, &["--list", "--filter", "expiry", "-o", "json"]).json();
    assert_eq!(
        listed,
        json!([{
            "scenario": "A session that nobody pays expires", "file": "built-in/expiry.toml", "steps": 7,
            "description": "A session is open until its lifetime ends. After that it can be neither paid nor canceled.",
            "emulator_only": "'options' needs an emulator that runs only this scenario",
        }])
    );
    let ran = run(&env, &["--filter", "second-try", "-o", "json"]).json();
    assert_eq!(ran.as_array().unwrap().len(), 1);
    insta::assert_snapshot!(&run(&env, &["--filter", "no such"]).assert_failure(2), @"
    error: no scenario has 'no such' in its name or file
      hint: list the scenarios with `kustom dev run --list`
    ");
}

#[test]
fn the_example_is_written_and_passes_and_no_file_is_overwritten() {
    let env = TestEnv::new();
    insta::assert_snapshot!(&run(&env, &["--init"]).whole(), @"ID      scenario.toml\nOBJECT  scenario\nRESULT  written\n! Run it: kustom dev run scenario.toml\nexit 0\n");
    let first = fs::read_to_string(env.path().join("scenario.toml")).unwrap();
    assert!(first.starts_with("# A scenario for `kustom dev run`"), "{first}");
    insta::assert_snapshot!(&run(&env, &["scenario.toml"]).whole(), @"SCENARIO                               RESULT  STEPS\n\
         A sale that is paid at the second try  passed  6\n! 1 passed.\nexit 0\n");
    let mine = env.file("mine.toml", "mine");
    insta::assert_snapshot!(&run(&env, &["--init", "mine.toml"]).assert_failure(2), @"
    error: mine.toml already exists
      hint: name another file: kustom dev run --init FILE
    ");
    assert_eq!(fs::read_to_string(mine).unwrap(), "mine");
    insta::assert_snapshot!(&run(&env, &["--init", "no/x.toml"]).assert_failure(2), @"error: cannot write no/x.toml: No such file or directory\n");
    let left: Vec<_> = fs::read_dir(env.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with(".kustom")), "{left:?}");
}

pub(super) fn without_times(xml: &str) -> String {
    let mut parts = xml.split(" time=\"");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |whole, part| whole + part.split_once('"').unwrap().1)
}

#[test]
fn a_junit_report_is_written() {
    let env = env_with_files(&[
        ("a.toml", &format!("name = \"All <passed>\"\n{SALE}")),
        ("b.toml", &sale_and("expect.status = \"ACTIVE\"\n")),
        ("out.xml", "old"),
    ]);
    let _ = run(&env, &["a.toml", "b.toml", "--junit", "out.xml"]).assert_code(5);
    let report = fs::read_to_string(env.path().join("out.xml")).unwrap();
    assert_eq!(report.matches(" time=\"").count(), 4);
    insta::assert_snapshot!(&without_times(&report), @r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="kustom dev run" tests="2" skipped="0" failures="1" errors="0">
    <testsuite name="kustom dev run" tests="2" skipped="0" errors="0" failures="1">
        <testcase name="All &lt;passed&gt;" classname="a.toml"/>
        <testcase name="b" classname="b.toml">
            <failure message="create: status expected ACTIVE, got CREATED" type="expectation">b.toml:3: create: status expected ACTIVE, got CREATED</failure>
        </testcase>
    </testsuite>
</testsuites>
"#);
    let _ = env
        .command(["dev", "run", "a.toml", "--junit", "new.xml"])
        .through("umask 022; exec \"$0\" \"$@\"")
        .run()
        .assert_code(0);
    assert_eq!(mode(env.path().join("new.xml")), 0o644, "others can read it");
}

#[test]
fn a_report_that_cannot_be_written_is_an_error_before_the_first_step() {
    let env = env_with_files(&[("a.toml", SALE)]);
    for (path, reason) in [
        ("no/out.xml", "No such file or directory"),
        ("/dev/null", "it is not a file"),
        (".", "it is not a file"),
    ] {
        let error = run(&env, &["a.toml", "--junit", path]).assert_failure(2);
        assert_eq!(&error, &format!("error: cannot write {path}: {reason}\n"));
    }
}

#[test]
fn results_are_printed_in_order_whatever_the_number_of_jobs() {
    let env = TestEnv::new();
    for number in 0..200 {
        let text = if number % 50 == 49 {
            sale_and("expect.status = \"ACTIVE\"\n")
        } else {
            sale_and("[[step]]\ndo = \"tap\"\n")
        };
        let _ = env.file(&format!("set/{number:03}.toml"), text);
    }
    let outcome = run(&env, &["set", "-o", "ndjson", "--jobs", "16"]).assert_code(5);
    let rows = outcome.ndjson();
    assert_eq!(rows.len(), 200);
    for (number, row) in rows.iter().enumerate() {
        assert_eq!(row["scenario"], format!("{number:03}"));
        assert_eq!(row["result"], if number % 50 == 49 { "failed" } else { "passed" });
    }
}

#[test]
fn a_closed_pipe_does_not_change_the_exit_code() {
    let env = env_with_files(&[("a.toml", SALE), ("b.toml", &sale_and("expect.status = \"ACTIVE\"\n"))]);
    for format in ["table", "ndjson", "csv"] {
        let args = ["dev", "run", "a.toml", "b.toml", "-o", format, "--junit", "out.xml", "-q"];
        let outcome = env.command(args).unread().run().assert_code(5);
        assert_eq!(outcome.stderr, "");
        assert!(fs::read_to_string(env.path().join("out.xml")).unwrap().contains("failures=\"1\""));
        fs::remove_file(env.path().join("out.xml")).unwrap();
    }
}

#[test]
fn an_interruption_prints_the_results_so_far() {
    let wait = sale_and("[[step]]\ndo = \"wait\"\nfor = \"EXPIRED\"\nwithin = \"15m\"\n");
    let env = env_with_files(&[("x.toml", &wait)]);
    let many = vec!["x.toml"; 5000];
    let args = [&["dev", "run", "-o", "ndjson", "--jobs", "2", "--junit", "out.xml"][..], &many].concat();
    let process = env.command(args).spawn();
    let _ = process.until_stdout(|text| text.contains('\n'));
    process.interrupt();
    let outcome = process.wait().assert_code(130);
    let rows = outcome.ndjson();
    let passed = rows.iter().filter(|row| row["result"] == "passed").count();
    let stopped = rows.iter().filter(|row| row["result"] == "stopped").count();
    assert!(
        passed > 0 && stopped <= 2 && passed + stopped == rows.len() && rows.len() < 5000,
        "{passed} {stopped}"
    );
    let error = outcome.error();
    assert_eq!(error["message"], format!("interrupted: {passed} of 5000 scenarios done"));
    let report = fs::read_to_string(env.path().join("out.xml")).unwrap();
    assert_eq!(report.matches("<testcase ").count(), rows.len());
}

#[test]
fn secrets_are_redacted_in_the_trace_and_in_results() {
    let text = "[[step]]\ndo = \"enroll\"\nexpect.response.enrollment_code = \"ABCD2345\"\n";
    let env = env_with_files(&[("x.toml", text)]);
    let outcome = run(&env, &["x.toml", "-vv"]).assert_code(5);
    assert!(outcome.stdout.contains("response.enrollment_code expected \"ABCD2345\", got \"[redacted]\""));
    assert!(outcome.stderr.contains("> POST /ipp/v1/enrollments\n"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("\"enrollment_code\":\"[redacted]\""), "{}", outcome.stderr);
    let paired = format!(
        "{}[[step]]\ndo = \"pair\"\nexpect.response.credentials = {{ bearer_token = \"x\" }}\n",
        "[[step]]\ndo = \"enroll\"\n"
    );
    let env = env_with_files(&[("x.toml", &paired)]);
    let outcome = run(&env, &["x.toml", "-o", "json"]).assert_code(5).assert_stdout("\\\"[redacted]\\\"");
    assert!(!outcome.stdout.contains("emulated_"));
}

#[test]
fn conflicting_flags_are_rejected() {
    let env = env_with_files(&[("a.toml", SALE)]);
    for args in [
        &["--init", "x.toml", "--list"][..],
        &["a.toml", "--init=x.toml"],
        &["--list", "--junit", "x.xml"],
        &["--jobs", "0"],
        &[""],
    ] {
        run(&env, args).assert_failure(2);
    }
}
