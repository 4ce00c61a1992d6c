//! What is under way, shown while it is: on stderr, on a terminal only, gone when it is done.

use std::cell::{Cell, OnceCell};
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use dialoguer::console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike};

use super::Output;
use crate::text::format_duration;

/// How often a line moves.
const TICK: Duration = Duration::from_millis(100);

/// What takes no longer than this is not worth a line.
const SHOW_AFTER: Duration = Duration::from_millis(500);

/// Room at the end of a line for what a terminal shows when Ctrl-C is typed. Without it the `^C` would break the
/// line in two, and only the second half could be cleared away.
const CTRL_C_WIDTH: u16 = 3;

/// stderr, a little narrower than it is.
#[derive(Debug)]
struct NarrowTerm(Term);

impl TermLike for NarrowTerm {
    fn width(&self) -> u16 {
        self.0.size().1.saturating_sub(CTRL_C_WIDTH)
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
    ProgressDrawTarget::term_like(Box::new(NarrowTerm(Term::buffered_stderr())))
}

/// The lines on stderr that tell what is under way.
pub(super) struct ProgressLines {
    /// Whether there are any: not in a pipe, on a dumb terminal or under `--quiet`.
    shown: bool,
    all: OnceCell<MultiProgress>,
    /// How many there are, without the one below.
    number: Rc<Cell<usize>>,
}

impl ProgressLines {
    pub(super) fn new(shown: bool) -> Self {
        Self { shown, all: OnceCell::new(), number: Rc::default() }
    }

    /// Does something that writes to stdout or stderr, with the lines out of its way.
    pub(super) fn suspend<R>(&self, write: impl FnOnce() -> R) -> R {
        match self.all.get() {
            Some(lines) if self.number.get() > 0 => lines.suspend(write),
            _ => write(),
        }
    }

    /// Lets the lines rest while somebody is asked something: they would draw over the answer.
    pub(super) fn set_hidden(&self, whether: bool) {
        if let Some(lines) = self.all.get() {
            // Where stderr is gone there is nothing to clear.
            let _ = lines.clear();
            lines.set_draw_target(if whether { ProgressDrawTarget::hidden() } else { target() });
        }
    }

    fn add(&self, template: &str) -> ProgressBar {
        let lines = self.all.get_or_init(|| MultiProgress::with_draw_target(target()));
        let bar = lines.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar
    }

    fn remove(&self, bar: &ProgressBar) {
        bar.finish_and_clear();
        if let Some(lines) = self.all.get() {
            lines.remove(bar);
        }
    }
}

/// A line that tells what is under way. It is gone when it is dropped.
pub(crate) struct ProgressLine<'a> {
    lines: &'a ProgressLines,
    bar: Option<ProgressBar>,
}

impl Output {
    /// A line on stderr for what is under way, with the time since it was added; none in a pipe, on a dumb terminal or
    /// under `--quiet`.
    pub(crate) fn progress(&self, text: &str) -> ProgressLine<'_> {
        self.begin(text, "{spinner} {msg} {elapsed}", |style| style)
    }

    /// The same with the time that is left until an end.
    pub(crate) fn countdown(&self, text: &str, end: tokio::time::Instant) -> ProgressLine<'_> {
        self.begin(text, "{spinner} {msg} {left}", |style| {
            style.with_key("left", move |_: &ProgressState, out: &mut dyn std::fmt::Write| {
                let left = end.saturating_duration_since(tokio::time::Instant::now());
                // A formatter of text does not fail.
                let _ = out.write_str(&format_duration(Duration::from_secs(left.as_secs().max(1))));
            })
        })
    }

    /// A bar on stderr for work of a known size, which appears when the work takes longer than a moment.
    pub(crate) fn bar(&self, text: &'static str, size: usize) -> Bar<'_> {
        Bar { output: self, text, size, done: Cell::new(0), started: Instant::now(), line: OnceCell::new() }
    }

    fn begin(
        &self,
        text: &str,
        template: &str,
        style: impl FnOnce(ProgressStyle) -> ProgressStyle,
    ) -> ProgressLine<'_> {
        let lines = &self.lines;
        if !lines.shown {
            return ProgressLine { lines, bar: None };
        }
        let bar = lines.add(template);
        bar.set_style(style(bar.style()));
        bar.set_message(text.to_owned());
        bar.enable_steady_tick(TICK);
        lines.number.set(lines.number.get() + 1);
        ProgressLine { lines, bar: Some(bar) }
    }
}

impl ProgressLine<'_> {
    /// Changes the line's text.
    pub(crate) fn set_message(&self, text: String) {
        if let Some(bar) = &self.bar {
            bar.set_message(text);
        }
    }
}

/// A bar for work of a known size. It is gone when it is dropped.
pub(crate) struct Bar<'a> {
    output: &'a Output,
    text: &'static str,
    size: usize,
    done: Cell<usize>,
    started: Instant,
    line: OnceCell<ProgressLine<'a>>,
}

impl Bar<'_> {
    /// So much more of the work is done.
    pub(crate) fn advance(&self, by: usize) {
        self.done.set(self.done.get() + by);
        if self.started.elapsed() < SHOW_AFTER {
            return;
        }
        let line = self.line.get_or_init(|| {
            let line = self.output.begin(self.text, "{msg} {wide_bar} {pos} of {len}", |style| style);
            if let Some(bar) = &line.bar {
                bar.set_length(self.size as u64);
            }
            line
        });
        if let Some(bar) = &line.bar {
            bar.set_position(self.done.get() as u64);
        }
    }
}

impl Drop for ProgressLine<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            self.lines.remove(bar);
            self.lines.number.set(self.lines.number.get().saturating_sub(1));
        }
    }
}
