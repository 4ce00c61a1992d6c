//! Text from outside never reaches a stream raw: whatever command, format, field, file, variable or argument it comes through.

use std::path::PathBuf;

use clap::Arg;
use serde_json::Map;

use crate::common::commands::{COMMANDS, arguments, grammar, in_parallel, response};
use crate::common::prelude::*;
use crate::secrets::{refusals, successes};

/// Controls (C0, DEL, C1), directions, and characters that nobody sees.
const CONTROLS: &str = "\u{1b}[31m\u{1b}]0;x\u{7}\r\u{8}\u{7f}\u{9b}2J\u{85}\u{202e}\u{2066}\u{200b}\u{ad}\u{feff}\u{2028}\u{2029}\u{3164}\u{e0041}";
/// It is public, so that no time is spent on the search for it.
const KEY: &str = kustom::emulator::API_KEY;
const SECRET: &str = "whsec_Zm9yIGNhbGxiYWNrcyBhbG9uZQ==";

pub(crate) fn marker() -> String {
    format!("Zq{CONTROLS}qZ\n{FORGED}")
}

/// What follows a line break in the marker. It must not look like a line that kustom wrote.
const FORGED: &str = "error: forged";

/// Neither stream has a raw character of the marker.
#[track_caller]
fn assert_escaped(outcome: &CommandOutput) {
    for stream in [&outcome.stdout, &outcome.stderr] {
        assert_text_escaped(stream, outcome);
    }
}

#[track_caller]
fn assert_text_escaped(text: &str, outcome: &CommandOutput) {
    let is_raw = |character: char| {
        !character.is_ascii_graphic() && (CONTROLS.contains(character) || character == '\u{fffd}')
    };
    let raw = text.chars().find(|character| is_raw(*character));
    assert_eq!(raw, None, "{:?}\n{text:?}", outcome.command);
    let forged = text.lines().find(|line| line.trim_start().starts_with(FORGED));
    assert_eq!(forged, None, "{:?}\n{text}", outcome.command);
}

/// Like [`assert_escaped`], for output with colors, which are those of kustom alone.
#[track_caller]
fn assert_colors_are_of_kustom(outcome: &CommandOutput) {
    for stream in [&outcome.stdout, &outcome.stderr] {
        assert!(!stream.contains("Zq\u{1b}"), "{:?}\n{stream:?}", outcome.command);
        let mut parts = stream.split("\u{1b}[");
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let after =
                part.trim_start_matches(|character: char| character.is_ascii_digit() || character == ';');
            let rest = after.strip_prefix('m');
            text += rest.unwrap_or_else(|| panic!("not a color: {:?}\n{stream:?}", outcome.command));
        }
        assert_text_escaped(&text, outcome);
    }
}

/// Runs every command with a server that responds with this. With a number for each kind of response, every command prints
/// text and JSON, and so does every kind of response.
fn every_command(kind: usize, reply: impl Fn(&Asked) -> Reply + Send + Sync + 'static) {
    let server = Server::new(reply);
    in_parallel(4, 0..4, |part| {
        let env = TestEnv::new().at(&server.url(), KEY);
        for (number, command) in COMMANDS.into_iter().enumerate() {
            if number % 4 == part && command.0 != "demo" {
                let args = arguments(&env, &server.url(), command, KEY, SECRET);
                let more = ["-vv", "-o", alternate(number + kind)];
                assert_escaped(&env.command(args).args(more).run());
            }
        }
    });
}

fn alternate(number: usize) -> &'static str {
    if number.is_multiple_of(2) { "table" } else { "json" }
}

#[test]
fn text_of_the_api_is_escaped_in_every_command_and_format_with_and_without_colors() {
    for outcome in successes() {
        if outcome.command.contains("--color always") {
            assert_colors_are_of_kustom(outcome);
        } else {
            assert_escaped(outcome);
        }
    }
    let is_marked = |outcome: &&CommandOutput| outcome.stdout.contains("Zq") || outcome.stderr.contains("Zq");
    let marked = successes().iter().filter(is_marked).count();
    assert!(marked > 100, "the text was shown: {marked}");
}

#[test]
fn no_field_of_a_response_is_trusted() {
    // Every text, every name and every header.
    fn mark(value: &mut Value) {
        match value {
            Value::String(text) => *text = marker(),
            Value::Array(items) => items.iter_mut().for_each(mark),
            Value::Object(fields) => {
                fields.values_mut().for_each(mark);
                fields.insert(marker(), marker().into());
            }
            _ => {}
        }
    }
    let printable =
        marker().replace(|character: char| !character.is_ascii() || character.is_ascii_control(), "");
    every_command(0, move |asked| {
        Reply::json(200, &response(asked, mark)).header("x-echo", &printable).header("x-c1", "\u{85}\u{202e}")
    });
}

#[test]
fn each_field_of_a_response_is_escaped() {
    let field = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let current = std::sync::Arc::clone(&field);
    let server = Server::new(move |asked| {
        Reply::json(200, &response(asked, |resource| resource[&*current.lock().unwrap()] = marker().into()))
    });
    let env = TestEnv::new().at(&server.url(), KEY);
    let Value::Object(resource) =
        response(&Asked { method: "PUT".into(), target: "/".into(), headers: vec![], body: vec![] }, |_| {})
    else {
        unreachable!()
    };
    for name in resource.keys() {
        name.clone_into(&mut field.lock().unwrap());
        for line in [
            "sessions get ID",
            "devices list -o wide",
            "enrollments list",
            "orders get ID",
            "sessions create --device ID --amount 1 --currency SEK --allow-duplicate",
        ] {
            assert_escaped(&env.run(line.replace("ID", &fixed_id(1)).split(' ')));
        }
    }
}

#[test]
fn errors_of_the_api_are_escaped_in_every_command() {
    refusals().iter().for_each(assert_escaped);
    // What `api` prints is the response itself.
    every_command(1, |asked| match asked.line().as_str() {
        "GET /ipp/v1/devices" => Reply::json(200, &json!({"content": marker()})),
        _ => Reply::new(200, "text/plain", marker()),
    });
}

/// The arguments of each command, except the global ones.
fn each_argument(path: &str) -> Vec<Arg> {
    let mut root = kustom::command();
    root.build();
    let command = path.split(' ').fold(&root, |command, name| command.find_subcommand(name).unwrap());
    command
        .get_arguments()
        .filter(|arg| !arg.is_global_set() && arg.get_action().takes_values())
        .cloned()
        .collect()
}

fn is_file(arg: &Arg) -> bool {
    let names = arg.get_value_names().unwrap_or_default();
    names.iter().any(|name| ["FILE", "PATH", "DIR", "FOLDER"].iter().any(|kind| name.contains(kind)))
}

/// Files that programs of every kind could have written.
fn files(env: &TestEnv) -> Vec<PathBuf> {
    let marker = marker();
    let escaped: Vec<_> = CONTROLS
        .encode_utf16()
        .filter(|unit| !(0xd800..0xe000).contains(unit))
        .map(|unit| format!("\\u{unit:04x}"))
        .collect();
    let escaped = escaped.concat();
    [
        marker.clone(),
        json!({(&marker): &marker, "name": &marker, "order_items": [{"name": &marker, "quantity": 1, "unit_price": 1}]}).to_string(),
        json!([{"name": &marker, "quantity": 1, "unit_price": "1", "type": &marker}]).to_string(),
        format!("[[step]]\ndo = \"{escaped}\"\n[\"{escaped}\"]\nx = \"{escaped}\"\n"),
        format!("{marker};{marker}\n{marker};1\n"),
        format!("webhook-id: {marker}\nwebhook-timestamp: {marker}\n{marker}: {marker}\n"),
    ]
    .into_iter()
    .enumerate()
    .map(|(index, content)| env.file(&format!("{index}{marker}.toml"), content))
    .collect()
}

#[test]
fn arguments_and_files_are_escaped_in_every_command() {
    let server = Server::new(|asked| Reply::json(200, &response(asked, |_| {})));
    in_parallel(4, grammar(), |path| {
        let env = TestEnv::new().at(&server.url(), KEY);
        let table = COMMANDS.into_iter().find(|(name, _)| *name == path).unwrap();
        for arg in each_argument(&path) {
            let values = if is_file(&arg) { files(&env) } else { vec![PathBuf::from(marker())] };
            for value in values {
                let value = value.to_string_lossy().into_owned();
                let mut words: Vec<_> = path.split(' ').map(str::to_owned).collect();
                if let Some(long) = arg.get_long() {
                    words = arguments(&env, &server.url(), table, KEY, SECRET);
                    // What the table gives would be a repetition.
                    if let Some(at) = words.iter().position(|word| *word == format!("--{long}")) {
                        words.drain(at..=at + 1);
                    }
                    words.push(format!("--{long}={value}"));
                } else {
                    words.push(value);
                }
                if !words.iter().any(|word| word == "--timeout") {
                    words.extend(["--timeout", "200ms"].map(str::to_owned));
                }
                assert_escaped(&env.command(words).stdin(marker()).run());
            }
        }
    });
}

#[test]
fn words_that_are_no_arguments_are_escaped() {
    let env = TestEnv::new().local();
    let marker = marker();
    let option = format!("--{marker}");
    for args in [
        &[&*marker][..],
        &["devices", &marker],
        &["devices", "list", &option],
        &["devices", "list", &marker],
        &["devices", "list", "--columns", &marker],
        &["devices", "list", "--jq", &marker, "-o", "json"],
        &["devices", "list", "-o", &marker],
        &["devices", "list", "--color", &marker],
        &["devices", "list", "--timeout", &marker],
        &["devices", "list", "--profile", &marker],
        &["help", &marker],
        &["api", "GET", &marker],
        &["api", &marker, "/x"],
    ] {
        for more in [&[][..], &["-o", "json"]] {
            let outcome = env.run([args, more].concat());
            assert_ne!(outcome.code, Some(0), "{outcome:?}");
            assert_escaped(&outcome);
        }
    }
    let filter = "\"Zq\\u001b[31m\\r\\u009b\", {\"\\u001b\": 1}";
    assert_escaped(&env.run(["locations", "list", "-o", "json", "--jq", filter]));
}

#[test]
fn variables_are_escaped() {
    let source =
        concat!(include_str!("../../src/settings/env.rs"), include_str!("../../src/settings/paths.rs"));
    let names = source
        .split('"')
        .filter(|word| word.len() > 3 && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'));
    let mut names: Vec<_> = names.collect();
    assert!(names.len() > 10, "{names:?}");
    let others = "KUSTOM_TILL HTTPS_PROXY NO_PROXY SSL_CERT_FILE TZ COLUMNS PAGER LANG TERM XDG_CONFIG_HOME";
    names.extend(others.split(' '));
    let server = Server::new(|asked| Reply::json(200, &response(asked, |_| {})));
    in_parallel(4, names.into_iter().enumerate(), |(number, name)| {
        // The formats alternate: every command prints text and JSON.
        for (index, args) in [
            &["doctor"][..],
            &["profiles", "show"],
            &["devices", "list"],
            &["sessions", "create", "--device", &fixed_id(1), "--amount", "1", "--currency", "SEK"],
            &["sessions", "list"],
        ]
        .into_iter()
        .enumerate()
        {
            let env = TestEnv::new().at(&server.url(), KEY).env(name, marker());
            let format = alternate(index + number);
            assert_escaped(&env.run([args, &["-o", format]].concat()));
        }
    });
}

/// A TOML string.
fn quote(text: &str) -> String {
    let escape = |character: char| format!("\\U{:08x}", u32::from(character));
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
}

#[test]
fn profiles_and_settings_of_a_directory_are_escaped() {
    let text = quote(&marker());
    let keys = "environment api_key api_key_command username merchant_id location device currency if_busy base_url \
                ledger ledger_command completions unknown";
    let mut files: Vec<_> = keys
        .split(' ')
        .map(|key| {
            let mut fields = Map::from_iter([
                ("environment".to_owned(), json!("\"playground\"")),
                ("api_key".to_owned(), json!(quote(KEY))),
            ]);
            if key == "api_key_command" {
                fields.remove("api_key");
            }
            fields.insert(key.to_owned(), text.clone().into());
            let lines: Vec<_> =
                fields.iter().map(|(key, value)| format!("{key} = {}", value.as_str().unwrap())).collect();
            format!("active = \"x\"\n[profiles.x]\n{}\n", lines.join("\n"))
        })
        .collect();
    files.push(format!("active = {text}\n"));
    files.push(format!("active = \"x\"\n[profiles.{text}]\nenvironment = \"playground\"\n"));
    files.push(marker());
    in_parallel(4, files, |file| {
        let env = TestEnv::new().with_profiles(&file).env("KUSTOM_BASE_URL", "http://127.0.0.1:1");
        for args in [
            &["profiles", "list"][..],
            &["profiles", "show"],
            &["doctor"],
            &["locations", "list", "--timeout", "1s"],
        ] {
            assert_escaped(&env.run([args, &["-o", "json"]].concat()));
            assert_escaped(&env.run(args));
        }
    });
    for file in [
        format!("profile = {text}\n"),
        format!("location = {text}\ndevice = {text}\ncurrency = {text}\nprofile = \"local\"\n"),
        format!("api_key = {text}\n{text} = 1\n"),
        marker(),
    ] {
        let env = TestEnv::new();
        env.file(".kustom.toml", file);
        for args in [
            &["profiles", "show"][..],
            &["doctor"],
            &["sessions", "create", "--amount", "1"],
            &["dev", "create-device", "--name", "x"],
        ] {
            assert_escaped(&env.run([args, &["-o", "json"]].concat()));
            assert_escaped(&env.run(args));
        }
    }
}
