//! The only writer of stdout and stderr and the only reader of stdin.
//!
//! stdout carries data and nothing else; status lines, warnings, prompts and errors go to stderr. With `-o json` or
//! `-o ndjson`, warnings and errors are JSON objects, one per line, and status lines are omitted.

mod columns;
mod csv;
mod filter;
mod large_text;
mod list;
mod names;
mod options;
mod pager;
mod picker;
mod print;
mod profile_flag;
mod progress;
mod prompt;
mod qr;
mod stream;
mod table;
mod view;
mod views;
mod wrap;

use std::borrow::Cow;
use std::cell::{Cell as SharedCell, RefCell};
use std::io::{self, BufRead as _, IsTerminal as _, Read as _};
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use clap::builder::StyledStr;
use dialoguer::console::{Alignment, Term, measure_text_width, pad_str};
use indicatif::{MultiProgress, ProgressDrawTarget};
use serde_json::json;

pub(crate) use filter::Filter;
pub(crate) use indicatif::ProgressBar;
pub(crate) use list::ListWriter;
pub(crate) use names::NameKind;
use names::Names;
pub(crate) use options::{ColorWhen, Format, OutputOptions};
use options::{has_blocks, is_dumb};
pub(crate) use picker::Choice;
pub(crate) use print::CheckLine;
pub(crate) use prompt::Question;
use stream::{Buffer, Limits, Stream, WriteError};
pub(crate) use view::{Cell, CellStyle, Column, View, format_amount, format_time};
pub(crate) use views::session_style;

use crate::error::{Candidate, Error, ErrorKind};
use crate::secret::redact;
use crate::text::{escape_control, escape_json, escape_lines};

/// The maximum size of standard input, in bytes.
const MAX_INPUT_SIZE: u64 = 1024 * 1024;

const DEFAULT_TABLE_WIDTH: u16 = 80;

/// The standard streams of this process.
pub(crate) struct Output {
    options: OutputOptions,
    stdout: RefCell<Buffer>,
    limits: RefCell<Limits>,
    /// Whether a write that waits would keep a server from responding.
    is_server: SharedCell<bool>,
    terminals: Terminals,
    progress: MultiProgress,
    names: RefCell<Names>,
}

/// Which streams are a terminal.
#[derive(Debug, Clone, Copy)]
struct Terminals {
    stdin: bool,
    stdout: bool,
    stderr: bool,
}

impl Output {
    pub(crate) fn new(options: OutputOptions) -> Self {
        let terminals = Terminals {
            stdin: io::stdin().is_terminal(),
            stdout: io::stdout().is_terminal(),
            stderr: io::stderr().is_terminal(),
        };
        let shows_progress =
            terminals.stderr && !options.quiet && options.verbosity == 0 && !is_dumb() && !options::is_ci();
        let target = if shows_progress { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self {
            options,
            stdout: RefCell::default(),
            limits: RefCell::default(),
            is_server: SharedCell::default(),
            terminals,
            progress: MultiProgress::with_draw_target(target),
            names: RefCell::default(),
        }
    }

    /// Sets how long the reader of stdout may read nothing.
    pub(crate) fn with_timeout(self, stall: Option<Duration>) -> Self {
        self.limits.borrow_mut().stall = stall;
        self
    }

    /// Sets the end of the time limit of a command that waits.
    pub(crate) fn set_deadline(&self, deadline: Option<Instant>) {
        self.limits.borrow_mut().deadline = deadline;
    }

    /// From now on, nothing that is printed waits for its reader: messages that have no room are dropped, and data is
    /// written by [`Self::flush_within`].
    pub(crate) fn never_block(&self) {
        self.is_server.set(true);
    }

    pub(crate) const fn format(&self) -> Format {
        self.options.format
    }

    /// 0, 1 to print requests, 2 to print their bodies too.
    pub(crate) const fn verbosity(&self) -> u8 {
        self.options.verbosity
    }

    pub(crate) const fn is_quiet(&self) -> bool {
        self.options.quiet
    }

    /// Whether confirmations are given in advance.
    pub(crate) const fn assume_yes(&self) -> bool {
        self.options.yes
    }

    pub(crate) fn can_prompt(&self) -> bool {
        !self.options.no_input && self.is_interactive() && !is_dumb() && !options::is_ci()
    }

    /// Whether data is shown on a terminal.
    pub(crate) const fn is_terminal(&self) -> bool {
        self.terminals.stdout
    }

    /// Whether somebody can type input and read messages.
    pub(crate) const fn is_interactive(&self) -> bool {
        self.terminals.stdin && self.terminals.stderr
    }

    /// Keeps the name of a location or device for the tables that refer to it.
    pub(crate) fn learn_name(&self, kind: NameKind, id: &str, name: &str) {
        self.names.borrow_mut().add(kind, id, name);
    }

    /// The text of a cell, with a name in place of an ID if it is known.
    pub(crate) fn name_of(&self, cell: &Cell) -> String {
        cell.clone().resolve(&self.names.borrow()).text
    }

    fn knows_name(&self, kind: NameKind, id: &str) -> bool {
        self.names.borrow().get(kind, id).is_some()
    }

    /// Marks the names of a kind as listed. Returns whether they were before.
    pub(crate) fn mark_listed(&self, kind: NameKind) -> bool {
        self.names.borrow_mut().mark_listed(kind)
    }

    /// The kinds of resources that items refer to and whose names are not known.
    pub(crate) fn unknown_names<T: View>(&self, items: &[T]) -> Vec<NameKind> {
        let columns = || T::COLUMNS.iter();
        self.unknown_kinds(items.iter().flat_map(|item| columns().map(move |column| (column.cell)(item))))
    }

    /// The kinds of resources that cells refer to and whose names are not known.
    pub(crate) fn unknown_kinds(&self, cells: impl Iterator<Item = Cell>) -> Vec<NameKind> {
        let mut kinds = Vec::new();
        for Cell { text, named, .. } in cells {
            if let Some(kind) = named
                && !text.is_empty()
                && !kinds.contains(&kind)
                && !self.knows_name(kind, &text)
            {
                kinds.push(kind);
            }
        }
        kinds
    }

    pub(crate) const fn has_selected_columns(&self) -> bool {
        self.options.columns.is_some()
    }

    /// Whether the names of locations and devices are shown.
    pub(crate) fn shows_names(&self) -> bool {
        let is_selected = |column: &String| column.starts_with("location") || column.starts_with("device");
        match &self.options.columns {
            Some(columns) => columns.iter().any(is_selected),
            None => self.format().is_table(),
        }
    }

    /// Writes text to stdout: without secrets, and with everything escaped that could control a terminal.
    pub(crate) fn print(&self, text: &str) -> Result<(), Error> {
        self.print_bytes(clean(text, self.has_colors()).as_bytes())
    }

    /// Writes a row of CSV.
    fn print_row(&self, row: &[u8]) -> Result<(), Error> {
        self.print(&String::from_utf8_lossy(row))
    }

    /// Writes bytes to stdout unchanged, for a response that is not text, and for the output of kustom itself.
    pub(crate) fn print_bytes(&self, bytes: &[u8]) -> Result<(), Error> {
        let mut stdout = self.stdout.borrow_mut();
        if self.is_server.get() {
            stdout.push_later(bytes);
            return Ok(());
        }
        let push = || stdout.push(bytes, &self.limits.borrow());
        self.progress.suspend(push).map_err(write_failed)
    }

    pub(crate) fn print_styled(&self, help: &StyledStr) -> Result<(), Error> {
        // Unlike text from outside, help has tabs.
        let text = if self.has_colors() { help.ansi().to_string() } else { help.to_string() };
        self.print(text.trim_end()).and_then(|()| self.print("\n"))
    }

    /// Prints help to stderr, in place of an error.
    pub(crate) fn print_help_as_error(&self, help: &StyledStr) {
        let text =
            if self.colors(self.terminals.stderr) { help.ansi().to_string() } else { help.to_string() };
        self.message(text.trim_end());
    }

    pub(crate) fn flush(&self) -> Result<(), Error> {
        if self.is_server.get() {
            return self.stdout.borrow_mut().flush_available().map_err(|error| write_failed(error.into()));
        }
        let flush = || self.stdout.borrow_mut().flush(&self.limits.borrow());
        self.progress.suspend(flush).map_err(write_failed)
    }

    /// Writes what was printed as its reader reads, and fails if that takes longer than `timeout`. What is left is written
    /// first the next time.
    pub(crate) async fn flush_within(&self, timeout: Duration) -> Result<(), Error> {
        const INTERVAL: Duration = Duration::from_millis(10);
        let start = Instant::now();
        loop {
            let written = self.progress.suspend(|| self.stdout.borrow_mut().flush_available());
            written.map_err(|error| write_failed(error.into()))?;
            if self.stdout.borrow().is_empty() {
                return Ok(());
            }
            if start.elapsed() >= timeout {
                return Err(write_failed(WriteError::Unread));
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Returns true if everything that was printed is written.
    pub(crate) fn is_flushed(&self) -> bool {
        self.stdout.borrow().is_empty()
    }

    /// Returns true if a write to stdout was given up, because its reader reads nothing.
    pub(crate) fn is_stdout_unread(&self) -> bool {
        Stream::Stdout.is_abandoned()
    }

    /// Returns true if the reader of stdout has closed the pipe. Long waits that print nothing must poll this, since
    /// they never see `EPIPE`.
    #[cfg(unix)]
    pub(crate) fn is_stdout_closed(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let stdout = io::stdout();
        let mut streams = [PollFd::new(&stdout, PollFlags::empty())];
        let no_wait = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut streams, Some(&no_wait)).is_ok() && streams[0].revents().contains(PollFlags::ERR)
    }

    /// Windows reports a closed pipe only when something is written.
    #[cfg(not(unix))]
    pub(crate) const fn is_stdout_closed(&self) -> bool {
        false
    }

    /// Prints a status line to stderr. Suppressed by `--quiet` and by formats other than a table.
    pub(crate) fn status(&self, text: &str) {
        if !self.options.quiet && self.options.format.is_table() {
            // The data that the line is about comes first. If it cannot be written, that is reported at the end.
            let _ = self.flush();
            self.prose(&self.add_profile_flag(text), 0);
        }
    }

    /// Prints a sentence that confirms a change, and the account that it was made to.
    pub(crate) fn report_change(&self, sentence: &str, account: &str) {
        let dim = if self.colors(self.terminals.stderr) { Style::new().dimmed() } else { Style::new() };
        self.status(&format!("{sentence} {dim}{account}{dim:#}"));
    }

    /// Prints prose to stderr, wrapped to the terminal.
    fn prose(&self, text: &str, indent: usize) {
        if !self.terminals.stderr {
            self.message(text);
            return;
        }
        let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let columns =
            columns.filter(|columns| *columns > 0).unwrap_or_else(|| usize::from(Term::stderr().size().1));
        self.message(&wrap::wrap(text, columns, indent));
    }

    /// Adds `--profile` to the commands in a text, if the user gave it.
    pub(crate) fn add_profile_flag(&self, text: &str) -> String {
        profile_flag::add(text, self.options.profile.as_deref())
    }

    /// Prints a code to stderr in large letters and as a QR code: beside each other if there is room.
    pub(crate) fn print_large(&self, text: &str) {
        let columns = usize::from(Term::stderr().size().1).saturating_sub(3);
        let style = self.stderr_style(AnsiColor::Green);
        let letters = large_text::lines(text, columns, has_blocks());
        let qr = if has_blocks() { qr::lines(text) } else { Vec::new() };
        let qr_style = if self.colors(self.terminals.stderr) {
            Style::new().fg_color(Some(AnsiColor::BrightWhite.into())).bg_color(Some(AnsiColor::Black.into()))
        } else {
            Style::new()
        };
        let width_of =
            |lines: &[String]| lines.iter().map(|line| measure_text_width(line)).max().unwrap_or_default();
        let (letters_width, qr_width) = (width_of(&letters), width_of(&qr));
        if qr.is_empty() || letters_width + 3 + qr_width > columns {
            for line in &letters {
                self.message(&format!("  {style}{}{style:#}", line.trim_end()));
            }
            if qr_width <= columns {
                for line in &qr {
                    self.message(&format!("  {qr_style}{line}{qr_style:#}"));
                }
            }
            return;
        }
        let above = qr.len().saturating_sub(letters.len()) / 2;
        for (index, line) in qr.iter().enumerate() {
            let letters = index.checked_sub(above).and_then(|at| letters.get(at));
            let letters = pad_str(letters.map_or("", String::as_str), letters_width, Alignment::Left, None);
            self.message(&format!("  {style}{letters}{style:#}   {qr_style}{line}{qr_style:#}"));
        }
    }

    pub(crate) fn warn(&self, text: &str) {
        self.warn_with_hints(text, &[]);
    }

    /// Prints a warning with actions to take next.
    pub(crate) fn warn_with_hints(&self, text: &str, hints: &[String]) {
        let text = escape_control(&self.add_profile_flag(text)).into_owned();
        let hints: Vec<_> = hints.iter().map(|hint| self.add_profile_flag(hint)).collect();
        if self.options.format.is_json() {
            let mut warning = json!({"message": text});
            if !hints.is_empty() {
                warning["hints"] = json!(hints);
            }
            self.message(&escape_json(&json!({ "warning": warning }).to_string()));
            return;
        }
        let (yellow, cyan) = (self.stderr_style(AnsiColor::Yellow), self.stderr_style(AnsiColor::Cyan));
        self.prose(&format!("{yellow}warning:{yellow:#} {text}"), 2);
        for hint in &hints {
            self.prose(&format!("  {cyan}hint:{cyan:#} {}", escape_control(hint)), 2);
        }
    }

    pub(crate) fn error(&self, error: &Error) {
        let error = &self.with_suggestions(error);
        if self.options.format.is_json() {
            self.message(&escape_json(&error.to_json().to_string()));
            return;
        }
        let (red, cyan) = (self.stderr_style(AnsiColor::Red), self.stderr_style(AnsiColor::Cyan));
        for error in std::iter::once(error).chain(&error.also) {
            self.prose(&format!("{red}error:{red:#} {}", escape_lines(&error.message)), 2);
            for Candidate { id, name, about } in &error.candidates {
                let parts = [Some(id), name.as_ref(), about.as_ref()].into_iter().flatten();
                let parts: Vec<_> = parts.map(|part| escape_control(part)).collect();
                self.message(&format!("  {}", parts.join("  ")));
            }
            for hint in &error.hints {
                self.prose(&format!("  {cyan}hint:{cyan:#} {}", escape_control(hint)), 2);
            }
        }
    }

    fn with_suggestions(&self, error: &Error) -> Error {
        Error {
            hints: error.hints.iter().map(|hint| self.add_profile_flag(hint)).collect(),
            also: error.also.iter().map(|error| self.with_suggestions(error)).collect(),
            ..error.clone()
        }
    }

    /// Prints a line to stderr, even with `--quiet`.
    pub(crate) fn message(&self, line: &str) {
        self.progress.suspend(|| {
            let line = clean(line, self.colors(self.terminals.stderr));
            if self.is_server.get() {
                stream::write_log(&format!("{line}\n"));
            } else {
                // If stderr is closed or not read, there is no place to report it.
                let _ = Stream::Stderr.write_all(format!("{line}\n").as_bytes(), &self.limits.borrow());
            }
        });
    }

    /// Reads standard input to its end.
    pub(crate) fn read_stdin(&self) -> Result<Vec<u8>, Error> {
        let bytes = self.read_stdin_up_to(MAX_INPUT_SIZE + 1)?;
        if bytes.len() as u64 > MAX_INPUT_SIZE {
            return Err(Error::usage("standard input is larger than 1 MiB"));
        }
        Ok(bytes)
    }

    /// Reads standard input of any size.
    pub(crate) fn read_all_stdin(&self) -> Result<Vec<u8>, Error> {
        self.read_stdin_up_to(u64::MAX)
    }

    fn read_stdin_up_to(&self, limit: u64) -> Result<Vec<u8>, Error> {
        if self.terminals.stdin {
            self.status("Reading standard input; end it with Ctrl-D.");
        }
        let mut bytes = Vec::new();
        let mut chunk = [0; 8192];
        loop {
            stream::wait_for_input(&self.limits.borrow()).map_err(|error| match error {
                WriteError::Interrupted => Error::new(ErrorKind::Interrupted, "interrupted"),
                _ => Error::usage("standard input did not end before the timeout"),
            })?;
            let read = io::stdin().lock().take(limit - bytes.len() as u64).read(&mut chunk);
            let length =
                read.map_err(|error| Error::usage(format!("cannot read standard input: {error}")))?;
            bytes.extend_from_slice(&chunk[..length]);
            if length == 0 || bytes.len() as u64 >= limit {
                break;
            }
        }
        Ok(bytes)
    }

    /// Whether data on stdout has colors.
    pub(crate) fn has_colors(&self) -> bool {
        self.colors(self.terminals.stdout)
    }

    fn stderr_style(&self, color: AnsiColor) -> Style {
        if self.colors(self.terminals.stderr) {
            Style::new().bold().fg_color(Some(color.into()))
        } else {
            Style::new()
        }
    }

    fn colors(&self, is_terminal: bool) -> bool {
        match self.options.color {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => options::prefers_colors().unwrap_or(is_terminal && !is_dumb()),
        }
    }

    /// The width of tables: that of the terminal, and unlimited in a pipe.
    pub(crate) fn width(&self) -> Option<u16> {
        if !self.terminals.stdout {
            return None;
        }
        let variable = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let size = || Term::stdout().size_checked().map_or(DEFAULT_TABLE_WIDTH, |(_, columns)| columns);
        Some(variable.filter(|columns| *columns > 0).unwrap_or_else(size))
    }
}

/// Prints the messages of another program as they come, a line at a time: without secrets and with escapes.
pub(crate) fn copy_to_stderr(messages: impl io::Read) {
    const MAX_LINE: u64 = 8192;
    let mut messages = io::BufReader::new(messages);
    let mut line = Vec::new();
    while messages.by_ref().take(MAX_LINE).read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        let text = String::from_utf8_lossy(&line);
        log_line(text.trim_end_matches(['\r', '\n']));
        line.clear();
    }
}

pub(crate) fn is_stderr_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Prints a line of a server's log to stderr. Unlike [`Output`], it can be called from any thread.
pub(crate) fn log_line(line: &str) {
    stream::write_log(&format!("{}\n", escape_control(&redact(line))));
}

/// Everything that leaves the process passes here: no secret, and nothing that controls a terminal, except the colors of
/// kustom itself.
fn clean(text: &str, has_colors: bool) -> Cow<'_, str> {
    let text = redact(text);
    if !has_colors {
        return match escape_lines(&text) {
            Cow::Owned(escaped) => escaped.into(),
            Cow::Borrowed(_) => text,
        };
    }
    let mut cleaned = String::with_capacity(text.len());
    let mut parts = text.split('\u{1b}');
    cleaned.push_str(&escape_lines(parts.next().unwrap_or_default()));
    for part in parts {
        let is_parameter = |character: char| character.is_ascii_digit() || character == ';';
        let is_style =
            part.strip_prefix('[').is_some_and(|rest| rest.trim_start_matches(is_parameter).starts_with('m'));
        cleaned.push_str(if is_style { "\u{1b}" } else { "\\u{1b}" });
        cleaned.push_str(&escape_lines(part));
    }
    cleaned.into()
}

fn write_failed(error: WriteError) -> Error {
    match error {
        WriteError::Io(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            Error::new(ErrorKind::ClosedPipe, "stdout was closed")
        }
        WriteError::Interrupted => Error::new(ErrorKind::Interrupted, "interrupted: the output was not read"),
        error => Error::new(ErrorKind::Output, format!("cannot write to stdout: {error}"))
            .hint("the command succeeded; only its output is missing"),
    }
}
