//! How help reads: headings stand out, and every command ends with examples instead of the same flags again.

use std::fmt::Write as _;

use anstyle::Style;
use clap::Command;
use clap::builder::StyledStr;

/// The global flags in a line each. They stand in the map too, and a test holds that to the grammar.
const GLOBAL_OPTIONS_HELP: &str = include_str!("globals.txt");

/// The commands in groups, which is the help of the program itself, before it is [styled]. A test holds it to the grammar.
pub(crate) const ROOT_HELP: &str = include_str!("map.txt");

/// The sort of heading that the parser writes.
const HEADING: Style = Style::new().bold().underline();

const COMMENT: Style = Style::new().dimmed();

/// What stands below the flags of a command: examples, exit codes, and the next command.
pub(crate) fn after_help(text: &str) -> StyledStr {
    highlight(text.trim_end())
}

/// Has a command, and every one below it, show the global flags in a line each and its examples last.
pub(crate) fn with_help_template(command: Command) -> Command {
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{{all-args}}\n\n{}{{after-help}}",
        highlight(&format!("Global options:\n{}", GLOBAL_OPTIONS_HELP.trim_end())).ansi()
    );
    dressed_in(command, &template.into())
}

fn dressed_in(command: Command, template: &StyledStr) -> Command {
    command.help_template(template.clone()).mut_subcommands(|below| dressed_in(below, template))
}

/// A text with its headings and the comments of its examples told apart from the rest.
pub(crate) fn highlight(text: &str) -> StyledStr {
    let mut styled = StyledStr::new();
    for (number, line) in text.lines().enumerate() {
        let end = if number == 0 { "" } else { "\n" };
        // Writing to memory does not fail.
        let _ = match line.split_once(" # ") {
            _ if line.ends_with(':') && !line.starts_with(' ') => {
                write!(styled, "{end}{HEADING}{line}{HEADING:#}")
            }
            Some((command, comment)) => write!(styled, "{end}{command} {COMMENT}# {comment}{COMMENT:#}"),
            None => write!(styled, "{end}{line}"),
        };
    }
    styled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_global_flags_are_told_alike_everywhere() {
        assert!(ROOT_HELP.contains(GLOBAL_OPTIONS_HELP));
    }

    #[test]
    fn headings_and_comments_are_told_apart() {
        let text = "Examples:\n  kustom demo   # all of it\n  a: b";
        assert_eq!(highlight(text).to_string(), text);
        let expected =
            "\u{1b}[1m\u{1b}[4mExamples:\u{1b}[0m\n  kustom demo   \u{1b}[2m# all of it\u{1b}[0m\n  a: b";
        assert_eq!(highlight(text).ansi().to_string(), expected);
    }
}
