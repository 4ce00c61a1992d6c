//! No output of any command, at any verbosity, in any format, with any outcome, holds the key; and no file but
//! the profiles file does.

use std::fs;
use std::path::Path;
use std::sync::{LazyLock, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use memchr::memmem;

use crate::common::commands::{COMMANDS, WITHOUT_ACCOUNT, arguments, grammar, in_list, in_parallel};
use crate::common::prelude::*;
use crate::hostile_text::marker;

const KEY: &str = "kco_test_api_Zx9QvT4mKe7LwPb2";
const CALLBACK_SECRET: &str = "whsec_Zm9yIGNhbGxiYWNrcyBhbG9uZQ==";
const USERNAME: &str = "M100-till";
const CODE: &str = "ENROLL77";
const TOKEN: &str = "bearer-Yt5Rr8Uu1";

#[test]
fn every_command_is_in_the_table() {
    let mut grammar = grammar();
    let mut table: Vec<_> = COMMANDS.iter().map(|(name, _)| (*name).to_owned()).collect();
    grammar.sort();
    table.sort();
    assert_eq!(table, grammar, "every command belongs into COMMANDS, so that its output is searched");
}

/// What nobody may see: the key in every encoding, and the secret of the callbacks.
static SECRETS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let secret = |encoding: String| {
        // What may be left of it is at most the documented prefix, in the same encoding.
        let half = encoding.char_indices().nth(encoding.chars().count() / 2).unwrap().0;
        if encoding.ends_with("_ock") { encoding[..half].to_owned() } else { encoding[half..].to_owned() }
    };
    let callback_secret = CALLBACK_SECRET["whsec_".len()..].to_owned();
    encodings().map(secret).into_iter().chain([callback_secret]).collect()
});

fn has_secret(text: &[u8]) -> bool {
    SECRETS.iter().any(|secret| memmem::find(text, secret.as_bytes()).is_some())
}

#[track_caller]
fn assert_clean(outcome: &CommandOutput) {
    for stream in [&outcome.stdout, &outcome.stderr] {
        assert!(!has_secret(stream.as_bytes()), "{} shows the key:\n{stream}", outcome.command);
    }
}

/// Everything, with the key in many fields and text that no stream may get raw in the others.
fn resource(asked: &Asked) -> Value {
    let header = asked.header("authorization").unwrap_or_default().to_owned();
    json!({
        "id": fixed_id(1), "session_id": fixed_id(1), "enrollment_id": fixed_id(1), "enrollment_code": CODE, "status": "CANCELLED",
        "credentials": {"bearer_token": TOKEN}, "name": format!("Till {header} {}", marker()), "location_id": fixed_id(1),
        "order_id": fixed_id(1), "remaining_authorized_amount": 1000, "purchase_currency": "SEK",
        "echo": header, "merchant_reference1": KEY, "merchant_reference2": marker(), "failure_reason": marker(),
        "platform": marker(), "payment_method": marker(), (marker()): [marker(), {(marker()): marker()}],
        "order_items": [{"name": marker(), "reference": marker(), "type": marker()}],
        "metadata": {"header": header, "base64": STANDARD.encode(KEY), (marker()): marker()},
    })
}

fn success(asked: &Asked, resource: Value) -> Reply {
    let header = asked.header("authorization").unwrap_or_default();
    Reply::json(200, &in_list(asked, resource)).header("x-echo", header)
}

fn echo(asked: &Asked) -> Reply {
    success(asked, resource(asked))
}

fn echoing_error(status: u16) -> impl Fn(&Asked) -> Reply {
    move |asked| {
        let header = asked.header("authorization").unwrap_or_default();
        let problem = json!({
            "title": format!("not with {KEY}"), "detail": format!("header {header} {}", marker()), "correlation_id": header,
            "errors": {"key": KEY, "header": [header, STANDARD.encode(KEY)]},
        });
        if status == 302 {
            let location = format!("http://127.0.0.1:1/?key={KEY}&h={header}\u{9b}2J\u{202e}");
            return Reply::empty(302).header("location", &location);
        }
        Reply::json(status, &problem)
    }
}

/// Where the key comes from. The command has the key in two parts, and neither has the half that is searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Profile,
    Variable,
    Command,
}

fn env(source: Source, url: &str) -> TestEnv {
    let profile = format!("environment = \"playground\"\nbase_url = \"{url}\"\nmerchant_id = \"M100\"\n");
    let spare = format!("[profiles.spare]\n{profile}");
    let env = TestEnv::new();
    let active = |key: &str| format!("active = \"x\"\n[profiles.x]\n{profile}{key}\n{spare}");
    match source {
        Source::Profile => {
            env.with_profiles(&active(&format!("api_key = \"{KEY}\"\nusername = \"{USERNAME}\"")))
        }
        Source::Variable => env
            .with_profiles(&spare)
            .at(url, KEY)
            .env("KUSTOM_USERNAME", USERNAME)
            .env("KUSTOM_MERCHANT_ID", "M100"),
        Source::Command => {
            let (first, second) = KEY.split_at(23);
            env.with_profiles(&active(&format!("api_key_command = \"printf %s%s {first} {second}\"")))
        }
    }
}

/// Where the key comes from, and a format.
type Run = (Source, &'static str);

/// Runs every command in all of these ways.
fn all_commands(reply: impl Fn(&Asked) -> Reply + Send + Sync + 'static, runs: &[Run]) -> Vec<CommandOutput> {
    commands(reply, runs, |_, _| true)
}

/// Runs every command in one of these ways, each in turn: how an error is shown depends on neither.
fn commands_in_turn(
    reply: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    runs: &[Run],
) -> Vec<CommandOutput> {
    commands(reply, runs, |command, run| command % runs.len() == run)
}

fn commands(
    reply: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    runs: &[Run],
    is_run: impl Fn(usize, usize) -> bool + Sync,
) -> Vec<CommandOutput> {
    let server = Server::new(reply);
    let outcomes = Mutex::new(Vec::new());
    in_parallel(4, runs.iter().enumerate(), |(run_number, (source, format))| {
        let env = env(*source, &server.url());
        let profiles = fs::read(env.profiles_file()).unwrap();
        for (number, command) in COMMANDS.into_iter().enumerate() {
            let is_idle = WITHOUT_ACCOUNT.contains(&command.0) && *source != Source::Variable;
            if is_idle || !is_run(number, run_number) {
                continue;
            }
            let args = arguments(&env, &server.url(), command, KEY, CALLBACK_SECRET);
            let more = ["-vv", "-o", format, "--color", if *format == "wide" { "always" } else { "auto" }];
            let outcome = env.command(args).args(more).run();
            for file in ["key", "secret"] {
                // Few commands need one.
                let _ = fs::remove_file(env.path().join(file));
            }
            assert_only_in(env.path(), &env.profiles_file());
            fs::write(env.profiles_file(), &profiles).unwrap();
            outcomes.lock().unwrap().push(outcome);
        }
    });
    assert!(!server.asked().is_empty());
    outcomes.into_inner().unwrap()
}

fn assert_only_in(folder: &Path, allowed: &Path) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            assert_only_in(&path, allowed);
        } else if path != allowed {
            assert!(!has_secret(&fs::read(&path).unwrap()), "{} holds the key", path.display());
        }
    }
}

/// The outputs of every command in every format, when all goes well. Several tests search them.
pub(crate) fn successes() -> &'static [CommandOutput] {
    static OUTPUTS: LazyLock<Vec<CommandOutput>> = LazyLock::new(|| {
        let encoded_runs = [(Source::Profile, "table"), (Source::Profile, "json")];
        let mut runs = ["wide", "ndjson", "csv", "name"].map(|format| (Source::Profile, format)).to_vec();
        runs.extend([(Source::Variable, "table"), (Source::Command, "name")]);
        [all_commands(encoded(false), &encoded_runs), all_commands(echo, &runs)].concat()
    });
    &OUTPUTS
}

/// The outputs of every command when the API refuses the request, does not accept the key, or redirects.
pub(crate) fn refusals() -> &'static [CommandOutput] {
    static OUTPUTS: LazyLock<Vec<CommandOutput>> = LazyLock::new(|| {
        let runs = [(Source::Profile, "json"), (Source::Variable, "table"), (Source::Command, "json")];
        [
            all_commands(encoded(true), &[(Source::Profile, "table"), (Source::Profile, "json")]),
            commands_in_turn(echoing_error(400), &[(Source::Variable, "json"), (Source::Command, "table")]),
            commands_in_turn(echoing_error(401), &runs),
            commands_in_turn(echoing_error(302), &runs),
        ]
        .concat()
    });
    &OUTPUTS
}

#[test]
fn no_success_shows_the_key() {
    /// There is no callback, no database, nothing to import, nobody to listen for, and the order is CANCELLED.
    const FAILING: [(&str, i32); 10] = [
        ("orders refund", 5),
        ("dev emulator --listen", 2),
        ("webhooks listen", 13),
        ("dev trigger", 6),
        ("webhooks verify", 2),
        ("webhooks show", 4),
        ("webhooks replay", 4),
        ("ledger init", 2),
        ("ledger import", 2),
        ("sessions watch", 10),
    ];
    successes().iter().for_each(assert_clean);
    let expected = |outcome: &CommandOutput| {
        let failing = FAILING.iter().find(|(name, _)| outcome.command.contains(name));
        failing.map_or(0, |(_, code)| *code)
    };
    let wrong: Vec<_> = successes()
        .iter()
        // The code of the server never changes.
        .filter(|outcome| !outcome.command.contains("enrollments pair"))
        .filter(|outcome| outcome.code != Some(expected(outcome)))
        .map(|outcome| (&outcome.command, outcome.code, &outcome.stderr))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let redacted = successes().iter().filter(|outcome| outcome.stdout.contains("[redacted]")).count();
    assert!(redacted > successes().len() / 4, "the echoes were shown, without the key");
}

#[test]
fn no_refusal_no_refused_key_and_no_redirect_shows_the_key() {
    refusals().iter().for_each(assert_clean);
}

#[test]
fn the_key_is_redacted_in_every_encoding_that_a_server_repeats_it_in() {
    for outputs in [successes(), refusals()] {
        outputs.iter().for_each(assert_clean);
        for format in ["-o table", "-o json"] {
            let is_redacted = |outcome: &&CommandOutput| {
                let said = &outcome.stderr;
                outcome.command.contains(format) && said.contains(ENCODED) && said.contains("[redacted]")
            };
            let redacted = outputs.iter().filter(is_redacted).count();
            assert!(redacted > 30, "the server was heard: {redacted}");
        }
    }
}

#[test]
fn codes_and_tokens_are_never_in_the_trace() {
    for outcome in successes() {
        for secret in [CODE, TOKEN] {
            let CommandOutput { command, stderr, .. } = outcome;
            assert!(!stderr.contains(secret), "{command} traces a secret:\n{stderr}");
        }
    }
    let server = Server::new(echo);
    let env = env(Source::Profile, &server.url());
    for register in [&["dev", "create-device", "--name", "x"][..], &["dev", "pos", "pair", CODE]] {
        let args = [register, &["-o", "json"]].concat();
        let made = env.run(&args).ok();
        assert!(!made.contains(TOKEN) && made.contains("[redacted]"), "{made}");
        let shown = env.run([&args[..], &["--show-credentials"]].concat()).ok();
        assert!(shown.contains(TOKEN), "{shown}");
    }
    let _ = env
        .run(["enrollments", "create", "-vv", "-o", "json"])
        .assert_code(0)
        .assert_stdout(CODE)
        .assert_stderr("POST /ipp/v1/enrollments");
    let used = env.run(["dev", "pos", "pair", CODE, "--name", "x", "-vv", "-q"]).assert_code(0);
    let sent = "> POST /emulator/pos/pair\n  {\"enrollment_code\":\"[redacted]\",\"name\":\"x\"}\n";
    assert!(used.stderr.starts_with(sent), "{}", used.stderr);
    assert!(server.asked().iter().any(|asked| String::from_utf8_lossy(&asked.body).contains(CODE)));
}

#[test]
fn no_scenario_shows_the_key() {
    let scenario = "[[step]]\ndo = \"create-device\"\nexpect.response = { echo = \"x\", name = \"x\", credentials.bearer_token = \"x\" }\n";
    let tap = "[[step]]\ndo = \"create-device\"\n[[step]]\ndo = \"create\"\namount = \"1\"\n";
    let servers = [Server::new(echo), Server::new(echoing_error(400)), Server::new(echoing_error(401))];
    for server in &servers {
        for (source, profile) in [(Source::Profile, "x"), (Source::Variable, "spare"), (Source::Command, "x")]
        {
            let env = env(source, &server.url());
            for (text, format) in [(scenario, "table"), (scenario, "json"), (tap, "table")] {
                let file = env.file("scenario.toml", text);
                let args = ["dev", "run", "--profile", profile, "-o", format, "-vv", "--junit", "out.xml"];
                let outcome = env.command(args).args([&file]).run();
                assert!(matches!(outcome.code, Some(0 | 3 | 5)), "{outcome:?}");
                assert_clean(&outcome);
                assert!(!outcome.stdout.contains(TOKEN) && !outcome.stderr.contains(TOKEN), "{outcome:?}");
                assert!(env.path().join("out.xml").exists());
                assert_only_in(env.path(), &env.profiles_file());
            }
        }
        assert!(server.lines().contains(&"POST /ipp/v1/dev/devices".to_owned()));
    }
}

/// The ways in which a server may repeat the key. `src/secret` knows more.
fn encodings() -> [String; 23] {
    let each =
        |format: &dyn Fn(u32) -> String| KEY.chars().map(|letter| format(letter.into())).collect::<String>();
    let hex =
        |separator: &str| KEY.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(separator);
    let utf16: Vec<u8> = KEY.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let basic = format!("{USERNAME}:{KEY}");
    [
        KEY.to_owned(),
        KEY.to_uppercase(),
        KEY["kco_test_api_".len()..].to_owned(),
        STANDARD.encode(KEY),
        STANDARD_NO_PAD.encode(KEY),
        URL_SAFE_NO_PAD.encode(KEY),
        STANDARD.encode(&basic),
        format!("Basic {}", STANDARD_NO_PAD.encode(format!("x{basic}"))),
        STANDARD.encode(STANDARD.encode(KEY)),
        STANDARD.encode(utf16),
        hex(""),
        hex("").to_uppercase(),
        hex(":"),
        hex(" "),
        each(&|letter| format!("%{letter:02x}")),
        each(&|letter| format!("\\u{letter:04x}")),
        each(&|letter| format!("\\x{letter:02x}")),
        each(&|letter| format!("&#{letter};")),
        each(&|letter| format!("={letter:02X}")),
        KEY.replace('_', "%5F"),
        KEY.chars().rev().collect(),
        KEY.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(","),
        format!("{}\u{200b}{}", &KEY[..20], &KEY[20..]),
    ]
}

/// The name of a field that only these responses have.
const ENCODED: &str = "in_every_encoding";

/// Six places: the value of a field, its name, an element of a list, the detail of an error, its messages by field, and a
/// header.
fn encoded(is_error: bool) -> impl Fn(&Asked) -> Reply {
    let (list, text) = (json!(encodings()), encodings().join(" | "));
    move |asked| {
        if is_error {
            let detail = format!("{text} {}", marker());
            let problem = json!({
                "type": marker(), "title": text, "detail": detail, "error_code": marker(), "correlation_id": text,
                "error_messages": [marker()], "errors": {&*text: list, ENCODED: list, (marker()): [marker(), {(marker()): marker()}]},
            });
            return Reply::json(400, &problem).header("x-echo", &encodings()[0]);
        }
        let mut body = resource(asked);
        for (index, encoding) in encodings().into_iter().enumerate() {
            body["metadata"][&encoding] = index.into();
            body["metadata"][index.to_string()] = encoding.into();
        }
        body["name"] = format!("{text} {}", marker()).into();
        body["merchant_reference1"] = text.clone().into();
        body[ENCODED] = list.clone();
        success(asked, body)
    }
}

#[test]
fn the_profiles_file_is_private() {
    let env = TestEnv::new();
    let login = ["login", "--api-key-stdin", "--no-check", "-vv"];
    // A mask that would allow everybody everything does not count.
    let outcome = env.command(login).stdin(KEY).through("umask 0; exec \"$0\" \"$@\"").run().assert_code(0);
    assert_clean(&outcome);
    let file = env.profiles_file();
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    assert!(fs::read_to_string(&file).unwrap().contains(KEY));
    assert_only_in(env.path(), &file);
    set_mode(&file, 0o644);
    env.run(["profiles", "use", "local"]).ok();
    assert_eq!(mode(&file), 0o600);
    env.run(["dev", "create-device", "--name", "x", "--profile", "local"]).ok();
    env.run(["sessions", "create", "--device", "x", "--amount", "1", "--profile", "local"]).ok();
    for file in ["local.json", "ledger.db"] {
        assert_eq!(mode(env.state_folder().join(file)), 0o600, "{file}");
    }
    assert_eq!(mode(env.state_folder()), 0o700);
}
