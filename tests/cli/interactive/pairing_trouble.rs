//! `kustom enrollments pair` when something goes wrong: the API fails, an answer is lost, nobody reads. No code is left
//! behind that nobody was told of, and no phone is lost.

use super::pairing_events::{STOCKHOLM, code, names, pair, pair_events, pairing_to_events};
use crate::common::prelude::*;
use crate::common::scripted_emulator::{newest_code, use_code};

/// Whoever interrupts twice does not wait for the withdrawal, and is told what is left; not the code itself, because
/// errors end up in logs.
#[test]
fn a_code_that_cannot_be_withdrawn_is_told() {
    for twice in [true, false] {
        let counter = ScriptedEmulator::new();
        counter.on("DELETE", move || if twice { Act::Hang } else { Act::Refuse(500) });
        let running = pair(&counter.env, &STOCKHOLM);
        let stdout = running.until_stdout(|stdout| stdout.ends_with('\n'));
        let code = stdout.split_whitespace().nth(1).unwrap().to_owned();
        running.interrupt();
        if twice {
            until("it withdraws the code", || counter.asked("DELETE") > 0);
            running.interrupt();
        }
        let outcome = running.wait().assert_code(130);
        let said = outcome.err();
        assert!(
            said.starts_with("error: interrupted; the code of enrollment <id-1> is valid until "),
            "{said}"
        );
        assert!(said.ends_with("hint: withdraw it: kustom enrollments delete <id-1>\n"), "{said}");
        assert!(!outcome.stderr.contains(&code), "the code is in the error:\n{said}");
    }
}

#[test]
fn a_phone_that_is_faster_than_the_withdrawal_is_told() {
    for refused in [None, Some(404), Some(409)] {
        let counter = ScriptedEmulator::new();
        let running = pair_events(&counter.env, &["--interval", "1h"]);
        let code = code(&running, 1);
        until("it has polled", || counter.answered("GET /ipp/v1/enrollments") > 0);
        let id = counter.use_code(&code);
        let mut has_looked = false;
        counter.rule(move |line| match refused {
            Some(status) if line.starts_with("DELETE") => Act::Refuse(status),
            Some(_) if line.starts_with("GET /ipp/v1/devices") && !has_looked => {
                has_looked = true;
                Act::Nothing
            }
            _ => Act::Pass,
        });
        running.interrupt();
        let outcome = running
            .wait()
            .assert_code(130)
            .assert_stderr(&format!("a phone used the code before: it is device 'Phone' ({id})"));
        let by_hand = format!("kustom devices update {id} --name NAME --unset-metadata kustom_pairing");
        assert!(outcome.stderr.contains(&by_hand), "{}", outcome.stderr);
    }
}

#[test]
fn a_wait_that_nobody_reads_withdraws_the_code() {
    let counter = ScriptedEmulator::new();
    let outcome = pairing_to_events(&counter.env).unread().run().assert_code(13);
    assert_eq!(outcome.stderr, "");
    assert_eq!(counter.enrollments(), []);
    counter.on("DELETE", || Act::Refuse(500));
    let _ = pairing_to_events(&counter.env)
        .unread()
        .run()
        .assert_code(7)
        .assert_stderr("stdout was closed; the code of enrollment");
}

#[test]
fn a_reader_that_goes_away_during_the_wait_withdraws_the_code() {
    let counter = ScriptedEmulator::new();
    let script = "(\"$0\" \"$@\"; echo $? > status) | head -n 1 > /dev/null";
    let _ = pairing_to_events(&counter.env).through(script).run().assert_code(0);
    let status = counter.env.path().join("status");
    until("it ended", || std::fs::read_to_string(&status).is_ok_and(|status| status.ends_with('\n')));
    assert_eq!(std::fs::read_to_string(&status).unwrap(), "13\n");
    assert_eq!(counter.enrollments(), []);
}

#[test]
fn a_phone_that_nobody_reads_of_gets_its_name_all_the_same() {
    let counter = ScriptedEmulator::new();
    counter.on("POST /ipp/v1/enrollments", || {
        Act::Then(Box::new(|emulator| drop(use_code(emulator, &newest_code(emulator)))))
    });
    let full = pairing_to_events(&counter.env).through("\"$0\" \"$@\" > /dev/full").run();
    // What cannot be written is told, and the code was used before it could be withdrawn.
    assert_eq!(full.code, Some(7), "{}", full.stderr);
    assert!(full.stderr.contains("a phone used the code before: it is device 'Phone'"), "{}", full.stderr);
}

#[test]
fn a_failure_in_the_middle_of_the_wait_is_told_once_and_ends_nothing() {
    let counter = ScriptedEmulator::new();
    let running = pair_events(&counter.env, &[]);
    let code = code(&running, 1);
    counter.on("GET /ipp/v1/enrollments", || Act::Refuse(429));
    running.until_stderr(|stderr| stderr.contains("still waiting"));
    counter.rule(|_| Act::Pass);
    let id = counter.use_code(&code);
    let outcome = running.wait().assert_code(0);
    assert_eq!(names(&outcome), ["created", "consumed", "named"]);
    assert_eq!(outcome.stderr.matches("still waiting").count(), 1, "{}", outcome.stderr);
    assert_eq!(counter.devices()[0].id.as_deref(), Some(id.as_str()));
}

/// A key that is withdrawn in the middle ends the wait: what cannot pass is not waited through.
#[test]
fn a_refused_key_in_the_middle_of_the_wait_ends_it_and_tells_what_is_left() {
    let counter = ScriptedEmulator::new();
    let running = pair_events(&counter.env, &[]);
    let code = code(&running, 1);
    counter.rule(|_| Act::Refuse(401));
    let outcome = running.wait().assert_code(3);
    assert_eq!(names(&outcome), ["created"]);
    let error = outcome.error();
    let enrollment = error["enrollment_id"].as_str().unwrap();
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains(&format!("the code of enrollment {enrollment} is valid until "))
    );
    assert!(!outcome.stderr.contains(&code));
    assert_eq!(counter.usable_codes(), [code]);
}

#[test]
fn a_code_that_may_have_been_created_is_exit_7_with_the_way_to_find_it() {
    for refuses in [false, true] {
        let counter = ScriptedEmulator::new();
        counter.on("POST /ipp/v1/enrollments", move || if refuses { Act::Refuse(500) } else { Act::Lose });
        let stderr =
            pair(&counter.env, &STOCKHOLM).wait().assert_failure_with(7, "a code may have been created");
        assert!(stderr.contains("kustom enrollments list --metadata kustom_pairing=<id-1>"), "{stderr}");
        assert_eq!(counter.asked("POST"), 1, "the request is not retried");
    }
}

#[test]
fn an_interruption_during_the_creation_is_exit_7_with_the_way_to_find_the_code() {
    let counter = ScriptedEmulator::new();
    counter.on("POST /ipp/v1/enrollments", || Act::Hang);
    let running = pair_events(&counter.env, &[]);
    until("a code", || !counter.enrollments().is_empty());
    running.signal("TERM");
    let _ = running.wait().assert_code(7).assert_stderr("kustom enrollments list --metadata kustom_pairing=");
}

#[test]
fn a_rename_that_is_refused_says_which_device_it_is() {
    for (status, exit, result) in [(400, 5, "was not renamed"), (503, 7, "may not have its name yet")] {
        let counter = ScriptedEmulator::new();
        counter.on("PUT", move || Act::Refuse(status));
        let running = pair_events(&counter.env, &[]);
        let id = counter.use_code(&code(&running, 1));
        let outcome = running.wait().assert_code(exit);
        assert_eq!(names(&outcome), ["created", "consumed"]);
        let error = outcome.error();
        assert_eq!(error["device_id"], json!(id));
        let message = error["message"].as_str().unwrap();
        assert!(
            message.ends_with(&format!("; the phone is paired as device 'Phone' ({id}), but it {result}"))
        );
    }
}

#[test]
fn a_rename_that_is_interrupted_is_exit_7() {
    let counter = ScriptedEmulator::new();
    counter.on("PUT", || Act::Hang);
    let running = pair_events(&counter.env, &[]);
    let id = counter.use_code(&code(&running, 1));
    until("it renames", || counter.asked("PUT") > 0);
    running.signal("TERM");
    let stderr = running.wait().assert_code(7).stderr;
    let expected = format!("device 'Phone' ({id}), but it may not have its name yet");
    assert!(stderr.contains(&expected), "{stderr}");
}

#[test]
fn a_list_that_lags_is_waited_for() {
    let counter = ScriptedEmulator::new();
    let running = pair_events(&counter.env, &[]);
    let code = code(&running, 1);
    let mut looks = 0;
    counter.on("GET /ipp/v1/devices", move || {
        looks += 1;
        if looks <= 100 { Act::Nothing } else { Act::Pass }
    });
    let id = counter.use_code(&code);
    let outcome = running.wait().assert_code(0);
    assert_eq!(outcome.ndjson().pop().unwrap()["device"]["id"], json!(id));
    assert!(counter.asked("GET /ipp/v1/devices") > 3);
}

#[test]
fn a_code_that_only_this_clock_ends_is_withdrawn_or_told() {
    let counter = ScriptedEmulator::new();
    counter.on("GET /ipp/v1/enrollments", || Act::Nothing);
    let outcome =
        pair_events(&counter.env, &["--expires-in", "10s", "--timeout", "300ms"]).wait().assert_code(13);
    assert_eq!(names(&outcome), ["created", "withdrawn"]);
    assert_eq!(counter.enrollments(), []);
}
