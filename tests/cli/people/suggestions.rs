//! Every command that a message suggests runs as printed, from a profile that is not the active one.

use crate::common::prelude::*;

/// The commands in a text: in backticks, and after a colon up to the end of the line.
fn commands(text: &str) -> Vec<String> {
    let mut commands = Vec::new();
    for line in text.lines() {
        let quoted = line.split('`').skip(1).step_by(2);
        commands.extend(quoted.filter(|text| text.starts_with("kustom ")).map(str::to_owned));
        if let Some((_, command)) = line.split_once(": kustom ") {
            commands.push(format!("kustom {}", command.split("; ").next().unwrap()));
        }
    }
    commands
}

#[test]
fn every_suggested_command_runs_as_printed_from_a_profile_that_is_not_active() {
    let other = crate::common::server::Server::unwanted();
    let env = TestEnv::new().with_profiles(&format!(
        "active = \"other\"\n[profiles.other]\nenvironment = \"playground\"\napi_key = \"kco_test_api_1\"\nbase_url = \"{}\"\n",
        other.url()
    ));
    let run = |args: &[&str]| env.run(["--profile", "local"].iter().chain(args));
    run(&["dev", "create-device", "--name", "Till 1", "--location", "Stockholm City"]).ok();
    run(&["dev", "create-device", "--name", "Bar", "--location", "Stockholm City"]).ok();
    run(&["dev", "create-device", "--name", "Bar", "--location", "Göteborg Haga"]).ok();
    let created = run(&["sessions", "create", "--device", "Till 1", "--amount", "5", "--reference", "r1"]);
    let mut seen = vec![created.stderr.clone()];
    let session = created.stdout.split_whitespace().nth(1).unwrap().to_owned();
    for args in [
        &["devices", "get"][..],
        &["devices", "get", "nope"],
        &["devices", "get", "Bar"],
        &["devices", "update", "Till 1"],
        &["locations", "get", "nope"],
        &["sessions", "get"],
        &["sessions", "create", "--device", "Till 1", "--amount", "5", "--reference", "r1"],
        &["sessions", "cancel", &session],
        &["enrollments", "create"],
        &["enrollments", "delete"],
        &["profiles", "use"],
        &["profiles", "use", "nope"],
        &["dev", "pos", "offline", "Till 1"],
        &["dev", "pos", "online", "Till 1"],
        &["dev", "pos", "pay", "00000000-0000-4000-8000-000000000001"],
        &["pay"],
        &["rename"],
        &["ls"],
        &["logout"],
        &["doctor"],
    ] {
        let outcome = run(args);
        seen.push(outcome.stderr);
        seen.push(outcome.stdout);
    }
    let mut count = 0;
    for command in seen.iter().flat_map(|text| commands(text)) {
        let words = shell_words::split(&command).unwrap();
        let needs_profile = ["devices", "sessions", "locations", "enrollments", "dev", "doctor"];
        let is_generic = command.contains("--help") || command.contains("dev emulator");
        if words.iter().any(|word| needs_profile.contains(&word.as_str())) && !is_generic {
            assert!(command.contains("--profile local"), "'{command}' acts on another account");
        }
        let typed: Vec<_> = words[1..].iter().map(String::as_str).collect();
        if typed.contains(&"dev") && typed.contains(&"emulator") {
            continue;
        }
        // On a terminal, what is missing is asked for; Ctrl-C leaves.
        let mut screen = PtySession::open(&env, &typed, &[("KUSTOM_PAGER", "cat")]);
        let asked = screen.until_one_of(&["(type to search):", "API key:", "Amount", "Continue?"], 0);
        if asked.is_some() {
            screen.until_read_by_keys(&command);
            screen.type_in("\x03");
        }
        let (code, shown) = screen.end();
        let shown = plain(&shown);
        assert!(!shown.contains("see `kustom"), "'{command}' does not parse:\n{shown}");
        assert!(!matches!(code, 1 | 3), "'{command}' fails with {code}:\n{shown}");
        count += 1;
    }
    assert!(count > 10, "{seen:?}");
    other.assert_untouched();
}
