//! Candidates that need no account.

use super::helpers::{ask, ask_with, values};
use crate::common::prelude::*;

#[test]
fn commands_have_descriptions() {
    let env = TestEnv::new();
    let all = "login profiles doctor locations enrollments devices sessions orders payouts report ledger dev webhooks api demo \
         completions help";
    assert_eq!(values(&env, &[""]).join(" "), all);
    assert_eq!(ask(&env, &["comp"]), "completions\tPrint the completion script of a shell\n");
}

#[test]
fn words_that_are_always_the_same() {
    let env = TestEnv::new();
    let cases: &[(&[&str], &[&str])] = &[
        (&["de"], &["devices", "dev", "demo"]),
        (&["device"], &["devices"]),
        (&["devices", ""], &["list", "get", "update", "free", "deregister"]),
        (&["device", "g"], &["get"]),
        (&["help", "dev"], &["devices", "dev"]),
        (&["help", "e"], &["enrollments", "exit-codes", "environment", "emulator"]),
        (&["devices", "get", "--pro"], &["--profile"]),
        (&["--output", ""], &["table", "wide", "json", "ndjson", "csv", "name"]),
        (&["--output=n"], &["--output=ndjson", "--output=name"]),
        (&["devices", "list", "-o", "j"], &["json"]),
        (&["devices", "list", "-o", "json", "--out"], &["--output"]),
        (&["-v", "--verb"], &["--verbose"]),
        (&["devices", "update", "x", "--metadata", "a=b", "--meta"], &["--metadata"]),
        (&["--color", "a"], &["auto", "always"]),
        (&["dev", "pos", "decline", "x", "--outcome", "lost"], &["lost-card"]),
        (&["dev", "pos", "pay", "x", "--method", ""], &["card", "klarna", "swish", "vipps"]),
        (&["dev", "trigger", "session.c"], &["session.created", "session.cancelled"]),
        (&["dev", "emulator", "--option", "strict"], &["strict_sums=true", "strict_sums=false"]),
        (&["dev", "emulator", "--option", "strict_sums="], &["strict_sums=true", "strict_sums=false"]),
        (&["dev", "emulator", "--option=cancel_ended=c"], &["--option=cancel_ended=conflict"]),
        (&["dev", "emulator", "fault", ""], &["add", "list", "clear"]),
        (&["sessions", "create", "--currency", "SE"], &["SEK"]),
        (&["sessions", "create", "--currency", "se"], &["SEK"]),
        (&["login", "--environment", "p"], &["production", "playground"]),
        (&["login", "--completions", ""], &["true", "false"]),
        (&["login", "--api-key"], &["--api-key-stdin", "--api-key-file", "--api-key-command"]),
        (&["login", "--api-key", ""], &[]),
        (&["enrollments", "list", "--include-consumed", ""], &["true", "false"]),
        (&["api", "P"], &["POST", "PUT", "PATCH"]),
        (&["api", "GET", ""], &[]),
        (&["completions", "f"], &["fish"]),
        (&["doctor", "--off"], &["--offline"]),
        (&["devices", "get", "x", "y"], &[]),
    ];
    for (words, expected) in cases {
        assert_eq!(values(&env, words), *expected, "{words:?}");
    }
    let flags = values(&env, &["devices", "update", "x", "--"]).join(" ");
    let own = "--name --location --no-location --metadata --unset-metadata --help --profile --output ";
    assert!(flags.starts_with(own), "the command's own flags come before the global ones: {flags}");
}

#[test]
fn a_value_that_is_called_like_a_command_is_none() {
    let profiles =
        "[profiles.dev]\nenvironment = 'playground'\n[profiles.list]\nenvironment = 'playground'\n";
    let env = TestEnv::new().with_profiles(profiles);
    assert_eq!(values(&env, &["--profile", "dev", "devices", "g"]), ["get"]);
    assert_eq!(values(&env, &["devices", "--profile", "list", "g"]), ["get"]);
    assert_eq!(values(&env, &["--profile", "dev", "he"]), ["help"]);
    assert_eq!(values(&env, &["--profile", "d"]), ["dev"]);
}

#[test]
fn variables_before_the_command_are_no_words_of_it() {
    let ask = |words: &[&str]| {
        let words = [&["--"], words].concat();
        TestEnv::new().command(words).env("KUSTOM_COMPLETE", "fish").run().stdout_only()
    };
    assert!(ask(&["A=b", "KUSTOM_PROFILE=", "kustom", "devi"]).starts_with("devices\t"));
    assert_eq!(ask(&["A=b", "devi"]), "");
}

#[test]
fn files_are_offered_where_a_file_is_asked_for() {
    let env = TestEnv::new();
    env.file("files/secret.txt", "x");
    env.file("files/more/sale.json", "x");
    assert_eq!(
        values(&env, &["webhooks", "verify", "--secret-file", "files/"]),
        ["files/more/", "files/secret.txt"]
    );
    assert_eq!(values(&env, &["sessions", "create", "--body=files/m"]), ["--body=files/more/"]);
}

#[test]
fn profiles_are_offered_with_their_environment() {
    let env = TestEnv::new().with_profiles(
        "[profiles.till]\nenvironment = 'playground'\napi_key = 'kco_test_api_x'\n\
         [profiles.shop]\nenvironment = 'production'\napi_key_command = 'false'\n",
    );
    let all = "till\tplayground\nshop\tproduction\nlocal\tbuilt in: the emulator\n";
    assert_eq!(&ask(&env, &["--profile", ""]), all);
    assert_eq!(&ask(&env, &["profiles", "use", ""]), all);
    assert_eq!(values(&env, &["profiles", "remove", ""]), ["till", "shop"]);
    let broken = TestEnv::new().with_profiles("[profiles.");
    insta::assert_snapshot!(&ask(&broken, &["profiles", "use", ""]), @"local\tbuilt in: the emulator\n");
    assert_eq!(values(&broken, &["--profile", "local", "locations", "get", "S"]), ["Stockholm City"]);
    assert_eq!(values(&broken, &["locations", "get", "S"]), [""; 0]);
}

#[test]
fn whatever_is_asked_nothing_is_said_but_an_answer() {
    let env = TestEnv::new().local();
    let shells = ["bash", "zsh", "fish", "powershell", "elvish", "refresh"];
    let lines: &[&[&str]] = &[
        &["--"],
        &["--", ""],
        &["--", "kustom"],
        &["--", "kustom", "--", "--"],
        &["--", "kustom", "-"],
        &["--", "kustom", "-o"],
        &["--", "kustom", "--=", ""],
        &["--", "kustom", "devices", "get", "--", "-"],
        &["--", "kustom", "help", "help", ""],
        &["--", "kustom", "--profile"],
        &["--", "kustom devices get 'x", "\n"],
        &["--", "kustom", "dev", "pos", "pos", "pos", ""],
    ];
    for shell in shells {
        for line in lines {
            env.command(*line).env("KUSTOM_COMPLETE", shell).run().stdout_only();
        }
    }
    let unread = env.command(["--", "kustom", ""]).env("KUSTOM_COMPLETE", "fish").unread().run();
    assert_eq!(unread.stdout_only(), "");
}

/// Somebody's environment may hold the variable: a script must not take a sale for done that was never asked for.
#[test]
fn the_variable_alone_keeps_no_command_from_being_carried_out() {
    let env = TestEnv::new().local();
    for left_behind in ["", "1", "tcsh", "fish", "bash", "refresh", "\u{1b}"] {
        let run = |args: &[&str]| env.command(args).env("KUSTOM_COMPLETE", left_behind).run();
        run(&["sessions", "create", "--device", "nobody", "--amount", "1"]).assert_failure(4);
        assert_eq!(run(&["--version"]).stdout_only().lines().count(), 1);
    }
}

#[test]
fn a_file_that_is_none_keeps_nobody_waiting_for_devices() {
    assert_pipe_is_not_waited_for(&["devices", "get", ""]);
}

#[test]
fn a_file_that_is_none_keeps_nobody_waiting_for_profiles() {
    assert_pipe_is_not_waited_for(&["profiles", "use", ""]);
}

/// A debug build gives up after five seconds, so the tests of two commands run at the same time.
fn assert_pipe_is_not_waited_for(words: &[&str]) {
    let env = TestEnv::new().local();
    let pipe = env.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let config: &[(&str, &std::ffi::OsStr)] =
        &[("KUSTOM_CONFIG", pipe.as_os_str()), ("KUSTOM_PROFILE", "x".as_ref())];
    assert_eq!(ask_with(&env, words, config), "");
}

#[test]
fn without_a_home_folder_there_is_what_needs_none() {
    let env = TestEnv::new();
    let none: &[(&str, &std::ffi::OsStr)] =
        &[("HOME", "".as_ref()), ("KUSTOM_CONFIG", "".as_ref()), ("KUSTOM_STATE", "".as_ref())];
    assert!(ask_with(&env, &["dev"], none).starts_with("devices\t"));
    for words in
        [&["devices", "get", ""][..], &["sessions", "get", ""], &["--profile", "till", "devices", "get", ""]]
    {
        // The system may know a home folder by other means, which has no profiles of these.
        assert_eq!(ask_with(&env, words, none), "", "{words:?}");
    }
}

#[test]
fn powershell_passes_the_quote_of_a_word() {
    let env = TestEnv::new().local();
    let ask = |last: &str| {
        let words = ["--", "kustom", "locations", "get", last];
        env.command(words).env("KUSTOM_COMPLETE", "powershell").run().stdout_only()
    };
    assert_eq!(ask("'Sto"), "Stockholm City\tDrottninggatan 999, Stockholm\n");
    assert_eq!(ask("\"\"").lines().filter(|line| !line.starts_with('-')).count(), 2);
}
