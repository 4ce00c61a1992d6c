//! `kustom enrollments pair` without a terminal: events, exit codes, and no code that is left behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use kustom::emulator::State;
use kustom::emulator::state::{DeviceUpdate, PageRequest};
use serde_json::{Value, json};

use crate::common::counter::{Act, Counter, events, newest_code, use_code};
use crate::common::harness::{Home, Outcome, Running, same};

const STOCKHOLM: [&str; 2] = ["--location", "Stockholm City"];

/// Starts it with quick looks.
fn pair(home: &Home, more: &[&str]) -> Running {
    let interval = if more.contains(&"--interval") { &[][..] } else { &["--interval", "20ms"] };
    home.command([&["enrollments", "pair"], interval, more].concat()).spawn()
}

fn pair_events(home: &Home, more: &[&str]) -> Running {
    pair(home, &[&["-o", "ndjson"], &STOCKHOLM[..], more].concat())
}

/// The code of the newest event `created`, once there are so many.
fn code(running: &Running, times: usize) -> String {
    let created = |stdout: &str| stdout.matches("\"created\"").count();
    let stdout = running.until_stdout(|stdout| created(stdout) >= times && stdout.ends_with('\n'));
    let all = events(&stdout);
    let newest = all.iter().rfind(|event| event["event"] == "created").unwrap();
    newest["enrollment"]["enrollment_code"].as_str().unwrap().to_owned()
}

fn names(outcome: &Outcome) -> Vec<String> {
    events(&outcome.stdout).iter().map(|event| event["event"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_script_gets_an_event_for_each_step() {
    let counter = Counter::new();
    let running = pair_events(&counter.home, &["--metadata", "floor=2"]);
    let code = code(&running, 1);
    let id = counter.use_code(&code);
    let outcome = running.wait().exits(0);
    assert_eq!(outcome.stderr, "");
    let [created, consumed, named] = events(&outcome.stdout).try_into().unwrap();
    for event in [&created, &consumed, &named] {
        assert_eq!((&event["number"], &event["count"]), (&json!(1), &json!(1)));
    }
    assert_eq!(created["event"], "created");
    assert_eq!(created["enrollment"]["status"], "PENDING");
    assert!(created["enrollment"]["metadata"]["kustom_pairing"].is_string());
    assert_eq!(consumed["event"], "consumed");
    assert_eq!(consumed["enrollment_id"], created["enrollment"]["enrollment_id"]);
    assert_eq!((&consumed["device"]["id"], &consumed["device"]["name"]), (&json!(id), &json!("Phone")));
    assert_eq!(named["event"], "named");
    assert_eq!(named["device"]["id"], json!(id));
    assert_eq!(named["device"]["name"], "Stockholm City till 1");
    assert_eq!(named["device"]["metadata"], json!({"floor": "2"}), "the tag is gone, and nothing else");
}

#[test]
fn the_tag_stays_where_that_is_wanted() {
    let counter = Counter::new();
    let running = pair_events(&counter.home, &["--keep-tag", "--name", "Bar"]);
    let code = code(&running, 1);
    counter.use_code(&code);
    let outcome = running.wait().exits(0);
    let [created, _, named] = events(&outcome.stdout).try_into().unwrap();
    assert_eq!(named["device"]["name"], "Bar");
    assert_eq!(
        named["device"]["metadata"]["kustom_pairing"],
        created["enrollment"]["metadata"]["kustom_pairing"]
    );
}

#[test]
fn plain_lines_tell_the_same() {
    let counter = Counter::new();
    let running = pair(&counter.home, &STOCKHOLM);
    let stdout = running.until_stdout(|stdout| stdout.ends_with('\n'));
    let code = stdout.split_whitespace().nth(1).unwrap().to_owned();
    let time = stdout.trim_end().rsplit(' ').next().unwrap().to_owned();
    counter.use_code(&code);
    let whole = running.wait().whole();
    same(
        &whole.replace(&code, "<code>").replace(&time, "<until>"),
        "created    <code>  valid until <until>\n\
         consumed   'Phone' (<id-1>)\n\
         named      'Stockholm City till 1' (<id-1>)\n\
         ID        <id-1>\nNAME      Stockholm City till 1\nPLATFORM  ANDROID\n\
         LOCATION  51e2a9c4-7b0d-4f63-9d18-3ac5f0e72b41\nMERCHANT  EMULATED\nHARDWARE  <id-2>\n\
         CREATED   <time>\n\
         ! Stockholm City till 1 is ready.\n\
         ! Take a payment: kustom sessions create --device 'Stockholm City till 1' --amount 1.00 --watch\nexit 0\n",
    );
}

/// Ten phones on one day: one after another, each with the next free name.
#[test]
fn several_phones_are_paired_one_after_another() {
    let counter = Counter::new();
    let running = pair_events(&counter.home, &["--count", "3"]);
    for number in 1..=3 {
        counter.use_code(&code(&running, number));
    }
    let outcome = running.wait().exits(0);
    let events = events(&outcome.stdout);
    let numbers: Vec<_> =
        events.iter().map(|event| (event["number"].as_u64(), event["count"].as_u64())).collect();
    assert_eq!(numbers, [1, 1, 1, 2, 2, 2, 3, 3, 3].map(|number| (Some(number), Some(3))));
    let mut all: Vec<_> = counter.devices().into_iter().filter_map(|device| device.name).collect();
    all.sort();
    assert_eq!(all, [1, 2, 3].map(|number| format!("Stockholm City till {number}")));
}

/// Two people pair at the same counter at the same moment, and the phones take the codes crosswise in time.
#[test]
fn two_pairings_at_once_each_find_their_own_phone() {
    let counter = Counter::new();
    let home = &counter.home;
    let first = pair_events(home, &["--name", "First"]);
    let second = pair_events(home, &["--name", "Second"]);
    let (first_code, second_code) = (code(&first, 1), code(&second, 1));
    let of_second = counter.use_code(&second_code);
    let of_first = counter.use_code(&first_code);
    for (running, id, name) in [(first, of_first, "First"), (second, of_second, "Second")] {
        let outcome = running.wait().exits(0);
        let named = events(&outcome.stdout).pop().unwrap();
        assert_eq!((&named["device"]["id"], &named["device"]["name"]), (&json!(id), &json!(name)));
    }
}

#[test]
fn a_code_that_nobody_uses_expires_with_exit_11() {
    let counter = Counter::new();
    let outcome = pair_events(&counter.home, &["--expires-in", "300ms"]).wait().exits(11);
    assert_eq!(names(&outcome), ["created", "expired"]);
    assert_eq!(counter.usable_codes(), Vec::<String>::new());
    let lines = pair(&counter.home, &[&STOCKHOLM[..], &["--expires-in", "300ms"]].concat()).wait().exits(11);
    assert!(lines.out().ends_with("expired    <id-1>\n"), "{}", lines.out());
}

#[test]
fn a_wait_that_is_over_withdraws_the_code_with_exit_13() {
    let counter = Counter::new();
    let outcome = pair_events(&counter.home, &["--timeout", "200ms"]).wait().exits(13);
    assert_eq!(names(&outcome), ["created", "withdrawn"]);
    assert!(outcome.stderr.contains("no phone used the code in "), "{}", outcome.stderr);
    assert_eq!(counter.enrollments(), []);
}

#[test]
fn every_way_to_interrupt_it_withdraws_the_code() {
    for signal in ["INT", "TERM", "HUP"] {
        let counter = Counter::new();
        let running = pair_events(&counter.home, &[]);
        let _ = code(&running, 1);
        running.signal(signal);
        let outcome = running.wait().exits(130);
        assert_eq!(names(&outcome), ["created", "withdrawn"], "{signal}");
        assert!(
            outcome.stderr.contains("\"message\":\"interrupted; the code was withdrawn\""),
            "{}",
            outcome.stderr
        );
        assert_eq!(counter.enrollments(), [], "{signal}");
    }
}

/// Whoever interrupts twice does not wait for the withdrawal, and is told what is left; not the code itself, because
/// errors end up in logs.
#[test]
fn a_code_that_cannot_be_withdrawn_is_told() {
    for twice in [true, false] {
        let counter = Counter::new();
        counter.rule(move |line| match line.starts_with("DELETE") {
            true if twice => Act::Hang,
            true => Act::Refuse(500),
            false => Act::Pass,
        });
        let running = pair(&counter.home, &STOCKHOLM);
        let stdout = running.until_stdout(|stdout| stdout.ends_with('\n'));
        let code = stdout.split_whitespace().nth(1).unwrap().to_owned();
        running.interrupt();
        if twice {
            counter.until(|counter| counter.asked("DELETE") > 0);
            running.interrupt();
        }
        let outcome = running.wait().exits(130);
        let said = outcome.err();
        assert!(
            said.starts_with("error: interrupted; the code of enrollment <id-1> can be used until "),
            "{said}"
        );
        assert!(said.ends_with("hint: withdraw it: kustom enrollments delete <id-1>\n"), "{said}");
        assert!(!outcome.stderr.contains(&code), "the code is in the error:\n{said}");
    }
}

/// The phone was faster than the withdrawal: then it is not lost, but named to whoever asked; also where the API refuses
/// to withdraw what was used, and where the device appears a little later.
#[test]
fn a_phone_that_is_faster_than_the_withdrawal_is_told() {
    for refused in [None, Some(404), Some(409)] {
        let counter = Counter::new();
        let running = pair_events(&counter.home, &["--interval", "1h"]);
        let code = code(&running, 1);
        counter.until(|counter| counter.asked("GET /ipp/v1/enrollments") > 0);
        let id = counter.use_code(&code);
        let looks = AtomicUsize::new(0);
        counter.rule(move |line| match (line, refused) {
            (line, Some(status)) if line.starts_with("DELETE") => Act::Refuse(status),
            (line, Some(_))
                if line.starts_with("GET /ipp/v1/devices") && looks.fetch_add(1, Ordering::SeqCst) == 0 =>
            {
                Act::Nothing
            }
            _ => Act::Pass,
        });
        running.interrupt();
        let outcome = running.wait().exits(130);
        assert!(
            outcome
                .stderr
                .contains(&format!("a phone used the code before that: it is device 'Phone' ({id})")),
            "{refused:?}: {}",
            outcome.stderr
        );
        let by_hand = format!("kustom devices update {id} --name NAME --unset-metadata kustom_pairing");
        assert!(outcome.stderr.contains(&by_hand), "{}", outcome.stderr);
    }
}

/// Whoever read the events has gone away: the code is withdrawn, and no exit code says that a phone was paired.
#[test]
fn a_wait_that_nobody_reads_withdraws_the_code() {
    let counter = Counter::new();
    let args = ["enrollments", "pair", "--interval", "20ms", "-o", "ndjson", "--location", "Stockholm City"];
    let outcome = counter.home.command(args).unread().run().exits(13);
    assert_eq!(outcome.stderr, "");
    assert_eq!(counter.enrollments(), []);
    // One that could not be withdrawn is told on stderr.
    counter.rule(|line| if line.starts_with("DELETE") { Act::Refuse(500) } else { Act::Pass });
    let outcome = counter.home.command(args).unread().run().exits(7);
    assert!(outcome.stderr.contains("stdout was closed; the code of enrollment"), "{}", outcome.stderr);
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_during_the_wait_withdraws_the_code() {
    let counter = Counter::new();
    let args = ["enrollments", "pair", "--interval", "20ms", "-o", "ndjson", "--location", "Stockholm City"];
    let script = "(\"$0\" \"$@\"; echo $? > status) | head -n 1 > /dev/null";
    let _ = counter.home.command(args).through(script).run().exits(0);
    let status = counter.home.path().join("status");
    counter.until(|_| std::fs::read_to_string(&status).is_ok_and(|status| status.ends_with('\n')));
    assert_eq!(std::fs::read_to_string(&status).unwrap(), "13\n");
    assert_eq!(counter.enrollments(), []);
}

/// A phone that used the code gets its name, whether anybody reads of it or not.
#[cfg(unix)]
#[test]
fn a_phone_that_nobody_reads_of_gets_its_name_all_the_same() {
    let counter = Counter::new();
    counter.rule(|line| {
        if !line.starts_with("POST /ipp/v1/enrollments") {
            return Act::Pass;
        }
        Act::Then(Box::new(|emulator| {
            let code = newest_code(emulator);
            use_code(emulator, &code);
        }))
    });
    let args = ["enrollments", "pair", "--interval", "20ms", "-o", "ndjson", "--location", "Stockholm City"];
    let full = counter.home.command(args).through("\"$0\" \"$@\" > /dev/full").run();
    // What cannot be written is told, and the code was used before it could be withdrawn.
    assert_eq!(full.code, Some(1), "{}", full.stderr);
    assert!(
        full.stderr.contains("a phone used the code before that: it is device 'Phone'"),
        "{}",
        full.stderr
    );
}

/// The API goes away in the middle of the wait, and comes back.
#[test]
fn a_failure_in_the_middle_of_the_wait_is_told_once_and_ends_nothing() {
    let counter = Counter::new();
    let failed = Arc::new(AtomicUsize::new(0));
    let broken = Arc::new(AtomicBool::new(false));
    let (failures, breaks) = (Arc::clone(&failed), Arc::clone(&broken));
    counter.rule(move |line| {
        if breaks.load(Ordering::SeqCst) && line.starts_with("GET /ipp/v1/enrollments") {
            failures.fetch_add(1, Ordering::SeqCst);
            return Act::Refuse(400 + 29);
        }
        Act::Pass
    });
    let running = pair_events(&counter.home, &[]);
    let code = code(&running, 1);
    broken.store(true, Ordering::SeqCst);
    running.until_stderr(|stderr| stderr.contains("still waiting"));
    assert!(failed.load(Ordering::SeqCst) > 0);
    broken.store(false, Ordering::SeqCst);
    let id = counter.use_code(&code);
    let outcome = running.wait().exits(0);
    assert_eq!(names(&outcome), ["created", "consumed", "named"]);
    assert_eq!(outcome.stderr.matches("still waiting").count(), 1, "{}", outcome.stderr);
    assert_eq!(counter.devices()[0].id.as_deref(), Some(id.as_str()));
}

/// A key that is withdrawn in the middle ends the wait: what cannot pass is not waited through.
#[test]
fn a_refused_key_in_the_middle_of_the_wait_ends_it_and_tells_what_is_left() {
    let counter = Counter::new();
    let broken = Arc::new(AtomicBool::new(false));
    let breaks = Arc::clone(&broken);
    counter.rule(move |_| if breaks.load(Ordering::SeqCst) { Act::Refuse(401) } else { Act::Pass });
    let running = pair_events(&counter.home, &[]);
    let code = code(&running, 1);
    broken.store(true, Ordering::SeqCst);
    let outcome = running.wait().exits(3);
    assert_eq!(names(&outcome), ["created"]);
    let error: Value = serde_json::from_str(&outcome.stderr).unwrap();
    let enrollment = error["error"]["enrollment_id"].as_str().unwrap();
    assert!(
        error["error"]["message"]
            .as_str()
            .unwrap()
            .contains(&format!("the code of enrollment {enrollment} can"))
    );
    assert!(!outcome.stderr.contains(&code));
    assert_eq!(counter.usable_codes(), [code]);
}

#[test]
fn a_code_whose_answer_was_lost_is_found_and_used() {
    let counter = Counter::new();
    counter.rule(|line| if line.starts_with("POST /ipp/v1/enrollments") { Act::Lose } else { Act::Pass });
    let running = pair_events(&counter.home, &[]);
    counter.use_code(&code(&running, 1));
    let outcome = running.wait().exits(0);
    assert_eq!(names(&outcome), ["created", "consumed", "named"]);
    assert_eq!(counter.asked("POST"), 1, "it is not made twice");
}

#[test]
fn a_code_that_is_being_made_when_it_is_interrupted_is_withdrawn() {
    let counter = Counter::new();
    counter.rule(|line| if line.starts_with("POST /ipp/v1/enrollments") { Act::Hang } else { Act::Pass });
    let running = pair_events(&counter.home, &[]);
    counter.until(|counter| !counter.enrollments().is_empty());
    running.signal("TERM");
    let outcome = running.wait().exits(130);
    assert!(
        outcome.stderr.contains("interrupted; the code that was being made was withdrawn"),
        "{}",
        outcome.stderr
    );
    assert_eq!(counter.enrollments(), []);
}

#[test]
fn a_code_that_may_have_been_made_is_exit_7_with_the_way_to_find_it() {
    let counter = Counter::new();
    counter.rule(|line| match line {
        line if line.starts_with("POST /ipp/v1/enrollments") => Act::Refuse(500),
        _ => Act::Pass,
    });
    let said = pair(&counter.home, &STOCKHOLM).wait().fails(7);
    assert!(said.contains("a code that nobody has seen may have been made"), "{said}");
    assert!(said.contains("kustom enrollments list --metadata kustom_pairing=<id-1>"), "{said}");
}

#[test]
fn a_rename_that_is_refused_says_which_device_it_is() {
    for (status, exit) in [(400, 5), (503, 7)] {
        let counter = Counter::new();
        counter.rule(move |line| if line.starts_with("PUT") { Act::Refuse(status) } else { Act::Pass });
        let running = pair_events(&counter.home, &[]);
        let id = counter.use_code(&code(&running, 1));
        let outcome = running.wait().exits(exit);
        assert_eq!(names(&outcome), ["created", "consumed"]);
        let error: Value = serde_json::from_str(&outcome.stderr).unwrap();
        assert_eq!(error["error"]["device_id"], json!(id));
        let message = error["error"]["message"].as_str().unwrap();
        assert!(message.ends_with(&format!("; the phone is paired as device 'Phone' ({id}), but not named")));
    }
}

/// The device appears a little after its code was used.
#[test]
fn a_list_that_lags_is_waited_for() {
    let counter = Counter::new();
    let running = pair_events(&counter.home, &[]);
    let code = code(&running, 1);
    let looks = AtomicUsize::new(0);
    counter.rule(move |line| match line {
        line if line.starts_with("GET /ipp/v1/devices") && looks.fetch_add(1, Ordering::SeqCst) < 3 => {
            Act::Nothing
        }
        _ => Act::Pass,
    });
    let id = counter.use_code(&code);
    let outcome = running.wait().exits(0);
    assert_eq!(events(&outcome.stdout).pop().unwrap()["device"]["id"], json!(id));
    assert!(counter.asked("GET /ipp/v1/devices") > 3);
}

/// The clock of this machine says that the code's time is over, and the API does not.
#[test]
fn a_code_that_only_this_clock_ends_is_withdrawn_or_told() {
    // What is never listed is not taken for withdrawn; it is withdrawn when it must be.
    let counter = Counter::new();
    counter.rule(|line| if line.starts_with("GET /ipp/v1/enrollments") { Act::Nothing } else { Act::Pass });
    let outcome = pair_events(&counter.home, &["--expires-in", "10s", "--timeout", "300ms"]).wait().exits(13);
    assert_eq!(names(&outcome), ["created", "withdrawn"]);
    assert_eq!(counter.enrollments(), []);
}

/// What was changed while somebody thought about the name is kept.
#[test]
fn naming_keeps_what_others_changed() {
    let counter = Counter::new();
    let running = pair_events(&counter.home, &["--name", "Till 1"]);
    let code = code(&running, 1);
    let looks = AtomicUsize::new(0);
    counter.rule(move |line| {
        // The first look finds the phone, the second is for its name.
        if line.starts_with("GET /ipp/v1/devices") && looks.fetch_add(1, Ordering::SeqCst) == 1 {
            return Act::Then(Box::new(|emulator| {
                let device = emulator
                    .state()
                    .list_devices(None, PageRequest { number: 0, size: 10 }, jiff::Timestamp::MAX)
                    .content
                    .remove(0);
                let mut metadata = device.metadata.clone();
                metadata.insert("by_erp".into(), "7".into());
                let update = DeviceUpdate { name: device.name, location_id: None, metadata };
                let id = device.id.unwrap().parse().unwrap();
                emulator.change(|state, _| state.update_device(id, update)).unwrap();
            }));
        }
        Act::Pass
    });
    counter.use_code(&code);
    let outcome = running.wait().exits(0);
    let device = &events(&outcome.stdout)[2]["device"];
    assert_eq!((&device["name"], &device["metadata"]), (&json!("Till 1"), &json!({"by_erp": "7"})));
    assert!(device.get("location_id").is_none_or(Value::is_null), "{device}");
}

/// A rename that is interrupted on its way may have been carried out.
#[test]
fn a_rename_that_is_interrupted_is_exit_7() {
    let counter = Counter::new();
    counter.rule(|line| if line.starts_with("PUT") { Act::Hang } else { Act::Pass });
    let running = pair_events(&counter.home, &[]);
    let id = counter.use_code(&code(&running, 1));
    counter.until(|counter| counter.asked("PUT") > 0);
    running.signal("TERM");
    let outcome = running.wait().exits(7);
    assert!(
        outcome.stderr.contains(&format!("device 'Phone' ({id}), and perhaps named")),
        "{}",
        outcome.stderr
    );
}

#[test]
fn somebody_elses_withdrawal_ends_the_wait() {
    let counter = Counter::new();
    let running = pair_events(&counter.home, &[]);
    let _ = code(&running, 1);
    // What was never listed could not leave the list.
    counter.until(|counter| counter.asked("GET /ipp/v1/enrollments") > 1);
    let id = counter.enrollments()[0].enrollment_id.clone().unwrap();
    counter.emulator.change(|state, _| state.delete_enrollment(id.parse().unwrap())).unwrap();
    let outcome = running.wait().exits(4);
    assert!(outcome.stderr.contains("somebody withdrew the code"), "{}", outcome.stderr);
}

#[test]
fn one_location_needs_no_choice_and_several_need_one() {
    let counter = Counter::new();
    let said = pair(&counter.home, &[]).wait().fails(2);
    same(
        &said,
        "error: there are 2 locations, and none is given\n  \
         hint: name one with --location; `kustom locations list` shows them\n",
    );
    assert_eq!(counter.asked("POST"), 0);
    let alone = Counter::with(State::seed_with_one_location());
    let running = pair(&alone.home, &["-o", "ndjson"]);
    alone.use_code(&code(&running, 1));
    let outcome = running.wait().exits(0);
    assert_eq!(events(&outcome.stdout)[2]["device"]["name"], "Stockholm City till 1");
    let nowhere = Counter::with(State::with_locations(Vec::new()));
    let said = pair(&nowhere.home, &[]).wait().fails(4);
    assert!(said.starts_with("error: the account has no location where a phone could stand\n"), "{said}");
}

#[test]
fn what_cannot_work_is_refused_before_a_code_is_made() {
    let counter = Counter::new();
    let taken =
        counter.home.run(["dev", "create-device", "--name", "Till 1", "--location", "Stockholm City"]).ok();
    assert!(taken.contains("Till 1"));
    for (args, message) in [
        (&["-o", "json"][..], "error: with -o json the code would be shown only after it was used"),
        (&["-o", "csv"], "error: with -o csv the code would be shown only after it was used"),
        (&["--name", "till 1"], "error: there is a device 'till 1' already; no code was made"),
        (&["--metadata", "kustom_pairing=x"], "error: --metadata: 'kustom_pairing' is the tag"),
        (
            &["--name", "x", "--count", "2"],
            "error: the argument '--name <NAME>' cannot be used with '--count <N>'",
        ),
        (&["--count", "0"], "error: invalid value '0' for '--count <N>'"),
    ] {
        let said = pair(&counter.home, &[&STOCKHOLM[..], args].concat()).wait();
        assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{args:?}: {}", said.stderr);
        let text =
            said.stderr.replace("{\"error\":{\"kind\":\"usage\",\"exit_code\":2,\"message\":\"", "error: ");
        assert!(text.starts_with(message), "{args:?}: {text}");
    }
    let unknown = pair(&counter.home, &["--location", "Nowhere"]).wait().fails(4);
    assert!(unknown.starts_with("error: there is no location with the name or id 'Nowhere'"), "{unknown}");
    assert_eq!(counter.asked("POST /ipp/v1/enrollments"), 0);
}

/// A name from elsewhere is one word of a command that is shown, whatever is in it.
#[test]
fn a_command_that_is_shown_can_be_copied_whatever_the_name() {
    let counter = Counter::new();
    let running = pair(&counter.home, &[&STOCKHOLM[..], &["--name", "Joe's; true"]].concat());
    let stdout = running.until_stdout(|stdout| stdout.ends_with('\n'));
    counter.use_code(stdout.split_whitespace().nth(1).unwrap());
    let outcome = running.wait().exits(0);
    assert!(
        outcome.stderr.contains("sessions create --device 'Joe'\\''s; true' --amount"),
        "{}",
        outcome.stderr
    );
}

#[cfg(unix)]
#[test]
fn nohup_is_respected() {
    let counter = Counter::new();
    let args = ["enrollments", "pair", "--interval", "20ms", "-o", "ndjson", "--location", "Stockholm City"];
    let running = counter.home.command(args).through("trap '' HUP; exec \"$0\" \"$@\"").spawn();
    let code = code(&running, 1);
    running.signal("HUP");
    counter.use_code(&code);
    let _ = running.wait().exits(0);
}
