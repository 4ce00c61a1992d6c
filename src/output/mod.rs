//! The only writer of stdout and stderr and the only reader of stdin.
//!
//! stdout carries data and nothing else; notes, warnings, prompts and errors go to stderr. With `-o json` or
//! `-o ndjson` warnings and errors are JSON objects, one a line, and notes, which only talk, are left out.

mod csv;
mod large_text;
mod listing;
mod log;
mod options;
mod plain;
mod print;
mod progress;
mod prompt;
mod view;
mod views;

use std::cell::{Cell as Slot, RefCell};
use std::io::{self, BufWriter, IsTerminal as _, Read as _, Write as _};

use anstyle::{AnsiColor, Style};
use clap::builder::StyledStr;
use dialoguer::console::Term;
use serde_json::json;

pub(crate) use listing::ListWriter;
pub(crate) use log::LogSender;
pub(crate) use options::{ColorWhen, Format, OutputOptions};
use options::{has_blocks, is_dumb};
pub(crate) use progress::{Bar, ProgressLine};
pub(crate) use prompt::restore;
pub(crate) use prompt::{Choice, Question};
pub(crate) use view::{Cell, CellStyle, Column, Layout, ValueFormat, View};
pub(crate) use views::session_tone;

use crate::error::{Error, ErrorKind};
use crate::secret::Redactor;
use crate::text::escape_json;

/// The largest standard input that is read, in bytes.
const LARGEST_INPUT: u64 = 1024 * 1024;

/// The width of a table where nothing tells the terminal's.
const USUAL_WIDTH: u16 = 80;

/// The streams of this process.
pub(crate) struct Output {
    manner: OutputOptions,
    out: RefCell<BufWriter<io::Stdout>>,
    people: IsTerminal,
    lines: progress::ProgressLines,
    /// Whether a question was left unanswered by a thread that still reads what is typed.
    is_abandoned: Slot<bool>,
}

/// At which streams there is a person and not a pipe.
#[derive(Debug, Clone, Copy)]
struct IsTerminal {
    stdin: bool,
    stdout: bool,
    stderr: bool,
}

impl Output {
    /// The terminal of this process.
    pub(crate) fn new(manner: OutputOptions) -> Self {
        let people = IsTerminal {
            stdin: io::stdin().is_terminal(),
            stdout: io::stdout().is_terminal(),
            stderr: io::stderr().is_terminal(),
        };
        let moves = people.stderr && !manner.quiet && manner.verbosity == 0 && !is_dumb();
        Self {
            manner,
            out: RefCell::new(BufWriter::new(io::stdout())),
            people,
            lines: progress::ProgressLines::new(moves),
            is_abandoned: Slot::new(false),
        }
    }

    /// How data is written.
    pub(crate) const fn format(&self) -> Format {
        self.manner.format
    }

    /// Whether questions can be asked: never when stdin or stderr is not a terminal.
    pub(crate) fn can_prompt(&self) -> bool {
        !self.manner.no_input && self.is_interactive() && !self.is_abandoned.get()
    }

    /// Whether somebody types what is read and sees what is said.
    pub(crate) const fn is_interactive(&self) -> bool {
        self.people.stdin && self.people.stderr
    }

    /// Whether questions are answered with yes beforehand.
    pub(crate) const fn assume_yes(&self) -> bool {
        self.manner.yes
    }

    /// Writes data to stdout. What the API says must have been made visible before.
    pub(crate) fn data(&self, text: &str) -> Result<(), Error> {
        self.bytes(text.as_bytes())
    }

    /// Writes data to stdout as it is.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<(), Error> {
        self.lines.suspend(|| self.out.borrow_mut().write_all(bytes)).map_err(|error| output_failed(&error))
    }

    /// Writes help to stdout, coloured where that can be seen.
    pub(crate) fn print_styled(&self, help: &StyledStr) -> Result<(), Error> {
        let styled = help.ansi().to_string();
        let is_as_wanted = self.colors_data() || !styled.contains('\u{1b}');
        let text = if is_as_wanted { styled } else { help.to_string() };
        self.data(text.trim_end()).and_then(|()| self.data("\n"))
    }

    /// Hands everything written so far to whoever reads it.
    pub(crate) fn flush(&self) -> Result<(), Error> {
        self.lines.suspend(|| self.out.borrow_mut().flush()).map_err(|error| output_failed(&error))
    }

    /// Whether whoever read stdout has gone away. Only then is there an error to be had from writing, and a wait
    /// without news does not write.
    #[cfg(unix)]
    pub(crate) fn is_stdout_closed(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let stdout = io::stdout();
        let mut streams = [PollFd::new(&stdout, PollFlags::empty())];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut streams, Some(&at_once)).is_ok() && streams[0].revents().contains(PollFlags::ERR)
    }

    /// Elsewhere this shows when something is written.
    #[cfg(not(unix))]
    pub const fn is_stdout_closed(&self) -> bool {
        false
    }

    /// Tells a person something that is not data. Nothing where only data counts.
    pub(crate) fn status(&self, text: &str) {
        if !self.manner.quiet && self.manner.format == Format::Table {
            // What it is about comes first. Data that cannot be written is told when the program ends.
            let _ = self.flush();
            self.write_stderr(text);
        }
    }

    /// Shows a person on stderr what they need to see to go on, `--quiet` or not.
    pub(crate) fn message(&self, text: &str) {
        self.write_stderr(text);
    }

    /// Shows a person on stderr a short text as large as there is room for.
    pub(crate) fn large_message(&self, text: &str) {
        let (rows, columns) = Term::stderr().size();
        // Some room is for what stands above and below it.
        let (rows, columns) = (usize::from(rows).saturating_sub(14), usize::from(columns).saturating_sub(3));
        let style = self.stderr_style(AnsiColor::Green);
        for line in large_text::lines(text, columns, rows, has_blocks()) {
            self.write_stderr(&format!("  {style}{line}{style:#}"));
        }
    }

    /// 0, 1 to print requests, 2 to print their bodies too.
    pub(crate) const fn verbosity(&self) -> u8 {
        self.manner.verbosity
    }

    /// Whether notes are left out.
    pub(crate) const fn is_quiet(&self) -> bool {
        self.manner.quiet
    }

    /// Warns.
    pub(crate) fn warn(&self, text: &str) {
        if self.manner.format.is_json() {
            self.write_stderr(&escape_json(&json!({"warning": {"message": text}}).to_string()));
        } else {
            let style = self.stderr_style(AnsiColor::Yellow);
            self.write_stderr(&format!("{style}warning:{style:#} {text}"));
        }
    }

    /// Prints a failure, with all that belongs to it. Only `run` does this, and once.
    pub(crate) fn error(&self, error: &Error) {
        if self.manner.format.is_json() {
            self.write_stderr(&escape_json(&error.to_json().to_string()));
            return;
        }
        let (red, cyan) = (self.stderr_style(AnsiColor::Red), self.stderr_style(AnsiColor::Cyan));
        for error in std::iter::once(error).chain(&error.also) {
            self.write_stderr(&format!("{red}error:{red:#} {}", error.message));
            for hint in &error.hints {
                self.write_stderr(&format!("  {cyan}hint:{cyan:#} {hint}"));
            }
        }
    }

    /// Prints what the parser of arguments says, which has its own colours.
    pub(crate) fn parser_error(&self, error: &clap::Error) {
        let styled = error.render();
        let text =
            if self.colors(self.people.stderr) { styled.ansi().to_string() } else { styled.to_string() };
        self.write_stderr(text.trim_end());
    }

    /// Writes a line to stderr. Where stderr is gone there is nobody left to tell.
    fn write_stderr(&self, line: &str) {
        self.lines.suspend(|| {
            let _ = writeln!(io::stderr().lock(), "{}", Redactor::default().redact(line));
        });
    }

    /// Reads standard input to its end.
    pub(crate) fn read_stdin(&self) -> Result<Vec<u8>, Error> {
        if self.people.stdin {
            self.status("Reading standard input; end it with Ctrl-D.");
        }
        let mut bytes = Vec::new();
        io::stdin()
            .lock()
            .take(LARGEST_INPUT + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| Error::usage(format!("cannot read standard input: {error}")))?;
        if bytes.len() as u64 > LARGEST_INPUT {
            return Err(Error::usage("standard input is larger than 1 MiB"));
        }
        Ok(bytes)
    }

    /// Whether data is coloured.
    pub(crate) fn colors_data(&self) -> bool {
        self.colors(self.people.stdout)
    }

    fn stderr_style(&self, color: AnsiColor) -> Style {
        if self.colors(self.people.stderr) {
            Style::new().bold().fg_color(Some(color.into()))
        } else {
            Style::new()
        }
    }

    fn colors(&self, is_terminal: bool) -> bool {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        match self.manner.color {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => is_terminal && !set("NO_COLOR") && !is_dumb(),
        }
    }

    /// Whether tables are fitted to a terminal, or coloured.
    fn is_tty_or_colored(&self) -> bool {
        self.people.stdout || self.colors_data()
    }

    /// The columns a table may take: those of the terminal, and as many as it needs in a pipe.
    fn width(&self) -> Option<u16> {
        let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let asked = || Term::stdout().size_checked().map_or(USUAL_WIDTH, |(_, columns)| columns);
        self.people.stdout.then(|| told.filter(|columns| *columns > 0).unwrap_or_else(asked))
    }
}

fn output_failed(error: &io::Error) -> Error {
    if error.kind() == io::ErrorKind::BrokenPipe {
        Error::new(ErrorKind::ClosedPipe, "stdout was closed")
    } else {
        Error::new(ErrorKind::Bug, format!("cannot write to stdout: {error}"))
            .hint("what was asked for was done; only its output is missing")
    }
}
