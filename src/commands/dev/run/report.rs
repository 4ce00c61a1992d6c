//! What is told of a run: each scenario as it is done, and at the end how the run ended.

use std::path::Path;
use std::time::{Duration, Instant};

use super::row::{ScenarioResultRow, ScenarioStatus};
use super::{files, junit};
use crate::context::App;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::output::{ListWriter, Output, ProgressBar};
use crate::text::pluralize;

/// A run as far as it has come.
pub(super) struct Report<'a> {
    output: &'a Output,
    listing: ListWriter<'a, ScenarioResultRow>,
    bar: ProgressBar,
    junit: Option<(&'a Path, Vec<(ScenarioResultRow, Duration)>)>,
    began: Instant,
    /// How many there are to be run.
    size: usize,
    tally: Tally,
    /// How the first one ended that failed.
    exit: ExitStatus,
}

#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    skipped: usize,
    stopped: usize,
}

impl<'a> Report<'a> {
    pub(super) fn new(size: usize, junit: Option<&'a Path>, app: &'a App) -> Self {
        let output = &*app.output;
        Self {
            output,
            listing: output.list_writer(),
            bar: output.show_bar("running", size),
            junit: junit.map(|path| (path, Vec::new())),
            began: Instant::now(),
            size,
            tally: Tally::default(),
            exit: ExitStatus::Success,
        }
    }

    /// Takes in what came of a scenario.
    pub(super) fn add(&mut self, row: ScenarioResultRow, took: Duration) -> Result<(), Error> {
        match row.result {
            ScenarioStatus::Passed => self.tally.passed += 1,
            ScenarioStatus::Failed => self.tally.failed += 1,
            ScenarioStatus::Skipped => self.tally.skipped += 1,
            ScenarioStatus::Stopped => self.tally.stopped += 1,
        }
        if self.exit == ExitStatus::Success {
            self.exit = row.exit;
        }
        for left in row.left() {
            self.output.warn(&format!("not cleared away: {}", crate::text::escape_control(left)));
        }
        if let Some((_, rows)) = &mut self.junit {
            rows.push((row.clone(), took));
        }
        ignore_closed_pipe(self.listing.push(row).and_then(|()| self.listing.flush()))?;
        self.bar.inc(1);
        Ok(())
    }

    /// Ends the run.
    pub(super) fn finish(self, is_interrupted: bool) -> Result<ExitStatus, Error> {
        let Self { output, listing, bar, junit, began, size, tally, exit } = self;
        drop(bar);
        ignore_closed_pipe(listing.finish())?;
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
            output.status(&format!("{}.", parts.join(", ")));
        }
        if is_interrupted {
            let done = passed + failed + skipped;
            let message = format!("interrupted: {done} of {} done", pluralize(size, "scenario"));
            return Err(Error::new(ErrorKind::Interrupted, message));
        }
        let left = size.saturating_sub(passed + failed + skipped + stopped);
        if left > 0 {
            let left = pluralize(left, "more scenario");
            output.warn(&format!("{left} not run: the account cannot be asked"));
        }
        Ok(exit)
    }
}

/// Whoever reads the rows may have gone away, which changes nothing about how the run ends: its exit code counts.
fn ignore_closed_pipe(written: Result<(), Error>) -> Result<(), Error> {
    match written {
        Err(error) if error.kind == ErrorKind::ClosedPipe => Ok(()),
        other => other,
    }
}
