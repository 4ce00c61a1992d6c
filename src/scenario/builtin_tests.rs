use super::*;
use crate::scenario::parse::tests::action_names;
use crate::scenario::runner::{RunResult, RunStatus, run_on_own_emulator};
use crate::scenario::{Scenario, parse};
use std::collections::BTreeSet;
use tokio_util::sync::CancellationToken;

fn run(scenario: &Scenario) -> RunResult {
    let cancel = CancellationToken::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(run_on_own_emulator(scenario, &cancel, Box::new(|_| {}))).unwrap()
}

#[test]
fn every_file_of_the_directory_is_built_in() {
    let entries = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios")).unwrap();
    let files: BTreeSet<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(files, FILES.iter().map(|(name, _)| (*name).to_owned()).collect());
}

#[test]
fn the_example_in_the_documentation_passes_and_every_key_is_documented() {
    let document = include_str!("../../docs/scenarios.md");
    let (_, rest) = document.split_once("```toml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    assert_eq!(run(&parse(example, "example.toml").unwrap()).status, RunStatus::Passed);
    let expectations = ["status", "http", "exit", "response", "has", "lacks", "says", "callbacks"];
    for key in action_names().into_iter().chain(expectations.map(str::to_owned)) {
        assert!(document.contains(&format!("\n| `{key}` | ")), "{key}");
    }
}

/// A file, a text in it and its replacement, which breaks the rule the scenario is about, and the failure that follows.
#[rustfmt::skip]
const BROKEN: &[(&str, &str, &str, &str)] = &[
    ("tap-outcomes.toml", "name =", "options.status_after_decline = \"failed\"\nname =",
        "step 3, tap: status ACTIVE / FAILED"),
    ("tap-outcomes.toml", "\"success\"", "\"lost-card\"",
        "step 12, tap: status FINALIZED / ACTIVE; callbacks ipp.session.finalized / ipp.payment.failed"),
    ("second-try.toml", "name =", "options.status_after_decline = \"created\"\nname =",
        "step 4, decline: status ACTIVE / CREATED"),
    ("second-try.toml", "\"swish\"", "\"card\"", "step 5, choose: response.method \"SWISH\" / \"CARD\""),
    ("expiry.toml", "\"10m\"", "\"11m\"", "step 5, wait: step EXPIRED within 1s / exit 13: it is ACTIVE after 1s"),
    ("expiry.toml", "\"10m\"", "\"9m\"", "step 3, advance: status CREATED / EXPIRED"),
    ("expiry.toml", "[options]", "[options]\ncancel_ended = \"answer\"",
        "step 7, cancel: http 409 / 200; exit 5 / 0"),
    ("cancel-against-pay.toml", "name =", "options.cancel_ended = \"answer\"\nname =",
        "step 4, cancel: http 409 / 200"),
    ("phone-offline.toml", "\"offline\"", "\"online\"", "step 4, create: http 409 / 200; exit 5 / 0"),
    ("pairing.toml", "\"Göteborg Haga\"", "\"Stockholm City\"",
        "step 1, enroll: response.location_id \"b7f03d5e-1c86-4a29-8e47-60d9a1c35f02\" / \"51e2a9c4-7b0d-4f63-9d18-3ac5f0e72b41\""),
    ("pairing.toml", "\"deregister\"", "\"online\"", "step 8, create: http 404 / 200; exit 4 / 0"),
    ("expired-code.toml", "\"2h\"", "\"1h\"", "step 6, pair: http 409 / 200"),
    ("two-open-sessions.toml", "true", "false", "step 3, create: http 409 / 200; exit 5 / 0"),
    ("refused-cart.toml", "name =", "options.strict_sums = false\nname =",
        "step 2, create: http 400 / 200; exit 5 / 0"),
    ("refused-cart.toml", "\"249.50\"", "\"200.00\"", "step 2, create: http 400 / 200; exit 5 / 0"),
    ("refund.toml", "\"200.00\"", "\"149.50\"", "step 6, refund: http 403 / 201; exit 5 / 0"),
];

#[test]
fn each_fails_when_its_rule_is_broken() {
    let mut failures = Vec::new();
    for (file, original, replacement, _) in BROKEN {
        let (_, text) = FILES.iter().find(|(name, _)| name == file).unwrap();
        assert!(text.contains(original), "{file}: {original}");
        let scenario = parse(&text.replacen(original, replacement, 1), file).unwrap();
        let result = run(&scenario);
        let action = result.failed_action.unwrap_or_else(|| panic!("{file}: {replacement}"));
        let mismatches: Vec<_> = result
            .mismatches
            .iter()
            .map(|mismatch| format!("{} {} / {}", mismatch.what, mismatch.expected, mismatch.actual))
            .collect();
        let step = result.steps_passed + 1;
        failures.push(format!("step {step}, {action}: {}", mismatches.join("; ")));
    }
    assert_eq!(failures, BROKEN.iter().map(|(.., failure)| *failure).collect::<Vec<_>>());
    let tested: BTreeSet<_> = BROKEN.iter().map(|(file, ..)| *file).collect();
    assert_eq!(tested, FILES.iter().map(|(file, _)| *file).collect(), "each has a rule that can be broken");
}
