//! Every command of the grammar, for tests that must hold for all of them.

use std::sync::Mutex;

use serde_json::{Value, json};

use super::harness::TestEnv;
use super::redaction::fixed_id;
use super::server::Asked;

/// A command with arguments that let it do its work: see [`arguments`] for the words in braces. Servers end because they have
/// nowhere to listen, or soon.
pub type CommandLine = (&'static str, &'static str);

pub const COMMANDS: [CommandLine; 68] = [
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

/// Those that run without an account, or with one of their own.
pub const WITHOUT_ACCOUNT: [&str; 8] = [
    "demo",
    "dev emulator",
    "webhooks verify",
    "webhooks secret",
    "completions",
    "webhooks list",
    "webhooks show",
    "webhooks replay",
];

/// All commands with their full names, each noun before its verbs.
pub fn commands(root: &clap::Command) -> Vec<(String, &clap::Command)> {
    let mut found = vec![(root.get_name().to_owned(), root)];
    for command in root.get_subcommands() {
        let below = commands(command).into_iter();
        found.extend(below.map(|(name, command)| (format!("{} {name}", root.get_name()), command)));
    }
    found
}

/// The paths of all commands that do something by themselves.
pub fn grammar() -> Vec<String> {
    let root = kustom::command();
    let is_used =
        |command: &clap::Command| !command.has_subcommands() || !command.is_subcommand_required_set();
    let used = commands(&root).into_iter().skip(1).filter(|(_, command)| is_used(command));
    let names = used.map(|(name, _)| name.trim_start_matches("kustom ").to_owned());
    names.filter(|name| name != "help").collect()
}

/// The words of a command line, with `{id}`, `{url}` and `{fault}` replaced, and with files for `{key-file}` and
/// `{secret-file}`.
pub fn arguments(
    env: &TestEnv,
    url: &str,
    (name, args): CommandLine,
    key: &str,
    secret: &str,
) -> Vec<String> {
    let mut words: Vec<_> = name.split(' ').map(str::to_owned).collect();
    for word in args.split(' ').filter(|word| !word.is_empty()) {
        words.push(match word {
            "{key-file}" => env.file("key", key).to_string_lossy().into_owned(),
            "{secret-file}" => env.file("secret", secret).to_string_lossy().into_owned(),
            "{fault}" => "POST /x: 503".to_owned(),
            word => word.replace("{id}", &fixed_id(1)).replace("{url}", url),
        });
    }
    words
}

/// Runs a function for each item on a few threads. Most of the time, the processes that tests start wait.
pub fn in_parallel<T: Send>(
    threads: usize,
    items: impl IntoIterator<Item = T, IntoIter: Send>,
    run: impl Fn(T) + Sync,
) {
    let items = Mutex::new(items.into_iter());
    let next = || items.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(item) = next() {
                    run(item);
                }
            });
        }
    });
}

/// The response of an API in which everything has the same ID: a list, or a resource with the fields of all of them, changed by
/// `change`.
pub fn response(asked: &Asked, change: impl Fn(&mut Value)) -> Value {
    let mut resource = json!({
        "id": fixed_id(1), "session_id": fixed_id(1), "enrollment_id": fixed_id(1), "device_id": fixed_id(1),
        "location_id": fixed_id(1), "order_id": fixed_id(1), "enrollment_code": "ENROLL77", "status": "CANCELLED",
        "name": "Till 1", "merchant_id": "M100", "platform": "TERMINAL", "purchase_currency": "SEK",
        "merchant_reference1": "r-1", "merchant_reference2": "r-2", "failure_reason": "none", "payment_method": "card",
        "remaining_authorized_amount": 1000, "created_at": "2026-11-26T10:00:00Z", "metadata": {"till": "7"},
        "credentials": {"bearer_token": "token"}, "address": {"city": "Stockholm"},
        "order_items": [{"name": "Coffee", "reference": "SKU-1"}],
    });
    change(&mut resource);
    in_list(asked, resource)
}

/// The resource, or a list of it if that was requested.
pub fn in_list(asked: &Asked, resource: Value) -> Value {
    if asked.method == "GET" && !asked.line().contains(&fixed_id(1)) {
        return json!({
            "payment_reference": "x", "content": [resource], "last": true, "payouts": [resource], "transactions": [resource],
        });
    }
    resource
}
