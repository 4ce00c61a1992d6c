//! Help that teaches: every command says what it does, shows it, and names the next command. The examples themselves
//! are run with those of the documents.

use std::collections::BTreeSet;

use clap::Command;

use crate::common::contract_emulator::NO_ID;
use crate::common::harness::TestEnv;

/// Every command of the grammar with the words that name it.
fn commands() -> Vec<(String, Command)> {
    fn walk(words: &str, command: &Command, all: &mut Vec<(String, Command)>) {
        for below in command.get_subcommands() {
            let words = format!("{words} {}", below.get_name());
            walk(&words, below, all);
            all.push((words, below.clone()));
        }
    }
    let mut root = kustom::command();
    root.build();
    let mut all = Vec::new();
    walk("kustom", &root, &mut all);
    all
}

/// The lines below a heading of a help text.
fn below<'a>(heading: &str, help: &'a str) -> Vec<&'a str> {
    let lines = help.lines().skip_while(|line| *line != heading).skip(1);
    lines.take_while(|line| line.starts_with(' ')).map(str::trim).collect()
}

#[test]
fn every_command_has_a_line_a_paragraph_examples_and_what_comes_next() {
    for (words, command) in commands() {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        assert!(!about.is_empty() && !about.ends_with('.'), "{words}: {about:?}");
        let long = command.get_long_about().map(ToString::to_string).unwrap_or_default();
        assert!(long.starts_with(&format!("{about}\n\n")), "{words} has no paragraph: {long:?}");
        let more = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let examples = below("Examples:", &more);
        let examples = examples.iter().filter(|line| line.contains("kustom ") && !line.starts_with("--"));
        assert!((2..=3).contains(&examples.count()), "{words} has not two or three examples:\n{more}");
        assert!(words == "kustom help" || !below("Next:", &more).is_empty(), "{words}: no next command");
        for line in more.lines() {
            assert!(line.chars().count() <= 100, "{words} has a line that is too long:\n{line}");
        }
    }
}

/// What is typed next is understood, once real things stand where the line says what to put there.
#[test]
fn every_next_command_is_understood() {
    for (words, command) in commands() {
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

/// The help of the program itself is a text of its own: it names every command and every global flag, and no other.
#[test]
fn the_map_names_every_command_and_every_global_flag() {
    let map = kustom::command().render_help().to_string();
    let named: BTreeSet<&str> = map
        .lines()
        .filter(|line| line.starts_with("  ") && line.as_bytes().get(2) != Some(&b' '))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase()))
        .collect();
    let mut root = kustom::command();
    root.build();
    let commands: BTreeSet<&str> = root.get_subcommands().map(Command::get_name).collect();
    assert_eq!(named, commands.iter().copied().filter(|name| *name != "help").chain(["kustom"]).collect());

    let flags: BTreeSet<String> = below("Global options:", &map)
        .iter()
        .map(|line| line.split("   ").next().unwrap().to_owned())
        .collect();
    let expected =
        root.get_arguments().filter(|arg| arg.is_global_set() && arg.get_id() != "help").map(|arg| {
            let short = arg.get_short().map(|short| format!("-{short}, ")).unwrap_or_default();
            let takes =
                arg.get_action().takes_values().then(|| arg.get_value_names()).flatten().unwrap_or_default();
            let flag = format!("{short}--{}", arg.get_long().unwrap());
            takes.iter().fold(flag, |flag, name| format!("{flag} {name}"))
        });
    assert_eq!(flags, expected.collect());
    assert!(map.lines().all(|line| line.chars().count() <= 79), "{map}");
}

#[test]
fn the_map_is_shown_however_it_is_asked_for() {
    let env = TestEnv::new();
    let map = format!("{}\n", kustom::command().render_help().to_string().trim_end());
    for args in [&[][..], &["--help"], &["-h"], &["help"], &["help", "-h"]] {
        let shown = env.run(args).stdout_only();
        if args != ["help", "-h"] {
            assert_eq!(&shown, &map);
        }
        assert!(shown.contains("Usage: kustom"), "{args:?}: {shown}");
    }
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
        ("exit-codes", "    7  unknown: the request may have been carried out"),
        ("environment", "  KUSTOM_PROFILE      the profile, as --profile"),
        ("money", "  A tax rate is written in per cent (tax=25%) and sent in basis points (2500)."),
        ("callbacks", "  session.created     session.activated   session.finalized   session.cancelled"),
    ] {
        let shown = env.run(["help", topic]).stdout_only();
        assert!(shown.lines().any(|line| line == told), "{topic}: {shown}");
        assert!(shown.lines().all(|line| line.chars().count() <= 96), "{shown}");
        assert!(!below("Examples:", &shown).is_empty(), "{topic} has no examples");
    }
}

/// Every variable that is read is explained, and no other.
#[test]
fn every_variable_is_explained() {
    let names = |text: &str| -> BTreeSet<String> {
        let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        words.filter(|word| word.starts_with("KUSTOM_")).map(str::to_owned).collect()
    };
    let read = names(include_str!("../../src/settings/env.rs"));
    let read: BTreeSet<_> =
        read.into_iter().chain(names(include_str!("../../src/settings/paths.rs"))).collect();
    assert!(read.len() >= 8, "{read:?}");
    assert_eq!(names(&TestEnv::new().run(["help", "environment"]).stdout_only()), read);
}

#[test]
fn what_was_meant_is_suggested() {
    let env = TestEnv::new();
    let mistyped = |args: &[&str]| env.run(args).assert_failure(2);
    let topics = "  hint: the topics are: exit-codes, environment, money, callbacks\n";
    assert_eq!(
        &mistyped(&["help", "exit-code"]),
        &format!(
            "error: there is no command and no topic 'exit-code'\n  hint: a similar topic exists: 'exit-codes'\n{topics}"
        )
    );
    assert_eq!(
        &mistyped(&["help", "devices", "lst"]),
        &format!(
            "error: there is no command and no topic 'devices lst'\n  hint: a similar subcommand exists: 'list'\n{topics}"
        )
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
        assert!(said.contains("similar") && said.contains(tip), "{args:?}: {said}");
    }
}

/// Colours belong to a terminal; in a pipe there are none.
#[test]
fn headings_stand_out_where_that_can_be_seen() {
    let env = TestEnv::new();
    for args in [&["help", "--color", "always"][..], &["help", "money", "--color", "always"]] {
        assert!(env.run(args).stdout_only().contains("\u{1b}[1m\u{1b}[4m"), "{args:?}");
    }
    assert!(!env.run(["help", "money"]).stdout_only().contains('\u{1b}'));
}
