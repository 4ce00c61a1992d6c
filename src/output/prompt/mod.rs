//! Questions to whoever sits at the terminal.
//!
//! Each is asked in a thread of its own, so that a signal or the end of a wait is noticed while nobody answers. A
//! question that is given up leaves the terminal as it was: with its echo and its cursor.

mod plain;

use std::cell::Cell;
use std::io;
#[cfg(unix)]
use std::sync::Mutex;

use dialoguer::console::{self, Term};
use tokio::sync::oneshot;

use super::{Output, is_dumb};
use crate::error::{Error, ErrorKind};
use crate::secret::{Redactor, Secret};
use crate::text::escape_control;

/// The most things of a list that are shown at the same time.
const MAX_VISIBLE: usize = 10;

/// What stands in front of a thing of a list, and the last column, which no terminal fills gladly.
const MARGIN: usize = 3;

/// Says why an answer is none.
type Check = Box<dyn Fn(&str) -> Result<(), String> + Send>;

/// A question that is answered with a line of text.
pub(crate) struct Question {
    prompt: String,
    default: Option<String>,
    is_optional: bool,
    check: Check,
}

impl Question {
    /// A question that needs an answer.
    pub(crate) fn new(prompt: &str) -> Self {
        let check = Box::new(|_: &str| Ok(()));
        Self { prompt: prompt.to_owned(), default: None, is_optional: false, check }
    }

    /// Enter alone is this answer.
    pub(crate) fn default(mut self, default: Option<String>) -> Self {
        self.default = default;
        self
    }

    /// Enter alone is an answer too: none.
    pub(crate) fn optional(mut self) -> Self {
        self.is_optional = true;
        self
    }

    /// What is no answer is asked for again.
    pub(crate) fn check(mut self, check: impl Fn(&str) -> Result<(), String> + Send + 'static) -> Self {
        self.check = Box::new(check);
        self
    }

    /// The answer that a typed line is, if it is one.
    fn validate(&self, line: &str) -> Result<String, String> {
        let line = line.trim();
        if Redactor::default().redact(line) != line {
            return Err("that looks like an API key, which is not asked for here".to_owned());
        }
        if line.is_empty() {
            return if self.is_optional { Ok(String::new()) } else { Err("an answer is needed".to_owned()) };
        }
        (self.check)(line).map(|()| line.to_owned())
    }
}

/// One thing of a list to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    /// What it is called; cut where there is no room for it.
    pub name: String,
    /// What tells it from another of the same name; never cut.
    pub mark: String,
}

impl Choice {
    /// A choice with foreign text made safe to show.
    pub(crate) fn new(name: &str, mark: &str) -> Self {
        Self { name: escape_control(name).into_owned(), mark: escape_control(mark).into_owned() }
    }
}

impl Output {
    /// Asks a yes-or-no question; the answer is no unless it is yes.
    pub(crate) async fn confirm(&self, question: &str) -> Result<bool, Error> {
        if self.assume_yes() {
            return Ok(true);
        }
        if !self.can_prompt() {
            return Err(Error::new(ErrorKind::Unconfirmed, format!("{question} There is nobody to ask."))
                .hint("add --yes to answer it with yes"));
        }
        self.ask_yes_no(question, "Go on?", false).await
    }

    /// Asks a yes-or-no question that `--yes` is no answer to. `told` is what it is about.
    pub(crate) async fn ask_yes_no(
        &self,
        told: &str,
        prompt: &'static str,
        default: bool,
    ) -> Result<bool, Error> {
        // A prompt is drawn again with every key, which shows a long one several times: only its end is one.
        self.write_stderr(told);
        self.run_prompt(move |term| {
            if is_dumb() {
                return plain::confirm(term, prompt, default);
            }
            let prompt = dialoguer::Confirm::new().with_prompt(prompt).default(default);
            prompt.wait_for_newline(true).interact_on(term).map_err(io_error)
        })
        .await
    }

    /// Has the names of things typed before something is done that cannot be undone.
    pub(crate) async fn confirm_by_name(&self, question: &str, names: &[String]) -> Result<bool, Error> {
        if self.assume_yes() {
            return Ok(true);
        }
        if !self.can_prompt() {
            return Err(Error::new(ErrorKind::Unconfirmed, format!("{question} There is nobody to ask."))
                .hint("add --yes to answer it with yes"));
        }
        self.write_stderr(question);
        let spaced = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        for name in names {
            let name = escape_control(name);
            self.write_stderr(&format!("To go on, type its name: {name}"));
            let typed = self.ask(Question::new("Name").optional()).await?;
            if typed.is_empty() || spaced(&typed) != spaced(&name) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Forgets what was typed while nothing was asked: it is no answer to what is asked next.
    pub(crate) fn flush_input(&self) {
        #[cfg(unix)]
        if self.can_prompt() {
            // A terminal that was closed has nothing to forget.
            let _ = rustix::termios::tcflush(io::stdin(), rustix::termios::QueueSelector::IFlush);
        }
    }

    /// Asks for a line of text, until it is an answer. White space around it is dropped.
    pub(crate) async fn ask(&self, question: Question) -> Result<String, Error> {
        self.run_prompt(move |term| {
            if is_dumb() {
                return plain::ask(term, &question);
            }
            let mut input = dialoguer::Input::<String>::new().with_prompt(&question.prompt);
            if let Some(default) = &question.default {
                input = input.default(default.clone());
            }
            let line = input
                .allow_empty(question.is_optional)
                .validate_with(|line: &String| question.validate(line).map(drop))
                .interact_text_on(term)
                .map_err(io_error)?;
            Ok(line.trim().to_owned())
        })
        .await
    }

    /// Asks for something that is not shown while it is typed, until it is an answer.
    pub(crate) async fn ask_secret(
        &self,
        prompt: &'static str,
        check: impl Fn(&str) -> Result<(), String> + Send + 'static,
    ) -> Result<Secret, Error> {
        self.run_prompt(move |term| {
            if is_dumb() {
                return plain::ask_secret(term, prompt, check);
            }
            let prompt = dialoguer::Password::new().with_prompt(prompt);
            let typed = prompt.validate_with(|line: &String| check(line)).interact_on(term);
            typed.map(Secret::new).map_err(io_error)
        })
        .await
    }

    /// Has one thing chosen from a list, which is searched by typing. Gives its place.
    pub(crate) async fn select(&self, prompt: &'static str, choices: &[Choice]) -> Result<usize, Error> {
        let width = usize::from(Term::stderr().size().1);
        let lines = lines_of(choices, width.saturating_sub(MARGIN));
        let picked = self.run_prompt(move |term| {
            if is_dumb() {
                return plain::select(term, prompt, &lines);
            }
            dialoguer::FuzzySelect::new()
                .with_prompt(format!("{prompt} (type to search):"))
                .report(false)
                .items(&lines)
                .default(0)
                .max_length(MAX_VISIBLE)
                .interact_on(term)
                .map_err(io_error)
        });
        let place = picked.await?;
        if let Some(choice) = choices.get(place) {
            self.write_stderr(&format!("{prompt}: {}", choice.name));
        }
        Ok(place)
    }

    /// Asks in a thread of its own. When this is given up, nothing is asked on this terminal any more: the thread still
    /// waits for what is typed.
    async fn run_prompt<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Term) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        if !self.can_prompt() {
            return Err(Error::new(ErrorKind::Unconfirmed, "there is nobody to ask"));
        }
        self.flush()?;
        console::set_colors_enabled_stderr(self.colors(true));
        let order = TermiosGuard::keep(self);
        let (tell, told) = oneshot::channel();
        std::thread::Builder::new()
            .name("question".to_owned())
            .spawn(move || drop(tell.send(ask(&Term::stderr()))))
            .map_err(|error| Error::new(ErrorKind::Bug, format!("cannot ask: {error}")))?;
        let answer = told.await;
        order.is_answered.set(true);
        let answer = answer.map_err(|_| Error::new(ErrorKind::Bug, "a question had no answer"))?;
        answer.map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => {
                self.write_stderr("");
                Error::new(ErrorKind::Interrupted, "interrupted; nothing was done")
            }
            io::ErrorKind::UnexpectedEof => Error::new(ErrorKind::Unconfirmed, "nobody answered"),
            _ => Error::new(ErrorKind::Unconfirmed, format!("cannot ask on this terminal: {error}")),
        })
    }
}

/// How the terminal was set before the question that is being asked. It is known to the whole program, because a program
/// that ends at once has to leave it like that too.
#[cfg(unix)]
static SAVED_TERMIOS: Mutex<Option<rustix::termios::Termios>> = Mutex::new(None);

/// Leaves the terminal as it was before whatever is being asked.
pub(crate) fn restore() {
    #[cfg(unix)]
    // Whoever holds it is about to do the same.
    if let Ok(mut before) = SAVED_TERMIOS.try_lock()
        && let Some(modes) = before.take()
    {
        set(&modes);
        if !is_dumb() {
            let _ = Term::stderr().show_cursor();
        }
    }
    #[cfg(not(unix))]
    let _ = Term::stderr().show_cursor();
}

/// Keeps how the terminal is set, and sets it like this again when the question is over.
struct TermiosGuard<'a> {
    output: &'a Output,
    is_answered: Cell<bool>,
}

impl<'a> TermiosGuard<'a> {
    fn keep(output: &'a Output) -> Self {
        output.lines.set_hidden(true);
        #[cfg(unix)]
        if let Ok(modes) = rustix::termios::tcgetattr(io::stdin())
            && let Ok(mut before) = SAVED_TERMIOS.lock()
        {
            disable_suspend(modes.clone());
            *before = Some(modes);
        }
        Self { output, is_answered: Cell::new(false) }
    }
}

impl Drop for TermiosGuard<'_> {
    fn drop(&mut self) {
        restore();
        if !self.is_answered.get() {
            self.output.is_abandoned.set(true);
            self.output.write_stderr("");
        }
        self.output.lines.set_hidden(false);
    }
}

/// Has Ctrl-Z do nothing: whoever comes back from it would find a terminal that shows what is typed, a key too.
#[cfg(unix)]
fn disable_suspend(mut modes: rustix::termios::Termios) {
    use rustix::termios::SpecialCodeIndex;
    /// What stands for no key at all.
    const NO_KEY: u8 = if cfg!(target_os = "linux") { 0 } else { 0xff };
    modes.special_codes[SpecialCodeIndex::VSUSP] = NO_KEY;
    set(&modes);
}

#[cfg(unix)]
fn set(modes: &rustix::termios::Termios) {
    use rustix::termios::{OptionalActions, tcsetattr};
    // A terminal that was closed has no modes any more.
    let _ = tcsetattr(io::stdin(), OptionalActions::Now, modes);
}

fn io_error(error: dialoguer::Error) -> io::Error {
    let dialoguer::Error::IO(error) = error;
    error
}

/// The lines of a list in so many columns. No two are the same: a choice is told by its line.
fn lines_of(choices: &[Choice], columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::with_capacity(choices.len());
    for Choice { name, mark } in choices {
        let room = columns.saturating_sub(console::measure_text_width(mark) + 2);
        let name = console::truncate_str(name, room.max(MARGIN), "…");
        let line = if mark.is_empty() { name.into_owned() } else { format!("{name}  {mark}") };
        let numbered = (2..).map(|number| format!("{line} #{number}"));
        let different = std::iter::once(line.clone()).chain(numbered).find(|line| !lines.contains(line));
        lines.push(different.unwrap_or(line));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_is_cut_and_its_mark_is_not() {
        let choices = [Choice::new("Stockholm City, the big one", "6f2c91ab"), Choice::new("Bar", "")];
        assert_eq!(lines_of(&choices, 24), ["Stockholm Cit…  6f2c91ab", "Bar"]);
        assert_eq!(lines_of(&choices, 80)[0], "Stockholm City, the big one  6f2c91ab");
    }

    #[test]
    fn an_answer_is_trimmed_checked_and_may_be_left_out_only_where_that_is_said() {
        let question =
            || Question::new("Name").check(|name| if name == "x" { Err("no".into()) } else { Ok(()) });
        assert_eq!(question().validate(" Till 1 "), Ok("Till 1".into()));
        assert_eq!(question().validate("x"), Err("no".into()));
        assert_eq!(question().validate("  "), Err("an answer is needed".into()));
        assert_eq!(question().optional().validate(""), Ok(String::new()));
    }

    proptest! {
        /// Otherwise a person who points at one thing would get another.
        #[test]
        fn no_two_lines_are_the_same(
            names in prop::collection::vec(("[a-c #2]{0,6}", "[0-1]{0,2}"), 0..12), columns in 0_usize..20,
        ) {
            let choices: Vec<_> = names.iter().map(|(name, mark)| Choice::new(name, mark)).collect();
            let lines = lines_of(&choices, columns);
            let different: std::collections::BTreeSet<_> = lines.iter().collect();
            prop_assert_eq!(different.len(), choices.len());
        }
    }
}
