//! Runs the examples in the help of every command and topic.

use kustom::emulator::{API_KEY, MERCHANT_ID};
use serde_json::json;

use super::grammar::{commands, grammar};
use super::sandbox::Sandbox;
use crate::common::harness::PROGRAM;

/// Extracts the examples from a help text. A backslash continues an example on the next line.
fn parse_examples(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Examples:").skip(1);
    let lines: Vec<&str> = lines.take_while(|line| line.starts_with(' ')).map(str::trim).collect();
    let mut examples: Vec<String> = Vec::new();
    for line in lines {
        match examples.last_mut().filter(|last| last.ends_with('\\')) {
            Some(last) => last.extend(["\n", line]),
            None => examples.push(line.to_owned()),
        }
    }
    examples
}

/// A store with every file and program that an example uses.
fn prepare_store() -> Sandbox {
    let sandbox = Sandbox::with_store();
    let profile = |name: &str| {
        format!(
            "\n[profiles.{name}]\nenvironment = \"playground\"\napi_key = \"{API_KEY}\"\nbase_url = \"{}\"\n",
            sandbox.stub.account.url()
        )
    };
    let profiles = sandbox.home().join(".config/kustom/profiles.toml");
    let profiles = std::fs::read_to_string(profiles).expect("profiles");
    sandbox.write_file(
        ".config/kustom/profiles.toml",
        &format!("{profiles}{}{}", profile("shop"), profile("vault")),
    );
    sandbox.stub.account.device("Old till");
    let sale = json!({
        "device_id": sandbox.stub.account.device("Till 1"),
        "order_amount": 24950,
        "purchase_currency": "SEK",
        "merchant_reference1": "receipt-1003",
    });
    sandbox.write_file("sale.json", &sale.to_string());
    let location = kustom::emulator::state::STOCKHOLM;
    sandbox.write_file(
        "enrollment.json",
        &json!({"location_id": location, "expires_in": 7_200_000}).to_string(),
    );
    sandbox.write_file("old-secret.txt", "whsec_bm90IHRoZSBvbmUgdGhhdCBzaWduZWQgdGhpcw==\n");
    // A published test vector would be rejected as too old.
    let now = jiff::Timestamp::now().as_second().to_string();
    let body = "{\"id\":\"kevt_1\",\"type\":\"ipp.session.finalized\"}";
    let secret = std::fs::read_to_string(sandbox.home().join("secret.txt")).expect("a secret");
    let signing = standardwebhooks::Webhook::new(secret.trim()).expect("a secret");
    let signature =
        signing.sign("kevt_1", now.parse().expect("seconds"), body.as_bytes()).expect("a signature");
    sandbox.write_file(
        "headers.txt",
        &format!("webhook-id: kevt_1\nwebhook-timestamp: {now}\nwebhook-signature: {signature}\n"),
    );
    sandbox.write_file("body.json", body);
    sandbox.write_file("attempts.ndjson", "");
    sandbox.stub_program("pass", &format!("#!/bin/sh\n[ \"$*\" = 'show kustom/key' ] && echo {API_KEY}\n"));
    sandbox.stub_program("less", "#!/bin/sh\nexec cat\n");
    sandbox
}

/// Whether the example needs a terminal for its prompts.
fn is_interactive(example: &str) -> bool {
    let command = example.split(" # ").next().unwrap_or_default().trim();
    matches!(command, "kustom login" | "kustom enrollments pair" | "kustom devices update")
}

/// Runs the examples of a command in one sandbox, because later ones may build on earlier ones.
#[track_caller]
fn run_examples(name: &str, help: &str) {
    let sandbox = prepare_store();
    let noun = name.split(' ').nth(1).unwrap_or_default();
    if matches!(noun, "orders" | "payouts" | "report") {
        sandbox.sell();
        if name == "kustom report reconcile" {
            sandbox.write_file("export.csv", "Kvitto;Belopp\nreceipt-1001;249,50\n");
        }
        sandbox.stub.account.pay_out();
    }
    if noun == "webhooks" {
        let listened = sandbox.run("kustom webhooks listen --secret-file secret.txt --exit-after 1");
        assert_eq!(listened.exit, 0, "{listened}");
    }
    if name == "kustom sessions recover" {
        sandbox.stub.account.lose_next_response();
        let lost = sandbox.run("kustom sessions create --device 'Till 1' --amount 249.50");
        assert_eq!(lost.exit, 7, "{lost}");
    }
    for example in parse_examples(help) {
        let mut example = example.replace("--merchant-id M1", &format!("--merchant-id {MERCHANT_ID}"));
        if name == "kustom completions" {
            example = format!("bash -c {}", shell_words::quote(&example));
        }
        // It creates a file that the other examples have.
        if example.starts_with("kustom webhooks secret") {
            example = format!("mkdir -p new; (cd new\n{example}\n)");
        }
        let output = if is_interactive(&example) { sandbox.type_in(&example) } else { sandbox.run(&example) };
        // In-person orders are captured when the customer pays, so the API refuses to change them.
        let is_refused =
            ["kustom orders capture", "kustom orders cancel", "kustom orders release"].contains(&name);
        assert_eq!(output.exit, if is_refused { 5 } else { 0 }, "{name}: {example}\n{output}");
    }
}

fn run_all_examples(includes: impl Fn(&str) -> bool) {
    let root = grammar();
    let mut count = 0;
    for (name, command) in commands(&root) {
        let first = name.split(' ').nth(1).unwrap_or_default();
        let Some(help) = command.get_after_help().filter(|_| includes(first)) else { continue };
        run_examples(&name, &help.to_string());
        count += 1;
    }
    assert!(count > 0);
}

#[test]
fn the_examples_of_sessions_work() {
    run_all_examples(|noun| noun == "sessions");
}

#[test]
fn the_examples_of_dev_work() {
    run_all_examples(|noun| noun == "dev");
}

const AFTER_THE_SALE: [&str; 4] = ["orders", "payouts", "report", "webhooks"];

#[test]
fn the_examples_of_what_comes_after_the_sale_work() {
    run_all_examples(|noun| AFTER_THE_SALE.contains(&noun));
}

#[test]
fn the_examples_of_all_other_commands_work() {
    run_all_examples(|noun| noun != "sessions" && noun != "dev" && !AFTER_THE_SALE.contains(&noun));
}

#[test]
fn the_examples_of_every_topic_work() {
    let topics = "exit-codes environment ledger pairing output scenarios emulator money callbacks";
    for topic in topics.split(' ') {
        let help = std::process::Command::new(PROGRAM)
            .env_clear()
            .args(["help", topic])
            .output()
            .expect("the program");
        let help = String::from_utf8(help.stdout).expect("text");
        assert!(!parse_examples(&help).is_empty(), "{topic} has no examples");
        run_examples(topic, &help);
    }
}
