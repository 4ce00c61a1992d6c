//! Tab in real shells.

use super::typing::{Typing, env, find};
use crate::common::prelude::*;

const NASTY: [&str; 19] = [
    "A space",
    "Bs\\middle",
    "Cs ends\\",
    "D'quote",
    "E\"quote",
    "F $HOME",
    "G `touch here`",
    "H $(touch here)",
    "I;touch here",
    "J&& touch here",
    "K*",
    "L#x",
    "M!x !!",
    "N:x =y",
    "Ö ~x {a,b} [c]?",
    "P<x>|y",
    "Q x'",
    "R x\"",
    "S '\"x!",
];

fn prepared() -> TestEnv {
    let env = env().local();
    for name in NASTY {
        env.run(["dev", "create-device", "--name", name, "-q"]).ok();
    }
    env.run(["dev", "create-device", "--name", "Till 1", "--location", "Stockholm City"]).ok();
    env.run(["dev", "create-device", "--name", "Till 2", "--location", "Stockholm City"]).ok();
    env
}

fn every_name_becomes_one_word(shell: &str) {
    let Some(program) = find(shell) else { return };
    let env = prepared();
    let mut typing = Typing::start(&program, &env);
    for name in NASTY {
        let begin: String = name.chars().take(1).collect();
        // In bash, a candidate that would have to end the quote is not offered.
        let ends_quote = |open: &str| match open {
            "'" => name.contains('\''),
            "\"" => name.contains(['"', '$', '`', '\\', '!']),
            _ => false,
        };
        for open in ["", "'", "\""].into_iter().filter(|open| shell != "bash" || !ends_quote(open)) {
            let words = typing.words_of(&format!("kustom devices get {open}{begin}\t"));
            assert_eq!(words, format!("<kustom><devices><get><{name}>"), "{shell}: {open}{begin}");
        }
    }
    assert!(!env.path().join("here").exists(), "{shell} ran a name as a command");
}

fn words_are_completed_and_offered(shell: &str, till: [&str; 2]) {
    let Some(program) = find(shell) else { return };
    let env = prepared();
    env.file("files/secret.txt", "x");
    let mut typing = Typing::start(&program, &env);
    let cases = [
        ("kustom devi\tlist", "<kustom><devices><list>"),
        ("kustom devices ge\tx", "<kustom><devices><get><x>"),
        ("kustom devices get Till\\ 1\t", "<kustom><devices><get><Till 1>"),
        ("kustom devices get Ti\t2", "<kustom><devices><get><Till 2>"),
        ("kustom devices get Till\\ \t1", "<kustom><devices><get><Till 1>"),
        ("kustom devices get 'Ti\t1'", "<kustom><devices><get><Till 1>"),
        ("kustom devices list --location=Sto\t", "<kustom><devices><list><--location=Stockholm City>"),
        ("kustom devices list --location 'Sto\t", "<kustom><devices><list><--location><Stockholm City>"),
        ("kustom devices list --loc\tx", "<kustom><devices><list><--location><x>"),
        ("kustom --profile loc\tdemo", "<kustom><--profile><local><demo>"),
        ("kustom dev emulator --option strict\tt\t", "<kustom><dev><emulator><--option><strict_sums=true>"),
        (
            "kustom webhooks verify --secret-file files/se\t",
            "<kustom><webhooks><verify><--secret-file><files/secret.txt>",
        ),
        ("kustom sessions create --body=files/se\t", "<kustom><sessions><create><--body=files/secret.txt>"),
    ];
    for (keys, expected) in cases {
        assert_eq!(typing.words_of(keys), expected, "{shell}: {keys}");
    }
    typing.offers("kustom devices get Till\t\t\t", &till);
}

#[test]
fn in_bash_every_name_becomes_one_word() {
    every_name_becomes_one_word("bash");
}

#[test]
fn in_zsh_every_name_becomes_one_word() {
    every_name_becomes_one_word("zsh");
}

#[test]
fn in_fish_every_name_becomes_one_word() {
    every_name_becomes_one_word("fish");
}

#[test]
fn in_bash_words_are_completed_and_offered() {
    words_are_completed_and_offered("bash", ["Till\\ 1", "Till\\ 2"]);
}

#[test]
fn in_zsh_words_are_completed_and_offered() {
    words_are_completed_and_offered("zsh", ["Till 1", "-- Stockholm City, TERMINAL"]);
}

#[test]
fn in_fish_words_are_completed_and_offered() {
    words_are_completed_and_offered("fish", ["Till 1", "Stockholm City, TERMINAL"]);
}

#[test]
fn zsh_loads_the_script_from_its_folder_of_functions() {
    let Some(program) = find("zsh") else { return };
    let env = env().local();
    let folder = env.path().join("functions");
    env.file("functions/_kustom", env.run(["completions", "zsh"]).ok());
    let before = std::fs::read_to_string(env.path().join(".zshrc")).unwrap();
    let without_script = before.lines().filter(|line| !line.starts_with("eval"));
    let lines: Vec<_> = without_script.collect();
    env.file(".zshrc", format!("fpath=({} $fpath)\n{}\n", folder.display(), lines.join("\n")));
    let mut typing = Typing::start(&program, &env);
    for _ in 0..2 {
        let words = typing.words_of("kustom locations get Sto\t");
        assert_eq!(words, "<kustom><locations><get><Stockholm City>");
    }
}

#[test]
fn fish_counts_a_variable_that_is_set_for_the_command() {
    let Some(program) = find("fish") else { return };
    let env = env();
    let mut typing = Typing::start(&program, &env);
    typing.offers("KUSTOM_PROFILE=local kustom locations get \t", &["Stockholm City", "Haga Nygata"]);
}
