//! Text from outside never controls a terminal: in lists to choose from, in questions, in the errors of prompts, and in the
//! pager. Nor does it begin a line that looks like one of kustom's.

use crate::common::commands::response;
use crate::common::prelude::*;

/// What the text would do: color, set the title, erase, go up, hide, reorder, and begin a line.
const CONTROLS: &str = "\u{1b}[31m\u{1b}]0;title\u{7}\u{1b}[2J\u{1b}[9A\r\u{8}\u{7f}\u{9b}2J\u{85}\u{202e}\u{2066}\u{200b}\u{2028}\u{2029}\u{e0041}";
const FORGED: &str = "error: forged";

fn marker() -> String {
    format!("Zq{CONTROLS}\n{FORGED}\r{FORGED}")
}

/// The screen has the text of the marker, and of its controls nothing. The only sequences are those that draw prompts and
/// colors.
#[track_caller]
fn assert_safe(shown: &str) {
    assert!(shown.contains("Zq"), "the text was not shown:\n{shown}");
    for control in CONTROLS.chars().filter(|character| !character.is_ascii()) {
        assert!(!shown.contains(control), "{control:?}:\n{shown:?}");
    }
    for sequence in ["Zq\u{1b}", "\u{1b}]", "\u{7}", "\u{8}", "\u{7f}"] {
        assert!(!shown.contains(sequence), "{sequence:?}:\n{shown:?}");
    }
    for sequence in shown.split('\u{1b}').skip(1) {
        let is_parameter = |character: char| character.is_ascii_digit() || ";?".contains(character);
        let command = sequence.strip_prefix('[').map(|rest| rest.trim_start_matches(is_parameter));
        // Colors, the cursor, and erasing.
        let is_own =
            command.is_some_and(|rest| rest.starts_with(['m', 'h', 'l', 'K', 'A', 'B', 'C', 'D', 'G', 'J']));
        assert!(is_own && !sequence.starts_with("[2J"), "{sequence:?}:\n{shown:?}");
    }
    for line in shown.split(['\n', '\r']) {
        assert!(!plain(line).trim_start().starts_with(FORGED), "{line:?}:\n{shown}");
    }
}

/// A server whose resources all have hostile names.
fn server(devices: usize) -> Server {
    Server::new(move |asked| {
        let body = response(asked, |resource| {
            for field in ["name", "merchant_reference1", "merchant_id", "status"] {
                resource[field] = marker().into();
            }
            resource["metadata"] = json!({(marker()): marker()});
            resource["captured_amount"] = 1000.into();
        });
        if !body["content"].is_array() {
            return Reply::json(200, &body);
        }
        let named = |number: usize| {
            let mut device = body["content"][0].clone();
            for field in ["id", "device_id", "location_id"] {
                device[field] = fixed_id(number).into();
            }
            device["merchant_id"] = "M1".into();
            device
        };
        let content: Vec<_> = (1..=devices).map(named).collect();
        Reply::json(200, &json!({"content": content, "last": true}))
    })
}

fn env(server: &Server, environment: &str, key: &str) -> TestEnv {
    TestEnv::new().with_profiles(&format!(
        "active = \"x\"\n[profiles.x]\nenvironment = \"{environment}\"\napi_key = \"{key}\"\nbase_url = \"{}\"\n",
        server.url()
    ))
}

const TEST_KEY: &str = "kco_test_api_0123456789abcdef";
const LIVE_KEY: &str = "kco_live_api_0123456789abcdef";

#[test]
fn names_in_lists_do_not_control_the_terminal() {
    let server = server(3);
    let env = env(&server, "playground", TEST_KEY);
    let create = ["sessions", "create", "--amount", "1", "--currency", "SEK", "--if-busy", "warn"];
    for (args, list) in [
        (&["devices", "get"][..], "Device"),
        (&["locations", "get"], "Location"),
        (&["devices", "update", "--name", "x"], "Device"),
        (&create, "Device"),
    ] {
        for columns in [200, 40] {
            let mut screen = PtySession::of_width(columns, &env, args, &[]);
            screen.choose(list, "Zq");
            assert_safe(&screen.end().1);
        }
    }
}

const CREATE: [&str; 6] = ["sessions", "create", "--amount", "1", "--currency", "SEK"];

#[test]
fn names_in_questions_do_not_control_the_terminal() {
    let server = server(1);
    let env = env(&server, "production", LIVE_KEY);
    let reference = format!("r{}", marker());
    for (args, question) in [
        (vec!["devices", "deregister", &fixed_id(1)], "Name:"),
        ([&CREATE[..], &["--device", &fixed_id(1), "--reference", &reference]].concat(), "[y/N]"),
        (vec!["orders", "refund", &fixed_id(1), "--amount", "5"], "[y/N]"),
    ] {
        for columns in [200, 40] {
            let mut screen = PtySession::of_width(columns, &env, &args, &[]);
            let Some(_) = screen.until_one_of(&[question, "\u{1e}"], 0) else {
                panic!("{}", screen.so_far())
            };
            screen.type_in("\r");
            let (code, shown) = screen.end();
            assert!(matches!(code, 5 | 6 | 8), "{args:?}: {code}\n{shown}");
            assert_safe(&shown);
        }
    }
}

#[test]
fn what_is_typed_does_not_control_the_terminal_in_the_error_of_its_prompt() {
    let server = server(1);
    let env = env(&server, "playground", TEST_KEY);
    for columns in [200, 40] {
        let mut screen = PtySession::of_width(columns, &env, ["orders", "refund", &fixed_id(1)], &[]);
        screen.answer("Refund (type to search):", "\u{202e}\u{200b}");
        screen.until("\\u{200b}|");
        // Between two keys, the terminal itself would erase the line.
        screen.until_read_by_keys("Refund");
        screen.type_in("\u{15}another");
        screen.until("another|");
        screen.type_in("\r");
        screen.answer("Amount, at most", "Zq\u{202e}\u{2028}\u{2029}\u{200b}\r");
        screen.until("error");
        screen.type_in("\u{3}");
        let shown = screen.end().1;
        // The terminal shows what is typed as it is.
        let error = plain(shown.split("error").nth(1).unwrap());
        assert!(error.contains("Zq\\u{202e}"), "{shown:?}");
        assert!(!error.contains(['\u{202e}', '\u{2028}', '\u{2029}', '\u{200b}']), "{shown:?}");
    }
}

#[test]
fn a_pager_gets_no_control_characters() {
    let server = server(60);
    let env = env(&server, "playground", TEST_KEY);
    let pager = env.file("pager.sh", "cat > paged.txt");
    let pager = format!("sh {}", pager.display());
    for variable in ["PAGER", "KUSTOM_PAGER"] {
        for args in [&["devices", "list"][..], &["devices", "list", "-o", "wide", "--color", "always"]] {
            let _ = std::fs::remove_file(env.path().join("paged.txt"));
            PtySession::open(&env, args, &[(variable, &pager)]).end_with(0);
            let received = std::fs::read_to_string(env.path().join("paged.txt")).unwrap();
            assert!(received.lines().count() > 60, "{received}");
            assert_safe(&received);
        }
        // A pager that does not exist: kustom prints the list itself.
        let shown = PtySession::open(&env, ["devices", "list"], &[(variable, &marker())]).end_with(0);
        assert_safe(&shown);
    }
}
