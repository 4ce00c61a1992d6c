//! No output of any command, at any verbosity, in any format, with any outcome, holds the key; and no file but
//! the profiles file does.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::common::harness::{CommandOutput, TestEnv};
use crate::common::redaction::fixed_id;
use crate::common::server::{Asked, Reply, Server};

const KEY: &str = "kco_test_api_Zx9QvT4mKe7LwPb2";
const CALLBACK_SECRET: &str = "whsec_Zm9yIGNhbGxiYWNrcyBhbG9uZQ==";
const USERNAME: &str = "M100-till";
const CODE: &str = "ENROLL77";
const TOKEN: &str = "bearer-Yt5Rr8Uu1";
const FORMATS: [&str; 6] = ["table", "wide", "json", "ndjson", "csv", "name"];

/// Every command with arguments that let it do its work. `{id}` is an id, `{fault}` is one word.
const COMMANDS: [(&str, &str); 52] = [
    ("login", "--api-key-file {key-file} --profile new --base-url {url}"),
    ("profiles list", ""),
    ("profiles show", ""),
    ("profiles use", "local"),
    ("profiles set", "spare location Haga"),
    ("profiles rename", "spare spare2"),
    ("profiles remove", "spare"),
    ("doctor", ""),
    ("locations list", ""),
    ("locations get", "{id}"),
    ("enrollments list", ""),
    ("enrollments create", ""),
    ("enrollments delete", "{id}"),
    ("enrollments pair", "--location {id} --interval 50ms --timeout 100ms"),
    ("devices list", ""),
    ("devices get", "{id}"),
    ("devices update", "{id} --name x"),
    ("devices free", "{id}"),
    ("devices deregister", "{id}"),
    ("sessions create", "--device {id} --amount 5 --currency SEK"),
    ("sessions get", "{id}"),
    ("sessions watch", "{id} --timeout 100ms --interval 50ms"),
    ("sessions cancel", "{id}"),
    ("sessions list", "--refresh"),
    ("sessions recover", ""),
    ("orders get", "{id}"),
    ("orders refund", "{id} --amount 5"),
    ("orders capture", "{id}"),
    ("orders cancel", "{id}"),
    ("orders release", "{id}"),
    ("payouts list", ""),
    ("payouts get", "x"),
    ("payouts transactions", ""),
    ("report", ""),
    ("report reconcile", ""),
    ("dev create-device", "--name x"),
    ("dev simulate-tap", "{id}"),
    ("dev pos pair", "ENROLL77"),
    ("dev pos choose", "{id} --method swish"),
    ("dev pos pay", "{id}"),
    ("dev pos decline", "{id}"),
    ("dev pos cancel", "{id}"),
    ("dev pos offline", "{id}"),
    ("dev pos online", "{id}"),
    ("dev emulator fault add", "{fault}"),
    ("dev emulator fault list", ""),
    ("dev emulator fault clear", ""),
    ("dev emulator clock show", ""),
    ("dev emulator clock advance", "20m"),
    ("dev emulator reset", ""),
    ("dev run", ""),
    ("dev probe", "--yes"),
];

/// Those that have no profile or no answer to echo, with arguments as above.
/// Servers have tests of their own: here they only start, and end because they have nowhere to listen, or soon.
const MORE: [(&str, &str); 16] = [
    ("api", "GET /ipp/v1/devices"),
    ("demo", ""),
    ("dev emulator", "--listen 192.0.2.1:1 --callback-url {url} --callback-secret-file {secret-file}"),
    ("webhooks listen", "--listen 127.0.0.1:0 --resolve --timeout 10ms --secret-file {secret-file}"),
    ("dev trigger", "payment.failed --to http://127.0.0.1:1/ --secret-file {secret-file} --session {id}"),
    ("webhooks verify", "--secret-file {secret-file} --headers {secret-file} --body {secret-file}"),
    ("webhooks list", ""),
    ("webhooks show", "kevt_1"),
    ("webhooks replay", "kevt_1 --to http://127.0.0.1:1/"),
    ("webhooks secret", "new-secret.txt"),
    ("completions", "bash"),
    ("ledger status", ""),
    ("ledger init", ""),
    ("ledger export", ""),
    ("ledger import", "{secret-file}"),
    ("ledger repair", "--yes"),
];

fn leaves(command: &clap::Command, path: &str, found: &mut Vec<String>) {
    let mut children = command.get_subcommands().filter(|child| child.get_name() != "help").peekable();
    if children.peek().is_none() || (!path.is_empty() && !command.is_subcommand_required_set()) {
        found.push(path.trim().to_owned());
    }
    for child in children {
        leaves(child, &format!("{path} {}", child.get_name()), found);
    }
}

#[test]
fn every_command_is_in_the_table() {
    let mut grammar = Vec::new();
    let mut root = kustom::command();
    root.build();
    leaves(&root, "", &mut grammar);
    let mut table: Vec<_> = COMMANDS.iter().chain(&MORE).map(|(name, _)| (*name).to_owned()).collect();
    grammar.sort();
    table.sort();
    assert_eq!(
        table, grammar,
        "every command belongs into COMMANDS, so that its output is searched for secrets"
    );
}

fn needles() -> Vec<String> {
    let pair = STANDARD.encode(format!("{USERNAME}:{KEY}"));
    vec![KEY.to_owned(), STANDARD.encode(KEY), pair, KEY["kco_test_api_".len()..].to_owned()]
}

#[track_caller]
fn assert_clean(outcome: &CommandOutput) {
    for needle in needles().into_iter().chain([CALLBACK_SECRET["whsec_".len()..].to_owned()]) {
        for stream in [&outcome.stdout, &outcome.stderr] {
            assert!(!stream.contains(&needle), "{} shows the key:\n{stream}", outcome.command);
        }
    }
}

fn resource(asked: &Asked) -> Value {
    let header = asked.header("authorization").unwrap_or_default().to_owned();
    json!({
        "id": fixed_id(1), "session_id": fixed_id(1), "enrollment_id": fixed_id(1), "enrollment_code": CODE, "status": "CANCELLED",
        "credentials": {"bearer_token": TOKEN}, "name": format!("Till {header}"), "location_id": fixed_id(1),
        "order_id": fixed_id(1), "remaining_authorized_amount": 1000, "purchase_currency": "SEK",
        "echo": header, "merchant_reference1": KEY, "metadata": {"header": header, "base64": STANDARD.encode(KEY)},
    })
}

fn echo(asked: &Asked) -> Reply {
    let list = asked.method == "GET" && !asked.line().contains(&fixed_id(1));
    let body = if list {
        json!({"content": [resource(asked)], "last": true, "payouts": [resource(asked)], "transactions": []})
    } else {
        resource(asked)
    };
    Reply::json(200, &body).header("x-echo", asked.header("authorization").unwrap_or_default())
}

fn echoing_error(status: u16) -> impl Fn(&Asked) -> Reply {
    move |asked| {
        let header = asked.header("authorization").unwrap_or_default();
        let problem = json!({
            "title": format!("not with {KEY}"), "detail": format!("header {header}"), "correlation_id": header,
            "errors": {"key": KEY, "header": [header, STANDARD.encode(KEY)]},
        });
        if status == 302 {
            return Reply::empty(302)
                .header("location", &format!("http://127.0.0.1:1/?key={KEY}&h={header}"));
        }
        Reply::json(status, &problem)
    }
}

/// A home with the key in its profiles file, one with it in a variable, and one with a command that gives it.
/// The command has the key in two parts, so that the whole is nowhere on the disk.
fn homes(server: &Server) -> [TestEnv; 3] {
    let url = server.url();
    let profile = format!("environment = \"playground\"\nbase_url = \"{url}\"\nmerchant_id = \"M100\"\n");
    let spare = format!("[profiles.spare]\n{profile}");
    let stored = format!("[profiles.x]\n{profile}api_key = \"{KEY}\"\nusername = \"{USERNAME}\"\n{spare}");
    let (first, second) = KEY.split_at(16);
    let command =
        format!("[profiles.x]\n{profile}api_key_command = \"printf %s%s {first} {second}\"\n{spare}");
    let active = "active = \"x\"\n";
    [
        TestEnv::new().with_profiles(&format!("{active}{stored}")),
        TestEnv::new()
            .with_profiles(&spare)
            .at(&url, KEY)
            .env("KUSTOM_USERNAME", USERNAME)
            .env("KUSTOM_MERCHANT_ID", "M100"),
        TestEnv::new().with_profiles(&format!("{active}{command}")),
    ]
}

fn run(env: &TestEnv, url: &str, (name, args): (&str, &str), more: &[&str]) -> CommandOutput {
    let profiles = fs::read(env.profiles_file()).unwrap();
    let (key_file, secret_file) = (env.file("key", KEY), env.file("secret", CALLBACK_SECRET));
    let args = args.replace("{id}", &fixed_id(1)).replace("{url}", url);
    let args = args.replace("{key-file}", &key_file.to_string_lossy());
    let args = args.replace("{secret-file}", &secret_file.to_string_lossy());
    let args = args.split(' ').filter(|arg| !arg.is_empty());
    let args = args.map(|arg| if arg == "{fault}" { "POST /x: 503" } else { arg });
    let args = name.split(' ').chain(args).chain(more.iter().copied());
    let outcome = env.run(args);
    fs::remove_file(key_file).unwrap();
    fs::remove_file(secret_file).unwrap();
    assert_only_in(env.path(), &env.profiles_file());
    fs::write(env.profiles_file(), profiles).unwrap();
    outcome
}

fn all_commands(
    answers: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    formats: &[&str],
) -> Vec<CommandOutput> {
    let server = Server::new(answers);
    let homes = homes(&server);
    let mut outcomes = Vec::new();
    for env in &homes {
        for command in COMMANDS.iter().chain(&MORE[..1]) {
            for format in formats {
                let outcome = run(env, &server.url(), *command, &["-vv", "-o", format]);
                assert_clean(&outcome);
                outcomes.push(outcome);
            }
        }
    }
    assert!(!server.asked().is_empty());
    assert_clean(&run(&homes[1], &server.url(), MORE[1], &["-vv"]).assert_code(0));
    assert_clean(&run(&homes[1], &server.url(), MORE[4], &["-vv"]));
    for (command, code) in [(MORE[2], 2), (MORE[3], 13), (MORE[5], 2), (MORE[6], 0)] {
        assert_clean(&run(&homes[1], &server.url(), command, &["-vv"]).assert_code(code));
    }
    outcomes
}

fn assert_only_in(folder: &Path, allowed: &Path) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            assert_only_in(&path, allowed);
        } else if path != allowed {
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            for needle in needles() {
                assert!(!text.contains(&needle), "{} holds the key", path.display());
            }
        }
    }
}

#[test]
fn no_success_shows_the_key() {
    let outcomes = all_commands(echo, &FORMATS);
    let failed: Vec<_> = outcomes
        .iter()
        .filter(|outcome| !matches!(outcome.code, Some(0 | 10)))
        .filter(|outcome| !outcome.command.contains("enrollments pair"))
        // The order is CANCELLED.
        .filter(|outcome| !outcome.command.contains("orders refund"))
        .map(|outcome| (&outcome.command, &outcome.stderr))
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
    let redacted = outcomes.iter().filter(|outcome| outcome.stdout.contains("[redacted]")).count();
    assert!(redacted > outcomes.len() / 4, "the echoes were shown, without the key");
}

#[test]
fn no_refusal_shows_the_key() {
    let _ = all_commands(echoing_error(400), &["table", "json"]);
}

#[test]
fn no_refused_key_and_no_redirect_is_shown() {
    let _ = all_commands(echoing_error(401), &["json"]);
    let _ = all_commands(echoing_error(302), &["table"]);
}

#[test]
fn codes_and_tokens_are_never_in_the_trace() {
    let server = Server::new(echo);
    let [env, ..] = homes(&server);
    for command in COMMANDS.iter().chain(&MORE[..1]) {
        let outcome = run(&env, &server.url(), *command, &["-vv", "-o", "json"]);
        for secret in [CODE, TOKEN] {
            assert!(
                !outcome.stderr.contains(secret),
                "{} traces a secret:\n{}",
                outcome.command,
                outcome.stderr
            );
        }
    }
    for register in [&["dev", "create-device", "--name", "x"][..], &["dev", "pos", "pair", CODE]] {
        let args = [register, &["-o", "json"]].concat();
        let made = env.run(&args).ok();
        assert!(!made.contains(TOKEN) && made.contains("[redacted]"), "{made}");
        let shown = env.run([&args[..], &["--show-credentials"]].concat()).ok();
        assert!(shown.contains(TOKEN), "{shown}");
    }
    let code = env.run(["enrollments", "create", "-vv", "-o", "json"]).assert_code(0);
    assert!(code.stdout.contains(CODE) && code.stderr.contains("POST /ipp/v1/enrollments"), "{code:?}");
    let used = env.run(["dev", "pos", "pair", CODE, "--name", "x", "-vv", "-q"]).assert_code(0);
    let sent = "> POST /emulator/pos/pair\n  {\"enrollment_code\":\"[redacted]\",\"name\":\"x\"}\n";
    assert!(used.stderr.starts_with(sent), "{}", used.stderr);
    assert!(server.asked().iter().any(|asked| String::from_utf8_lossy(&asked.body).contains(CODE)));
}

#[test]
fn no_scenario_shows_the_key() {
    let scenario = "[[step]]\ndo = \"create-device\"\nexpect.answer = { echo = \"x\", name = \"x\", credentials.bearer_token = \"x\" }\n";
    let tap = "[[step]]\ndo = \"create-device\"\n[[step]]\ndo = \"create\"\namount = \"1\"\n";
    let servers = [Server::new(echo), Server::new(echoing_error(400)), Server::new(echoing_error(401))];
    for server in &servers {
        let homes = homes(server);
        for (env, profile) in homes.iter().zip(["x", "spare", "x"]) {
            for (text, format) in [(scenario, "table"), (scenario, "json"), (tap, "table")] {
                let file = env.file("scenario.toml", text);
                let args = ["dev", "run", "--profile", profile, "-o", format, "-vv", "--junit", "out.xml"];
                let outcome = env.run(args.map(std::ffi::OsStr::new).into_iter().chain([file.as_os_str()]));
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

#[cfg(unix)]
#[test]
fn the_profiles_file_is_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let env = TestEnv::new();
    let login = ["login", "--api-key-stdin", "--no-check", "-vv"];
    // A mask that would allow everybody everything does not count.
    let outcome = env.command(login).stdin(KEY).through("umask 0; exec \"$0\" \"$@\"").run().assert_code(0);
    assert_clean(&outcome);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let file = env.profiles_file();
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    assert!(fs::read_to_string(&file).unwrap().contains(KEY));
    assert_only_in(env.path(), &file);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let _ = env.run(["profiles", "use", "local"]).ok();
    assert_eq!(mode(&file), 0o600);
    let _ = env.run(["dev", "create-device", "--name", "x", "--profile", "local"]).ok();
    assert_eq!(mode(&env.state_folder().join("local.json")), 0o600);
    assert_eq!(mode(&env.state_folder()), 0o700);
}
