//! The grammar of the program, as what is generated from it and what is held to it see it.

use clap::{Arg, Command};

/// All of it, with the verbs of every noun.
pub(crate) fn grammar() -> Command {
    // A page has room for the global flags as they are.
    let mut root = kustom::command().mut_args(|arg| arg.hide_short_help(false).hide_long_help(false));
    root.build();
    root
}

/// The visible commands below one, each noun before its verbs, with their names from the root on.
pub(crate) fn commands(root: &Command) -> Vec<(String, &Command)> {
    let mut found = vec![(root.get_name().to_owned(), root)];
    add(root, root.get_name(), &mut found);
    found
}

fn add<'a>(above: &'a Command, name: &str, found: &mut Vec<(String, &'a Command)>) {
    for command in above.get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = format!("{name} {}", command.get_name());
        found.push((name.clone(), command));
        add(command, &name, found);
    }
}

/// Whether a flag is one that every command has.
pub(crate) fn is_global(arg: &Arg) -> bool {
    arg.is_global_set() || arg.get_id() == "help"
}

/// The visible arguments of a command that are its own.
pub(crate) fn own_arguments(command: &Command) -> Vec<&Arg> {
    command.get_arguments().filter(|arg| !arg.is_hide_set() && !is_global(arg)).collect()
}

/// What is wrong with a command line of prose, in which values are placeholders and the rest can be left out.
pub(crate) fn fault_in(root: &Command, line: &str) -> Option<String> {
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
            let stands_for_any = word.chars().all(char::is_uppercase) || word == "…";
            return (!stands_for_any).then(|| format!("{} has no command {word}", command.get_name()));
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
fn a_wrong_command_line_is_noticed() {
    let root = grammar();
    for right in [
        "kustom sessions create --watch",
        "kustom session watch SESSION -o json",
        "kustom --profile local devices list",
        "kustom dev NOUN",
        "kustom api POST /ipp/v1/sessions",
        "kustom -vv devices get 'Till 1'",
    ] {
        assert_eq!(fault_in(&root, right), None, "{right}");
    }
    for wrong in [
        "kustom sessions make",
        "kustom sessions create --wait",
        "kustom --profile local devices list --watch",
        "kustom sesions",
    ] {
        assert!(fault_in(&root, wrong).is_some(), "{wrong}");
    }
}
