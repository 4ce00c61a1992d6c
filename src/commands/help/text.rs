//! The layout of help texts: styled headings, commands in groups, and examples at the end.

use std::fmt::Write as _;

use anstyle::Style;
use clap::Command;
use clap::builder::StyledStr;

/// The commands by purpose, in the order of the root help. Clap has no headings for subcommands.
pub(super) const GROUPS: [(&str, &[&str]); 6] = [
    ("Getting started", &["demo", "login", "profiles", "doctor"]),
    ("Devices", &["enrollments", "devices", "locations"]),
    ("Payments", &["sessions"]),
    ("After the sale", &["orders", "payouts", "report"]),
    ("Development", &["dev", "webhooks", "api"]),
    ("Other commands", &["ledger", "completions", "help"]),
];

/// The style of clap's own headings.
const HEADING: Style = Style::new().bold().underline();

const COMMENT: Style = Style::new().dimmed();

/// Styles the text below the flags of a command: examples, exit codes and the next command.
pub(crate) fn after_help(text: &str) -> StyledStr {
    highlight(text.trim_end())
}

/// Builds every command and sets the layout of its help. The global options take a line each, even in the long help, in
/// which clap would give each a paragraph.
pub(crate) fn set_templates(root: Command) -> Command {
    let mut global = Command::new("kustom").disable_help_flag(true).help_template("{all-args}");
    global = global.args(root.get_arguments().cloned());
    let global = global.render_help().ansi().to_string();
    let global = global.trim_end();

    let mut root = root.mut_args(|arg| arg.hide_short_help(true).hide_long_help(true));
    root.build();
    let header = "{about-with-newline}\n{usage-heading} {usage}\n\n";
    let groups = highlight(&list_groups(&root));
    let root_template = format!("{header}{}\n\n{global}{{after-help}}", groups.ansi());
    let template = StyledStr::from(format!("{header}{{all-args}}\n\n{global}{{after-help}}"));
    root.help_template(root_template).mut_subcommands(|command| set_template(command, &template))
}

fn set_template(command: Command, template: &StyledStr) -> Command {
    command.help_template(template.clone()).mut_subcommands(|below| set_template(below, template))
}

fn list_groups(root: &Command) -> String {
    let list_group = |(heading, names): (&str, &[&str])| {
        let about =
            |name| root.find_subcommand(name).and_then(Command::get_about).cloned().unwrap_or_default();
        let lines: Vec<_> = names.iter().map(|name| format!("  {name:<13} {}", about(name))).collect();
        format!("{heading}:\n{}", lines.join("\n"))
    };
    GROUPS.map(list_group).join("\n\n")
}

/// Styles headings, which end with a colon, and comments, which begin with `#`.
fn highlight(text: &str) -> StyledStr {
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
