//! What was seen of the sessions that are waited for, and what is told about it.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::outcome;
use crate::error::{Error, ExitStatus};
use crate::model::{Resource, Session, SessionStatus};
use crate::output::{Format, Output, ProgressBar, session_style};
use crate::text::format_duration;
use crate::text::{escape_control, pluralize};

/// How many sessions get a line of their own while they are waited for.
const MOST_LINES: usize = 5;

/// The sessions as they were seen last, and the terminal they are told on.
pub(super) struct WatchReporter<'a> {
    output: &'a Output,
    ids: Vec<Uuid>,
    started: Instant,
    summary: Option<ProgressBar>,
    /// Whether any session was still open when it was seen.
    any_was_open: Cell<bool>,
    /// How many sessions cannot be asked at present.
    troubled: Cell<usize>,
    /// In the order of the ids.
    last: RefCell<Vec<Option<Resource<Session>>>>,
}

impl<'a> WatchReporter<'a> {
    pub(super) fn new(ids: Vec<Uuid>, output: &'a Output) -> Self {
        let summary =
            (ids.len() > MOST_LINES).then(|| output.show_progress(&pluralize(ids.len(), "open session")));
        Self {
            output,
            started: Instant::now(),
            summary,
            any_was_open: Cell::new(false),
            troubled: Cell::new(0),
            last: RefCell::new(vec![None; ids.len()]),
            ids,
        }
    }

    /// How long it has been.
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// A line for one session while it is waited for, unless there are too many.
    pub(super) fn line(&self, index: usize) -> Option<ProgressBar> {
        self.summary.is_none().then(|| self.output.show_progress(&self.label("waiting", index)))
    }

    /// Takes in a session as it was seen, and gives its status.
    pub(super) fn record(&self, index: usize, session: Resource<Session>) -> SessionStatus {
        let status = session.status.clone().unwrap_or_else(|| SessionStatus::Other(String::new()));
        self.any_was_open.set(self.any_was_open.get() || !status.is_terminal());
        self.last.borrow_mut()[index] = Some(session);
        if let Some(summary) = &self.summary {
            summary.set_message(pluralize(self.open().len(), "open session"));
        }
        status
    }

    /// Says why sessions cannot be asked, once for each time that this begins.
    pub(super) fn warn_transient_error(&self, message: &str) {
        if self.troubled.get() == 0 {
            self.output.warn(&format!("{message}; still waiting"));
        }
    }

    /// Keeps count of the sessions that cannot be asked, and says when all can be again.
    pub(super) fn set_failing(&self, begins: bool) {
        if begins {
            self.troubled.set(self.troubled.get() + 1);
            return;
        }
        self.troubled.set(self.troubled.get().saturating_sub(1));
        if self.troubled.get() == 0 {
            self.output.status("The API answers again.");
        }
    }

    /// One line a change; in `ndjson` one object a change.
    pub(super) fn print_change(
        &self,
        index: usize,
        status: &SessionStatus,
        line: Option<&ProgressBar>,
    ) -> Result<(), Error> {
        if let Some(line) = line {
            line.set_message(self.label(status.as_str(), index));
        }
        let last = self.last.borrow();
        let Some(session) = &last[index] else { return Ok(()) };
        match self.output.format() {
            Format::Table => {
                let elapsed = format_elapsed(self.elapsed());
                let text = escape_control(status.as_str());
                let mut line =
                    format!("{elapsed:>8}  {}", self.output.style_text(&text, session_style(status)));
                let which = (self.ids.len() > 1).then(|| self.ids[index].to_string());
                let order = session.order_id.as_deref().filter(|_| *status == SessionStatus::Finalized);
                let order = order.map(|order| format!("order {}", escape_control(order)));
                let mut gap = 10_usize.saturating_sub(text.chars().count());
                for part in [which, order].into_iter().flatten() {
                    line.push_str(&" ".repeat(gap + 2));
                    line.push_str(&part);
                    gap = 0;
                }
                self.output.print(&format!("{line}\n"))?;
                self.output.flush()
            }
            Format::Ndjson => self.output.print_item(session),
            Format::Json | Format::Csv => Ok(()),
        }
    }

    /// The sessions that have not ended, as far as was seen.
    pub(super) fn open(&self) -> Vec<usize> {
        let last = self.last.borrow();
        (0..self.ids.len()).filter(|index| !is_terminal(last[*index].as_ref())).collect()
    }

    /// How many sessions were never seen.
    pub(super) fn never_seen(&self) -> usize {
        self.last.borrow().iter().filter(|session| session.is_none()).count()
    }

    /// The worst of what was seen; a session that was not seen counts as open.
    pub(super) fn exit_status(&self) -> ExitStatus {
        let exit = |session: &Option<Resource<Session>>| {
            let status = session.as_ref().and_then(|session| session.status.as_ref());
            status.map_or(ExitStatus::SessionOpen, ExitStatus::from_session_status)
        };
        let exits = self.last.borrow().iter().map(exit).collect::<Vec<_>>();
        exits.into_iter().max_by_key(|exit| outcome::severity(*exit)).unwrap_or(ExitStatus::Success)
    }

    /// Shows the sessions as they were seen last, and says in words what that means.
    pub(super) fn finish(&self) -> Result<(), Error> {
        let last = self.last.borrow();
        match (self.output.format(), last.as_slice()) {
            (Format::Json | Format::Csv, [session]) => {
                if let Some(session) = session {
                    self.output.print_item(session)?;
                }
            }
            (Format::Json | Format::Csv, sessions) => {
                self.output.print_list(sessions.iter().flatten().cloned())?;
            }
            (Format::Ndjson, _) => {}
            (Format::Table, _) => self.output.status(&self.summary()),
        }
        Ok(())
    }

    /// Says what is still open when the time is up.
    pub(super) fn warn_still_open(&self, profile_flag: &str) {
        let ids: Vec<_> = self.open().iter().map(|index| self.ids[*index].to_string()).collect();
        let (open, all) = (ids.len(), self.ids.len());
        if open == 0 {
            return;
        }
        let (what, left) = if all == 1 {
            ("the session is".to_owned(), "it was left as it is")
        } else {
            (format!("{open} of {all} sessions are"), "they were left as they are")
        };
        let waited = format_duration(self.elapsed());
        let told = if self.troubled.get() == 0 {
            format!("{what} still open after {waited}; {left}")
        } else {
            // What was seen last may be long ago.
            format!(
                "the API could not be asked when the wait ended, after {waited}; what was open may have ended"
            )
        };
        let again = format!("wait again: kustom{profile_flag} sessions watch {}", ids.join(" "));
        self.output.warn(&format!("{told}\n  {again}"));
        match self.never_seen() {
            0 => {}
            unseen => {
                self.output
                    .warn(&format!("{} of them could not be asked at all", pluralize(unseen, "session")));
            }
        }
    }

    fn summary(&self) -> String {
        let last = self.last.borrow();
        let took = format_duration(self.elapsed());
        match last.as_slice() {
            [Some(session)] if is_terminal(Some(session)) && self.any_was_open.get() => {
                format!("{} It took {took}.", outcome::describe_status(session))
            }
            [Some(session)] => outcome::describe_status(session),
            sessions => {
                let ends = [
                    SessionStatus::Finalized,
                    SessionStatus::Cancelled,
                    SessionStatus::Expired,
                    SessionStatus::Failed,
                ];
                let with = |status: &SessionStatus| {
                    let is = |session: &&Resource<Session>| session.status.as_ref() == Some(status);
                    sessions.iter().flatten().filter(is).count()
                };
                let parts: Vec<_> = ends
                    .iter()
                    .map(|status| (with(status), status))
                    .filter(|(number, _)| *number > 0)
                    .map(|(number, status)| format!("{number} {status}"))
                    .collect();
                let ended = if parts.is_empty() { "None ended".to_owned() } else { parts.join(", ") };
                format!("{ended} after {took}.")
            }
        }
    }

    fn label(&self, status: &str, index: usize) -> String {
        if self.ids.len() == 1 {
            escape_control(status).into_owned()
        } else {
            format!("{} {}", escape_control(status), self.ids[index])
        }
    }
}

fn is_terminal(session: Option<&Resource<Session>>) -> bool {
    session.and_then(|session| session.status.as_ref()).is_some_and(SessionStatus::is_terminal)
}

/// `0.4s`, `12.0s`, and from a minute on without the tenths.
fn format_elapsed(elapsed: Duration) -> String {
    if elapsed < Duration::from_secs(60) {
        format!("{}.{}s", elapsed.as_secs(), elapsed.subsec_millis() / 100)
    } else {
        format_duration(elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::format_elapsed;
    use std::time::Duration;

    #[test]
    fn elapsed_time_has_tenths_while_they_matter() {
        assert_eq!(format_elapsed(Duration::from_millis(0)), "0.0s");
        assert_eq!(format_elapsed(Duration::from_millis(59_999)), "59.9s");
        assert_eq!(format_elapsed(Duration::from_secs(65)), "1m 5s");
    }
}
