//! What could come next on a command line, for a shell that asks.
//!
//! A shell asks by running the program with `KUSTOM_COMPLETE` set to its name and the words of the line after `--`;
//! the scripts in `completions/` do. Whatever goes wrong, the answer is that nothing is known: completing never prints
//! an error, never asks, and never sends anything itself. What the account has comes from a cache that a process of its
//! own keeps.

mod bash;
mod cache;
mod journal;
mod line;
mod offer;
mod refresh;
mod resources;
mod shell;
mod situation;
mod values;

use std::ffi::{OsStr, OsString};
use std::sync::Arc;
use std::time::Instant;

use clap_complete::engine::{CompletionCandidate, complete};

pub(crate) use shell::Shell;

use crate::commands::help::TOPICS;
use crate::settings::COMPLETE as VARIABLE;
use line::Line;
use situation::Situation;

/// What the variable says in the process that asks the API.
const REFRESH: &str = "refresh";

/// What a shell asks with, if it is one that asks: the variable alone, which somebody may have left in the environment, must
/// not keep a command from being carried out.
pub(crate) fn requested_shell(args: &[OsString]) -> Option<OsString> {
    let asked = std::env::var_os(VARIABLE)?;
    let is_known = asked == REFRESH || asked.to_str().and_then(Shell::find).is_some();
    (is_known && args.get(1).is_some_and(|mark| mark == "--")).then_some(asked)
}

/// What `KUSTOM_COMPLETE` asks for, to be printed; nothing where it asks for nothing that is known.
pub(crate) fn complete_line(asked: &OsStr, args: &[OsString]) -> Option<String> {
    let started = Instant::now();
    let words = args.get(2..)?.iter();
    let words: Vec<_> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    if asked == REFRESH {
        refresh::run(words.into_iter().next());
        return None;
    }
    let shell = Shell::find(asked.to_str()?)?;
    match shell {
        Shell::Bash => {
            let typed = bash::Typed::read(words.first()?, words.get(1)?);
            let (candidates, is_file) = candidates(typed.words(), shell, started);
            Some(typed.replies(&candidates, is_file))
        }
        Shell::Zsh | Shell::Fish | Shell::Powershell | Shell::Elvish => {
            let (candidates, is_file) = candidates(shell.words(words)?, shell, started);
            Some(shell.lines(&candidates, is_file))
        }
    }
}

/// Ends this process from whichever thread has waited long enough: nothing else ends one that waits for a file.
#[allow(
    clippy::exit,
    reason = "nothing here is left to be done, and whoever started it looks at how it ended"
)]
fn exit_process(code: i32) -> ! {
    std::process::exit(code)
}

/// One word that could stand where the cursor is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Candidate {
    value: String,
    /// What it is, in safe words.
    about: String,
}

/// Everything that could stand in place of the last word, the first being the program; and whether the shell should
/// offer files.
fn candidates(words: Vec<String>, shell: Shell, started: Instant) -> (Vec<Candidate>, bool) {
    let nothing = (Vec::new(), false);
    let Some(mut line) = Line::read(words) else { return nothing };
    let situation = Arc::new(Situation::new(&line, shell.offers_files(), started));
    line.add_values(&situation);
    let (words, folder) = (line.words.clone(), std::env::current_dir().ok());
    let last = words.len() - 1;
    let Ok(found) = complete(&mut line.grammar, words, last, folder.as_deref()) else { return nothing };
    let mut all: Vec<_> =
        found.into_iter().filter(|found| line.wants(found)).filter_map(|found| candidate(&found)).collect();
    if line.is_help && line.path.is_empty() {
        let begun = TOPICS.iter().filter(|topic| topic.name.starts_with(&line.current));
        all.extend(
            begun.map(|topic| Candidate { value: topic.name.to_owned(), about: topic.about.to_owned() }),
        );
    }
    (all, situation.wants_files())
}

fn candidate(found: &CompletionCandidate) -> Option<Candidate> {
    // An alias stands for the name, and is not offered beside it.
    let command = found.get_id().and_then(|id| id.strip_prefix("command::"));
    let value = command.or_else(|| found.get_value().to_str())?.to_owned();
    let about = found.get_help().map(ToString::to_string).unwrap_or_default();
    let about = crate::text::escape_control(about.lines().next().unwrap_or_default()).into_owned();
    // What would break the line is never offered, wherever it came from.
    (!value.chars().any(crate::text::is_unsafe)).then_some(Candidate { value, about })
}
