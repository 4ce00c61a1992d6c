//! The words of a line, and as much of the grammar as they name: making all of it would take longer than the rest.

use std::ffi::OsString;
use std::sync::Arc;

use clap::{Arg, ArgAction, Command, Id};
use clap_complete::engine::CompletionCandidate;

use super::situation::Situation;
use super::values;
use crate::cli::Cli;

/// A line up to its cursor.
#[derive(Debug)]
pub(super) struct Line {
    /// The part of the grammar that the words are about.
    pub(super) grammar: Command,
    /// The words, each flag in one word with its value; the first is the program, the last is the one to complete.
    pub(super) words: Vec<OsString>,
    /// The last word.
    pub(super) current: String,
    /// The commands that were named, from the noun on.
    pub(super) path: Vec<String>,
    /// What was given beside commands and flags.
    pub(super) given: Vec<String>,
    /// The value of `--profile`.
    pub(super) profile: Option<String>,
    /// Whether help is asked for, so that only commands can come.
    pub(super) is_help: bool,
    /// The flags that were given.
    seen: Vec<Id>,
}

impl Line {
    /// Reads the words; `None` if there are too few of them.
    pub(super) fn read(mut words: Vec<String>) -> Option<Self> {
        let current = words.pop()?;
        // Fish tells the variables too that are set for the command alone.
        let program = words.iter().position(|word| !is_assignment(word))?;
        words.drain(..=program);
        let root = Cli::command();
        let mut is_help = false;
        let mut noun = noun(&root, &words);
        if let Some(place) = noun.filter(|place| words[*place] == "help") {
            is_help = true;
            words.remove(place);
            noun = self::noun(&root, &words);
        }
        // What comes right after a noun is a verb, unless it is begun as a flag.
        let is_flag_possible = current.starts_with('-') || noun.is_some_and(|place| place + 1 < words.len());
        let named = noun.map(|place| words[place].as_str());
        let mut grammar = narrowed(&root, named, is_flag_possible)?;
        grammar.build();
        let mut line = Self {
            grammar: Command::default(),
            words: vec!["kustom".into()],
            current: current.clone(),
            path: Vec::new(),
            given: Vec::new(),
            profile: None,
            is_help,
            seen: Vec::new(),
        };
        line.walk(&grammar, words);
        line.grammar = grammar;
        line.words.push(current.into());
        Some(line)
    }

    /// Follows the words through the grammar. A value is put into one word with its flag: whoever completes then
    /// cannot take a profile called `dev` for the command.
    fn walk(&mut self, root: &Command, words: Vec<String>) {
        let mut command = root;
        let mut escaped = false;
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let mut whole = word.clone();
            if escaped {
                self.given.push(word);
            } else if word == "--" {
                escaped = true;
            } else if let Some(Flag { arg, value, glue }) = Flag::read(command, &word) {
                self.seen.push(arg.get_id().clone());
                let value = match value {
                    Some(value) => Some(value.to_owned()),
                    None if needs_value(arg) => words.next().inspect(|value| {
                        whole = format!("{word}{glue}{value}");
                    }),
                    None => None,
                };
                if arg.get_id() == "profile" {
                    self.profile = value;
                }
            } else if let Some(next) = command.find_subcommand(&word) {
                command = next;
                next.get_name().clone_into(&mut whole);
                self.path.push(whole.clone());
            } else if !word.starts_with('-') {
                self.given.push(word);
            }
            self.words.push(whole.into());
        }
    }

    /// Says of every argument that can come now which values it has.
    pub(super) fn add_values(&mut self, situation: &Arc<Situation>) {
        let mut command = &mut self.grammar;
        for name in &self.path {
            let Some(next) = command.find_subcommand_mut(name) else { return };
            command = next;
        }
        *command = std::mem::take(command).mut_args(|arg| values::added(arg, situation));
    }

    /// The command that the words have come to.
    fn command(&self) -> &Command {
        let mut command = &self.grammar;
        for name in &self.path {
            command = command.find_subcommand(name).unwrap_or(command);
        }
        command
    }

    /// Whether something that could come is worth offering.
    pub(super) fn wants(&self, found: &CompletionCandidate) -> bool {
        let id = found.get_id().map(String::as_str).unwrap_or_default();
        let is_command = id.starts_with("command::");
        let Some(flag) = id.strip_prefix("arg::") else {
            return (is_command || !self.is_help) && !(is_command && found.is_hide_set());
        };
        let command = self.command();
        // Flags are many: where something else can come they are offered to whoever begins one.
        let is_asked_for = !self.current.is_empty()
            || !(command.has_subcommands() || command.get_positionals().next().is_some());
        let again = || {
            let arg = command.get_arguments().find(|arg| arg.get_id() == flag);
            arg.is_some_and(|arg| matches!(arg.get_action(), ArgAction::Append | ArgAction::Count))
        };
        let is_new = !self.seen.iter().any(|seen| seen == flag) || again();
        is_asked_for && is_new && !found.is_hide_set() && !self.is_help
    }
}

/// Whether a word before a command sets a variable.
fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// The place of the first word that is neither a flag nor the value of one.
fn noun(root: &Command, words: &[String]) -> Option<usize> {
    let mut place = 0;
    while let Some(word) = words.get(place) {
        if !word.starts_with('-') {
            return Some(place);
        }
        let takes_next =
            Flag::read(root, word).is_some_and(|flag| flag.value.is_none() && needs_value(flag.arg));
        place += 1 + usize::from(takes_next);
    }
    None
}

/// The root with nothing but the noun that is named; or, where none is, with all nouns and nothing in them. The global
/// flags go further than the root only where one can come: copying them is most of the work.
fn narrowed(root: &Command, noun: Option<&str>, is_flag_possible: bool) -> Option<Command> {
    let grammar = Command::new("kustom").version("").disable_help_subcommand(true);
    let is_global = noun.is_some() && is_flag_possible;
    let args = root.get_arguments().map(|arg| arg.clone().global(is_global));
    let grammar = grammar.args(args);
    if let Some(noun) = noun {
        return Some(grammar.subcommand(root.find_subcommand(noun)?.clone()));
    }
    let empty = |noun: &Command| noun.clone().defer(|noun| noun).disable_help_flag(true);
    Some(grammar.subcommands(root.get_subcommands().map(empty)))
}

/// A word that gives a flag.
struct Flag<'c, 'w> {
    arg: &'c Arg,
    /// The value in the same word.
    value: Option<&'w str>,
    /// What stands between flag and value in one word.
    glue: &'static str,
}

impl<'c, 'w> Flag<'c, 'w> {
    fn read(command: &'c Command, word: &'w str) -> Option<Self> {
        if let Some(long) = word.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (long, None),
            };
            let has = |arg: &&Arg| {
                arg.get_long() == Some(name)
                    || arg.get_all_aliases().is_some_and(|aliases| aliases.contains(&name))
            };
            let arg = command.get_arguments().find(has)?;
            return Some(Self { arg, value, glue: "=" });
        }
        let shorts = word.strip_prefix('-')?;
        let mut last = None;
        for (place, letter) in shorts.char_indices() {
            let arg = command.get_arguments().find(|arg| arg.get_short() == Some(letter))?;
            if needs_value(arg) {
                let rest = &shorts[place + letter.len_utf8()..];
                let value = Some(rest.strip_prefix('=').unwrap_or(rest)).filter(|rest| !rest.is_empty());
                return Some(Self { arg, value, glue: "" });
            }
            last = Some(arg);
        }
        Some(Self { arg: last?, value: None, glue: "" })
    }
}

fn needs_value(arg: &Arg) -> bool {
    arg.get_action().takes_values() && arg.get_num_args().is_none_or(|number| number.min_values() > 0)
}
