//! What is told of a run: each scenario as it is done, and at the end how the run ended.

use std::path::Path;
use std::time::{Duration, Instant};

use super::row::{Ended, Row};
use super::{files, junit};
use crate::context::Context;
use crate::error::{Error, Exit, Kind};
use crate::terminal::{Bar, Listing, Terminal};
use crate::text::count;

/// A run as far as it has come.
pub(super) struct Report<'a> {
    terminal: &'a Terminal,
    listing: Listing<'a, Row>,
    bar: Bar<'a>,
    junit: Option<(&'a Path, Vec<(Row, Duration)>)>,
    began: Instant,
    /// How many there are to be run.
    size: usize,
    tally: Tally,
    /// How the first one ended that failed.
    exit: Exit,
}

#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    skipped: usize,
    stopped: usize,
}

impl<'a> Report<'a> {
    pub(super) fn new(size: usize, junit: Option<&'a Path>, context: &'a Context) -> Self {
        let terminal = &*context.terminal;
        Self {
            terminal,
            listing: terminal.listing(),
            bar: terminal.bar("running", size),
            junit: junit.map(|path| (path, Vec::new())),
            began: Instant::now(),
            size,
            tally: Tally::default(),
            exit: Exit::Done,
        }
    }

    /// Takes in what came of a scenario.
    pub(super) fn add(&mut self, row: Row, took: Duration) -> Result<(), Error> {
        match row.result {
            Ended::Passed => self.tally.passed += 1,
            Ended::Failed => self.tally.failed += 1,
            Ended::Skipped => self.tally.skipped += 1,
            Ended::Stopped => self.tally.stopped += 1,
        }
        if self.exit == Exit::Done {
            self.exit = row.exit;
        }
        for left in row.left() {
            self.terminal.warn(&format!("not cleared away: {}", crate::text::visible(left)));
        }
        if let Some((_, rows)) = &mut self.junit {
            rows.push((row.clone(), took));
        }
        read_or_not(self.listing.push(row).and_then(|()| self.listing.flush()))?;
        self.bar.advance(1);
        Ok(())
    }

    /// Ends the run.
    pub(super) fn finish(self, is_interrupted: bool) -> Result<Exit, Error> {
        let Self { terminal, listing, bar, junit, began, size, tally, exit } = self;
        drop(bar);
        read_or_not(listing.finish())?;
        if let Some((path, rows)) = junit {
            files::write(path, junit::report(&rows, began.elapsed())?.as_bytes())?;
        }
        let Tally { passed, failed, skipped, stopped } = tally;
        let parts = [(passed, "passed"), (failed, "failed"), (skipped, "skipped")];
        let parts: Vec<_> = parts
            .iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, word)| format!("{number} {word}"))
            .collect();
        if !parts.is_empty() {
            terminal.note(&format!("{}.", parts.join(", ")));
        }
        if is_interrupted {
            let done = passed + failed + skipped;
            let message = format!("interrupted: {done} of {} done", count(size, "scenario"));
            return Err(Error::new(Kind::Interrupted, message));
        }
        let left = size.saturating_sub(passed + failed + skipped + stopped);
        if left > 0 {
            let left = count(left, "more scenario");
            terminal.warn(&format!("{left} not run: the account cannot be asked"));
        }
        Ok(exit)
    }
}

/// Whoever reads the rows may have gone away, which changes nothing about how the run ends: its exit code counts.
fn read_or_not(written: Result<(), Error>) -> Result<(), Error> {
    match written {
        Err(error) if error.kind == Kind::ClosedPipe => Ok(()),
        other => other,
    }
}
