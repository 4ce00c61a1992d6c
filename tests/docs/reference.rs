//! `docs/reference.md`: every command and every flag, for people who would rather scroll than ask for help.
//!
//! Made here and not by clap-markdown, which repeats the global flags under each command and puts each flag into a list
//! of its own height.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command};

use super::grammar::{commands, grammar, is_global, own_arguments};

const HEAD: &str = "\
# Commands

<!-- Made from the program by `KUSTOM_BLESS=1 cargo test --test docs`: change the help texts in src/ instead. -->

Every command with its arguments and flags, as `kustom COMMAND --help` tells them. The flags of [every
command](#global-options) stand at the end. The same is in the [pages of man](man).

";

/// The whole page.
pub(crate) fn reference() -> String {
    let root = grammar();
    let mut page = HEAD.to_owned();
    let all = commands(&root);
    page += "| command | |\n|---|---|\n";
    for (name, command) in all.iter().skip(1).filter(|(_, command)| !command.has_subcommands()) {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(page, "| [`{name}`](#{}) | {} |", name.replace(' ', "-"), prose(&about));
    }
    for (name, command) in all.iter().skip(1) {
        let _ = write!(page, "\n## {name}\n\n{}", section(name, command));
    }
    page += "\n## Global options\n\n";
    root.get_arguments()
        .filter(|arg| is_global(arg) && !arg.is_hide_set())
        .for_each(|arg| page += &item(arg));
    if let Some(more) = root.get_after_long_help() {
        let _ = write!(page, "\n```text\n{}\n```\n", more.to_string().trim_end());
    }
    page
}

fn section(name: &str, command: &Command) -> String {
    let mut text = String::new();
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    let paragraphs: Vec<_> = about.trim_end().split("\n\n").map(paragraph).collect();
    text += &paragraphs.join("\n");
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").replace("\n       ", "\n");
    let _ = write!(text, "\n```text\n{}\n```\n", usage.trim_end());
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    let verbs = verbs.map(|verb| {
        let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
        let anchor = format!("{name} {}", verb.get_name()).replace(' ', "-");
        filled(&format!("- [`{}`](#{anchor}): {}", verb.get_name(), prose(&about)), "  ")
    });
    let verbs: String = verbs.collect();
    if !verbs.is_empty() {
        let _ = write!(text, "\n{verbs}");
    }
    let aliases: Vec<_> = command.get_all_aliases().map(|alias| format!("`{alias}`")).collect();
    if !aliases.is_empty() {
        let _ = write!(text, "\nAlso {}.\n", aliases.join(", "));
    }
    let arguments = own_arguments(command);
    if !arguments.is_empty() {
        text += "\n";
    }
    let (positional, flags): (Vec<&Arg>, Vec<&Arg>) =
        arguments.into_iter().partition(|arg| arg.is_positional());
    positional.into_iter().chain(flags).for_each(|arg| text += &item(arg));
    if let Some(more) = command.get_after_long_help().or(command.get_after_help()) {
        let _ = write!(text, "\n```text\n{}\n```\n", more.to_string().trim_end());
    }
    text
}

/// An argument or flag as an item of a list.
fn item(arg: &Arg) -> String {
    let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
    // What follows the first paragraph may be laid out: a table of values, or examples.
    let (first, table) = match help.split_once("\n\n") {
        Some((first, rest)) if is_laid_out(rest) => (first, rest),
        _ => (help.as_str(), ""),
    };
    let first = first.replace("\n\n", " ").replace('\n', " ");
    let mut text = format!("- `{}`: {}", signature(arg), prose(&first));
    let values: Vec<_> = arg.get_possible_values().into_iter().filter(|value| !value.is_hide_set()).collect();
    if arg.get_action().takes_values() && !values.is_empty() {
        let told = values.iter().map(|value| match value.get_help() {
            Some(help) => format!("`{}` ({})", value.get_name(), prose(&help.to_string())),
            None => format!("`{}`", value.get_name()),
        });
        let _ = write!(text, "; one of {}", told.collect::<Vec<_>>().join(", "));
    }
    let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if arg.get_action().takes_values() && !defaults.is_empty() && !arg.is_hide_default_value_set() {
        let _ = write!(text, "; default `{}`", defaults.join(" "));
    }
    let mut text = filled(&text, "  ");
    if !table.is_empty() {
        let line = |line: &str| format!("  {line}").trim_end().to_owned() + "\n";
        let table: String = table.trim_end().lines().map(line).collect();
        let _ = write!(text, "\n  ```text\n{table}  ```\n\n");
    }
    text
}

fn is_laid_out(text: &str) -> bool {
    text.lines().any(|line| line.starts_with(' '))
}

/// A paragraph of a help; one that is laid out keeps its lines.
fn paragraph(text: &str) -> String {
    if is_laid_out(text) {
        return format!("```text\n{text}\n```\n");
    }
    filled(&prose(&text.replace('\n', " ")), "")
}

/// The longest line.
const WIDTH: usize = 118;

/// Text in lines that are not too long, none of which is broken in a piece of code.
fn filled(text: &str, indent: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("a line");
        let is_full = line.chars().count() + 1 + word.chars().count() > WIDTH;
        if is_full && line.matches('`').count() % 2 == 0 {
            lines.push(format!("{indent}{word}"));
        } else if line.is_empty() {
            line.push_str(word);
        } else {
            line.extend([" ", word]);
        }
    }
    lines.join("\n") + "\n"
}

/// `-o, --output <FORMAT>`, or `<SESSION>...`.
fn signature(arg: &Arg) -> String {
    let names: Vec<_> =
        arg.get_value_names().unwrap_or_default().iter().map(|name| format!("<{name}>")).collect();
    let values = names.join(" ");
    if arg.is_positional() {
        let many = if matches!(arg.get_action(), ArgAction::Append) { "..." } else { "" };
        return format!("{values}{many}");
    }
    let short = arg.get_short().map(|short| format!("-{short}"));
    let long = arg.get_long().map(|long| format!("--{long}"));
    let names: Vec<_> = short.into_iter().chain(long).collect();
    let names = names.join(", ");
    if arg.get_action().takes_values() { format!("{names} {values}") } else { names }
}

/// Text of a help as Markdown: what is no code must not be taken for marks.
fn prose(text: &str) -> String {
    let mut prose = String::new();
    let mut is_code = false;
    for letter in text.chars() {
        is_code ^= letter == '`';
        if !is_code && matches!(letter, '<' | '*' | '|') {
            prose.push('\\');
        }
        prose.push(letter);
    }
    prose
}

/// Whatever the grammar has is on the page: a flag cannot be added or taken away without it.
#[test]
fn every_flag_is_in_the_reference() {
    let root = grammar();
    let page = reference();
    for (name, command) in commands(&root).into_iter().skip(1) {
        let begin = format!("\n## {name}\n");
        let at = page.find(&begin).unwrap_or_else(|| panic!("{name} is not in the reference")) + begin.len();
        let section = page[at..].split("\n## ").next().expect("a section");
        for arg in own_arguments(command) {
            assert!(section.contains(&format!("- `{}`: ", signature(arg))), "{name}: {}", signature(arg));
        }
    }
}
