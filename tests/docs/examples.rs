//! The examples of the help texts and topics work, each command's in a store of its own.

use kustom::emulator::{API_KEY, MERCHANT_ID};
use serde_json::json;

use super::environment::World;
use super::grammar::{commands, grammar};
use crate::common::harness::PROGRAM;

/// The examples in a help text. A line that ends with a backslash goes on in the next one.
fn examples(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Examples:").skip(1);
    let lines: Vec<&str> = lines.take_while(|line| line.starts_with(' ')).map(str::trim).collect();
    let mut all: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in lines {
        match all.last_mut() {
            Some(last) if goes_on => *last = format!("{last}\n{line}"),
            _ => all.push(line.to_owned()),
        }
        goes_on = line.ends_with('\\');
    }
    all
}

/// A store in which everything is there that an example names beside the account.
fn store() -> World {
    let world = World::store();
    let profile = |name: &str| {
        format!(
            "\n[profiles.{name}]\nenvironment = \"playground\"\napi_key = \"{API_KEY}\"\nbase_url = \"{}\"\n",
            world.calls.desk.account.url()
        )
    };
    let profiles = world.env().join(".config/kustom/profiles.toml");
    let profiles = std::fs::read_to_string(profiles).expect("profiles");
    world.file(".config/kustom/profiles.toml", &format!("{profiles}{}{}", profile("shop"), profile("vault")));
    world.calls.desk.account.device("Old till");
    let sale = json!({
        "device_id": world.calls.desk.account.device("Till 1"),
        "order_amount": 24950,
        "purchase_currency": "SEK",
        "merchant_reference1": "receipt-1003",
    });
    world.file("sale.json", &sale.to_string());
    let location = kustom::emulator::state::STOCKHOLM;
    world.file("enrollment.json", &json!({"location_id": location, "expires_in": 7_200_000}).to_string());
    world.file("old-secret.txt", "whsec_bm90IHRoZSBvbmUgdGhhdCBzaWduZWQgdGhpcw==\n");
    // The delivery that Standard Webhooks publishes beside its secret would be too old: this one is fresh.
    let now = jiff::Timestamp::now().as_second().to_string();
    let body = "{\"id\":\"kevt_1\",\"type\":\"ipp.session.finalized\"}";
    let secret = std::fs::read_to_string(world.env().join("secret.txt")).expect("a secret");
    let signing = standardwebhooks::Webhook::new(secret.trim()).expect("a secret");
    let signature =
        signing.sign("kevt_1", now.parse().expect("seconds"), body.as_bytes()).expect("a signature");
    world.file(
        "headers.txt",
        &format!("webhook-id: kevt_1\nwebhook-timestamp: {now}\nwebhook-signature: {signature}\n"),
    );
    world.file("body.json", body);
    world.stand_in("pass", &format!("#!/bin/sh\n[ \"$*\" = 'show kustom/key' ] && echo {API_KEY}\n"));
    world.stand_in("less", "#!/bin/sh\nexec cat\n");
    world
}

/// Whether this asks something on a terminal, and is meant for one.
fn asks(example: &str) -> bool {
    let command = example.split(" # ").next().unwrap_or_default().trim();
    matches!(command, "kustom login" | "kustom enrollments pair")
}

/// Those of one command after each other: the second may go on where the first one ended.
#[track_caller]
fn try_examples(of: &str, help: &str) {
    let world = store();
    if of == "kustom sessions recover" {
        // Its session is the newest one, and the answer that told of it was lost.
        world.calls.desk.account.lose_the_next_answer();
        let lost = world.run("kustom sessions create --device 'Till 1' --amount 249.50");
        assert_eq!(lost.exit, 7, "{}", lost.stderr);
    }
    for example in examples(help) {
        let example = example.replace("--merchant-id M1", &format!("--merchant-id {MERCHANT_ID}"));
        if asks(&example) {
            let outcome = world.type_in(&example);
            assert_eq!(outcome.exit, 0, "{of}: {example}\n{}", outcome.stdout);
        } else {
            let outcome = world.run(&example);
            assert_eq!(outcome.exit, 0, "{of}: {example}\n{}{}", outcome.stdout, outcome.stderr);
        }
    }
}

#[test]
fn examples_are_told_apart() {
    let help = "Words\n\nExamples:\n  kustom a   # one\n  kustom b \\\n      --c\n\nNext:\n  kustom d";
    assert_eq!(examples(help), ["kustom a   # one", "kustom b \\\n--c"]);
}

fn try_all(noun: impl Fn(&str) -> bool) {
    let root = grammar();
    let mut tried = 0;
    for (name, command) in commands(&root) {
        let first = name.split(' ').nth(1).unwrap_or_default();
        let Some(help) = command.get_after_help().filter(|_| noun(first)) else { continue };
        try_examples(&name, &help.to_string());
        tried += 1;
    }
    assert!(tried > 0);
}

#[test]
fn those_of_sessions_work() {
    try_all(|noun| noun == "sessions");
}

#[test]
fn those_of_dev_work() {
    try_all(|noun| noun == "dev");
}

#[test]
fn those_of_every_other_command_work() {
    try_all(|noun| noun != "sessions" && noun != "dev");
}

#[test]
fn those_of_every_topic_work() {
    for topic in ["exit-codes", "environment", "money", "callbacks"] {
        let help = std::process::Command::new(PROGRAM)
            .env_clear()
            .args(["help", topic])
            .output()
            .expect("the program");
        let help = String::from_utf8(help.stdout).expect("text");
        assert!(!examples(&help).is_empty(), "{topic} has no examples");
        try_examples(topic, &help);
    }
}
