//! What is under way, shown while it is: on stderr, on a terminal only, gone when it is done.

use std::io;
use std::time::Duration;

use dialoguer::console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use super::Terminal;

/// How often a line moves.
const TICK: Duration = Duration::from_millis(100);

/// Room at the end of a line for what a terminal shows when Ctrl-C is typed. Without it the `^C` would break the
/// line in two, and only the second half could be cleared away.
const ROOM: u16 = 3;

/// stderr, a little narrower than it is.
#[derive(Debug)]
struct Narrower(Term);

impl TermLike for Narrower {
    fn width(&self) -> u16 {
        self.0.size().1.saturating_sub(ROOM)
    }

    fn height(&self) -> u16 {
        self.0.size().0
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_up(n)
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_down(n)
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_right(n)
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_left(n)
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        self.0.write_line(line)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.0.write_str(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.0.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.0.flush()
    }
}

fn target() -> ProgressDrawTarget {
    ProgressDrawTarget::term_like(Box::new(Narrower(Term::buffered_stderr())))
}

/// Lines that tell what is under way.
pub struct Progress {
    lines: Option<MultiProgress>,
}

/// One of them. It is gone when it is dropped.
pub struct ProgressLine(Option<ProgressBar>);

impl Terminal {
    /// Lines on stderr for what is under way; none in a pipe, on a dumb terminal or under `--quiet`.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let shown = self.people.stderr && !self.manner.quiet && self.manner.verbosity == 0 && !dumb;
        Progress { lines: shown.then(|| MultiProgress::with_draw_target(target())) }
    }
}

impl Progress {
    /// Adds a line, with the time since it was added.
    #[must_use]
    pub fn line(&self, text: &str) -> ProgressLine {
        let Some(lines) = &self.lines else { return ProgressLine(None) };
        let bar = lines.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(text.to_owned());
        bar.enable_steady_tick(TICK);
        ProgressLine(Some(bar))
    }

    /// Does something that writes to stdout or stderr, with the lines out of its way.
    pub fn aside<R>(&self, write: impl FnOnce() -> R) -> R {
        match &self.lines {
            Some(lines) => lines.suspend(write),
            None => write(),
        }
    }
}

impl ProgressLine {
    /// Changes the line's text.
    pub fn say(&self, text: String) {
        if let Some(bar) = &self.0 {
            bar.set_message(text);
        }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
