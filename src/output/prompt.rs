//! Prompts on the terminal, drawn by dialoguer.

use std::io;

use dialoguer::console::{self, Term};

use super::Output;
use super::picker::{Choice, Picker};
use super::wrap::wrap;
use crate::error::{Error, ErrorKind};
use crate::model::{Currency, parse_amount};
use crate::secret::{Secret, redact};
use crate::text::{capitalize, escape_control, has_unsafe, normalize_text};

/// Returns an error message if the text is not valid.
type Validator = Box<dyn Fn(&str) -> Result<(), String> + Send>;

/// A prompt for one line of text.
pub(crate) struct Question {
    prompt: String,
    default: Option<String>,
    is_optional: bool,
    validator: Validator,
}

impl Question {
    pub(crate) fn new(prompt: &str) -> Self {
        let validator = Box::new(|_: &str| Ok(()));
        Self { prompt: prompt.to_owned(), default: None, is_optional: false, validator }
    }

    pub(crate) fn default(mut self, default: Option<String>) -> Self {
        self.default = default;
        self
    }

    /// Accepts an empty line.
    pub(crate) fn optional(mut self) -> Self {
        self.is_optional = true;
        self
    }

    /// Repeats the prompt until `validator` accepts the line.
    pub(crate) fn check(mut self, validator: impl Fn(&str) -> Result<(), String> + Send + 'static) -> Self {
        self.validator = Box::new(validator);
        self
    }

    fn validate(&self, line: &str) -> Result<(), String> {
        let line = line.trim();
        if redact(line) != line {
            return Err("that looks like an API key, which does not belong here".to_owned());
        }
        match line {
            "" if self.is_optional => Ok(()),
            "" => Err("a value is required".to_owned()),
            line => (self.validator)(line),
        }
    }
}

impl Output {
    /// Asks for a confirmation, which `--yes` gives in advance. Fails unless it is given.
    pub(crate) async fn confirm(&self, question: &str) -> Result<(), Error> {
        if self.assume_yes() {
            return Ok(());
        }
        self.require_prompt(question)?;
        if self.ask_yes_no(question, "Continue?", false).await? { Ok(()) } else { Err(not_confirmed()) }
    }

    /// Asks a question that `--yes` does not answer. `message` is printed above the prompt, because dialoguer redraws
    /// the prompt with every key and would repeat one that takes several lines.
    pub(crate) async fn ask_yes_no(
        &self,
        message: &str,
        prompt: &'static str,
        default: bool,
    ) -> Result<bool, Error> {
        self.prose(&capitalize(message), 0);
        let prompt = format!("{prompt} {}", if default { "[Y/n]" } else { "[y/N]" });
        let check = |text: &str| parse_yes_no(text).map(drop).ok_or_else(|| "type y or n".to_owned());
        let answer = self.ask(Question::new(&prompt).optional().check(check)).await?;
        Ok(parse_yes_no(&answer).unwrap_or(default))
    }

    /// Asks for the names of resources before a change that cannot be undone. A typo can be corrected once.
    pub(crate) async fn confirm_by_name(&self, question: &str, names: &[String]) -> Result<(), Error> {
        if self.assume_yes() {
            return Ok(());
        }
        self.require_prompt(question)?;
        self.prose(question, 0);
        let is_same = |typed: &str, name: &str| {
            !typed.is_empty() && normalize_text(typed).to_lowercase() == normalize_text(name).to_lowercase()
        };
        for name in names {
            let name = escape_control(name);
            self.message(&format!("To continue, type its name: {name}"));
            let mut typed = self.ask(Question::new("Name").optional()).await?;
            if !typed.is_empty() && !is_same(&typed, &name) {
                self.message(&format!("That is not its name. Type {name}, or press Enter to cancel."));
                typed = self.ask(Question::new("Name").optional()).await?;
            }
            if !is_same(&typed, &name) {
                return Err(not_confirmed());
            }
        }
        Ok(())
    }

    fn require_prompt(&self, question: &str) -> Result<(), Error> {
        if self.can_prompt() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Unconfirmed, format!("not confirmed: {question}"))
            .hint("add --yes to confirm in advance"))
    }

    /// Discards what was typed before a prompt appears, since it was not meant as a response to it.
    fn flush_input(&self) {
        #[cfg(unix)]
        if self.can_prompt() {
            // This fails if the terminal was closed, and then the prompt fails too.
            let _ = rustix::termios::tcflush(io::stdin(), rustix::termios::QueueSelector::IFlush);
        }
    }

    /// Asks for a line of text and removes surrounding white space.
    pub(crate) async fn ask(&self, question: Question) -> Result<String, Error> {
        self.run_prompt(move |term| {
            let mut input = dialoguer::Input::<String>::new().with_prompt(escape_control(&question.prompt));
            // A default that has to be escaped would be another one.
            if let Some(default) = question.default.as_ref().filter(|default| !has_unsafe(default)) {
                input = input.default(default.clone());
            }
            let line = input
                .allow_empty(question.is_optional)
                .validate_with(|line: &String| {
                    question.validate(line).map_err(|error| wrap_error(&error, term))
                })
                .interact_text_on(term)?;
            Ok(line.trim().to_owned())
        })
        .await
    }

    /// Asks for an amount of more than zero, in minor units.
    pub(crate) async fn ask_amount(&self, prompt: &str, currency: Currency) -> Result<i64, Error> {
        let check = move |text: &str| match parse_amount(text, currency) {
            Ok(1..) => Ok(()),
            Ok(_) => Err("write an amount of more than zero".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        let text = self.ask(Question::new(prompt).check(check)).await?;
        parse_amount(&text, currency).map_err(|error| Error::usage(error.to_string()))
    }

    /// Asks for a secret, which is not echoed.
    pub(crate) async fn ask_secret(
        &self,
        prompt: &'static str,
        validator: impl Fn(&str) -> Result<(), String> + Send + 'static,
    ) -> Result<Secret, Error> {
        self.run_prompt(move |term| {
            let prompt = dialoguer::Password::new().with_prompt(prompt);
            prompt
                .validate_with(|line: &String| validator(line).map_err(|error| wrap_error(&error, term)))
                .interact_on(term)
                .map(Secret::new)
        })
        .await
    }

    /// Asks for one item of a list, which can be searched by typing, and returns the value of the choice.
    pub(crate) async fn select<T>(&self, prompt: &str, choices: Vec<(Choice, T)>) -> Result<T, Error> {
        self.pick(prompt, choices, true).await
    }

    /// Like [`Self::select`], but Enter alone selects nothing.
    pub(crate) async fn select_without_default<T>(
        &self,
        prompt: &str,
        choices: Vec<(Choice, T)>,
    ) -> Result<T, Error> {
        self.pick(prompt, choices, false).await
    }

    async fn pick<T>(&self, prompt: &str, choices: Vec<(Choice, T)>, preselects: bool) -> Result<T, Error> {
        let labels = choices.iter().map(|(choice, _)| choice.clone()).collect();
        let picker = Picker::new(prompt.to_owned(), labels, preselects);
        let index = self.run_prompt(move |term| picker.run(term).map_err(dialoguer::Error::IO)).await?;
        let index = index.ok_or_else(|| Error::new(ErrorKind::Interrupted, "canceled; nothing was done"))?;
        let chosen = choices.into_iter().nth(index);
        let (choice, value) = chosen.ok_or_else(|| Error::new(ErrorKind::Bug, "a choice out of range"))?;
        let line = format!("{prompt}: {}", choice.name);
        let width = usize::from(Term::stderr().size().1);
        self.message(&console::truncate_str(&line, width, "…"));
        Ok(value)
    }

    /// Runs a prompt on tokio's blocking pool, so that a signal can cancel it while it reads from the terminal.
    async fn run_prompt<T: Send + 'static>(
        &self,
        prompt: impl FnOnce(&Term) -> dialoguer::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        if !self.can_prompt() {
            return Err(Error::new(ErrorKind::Unconfirmed, "cannot prompt without a terminal"));
        }
        self.flush()?;
        self.flush_input();
        console::set_colors_enabled_stderr(self.colors(true));
        let mut guard = TerminalGuard::new();
        let result = tokio::task::spawn_blocking(move || prompt(&Term::stderr())).await;
        let result = result.map_err(|_| Error::new(ErrorKind::Bug, "a prompt failed"))?;
        result.inspect(|_| guard.is_answered = true).map_err(|dialoguer::Error::IO(error)| {
            match error.kind() {
                io::ErrorKind::Interrupted => {
                    Error::new(ErrorKind::Interrupted, "interrupted; nothing was done")
                }
                io::ErrorKind::UnexpectedEof => {
                    Error::new(ErrorKind::Unconfirmed, "the prompt was closed without a response")
                }
                _ => Error::new(ErrorKind::Unconfirmed, format!("cannot prompt on this terminal: {error}")),
            }
        })
    }
}

fn not_confirmed() -> Error {
    Error::new(ErrorKind::Unconfirmed, "not confirmed; nothing was done")
}

/// Escapes the error of a prompt, which may repeat what was pasted, and wraps it, because dialoguer clears as many rows as the
/// error has lines.
fn wrap_error(error: &str, term: &Term) -> String {
    const PREFIX: &str = "error: ";
    let error = escape_control(error);
    let width = usize::from(term.size().1);
    let line = wrap(&format!("{PREFIX}{error}"), width, 0);
    // A first word that is too long is on the line after the prefix.
    line.strip_prefix(PREFIX).or_else(|| line.strip_prefix(PREFIX.trim_end())).unwrap_or(&line).to_owned()
}

fn parse_yes_no(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "y" | "yes" => Some(true),
        "n" | "no" => Some(false),
        _ => None,
    }
}

/// Restores the terminal's modes and its cursor when a prompt ends. dialoguer does so itself, but not if a signal
/// cancels the prompt, and then the terminal would keep its echo off.
struct TerminalGuard {
    #[cfg(unix)]
    modes: Option<rustix::termios::Termios>,
    is_answered: bool,
}

impl TerminalGuard {
    fn new() -> Self {
        Self {
            #[cfg(unix)]
            modes: rustix::termios::tcgetattr(io::stdin()).ok(),
            is_answered: false,
        }
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        let term = Term::stderr();
        // These fail only if the terminal was closed.
        #[cfg(unix)]
        if let Some(modes) = &self.modes {
            use rustix::termios::{OptionalActions, tcsetattr};
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, modes);
        }
        let _ = term.show_cursor();
        if !self.is_answered {
            // The error that follows starts on a line of its own.
            let _ = term.write_line("");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_trimmed_and_validated_and_may_be_empty_only_if_optional() {
        let question =
            || Question::new("Name").check(|name| if name == "x" { Err("no".into()) } else { Ok(()) });
        assert_eq!(question().validate(" Till 1 "), Ok(()));
        assert_eq!(question().validate(" x "), Err("no".into()));
        assert_eq!(question().validate("  "), Err("a value is required".into()));
        assert_eq!(question().optional().validate(""), Ok(()));
    }
}
