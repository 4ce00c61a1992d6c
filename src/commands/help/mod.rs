pub(crate) mod text;
mod topics;

use std::ffi::OsStr;

use clap::builder::{NonEmptyStringValueParser, StyledStr};
use clap::error::ErrorKind;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};

pub(crate) use text::set_templates;

use crate::commands::command_suggestions;
use crate::complete;
use crate::context::App;
use crate::error::{Error, ExitStatus};
use topics::TOPICS;

const MORE: &str = "\
Examples:
  kustom help                        # the list of commands
  kustom help sessions create        # as `kustom sessions create --help`
  kustom help exit-codes             # a topic

Topics:";

fn more() -> StyledStr {
    let topics = TOPICS.map(|topic| format!("  {:<13} {}", topic.name, topic.about));
    text::after_help(&format!("{MORE}\n{}", topics.join("\n")))
}

/// Returns the end of the root help.
pub(crate) fn learn_more() -> StyledStr {
    text::after_help(&format!(
        "Learn more:\n  kustom COMMAND --help    # what a command does, with examples\n  \
         kustom help TOPIC        # explain a topic\n\nTopics:\n  {}",
        TOPICS.map(|topic| topic.name).join(", ")
    ))
}

/// Explain a command or a topic
///
/// Without an argument, lists the commands.
#[derive(Debug, clap::Args)]
#[command(after_help = more())]
pub(crate) struct Args {
    /// A command, such as `devices update`, or a topic
    #[arg(value_name = "COMMAND|TOPIC", value_parser = NonEmptyStringValueParser::new())]
    #[arg(add = ArgValueCompleter::new(complete_word))]
    words: Vec<String>,
}

fn complete_word(current: &OsStr) -> Vec<CompletionCandidate> {
    let commands = text::GROUPS.iter().flat_map(|(_, names)| *names).map(|name| (*name, ""));
    let topics = TOPICS.iter().map(|topic| (topic.name, topic.about));
    complete::filter(current, commands.chain(topics))
}

impl Args {
    /// Prints the help that was asked for.
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { words } = self;
        let topic = TOPICS.into_iter().find(|topic| words == [topic.name]);
        let help = match topic {
            Some(topic) => text::after_help(topic.text),
            None if words.is_empty() => crate::command().render_long_help(),
            None => render_command_help(&words)?,
        };
        app.output.print_styled(&help)?;
        Ok(ExitStatus::Success)
    }
}

/// Renders the help of the command that the words name, as `--help` does.
fn render_command_help(words: &[String]) -> Result<StyledStr, Error> {
    let line = ["kustom"].into_iter().chain(words.iter().map(String::as_str)).chain(["--help"]);
    match crate::command().try_get_matches_from(line) {
        Err(error) if error.kind() == ErrorKind::DisplayHelp => Ok(error.render()),
        result => {
            let name = words.join(" ");
            let missing = Error::usage(format!("there is no command or topic '{name}'"));
            let topics = TOPICS.map(|topic| topic.name);
            let similar = topics.iter().find(|topic| strsim::osa_distance(topic, &name) <= 2);
            let hints = match (similar, result) {
                (Some(topic), _) => Some(format!("did you mean '{topic}'?")),
                (None, Err(error)) => command_suggestions::similar_command(&error),
                (None, Ok(_)) => None,
            };
            let missing = hints.into_iter().fold(missing, Error::hint);
            Err(missing.hint(format!("the topics are: {}", topics.join(", "))))
        }
    }
}
