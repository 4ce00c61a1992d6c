//! `kustom enrollments pair` in front of a person, with the phone played by `kustom dev pos`.

use crate::common::prelude::*;

const PAIR: [&str; 4] = ["enrollments", "pair", "--interval", "20ms"];

fn begin(env: &TestEnv, more: &[&str]) -> PtySession {
    PtySession::open(env, [&PAIR[..], more].concat(), &[])
}

fn at_stockholm(env: &TestEnv, more: &[&str]) -> PtySession {
    begin(env, &[&["--location", "Stockholm City"], more].concat())
}

fn code(screen: &PtySession, times: usize) -> String {
    let text = screen.until_times(times, " is valid until ");
    let before = text.rsplit_once(" is valid until ").unwrap().0;
    before.rsplit(' ').next().unwrap().to_owned()
}

fn play(env: &TestEnv, code: &str) {
    env.run(["dev", "pos", "pair", code, "--name", "Pixel 9"]).ok();
}

#[test]
fn a_phone_is_paired_from_a_list_of_locations_to_its_name() {
    let env = TestEnv::new().local();
    let mut screen = begin(&env, &[]);
    screen.choose("Location", "stock");
    let code = code(&screen, 1);
    for line in ["1. Open the Kustom POS app.", "2. Choose to enter a code.", "3. Enter this code:"] {
        screen.until(line);
    }
    screen.until("waiting for the phone");
    play(&env, &code);
    screen.until("A phone has used the code: device 'Pixel 9'");
    screen.answer("Name [Stockholm City till 1]:", "Till 3\r");
    let shown = screen.end_with(0);
    let shown = plain(&shown);
    assert!(shown.contains("NAME      Till 3\n"), "it ends with the device as a table:\n{shown}");
    assert!(shown.contains("\nTill 3 is ready. [local (emulator)]\n"), "{shown}");
    let device = env.run(["devices", "get", "Till 3", "-o", "json"]).json();
    assert!(device["metadata"].get("kustom_pairing").is_none(), "{device}");
}

/// The code is large where the terminal says that it can draw, and its letters are spread where it cannot.
#[test]
fn the_code_is_as_large_as_there_is_room_for() {
    for (columns, language, drawn) in
        [(200, "C.UTF-8", true), (80, "sv_SE.UTF-8", true), (40, "C.UTF-8", false), (80, "C", false)]
    {
        let counter = ScriptedEmulator::new();
        let args = [&PAIR[..], &["--location", "Stockholm City"]].concat();
        let mut screen = PtySession::of_width(columns, &counter.env, args, &[("LANG", language)]);
        let code = code(&screen, 1);
        let spread: Vec<_> = code.chars().map(String::from).collect();
        let spread = format!("{}   {}", spread[..4].join(" "), spread[4..].join(" "));
        screen.until("waiting for the phone");
        after_ctrl_c(&mut screen, "\x03");
        let shown = plain(&screen.end_with(130));
        assert_eq!(shown.contains(&spread), !drawn, "{columns}:\n{shown}");
        // The QR code needs a locale with block characters, too.
        assert_eq!(shown.contains('█'), language != "C", "{columns}:\n{shown}");
        let wide = |line: &&str| line.chars().count() > usize::from(columns);
        let large: Vec<_> = shown.lines().filter(|line| line.contains('█')).filter(wide).collect();
        assert!(large.is_empty(), "{columns}: {large:?}");
    }
}

#[test]
fn an_expired_code_is_replaced_by_a_new_one() {
    let counter = ScriptedEmulator::new();
    let mut screen = at_stockholm(&counter.env, &["--expires-in", "300ms"]);
    let old = code(&screen, 1);
    screen.until("The code has expired.");
    screen.answer("Create a new one? [Y/n]", "\r");
    let new = code(&screen, 2);
    assert_ne!(old, new);
    screen.until_times(2, "The code has expired.");
    screen.until_times(2, "Create a new one? [Y/n]");
    screen.answer("Create a new one? [Y/n]", "n\r");
    screen.end_with(11);
    assert_eq!(counter.usable_codes(), Vec::<String>::new());
}

/// Ctrl-C asks what to do; these keys answer.
fn after_ctrl_c(screen: &mut PtySession, keys: &str) {
    screen.type_in("\x03");
    screen.answer("Next (type to search):", keys);
}

#[test]
fn after_ctrl_c_the_wait_can_go_on() {
    let counter = ScriptedEmulator::new();
    let mut screen = at_stockholm(&counter.env, &["--name", "Bar"]);
    let code = code(&screen, 1);
    after_ctrl_c(&mut screen, "\r");
    screen.until("Next: Keep waiting");
    let _ = counter.use_code(&code);
    let shown = screen.end_with(0);
    assert!(shown.contains("Bar is ready."), "{shown}");
}

/// A code that is left can be waited for again, by itself or by the ID of its enrollment.
#[test]
fn a_code_that_is_left_can_be_resumed() {
    for by_code in [true, false] {
        let counter = ScriptedEmulator::new();
        let mut screen = at_stockholm(&counter.env, &[]);
        let code = code(&screen, 1);
        after_ctrl_c(&mut screen, "leave\r");
        let shown = screen.end_with(13);
        let id = counter.enrollments()[0].enrollment_id.clone().unwrap();
        assert!(shown.contains(&format!("kustom enrollments pair {id}")), "{shown}");
        assert_eq!(counter.usable_codes(), [code.as_str()]);
        let query = if by_code { &code } else { &id[..8] };
        let args = ["enrollments", "pair", query, "--name", "Bar", "--interval", "20ms"];
        let running = counter.env.command(args).spawn();
        let _ = running.until_stdout(|stdout| stdout.contains(&code));
        let _ = counter.use_code(&code);
        let outcome = running.wait().assert_code(0).assert_stdout("'Bar'");
        assert!(!outcome.stdout.contains("kustom_pairing"), "{outcome:?}");
    }
}

#[test]
fn ctrl_c_withdraws_the_code() {
    let counter = ScriptedEmulator::new();
    let mut screen = at_stockholm(&counter.env, &[]);
    let _ = code(&screen, 1);
    after_ctrl_c(&mut screen, "withdraw\r");
    let shown = screen.end_with(130);
    assert!(shown.contains("interrupted; the code was withdrawn"), "{shown}");
    assert_eq!(counter.enrollments(), []);
}

/// A second Ctrl-C does not wait for the withdrawal, and prints which code is still usable.
#[test]
fn a_second_ctrl_c_ends_at_once_and_names_the_code() {
    let counter = ScriptedEmulator::new();
    let mut screen = at_stockholm(&counter.env, &[]);
    let code = code(&screen, 1);
    let id = counter.enrollments()[0].enrollment_id.clone().unwrap();
    counter.on("DELETE", || Act::Hang);
    after_ctrl_c(&mut screen, "\x03");
    until("it withdraws the code", || counter.asked("DELETE") > 0);
    screen.type_in("\x03");
    let shown = screen.end_with(130);
    assert!(shown.contains(&format!("interrupted; the code {code} is valid until ")), "{shown}");
    assert!(shown.contains(&format!("withdraw it: kustom enrollments delete {id}")), "{shown}");
}

#[test]
fn signals_withdraw_the_code_without_a_question() {
    for signal in ["TERM", "HUP", "QUIT"] {
        let counter = ScriptedEmulator::new();
        let screen = at_stockholm(&counter.env, &[]);
        let _ = code(&screen, 1);
        screen.until("waiting for the phone");
        screen.signal(signal);
        let (exit, shown) = screen.end();
        assert_eq!(exit, if signal == "TERM" { 143 } else { 130 }, "{signal}: {shown}");
        assert!(shown.contains("interrupted; the code was withdrawn"), "{shown}");
        assert_eq!(counter.enrollments(), [], "{signal}");
    }
}

#[test]
fn a_signal_at_a_question_leaves_the_terminal_in_order() {
    for signal in ["TERM", "HUP", "QUIT", "INT"] {
        let counter = ScriptedEmulator::new();
        let screen = begin(&counter.env, &[]);
        screen.until_asked("Location (type to search):");
        screen.signal(signal);
        assert_eq!(screen.end().0, if signal == "TERM" { 143 } else { 130 });
        assert_eq!(counter.asked("POST"), 0);
    }
}

#[test]
fn a_naming_that_is_left_tells_the_device() {
    for key in [true, false] {
        let counter = ScriptedEmulator::new();
        let mut screen = at_stockholm(&counter.env, &[]);
        let id = counter.use_code(&code(&screen, 1));
        screen.until_asked("Name [Stockholm City till 1]:");
        if key {
            screen.type_in("\x03");
        } else {
            screen.signal("TERM");
        }
        let (exit, shown) = screen.end();
        assert_eq!(exit, if key { 130 } else { 143 }, "{shown}");
        let told = format!("the phone is paired as device 'Phone' ({id}), but it was not renamed");
        assert!(shown.contains(&told), "{shown}");
        assert!(shown.contains(&format!("kustom devices update {id} --name NAME")), "{shown}");
    }
}

#[test]
fn a_name_that_is_refused_is_asked_for_again() {
    let counter = ScriptedEmulator::new();
    let mut was_refused = false;
    counter.on(
        "PUT",
        move || if std::mem::replace(&mut was_refused, true) { Act::Pass } else { Act::Refuse(422) },
    );
    counter.env.run(["dev", "create-device", "--name", "Bar", "--location", "Stockholm City"]).ok();
    let mut screen = at_stockholm(&counter.env, &[]);
    let id = counter.use_code(&code(&screen, 1));
    screen.answer("Name [Stockholm City till 1]:", "bar\r");
    screen.until("a device named 'bar' already exists");
    screen.until_times(2, "Name [Stockholm City till 1]:");
    screen.type_in("Kassa\r");
    screen.until("the name was rejected: not now (HTTP 422)");
    screen.until_times(3, "Name [Stockholm City till 1]:");
    screen.answer("Name", "Till 9\r");
    screen.end_with(0);
    let named = counter.devices().into_iter().find(|device| device.id.as_deref() == Some(&id)).unwrap();
    assert_eq!(named.name.as_deref(), Some("Till 9"));
}

#[test]
fn a_failure_in_the_middle_of_the_wait_is_told_to_the_person() {
    let counter = ScriptedEmulator::new();
    let mut screen = at_stockholm(&counter.env, &[]);
    let code = code(&screen, 1);
    counter.on("GET", || Act::Refuse(429));
    screen.until("still waiting");
    counter.rule(|_| Act::Pass);
    screen.until("The API responds again.");
    counter.use_code(&code);
    screen.answer("Name [Stockholm City till 1]:", "\r");
    let shown = screen.end_with(0);
    assert_eq!(shown.matches("still waiting").count(), 1, "{shown}");
}

#[test]
fn several_phones_are_paired_in_a_row() {
    let counter = ScriptedEmulator::new();
    let mut screen = at_stockholm(&counter.env, &["--count", "2"]);
    for number in 1..=2 {
        screen.until(&format!("Pair phone {number} of 2 at Stockholm City:"));
        counter.use_code(&code(&screen, number));
        screen.answer(&format!("Name [Stockholm City till {number}]:"), "\r");
        screen.until(&format!("Stockholm City till {number} is ready."));
    }
    let shown = screen.end_with(0);
    let shown = plain(&shown);
    let table = shown.rsplit_once("NAME  ").unwrap().1;
    assert!(table.contains("Stockholm City till 1") && table.contains("Stockholm City till 2"), "{shown}");
}

/// A prompt has to move the cursor, so on a dumb terminal an error names the flag instead.
#[test]
fn a_dumb_terminal_is_not_prompted() {
    let env = TestEnv::new().local();
    let shown = PtySession::open(&env, PAIR, &[("TERM", "dumb")]).end_with(2);
    assert!(shown.contains("the account has 2 locations; name one"), "{shown}");
    assert!(!shown.contains('\u{1b}'), "{shown}");
}

#[test]
fn a_terminal_that_changes_its_width_breaks_nothing() {
    let counter = ScriptedEmulator::new();
    let args = [&PAIR[..], &["--location", "Stockholm City"]].concat();
    let mut screen = PtySession::of_width(80, &counter.env, args, &[("LANG", "C.UTF-8")]);
    let code = code(&screen, 1);
    for columns in [40, 20, 5, 120] {
        let before = screen.until("waiting for the phone").len();
        screen.resize(columns);
        screen.until_longer_than(before + 50);
    }
    counter.use_code(&code);
    screen.answer("Name [", "\r");
    screen.end_with(0);
}

#[test]
fn quiet_shows_the_code_and_nothing_else() {
    let counter = ScriptedEmulator::new();
    let mut screen = at_stockholm(&counter.env, &["--quiet"]);
    counter.use_code(&code(&screen, 1));
    screen.answer("Name [Stockholm City till 1]:", "\r");
    let shown = screen.end_with(0);
    for talk in ["Open the Kustom POS app", "waiting for the phone", "is ready"] {
        assert!(!shown.contains(talk), "{shown}");
    }
}

#[test]
fn nobody_is_asked_who_said_so() {
    let counter = ScriptedEmulator::new();
    let shown = begin(&counter.env, &["--no-input"]).end_with(2);
    assert!(shown.contains("the account has 2 locations; name one"), "{shown}");
    for args in [&["--no-input"][..], &["-o", "ndjson"]] {
        let screen = at_stockholm(&counter.env, &[args, &["--timeout", "100ms"]].concat());
        let shown = screen.end_with(13);
        assert!(shown.contains("created") && !shown.contains("POS app"), "{shown}");
    }
    assert_eq!(counter.enrollments(), []);
}
