//! A machine that gets in the way: folders that cannot be written, disks that are full, readers that have left.

use crate::common::commands::{COMMANDS, arguments, in_parallel, response};
use crate::common::prelude::*;

const MEND: &str = "  hint: fix the state folder, or name another one in KUSTOM_STATE\n";

#[test]
fn a_state_folder_that_cannot_be_written() {
    let env = TestEnv::new().local();
    let file = env.file("file", "mine");
    let env = env.env("KUSTOM_STATE", file.join("state"));
    assert_eq!(
        &env.run(["dev", "create-device", "--name", "x"]).assert_failure(2),
        &format!(
            "error: the emulator's state file <home>/file/state/local.json cannot be written: Not a directory\n{MEND}"
        )
    );
    let error = env.run(["devices", "list", "-o", "json"]).json_failure(2);
    assert_eq!(error["exit_code"], 2);
    assert_eq!(std::fs::read_to_string(file).unwrap(), "mine");
}

const FULL: &str = "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"";

#[test]
fn a_full_state_folder() {
    let env = TestEnv::new().local();
    let path = env.state_folder().join("local.json");
    let _ = env.run(["devices", "list"]).assert_code(0);
    assert!(!path.exists(), "a read has written a state");
    let device = env.run(["dev", "create-device", "--name", "Till 1", "-o", "json"]).json();
    let state = || std::fs::read(&path).unwrap();
    let before = state();
    let full = env.command(["dev", "create-device", "--name", "Till 2"]).through(FULL).run();
    assert_eq!(
        &full.assert_failure(2),
        &format!(
            "error: the emulator's state file <home>/state/local.json cannot be written: File too large\n{MEND}"
        )
    );
    assert_eq!(state(), before, "the state has changed");
    let left: Vec<_> = std::fs::read_dir(env.state_folder()).unwrap().flatten().collect();
    assert!(left.iter().all(|entry| !entry.file_name().to_string_lossy().contains("tmp")), "{left:?}");
    let listed = env.run(["devices", "list", "-o", "json"]).json();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["id"]), (1, &device["id"]));
}

#[test]
fn a_full_folder_of_the_profiles() {
    let env = TestEnv::new();
    let login = |name: &str| env.command(["login", "--api-key-stdin", "--no-check", "--profile", name]);
    login("a").stdin("kco_test_api_one").run().ok();
    let before = std::fs::read(env.profiles_file()).unwrap();
    let said = login("b").stdin("kco_test_api_two").through(FULL).run().assert_failure(2);
    insta::assert_snapshot!(&said, @"error: cannot write <home>/config/profiles.toml: File too large\n  \
         hint: check the folder with `kustom --profile b doctor`, or name another file in KUSTOM_CONFIG\n");
    assert_eq!(std::fs::read(env.profiles_file()).unwrap(), before);
}

#[test]
fn a_profiles_file_that_cannot_be_written() {
    let env = TestEnv::new();
    let file = env.file("file", "mine");
    let env = env.env("KUSTOM_CONFIG", file.join("profiles.toml"));
    let login = env.command(["login", "--api-key-stdin", "--no-check"]).stdin("kco_test_api_one").run();
    insta::assert_snapshot!(&login.assert_failure(2), @"error: cannot read <home>/file/profiles.toml: Not a directory\n  \
         hint: check the folder with `kustom doctor`, or name another file in KUSTOM_CONFIG\n");
}

#[test]
fn a_damaged_state_file_is_told_with_its_place_and_left_alone() {
    let env = TestEnv::new().local();
    let file = env.file("state/local.json", "{\n  \"version\": 1,\n");
    for args in [&["devices", "list"][..], &["dev", "create-device", "--name", "x"]] {
        let said = env.run(args).assert_failure(2);
        let begins = "error: the emulator's state file <home>/state/local.json is not usable: ";
        let ends = format!("; delete the file to begin with a new state\n{MEND}");
        assert!(said.starts_with(begins) && said.contains("line 3") && said.ends_with(&ends), "{said}");
    }
    assert_eq!(std::fs::read_to_string(file).unwrap(), "{\n  \"version\": 1,\n");
}

#[test]
fn a_reader_that_has_left_is_no_error() {
    let env = TestEnv::new().local();
    for args in
        [&["locations", "list"][..], &["profiles", "list"], &["demo"], &["--help"], &["--version"], &[]]
    {
        for format in ["table", "json", "ndjson", "csv"] {
            let outcome = env.command(args).env("KUSTOM_OUTPUT", format).unread().run().assert_code(0);
            assert_eq!(outcome.stderr, "", "{args:?} {format}");
        }
    }
    let made = env.command(["dev", "create-device", "--name", "Till 1"]).unread().run().assert_code(0);
    assert_eq!(made.stderr, "");
    assert_eq!(env.run(["devices", "list", "-o", "json"]).json()[0]["name"], "Till 1");
}

#[test]
fn head_takes_one_line_of_many() {
    let server = Server::new(|asked| {
        let page = asked.query("page_number").unwrap_or_default();
        let device = |id| json!({"id": format!("{page}-{id}"), "name": "x".repeat(2000)});
        let devices: Vec<_> = (0..100).map(device).collect();
        Reply::json(200, &json!({"content": devices, "total_pages": 9}))
    });
    let env = server.env();
    for format in ["ndjson", "csv", "table", "json"] {
        let script = "{ \"$0\" \"$@\"; echo \"exit $?\" >&2; } | head -n 1";
        let outcome = env.command(["devices", "list", "-o", format]).through(script).run();
        assert_eq!((outcome.stderr.as_str(), outcome.stdout.lines().count()), ("exit 0\n", 1), "{format}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_exit_7_whatever_the_command() {
    let env = TestEnv::new().local();
    let full = "exec \"$0\" \"$@\" > /dev/full";
    insta::assert_snapshot!(&env.command(["locations", "list"]).through(full).run().assert_failure(7), @"error: cannot write to stdout: No space left on device (os error 28)\n  \
         hint: the command succeeded; only its output is missing\n");
    let server = Server::new(|asked| Reply::json(200, &response(asked, |_| {})));
    in_parallel(4, COMMANDS, |command| {
        let env = TestEnv::new().at(&server.url(), kustom::emulator::API_KEY);
        let args = arguments(
            &env,
            &server.url(),
            command,
            "kco_test_api_9876543210",
            "whsec_Zm9yIGNhbGxiYWNrcyBhbG9uZQ==",
        );
        let outcome = env.command(&args).through(full).run();
        assert_ne!(outcome.code, Some(1), "{outcome:?}");
        let is_lost = outcome.stderr.contains("cannot write to stdout");
        assert!(is_lost == (outcome.code == Some(7)), "{outcome:?}");
    });
}

/// A shell, or a program in the same terminal, may have made the stream non-blocking.
#[test]
fn a_stream_that_does_not_block_gets_everything() {
    let server = Server::new(|_| {
        let devices: Vec<_> =
            (0..300).map(|n| json!({"id": n.to_string(), "name": "x".repeat(2000)})).collect();
        Reply::json(200, &json!({"content": devices, "last": true}))
    });
    let env = TestEnv::new().at(&server.url(), kustom::emulator::API_KEY);
    for format in ["json", "ndjson", "csv", "table"] {
        let expected = env.run(["devices", "list", "-o", format]).ok();
        let outcome = env.command(["devices", "list", "-o", format]).non_blocking().run().assert_code(0);
        assert_eq!(outcome.stdout.len(), expected.len(), "{format}");
    }
}
