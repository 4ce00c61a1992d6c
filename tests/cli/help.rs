//! Help: every command has a summary, a paragraph, examples, and the next command. The examples are run with those of the
//! documents.

use clap::Command;

use crate::common::commands::commands;
use crate::common::contract_emulator::NO_ID;
use crate::common::prelude::*;

fn root() -> Command {
    let mut root = kustom::command();
    root.build();
    root
}

fn below<'a>(heading: &str, help: &'a str) -> Vec<&'a str> {
    let lines = help.lines().skip_while(|line| *line != heading).skip(1);
    lines.take_while(|line| line.starts_with(' ')).map(str::trim).collect()
}

#[test]
fn the_grammar_is_valid() {
    kustom::command().debug_assert();
}

#[test]
fn every_command_has_a_summary_a_paragraph_examples_and_a_next_command() {
    for (words, command) in commands(&root()).into_iter().skip(1) {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        assert!(!about.is_empty() && !about.ends_with('.'), "{words}: {about:?}");
        let long = command.get_long_about().map(ToString::to_string).unwrap_or_default();
        assert!(long.starts_with(&format!("{about}\n\n")), "{words} has no paragraph: {long:?}");
        let more = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let examples = below("Examples:", &more);
        let examples = examples.iter().filter(|line| line.contains("kustom ") && !line.starts_with("--"));
        assert!((1..=4).contains(&examples.count()), "{words} has no examples, or too many:\n{more}");
        assert!(words == "kustom help" || !below("Next:", &more).is_empty(), "{words}: no next command");
        for line in more.lines() {
            assert!(line.chars().count() <= 100, "{words} has a line that is too long:\n{line}");
        }
    }
}

#[test]
fn every_next_command_parses() {
    for (words, command) in commands(&root()).into_iter().skip(1) {
        let more = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        for line in below("Next:", &more) {
            let line = line.split(" # ").next().unwrap_or_default().trim();
            let real = [
                ("SESSION", NO_ID),
                ("ENROLLMENT", NO_ID),
                ("URL", "http://127.0.0.1:3000"),
                ("FAULT", "'GET /ipp/v1/devices: 503'"),
            ];
            let line = real.iter().fold(line.to_owned(), |line, (word, real)| {
                let placed = line.split(' ').map(|typed| if typed == *word { real } else { typed });
                placed.collect::<Vec<_>>().join(" ")
            });
            let typed = shell_words::split(&line).unwrap();
            let typed = typed.iter().skip_while(|word| word.contains('='));
            match kustom::command().try_get_matches_from(typed) {
                Err(error) if error.kind() != clap::error::ErrorKind::DisplayHelp => {
                    panic!("{words}: {error}")
                }
                _ => {}
            }
        }
    }
}

#[test]
fn the_root_help_lists_every_command_and_every_global_flag() {
    let help = kustom::command().render_help().to_string();
    let root = root();
    for command in root.get_subcommands() {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        let line = format!("  {:<13} {about}", command.get_name());
        assert!(help.lines().any(|listed| listed == line), "{line}\n{help}");
    }
    let globals = below("Global options:", &help);
    for flag in root.get_arguments().filter(|arg| arg.is_global_set()) {
        let flag = format!("--{}", flag.get_long().unwrap());
        assert!(globals.iter().any(|line| line.contains(&flag)), "{flag}\n{help}");
    }
}

#[test]
fn the_root_help_is_printed_for_every_way_to_request_it() {
    let env = TestEnv::new();
    let short = env.run(["-h"]).stdout_only();
    let long = env.run(["--help"]).stdout_only();
    assert_eq!(env.run([""; 0]).stdout_only(), short);
    assert_eq!(env.run(["help"]).stdout_only(), long);
    for help in [short, long, env.run(["help", "-h"]).stdout_only()] {
        assert!(help.contains("Usage: kustom"), "{help}");
    }
    assert!(!env.profiles_file().exists() && !env.state_folder().exists(), "help must not create files");
}

#[test]
fn help_of_a_command_is_the_same_in_either_way() {
    let env = TestEnv::new();
    for words in [&["devices"][..], &["devices", "update"], &["dev", "emulator", "clock", "show"], &["demo"]]
    {
        let flag = env.run(words.iter().copied().chain(["--help"])).stdout_only();
        assert_eq!(&env.run(["help"].into_iter().chain(words.iter().copied())).stdout_only(), &flag);
    }
}

#[test]
fn topics_are_explained() {
    let env = TestEnv::new();
    for (topic, told) in [
        ("exit-codes", "    7  unknown: the request may have been processed"),
        ("environment", "  KUSTOM_PROFILE      the profile, as --profile"),
        ("money", "  A tax rate is written in percent (tax=25%) and sent in basis points (2500)."),
        ("callbacks", "  session.created     session.activated   session.finalized   session.cancelled"),
    ] {
        let shown = env.run(["help", topic]).stdout_only();
        assert!(shown.lines().any(|line| line == told), "{topic}: {shown}");
        assert!(shown.lines().all(|line| line.chars().count() <= 96), "{shown}");
        assert!(!below("Examples:", &shown).is_empty(), "{topic} has no examples");
    }
}

#[test]
fn a_typo_gets_a_suggestion() {
    let env = TestEnv::new();
    let mistyped = |args: &[&str]| env.run(args).assert_failure(2);
    let topics = "  hint: the topics are: exit-codes, environment, ledger, pairing, output, scenarios, emulator, money, callbacks\n";
    assert_eq!(
        &mistyped(&["help", "exit-code"]),
        &format!(
            "error: there is no command or topic 'exit-code'\n  hint: did you mean 'exit-codes'?\n{topics}"
        )
    );
    assert_eq!(
        &mistyped(&["help", "devices", "lst"]),
        &format!("error: there is no command or topic 'devices lst'\n  hint: did you mean 'list'?\n{topics}")
    );
    for (args, tip) in [
        (&["devces", "list"][..], "'devices'"),
        (&["devices", "updat"], "'update'"),
        (&["devices", "update", "--nmae", "x"], "'--name'"),
        (&["sessions", "create", "--refrence", "x"], "'--reference'"),
        (&["dev", "simulate-tap", "--outcome", "insufficent-funds"], "'insufficient-funds'"),
        (&["-o", "jsn", "devices", "list"], "'json'"),
    ] {
        let said = mistyped(args);
        assert!(said.contains(&format!("did you mean {tip}?")), "{args:?}: {said}");
    }
}

#[test]
fn headings_and_comments_are_styled_only_with_color() {
    let env = TestEnv::new();
    for (topic, style) in
        [("help", "\u{1b}[1m\u{1b}[4m"), ("money", "\u{1b}[1m\u{1b}[4m"), ("help", "\u{1b}[2m# ")]
    {
        assert!(env.run(["help", topic, "--color", "always"]).stdout_only().contains(style), "{topic}");
    }
    assert!(!env.run(["help", "money"]).stdout_only().contains('\u{1b}'));
}

#[test]
fn a_noun_without_a_verb_shows_its_help_and_fails() {
    let env = TestEnv::new();
    for args in [&["sessions"][..], &["dev", "emulator", "fault"]] {
        let shown = env.run(args).assert_failure(2);
        let help = env.run(args.iter().chain(&["-h"])).stdout_only();
        assert_eq!(shown, help, "{args:?}");
    }
    let shown = env.run(["sessions", "--quiet"]).assert_failure(2);
    assert_eq!(shown, "error: `kustom sessions` needs a command\n  hint: see `kustom sessions --help`\n");
    let shown: Value = serde_json::from_str(&env.run(["sessions", "-o", "json"]).assert_failure(2)).unwrap();
    assert_eq!(shown["error"]["message"], "`kustom sessions` needs a command");
}
