//! `kustom help`

pub(crate) mod text;

use clap::builder::NonEmptyStringValueParser;
use clap::error::ErrorKind;

use crate::cli::Cli;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::text::visible;

/// What is explained beside the commands.
const TOPICS: [(&str, &str); 4] = [
    ("exit-codes", include_str!("exit-codes.txt")),
    ("environment", include_str!("environment.txt")),
    ("money", include_str!("money.txt")),
    ("callbacks", include_str!("callbacks.txt")),
];

const MORE: &str = "\
Examples:
  kustom help                        # the map of the commands
  kustom help sessions create        # as `kustom sessions create --help`
  kustom help exit-codes             # a topic

Topics:
  exit-codes    what each exit code means
  environment   variables, and which environment a key belongs to
  money         amounts, rates and carts
  callbacks     events, signatures and deliveries
";

/// Explain a command or a topic
///
/// Without a word it shows the map of the commands.
#[derive(Debug, clap::Args)]
#[command(after_help = text::more(MORE))]
pub struct Args {
    /// A command, such as `devices update`, or a topic
    #[arg(value_name = "COMMAND|TOPIC", value_parser = NonEmptyStringValueParser::new())]
    words: Vec<String>,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Error> {
        let Self { words } = self;
        let topic = TOPICS.into_iter().find(|(name, _)| words == [*name]);
        let shown = match topic {
            Some((_, topic)) => text::more(topic),
            None => of_command(&words)?,
        };
        context.terminal.styled(&shown)?;
        Ok(Exit::Done)
    }
}

/// What the parser says of a command that is asked for its help.
fn of_command(words: &[String]) -> Result<clap::builder::StyledStr, Error> {
    let line = ["kustom"].into_iter().chain(words.iter().map(String::as_str)).chain(["--help"]);
    match Cli::grammar().try_get_matches_from(line) {
        Err(error) if error.kind() == ErrorKind::DisplayHelp => Ok(error.render()),
        failed => {
            let asked = words.join(" ");
            let missing = Error::usage(format!("there is no command and no topic '{}'", visible(&asked)));
            let topics = TOPICS.map(|(name, _)| name);
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
