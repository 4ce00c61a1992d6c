//! Words that people type for a command of another name.

use clap::error::{ContextKind, ContextValue, ErrorKind as ParserErrorKind};

use crate::error::Error;
use crate::text::escape_control;

/// A suggestion may differ from what was typed by this many letters, and from a short word by fewer.
const MAX_EDIT_DISTANCE: usize = 2;

/// Words that stand for several, or for a flag. Those that stand for a noun are its aliases.
const SYNONYMS: [(&str, &[&str]); 5] = [
    ("pair", &["enrollments", "pair"]),
    ("enroll", &["enrollments", "pair"]),
    ("enrol", &["enrollments", "pair"]),
    ("whoami", &["profiles", "show"]),
    ("version", &["--version"]),
];

/// Words that could mean several commands, or a command that should not run by a guess.
const EXPLANATIONS: [(&[&str], &str); 12] = [
    (&["pay", "charge", "sale", "sell"], "take a payment: kustom sessions create --watch"),
    (&["refund"], "refund a payment: kustom orders refund"),
    (&["capture"], "capture an order: kustom orders capture"),
    (&["cancel", "void"], "cancel an open session: kustom sessions cancel"),
    (&["watch", "wait"], "wait for an open session: kustom sessions watch"),
    (&["ls", "list"], "list devices: kustom devices list; list locations: kustom locations list"),
    (&["rm", "remove", "delete", "unpair"], "remove a device: kustom devices deregister"),
    (&["mv", "move", "rename", "edit"], "rename or move a device: kustom devices update"),
    (&["logout", "signout"], "remove a profile with its key: kustom profiles remove"),
    (&["switch", "use"], "choose another profile: kustom profiles use"),
    (&["config", "settings", "configure"], "show the settings: kustom profiles show"),
    (
        &["emulator", "mock", "simulate", "test"],
        "run the emulator: kustom dev emulator; run scenarios: kustom dev run",
    ),
];

/// Replaces a word that stands for a command, if the parser does not know it.
pub(crate) fn replace_synonym(
    error: &clap::Error,
    args: &[std::ffi::OsString],
) -> Option<Vec<std::ffi::OsString>> {
    let word = unknown_command(error)?;
    let (_, words) = SYNONYMS.iter().find(|(synonym, _)| *synonym == word)?;
    let at = args.iter().position(|arg| arg == word)?;
    // Below another command, the word does not stand for a command.
    if has_group(&args[..at]) {
        return None;
    }
    let mut replaced = args.to_vec();
    replaced.splice(at..=at, words.iter().map(std::ffi::OsString::from));
    Some(replaced)
}

/// Escapes the words of the command line in an error of the parser.
pub(crate) fn escape_values(mut error: clap::Error) -> clap::Error {
    let values = error.context().filter_map(|(kind, value)| match value {
        ContextValue::String(text) => Some((kind, ContextValue::String(escape_control(text).into_owned()))),
        ContextValue::Strings(texts) => {
            let texts = texts.iter().map(|text| escape_control(text).into_owned());
            Some((kind, ContextValue::Strings(texts.collect())))
        }
        _ => None,
    });
    for (kind, value) in values.collect::<Vec<_>>() {
        error.insert(kind, value);
    }
    error
}

/// Converts an error of the parser. Suggestions that are far off are omitted, and words that people expect name the
/// command that does it.
pub(crate) fn explain(error: &clap::Error, args: &[std::ffi::OsString]) -> Error {
    let mut report = Error::from(error);
    if let Some(word) = unknown_command(error) {
        report.hints.clear();
        let is_root = args.iter().position(|arg| arg == word).is_none_or(|at| !has_group(&args[..at]));
        let explanation = EXPLANATIONS.iter().find(|(words, _)| words.contains(&word));
        match explanation {
            Some((_, text)) if is_root => report.hints.push((*text).to_owned()),
            _ => report.hints.extend(similar_command(error)),
        }
    } else if error.kind() == ParserErrorKind::UnknownArgument {
        let typed = error.get(ContextKind::InvalidArg).map(ToString::to_string).unwrap_or_default();
        match typed.as_str() {
            "--json" => report.hints = vec!["print JSON with -o json".to_owned()],
            "--format" | "--out" => report.hints = vec!["choose the format with --output".to_owned()],
            "--colour" => report.hints = vec!["write --color".to_owned()],
            "--limit" | "--debug" => report.hints.retain(|hint| !hint.starts_with("a similar")),
            _ => report.hints.retain(|hint| {
                let suggested = hint.split('\'').nth(1).unwrap_or_default();
                !hint.starts_with("a similar") || is_similar(&typed, suggested)
            }),
        }
    }
    for hint in &mut report.hints {
        if let Some((_, name)) = hint.split_once(" exists: ") {
            *hint = format!("did you mean {name}?");
        }
    }
    let help = command_path(args).join(" ");
    if matches!(
        error.kind(),
        ParserErrorKind::MissingSubcommand | ParserErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    ) {
        report = Error::usage(format!("`{help}` needs a command"));
    }
    report.hint(format!("see `{help} --help`"))
}

/// Whether a word is a command that has commands below it, such as `devices`.
fn has_group(args: &[std::ffi::OsString]) -> bool {
    let root = crate::command();
    args.iter().any(|arg| root.find_subcommand(arg).is_some_and(clap::Command::has_subcommands))
}

/// The command that was typed, without its arguments.
fn command_path(args: &[std::ffi::OsString]) -> Vec<String> {
    let mut command = crate::command();
    let mut path = vec!["kustom".to_owned()];
    for word in args.iter().skip(1).filter_map(|arg| arg.to_str()).filter(|arg| !arg.starts_with('-')) {
        let Some(below) = command.find_subcommand(word).cloned() else { continue };
        path.push(below.get_name().to_owned());
        command = below;
    }
    path
}

fn unknown_command(error: &clap::Error) -> Option<&str> {
    match (error.kind(), error.get(ContextKind::InvalidSubcommand)) {
        (ParserErrorKind::InvalidSubcommand, Some(ContextValue::String(word))) => Some(word),
        _ => None,
    }
}

/// The most similar command, as a hint.
pub(crate) fn similar_command(error: &clap::Error) -> Option<String> {
    let word = unknown_command(error)?;
    let names = suggestions(error).into_iter().filter(|name| is_similar(word, name));
    let closest = names.min_by_key(|name| (strsim::osa_distance(word, name), usize::MAX - name.len()))?;
    Some(format!("did you mean '{closest}'?"))
}

fn suggestions(error: &clap::Error) -> Vec<String> {
    match error.get(ContextKind::SuggestedSubcommand) {
        Some(ContextValue::Strings(names)) => names.clone(),
        Some(ContextValue::String(name)) => vec![name.clone()],
        _ => Vec::new(),
    }
}

fn is_similar(typed: &str, suggested: &str) -> bool {
    let allowed = MAX_EDIT_DISTANCE.min(typed.trim_start_matches('-').chars().count() / 3);
    suggested.starts_with(typed) || strsim::osa_distance(typed, suggested) <= allowed
}
