//! The command-line grammar of kustom, for documents that are generated from it or checked against it.

use clap::{Arg, Command};

pub(crate) use crate::common::commands::commands;

pub(crate) fn grammar() -> Command {
    show_global_flags(kustom::command())
}

/// The generated documents include the global flags, which the help lists by itself.
fn show_global_flags(command: Command) -> Command {
    let show =
        |arg: Arg| if arg.is_global_set() { arg.hide_short_help(false).hide_long_help(false) } else { arg };
    command.mut_args(show).mut_subcommands(show_global_flags)
}

/// Whether every command has this flag.
pub(crate) fn is_global(arg: &Arg) -> bool {
    arg.is_global_set() || arg.get_id() == "help"
}

/// Finds an unknown command or flag in a command line that may be incomplete and contain placeholders.
pub(crate) fn find_error(root: &Command, line: &str) -> Option<String> {
    let words = shell_words::split(line).ok()?;
    let mut command = root;
    let mut words = words.iter().map(String::as_str);
    words.next();
    let mut rest = words.peekable();
    while let Some(word) = rest.next() {
        if let Some(flag) = word.strip_prefix('-') {
            let name = flag.trim_start_matches('-').split('=').next().unwrap_or_default();
            let Some(arg) = find_flag(command, name, word.starts_with("--")) else {
                return (name != "…").then(|| format!("{} has no flag {word}", command.get_name()));
            };
            if arg.get_action().takes_values() && !word.contains('=') {
                rest.next();
            }
        } else if let Some(next) = command.find_subcommand(word) {
            command = next;
        } else if command.has_subcommands() && command.get_positionals().next().is_none() {
            let is_placeholder = word.chars().all(char::is_uppercase) || word == "…";
            return (!is_placeholder).then(|| format!("{} has no command {word}", command.get_name()));
        } else if matches!(word, "|" | "&&" | "<" | ">") {
            return None;
        }
    }
    None
}

fn find_flag<'a>(command: &'a Command, name: &str, long: bool) -> Option<&'a Arg> {
    let mut args = command.get_arguments();
    if long {
        return args.find(|arg| arg.get_long() == Some(name));
    }
    // `-vv` is `-v` twice, and `-ojson` is `-o json`.
    let short = name.chars().next()?;
    args.find(|arg| arg.get_short() == Some(short))
}

/// Whether any command has this flag.
pub(crate) fn has_flag_somewhere(root: &Command, flag: &str) -> bool {
    let name = flag.trim_start_matches('-').split(['=', ' ']).next().unwrap_or_default();
    let long = flag.starts_with("--");
    commands(root).iter().any(|(_, command)| find_flag(command, name, long).is_some())
}

#[test]
fn unknown_commands_and_flags_are_found() {
    let root = grammar();
    for valid in [
        "kustom sessions create --watch",
        "kustom session watch SESSION -o json",
        "kustom --profile local devices list",
        "kustom dev NOUN",
        "kustom api POST /ipp/v1/sessions",
        "kustom -vv devices get 'Till 1'",
    ] {
        assert_eq!(find_error(&root, valid), None, "{valid}");
    }
    for invalid in [
        "kustom sessions make",
        "kustom sessions create --wait",
        "kustom --profile local devices list --watch",
        "kustom sesions",
    ] {
        assert!(find_error(&root, invalid).is_some(), "{invalid}");
    }
}
