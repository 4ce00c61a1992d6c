//! Prints the result of each scenario as it completes, and sums up the run.

use std::path::Path;
use std::time::Instant;

use super::{files, junit};
use crate::context::App;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::output::{ListWriter, Output, ProgressBar};
use crate::scenario::runner::{RunResult, RunStatus};
use crate::text::pluralize;

pub(super) struct Report<'a> {
    output: &'a Output,
    list: ListWriter<'a, RunResult>,
    bar: ProgressBar,
    junit: Option<&'a Path>,
    started: Instant,
    /// Number of scenarios to run.
    total: usize,
    rows: Vec<RunResult>,
}

impl<'a> Report<'a> {
    pub(super) fn new(total: usize, junit: Option<&'a Path>, app: &'a App) -> Result<Self, Error> {
        let output = &*app.output;
        Ok(Self {
            output,
            list: output.list_writer()?,
            bar: output.show_bar("running", total),
            junit,
            started: Instant::now(),
            total,
            rows: Vec::new(),
        })
    }

    pub(super) fn add(&mut self, row: RunResult) -> Result<(), Error> {
        for leftover in &row.leftovers {
            self.output.warn(&format!("not removed: {leftover}"));
        }
        self.rows.push(row.clone());
        ignore_closed_pipe(self.list.push(row).and_then(|()| self.list.flush()))?;
        self.bar.inc(1);
        Ok(())
    }

    pub(super) fn finish(self, is_interrupted: bool) -> Result<ExitStatus, Error> {
        let Self { output, list, bar, junit, started, total, rows } = self;
        drop(bar);
        ignore_closed_pipe(list.finish())?;
        if let Some(path) = junit {
            files::replace_file(path, junit::to_xml(&rows, started.elapsed())?.as_bytes())?;
        }
        let count = |status| rows.iter().filter(|row| row.status == status).count();
        let counts = [
            (count(RunStatus::Passed), "passed"),
            (count(RunStatus::Failed), "failed"),
            (count(RunStatus::Skipped), "skipped"),
        ];
        let present = counts.iter().filter(|(number, _)| *number > 0);
        let summary: Vec<_> = present.map(|(number, word)| format!("{number} {word}")).collect();
        if !summary.is_empty() {
            output.status(&format!("{}.", summary.join(", ")));
        }
        if is_interrupted {
            let done: usize = counts.iter().map(|(number, _)| number).sum();
            let message = format!("interrupted: {done} of {} done", pluralize(total, "scenario"));
            return Err(Error::new(ErrorKind::Interrupted, message));
        }
        if rows.len() < total {
            let rest = pluralize(total - rows.len(), "scenario");
            output.warn(&format!("{rest} not run, since the account cannot be used"));
        }
        let failed = rows.iter().find(|row| row.exit_code != 0);
        Ok(failed.map_or(ExitStatus::Success, |row| ExitStatus::ScenarioFailed(row.exit_code)))
    }
}

/// A reader that stops early, such as `head`, does not change the exit code.
fn ignore_closed_pipe(result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(error) if error.kind == ErrorKind::ClosedPipe => Ok(()),
        other => other,
    }
}
