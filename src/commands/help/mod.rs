//! `kustom help`

pub(crate) mod text;

use clap::builder::{NonEmptyStringValueParser, StyledStr};
use clap::error::ErrorKind;

use crate::context::App;
use crate::error::{Error, ExitStatus};
use crate::text::escape_control;

/// What is explained beside the commands.
pub(crate) struct Topic {
    /// What it is asked for by.
    pub(crate) name: &'static str,
    /// What it is about.
    pub(crate) about: &'static str,
    text: &'static str,
}

/// All of them.
pub(crate) const TOPICS: [Topic; 4] = [
    Topic { name: "exit-codes", about: "what each exit code means", text: include_str!("exit-codes.txt") },
    Topic {
        name: "environment",
        about: "variables, and which environment a key belongs to",
        text: include_str!("environment.txt"),
    },
    Topic { name: "money", about: "amounts, rates and carts", text: include_str!("money.txt") },
    Topic {
        name: "callbacks",
        about: "events, signatures and deliveries",
        text: include_str!("callbacks.txt"),
    },
];

const MORE: &str = "\
Examples:
  kustom help                        # the map of the commands
  kustom help sessions create        # as `kustom sessions create --help`
  kustom help exit-codes             # a topic

Topics:";

fn more() -> StyledStr {
    let line = |topic: &Topic| format!("\n  {:<13} {}", topic.name, topic.about);
    text::after_help(&[MORE.to_owned()].into_iter().chain(TOPICS.iter().map(line)).collect::<String>())
}

/// Explain a command or a topic
///
/// Without a word it shows the map of the commands.
#[derive(Debug, clap::Args)]
#[command(after_help = more())]
pub(crate) struct Args {
    /// A command, such as `devices update`, or a topic
    #[arg(value_name = "COMMAND|TOPIC", value_parser = NonEmptyStringValueParser::new())]
    words: Vec<String>,
}

impl Args {
    pub(super) fn run(self, app: &App, root: clap::Command) -> Result<ExitStatus, Error> {
        let Self { words } = self;
        let topic = TOPICS.into_iter().find(|topic| words == [topic.name]);
        let shown = match topic {
            Some(topic) => text::after_help(topic.text),
            None if words.is_empty() => text::highlight(text::ROOT_HELP),
            None => of_command(&words, root)?,
        };
        app.output.print_styled(&shown)?;
        Ok(ExitStatus::Success)
    }
}

/// What the parser says of a command that is asked for its help.
fn of_command(words: &[String], root: clap::Command) -> Result<StyledStr, Error> {
    let line = ["kustom"].into_iter().chain(words.iter().map(String::as_str)).chain(["--help"]);
    match root.try_get_matches_from(line) {
        Err(error) if error.kind() == ErrorKind::DisplayHelp => Ok(error.render()),
        failed => {
            let asked = words.join(" ");
            let missing =
                Error::usage(format!("there is no command and no topic '{}'", escape_control(&asked)));
            let topics = TOPICS.map(|topic| topic.name);
            let similar = topics.iter().find(|name| strsim::osa_distance(name, &asked) <= 2);
            let tips = match (similar, failed) {
                (Some(topic), _) => vec![format!("a similar topic exists: '{topic}'")],
                (None, Err(error)) => Error::from(&error).hints,
                (None, Ok(_)) => Vec::new(),
            };
            let missing = tips.into_iter().fold(missing, Error::hint);
            Err(missing.hint(format!("the topics are: {}", topics.join(", "))))
        }
    }
}
