//! `kustom demo`, as text and as JSON.

use crate::common::prelude::*;

fn assert_nothing_left(env: &TestEnv) {
    let left: Vec<_> = std::fs::read_dir(env.temporary_folder()).unwrap().flatten().collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(!env.state_folder().exists() && !env.profiles_file().exists());
}

#[test]
fn for_people_every_command_is_shown_with_its_output() {
    let env = TestEnv::new();
    let shown = env.run(["demo"]).stdout_only();
    let commands: Vec<_> = shown.lines().filter(|line| line.starts_with("$ ")).collect();
    assert_eq!(commands.len(), 9, "{shown}");
    for (command, begins) in commands.iter().zip([
        "$ kustom locations list",
        "$ kustom dev create-device --name 'Till 1' --location 'Stockholm City'",
        "$ kustom sessions create --device 'Till 1' --amount 249.50 --currency SEK",
        "$ kustom sessions watch ",
        "$ kustom dev simulate-tap ",
        "$ kustom sessions create --device 'Till 1' --amount 89.00 --currency SEK",
        "$ kustom dev simulate-tap ",
        "$ kustom sessions watch ",
        "$ kustom sessions cancel ",
    ]) {
        assert!(command.starts_with(begins), "{command} is not {begins}");
    }
    let at = |text: &str| shown.find(text).unwrap_or_else(|| panic!("no '{text}' in {shown}"));
    assert!(at("FINALIZED") < at("Paid. Order") && at("Paid. Order") < at("insufficient funds"));
    assert!(at("insufficient funds") < at("CANCELLED"));
    assert!(at("Canceled: nothing was charged.") > at("Stockholm City"));
    assert_nothing_left(&env);
}

#[test]
fn for_scripts_it_is_a_list_of_steps() {
    let env = TestEnv::new();
    let steps = env.run(["demo", "-o", "json"]).json();
    let steps: Vec<&Value> = steps.as_array().unwrap().iter().collect();
    let ends: Vec<_> = steps
        .iter()
        .map(|step| {
            (
                step["command"].as_str().unwrap().split(' ').nth(2).unwrap(),
                step["exit_code"].as_i64().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("list", 0),
        ("create-device", 0),
        ("create", 0),
        ("simulate-tap", 0),
        ("watch", 0),
        ("create", 0),
        ("simulate-tap", 0),
        ("cancel", 0),
        ("watch", 10),
    ];
    assert_eq!(ends, expected);
    assert_eq!(steps[4]["output"]["status"], "FINALIZED");
    assert!(steps[4]["output"]["order_id"].is_string());
    assert_eq!(steps[8]["output"]["status"], "CANCELLED");
    assert_nothing_left(&env);
}

#[test]
fn it_takes_no_notice_of_the_account_of_whoever_runs_it() {
    let env = TestEnv::new()
        .at("https://does-not-exist.invalid", "kco_live_api_0123456789abcdef")
        .env("KUSTOM_USERNAME", "someone")
        .env("KUSTOM_MERCHANT_ID", "M100")
        .env("KUSTOM_PROFILE", "nope");
    let shown = env.run(["demo", "-o", "ndjson"]).stdout_only();
    assert_eq!(shown.lines().count(), 9, "{shown}");
    assert_nothing_left(&env);
}
