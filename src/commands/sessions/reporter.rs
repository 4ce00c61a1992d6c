//! Reports the progress of a wait for sessions: a line or an object for each change, and a summary at the end.

use std::cell::Cell;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;
use uuid::Uuid;

use super::status;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::model::{Resource, Session, SessionStatus};
use crate::output::{Format, Output, ProgressBar, session_style};
use crate::text::{escape_control, format_duration, pluralize};

/// Width of the status column: the longest status has this many letters.
const STATUS_WIDTH: usize = 10;

const FINAL_STATUSES: [SessionStatus; 4] =
    [SessionStatus::Finalized, SessionStatus::Cancelled, SessionStatus::Expired, SessionStatus::Failed];

pub(super) struct WatchedSession {
    pub(super) id: Uuid,
    /// The session as the API last returned it; `None` until a poll succeeds.
    pub(super) session: Option<Resource<Session>>,
    /// Whether a poll found it open. If none did, it had ended before the wait began.
    pub(super) was_open: bool,
    /// Why it could not be polled.
    pub(super) poll_error: Option<Error>,
    pub(super) cancel_error: Option<Error>,
    /// The request that created it, if it is known.
    sent: Map<String, Value>,
}

impl WatchedSession {
    pub(super) const fn new(id: Uuid, sent: Map<String, Value>) -> Self {
        Self { id, session: None, was_open: false, poll_error: None, cancel_error: None, sent }
    }

    /// Fails if the session is not the one that was sent, such as one of another amount.
    pub(super) fn check(&self, session: &Resource<Session>) -> Result<(), Error> {
        status::check_requested(&self.sent, session, ErrorKind::Unknown)
    }

    pub(super) fn set_session(&mut self, session: Resource<Session>) {
        self.was_open |= !session.status.as_ref().is_some_and(SessionStatus::is_terminal);
        self.session = Some(session);
    }

    pub(super) fn status(&self) -> Option<&SessionStatus> {
        self.session.as_ref()?.status.as_ref()
    }

    /// Whether it is open as far as is known.
    pub(super) fn is_open(&self) -> bool {
        !self.status().is_some_and(SessionStatus::is_terminal)
    }

    pub(super) fn exit_status(&self) -> ExitStatus {
        self.status().map_or(ExitStatus::SessionOpen, ExitStatus::from_session_status)
    }
}

pub(super) struct WatchReporter<'a> {
    output: &'a Output,
    started: Instant,
    count: usize,
    open: Cell<usize>,
    /// The number of sessions whose latest poll failed.
    failing: Cell<usize>,
    progress: ProgressBar,
}

impl<'a> WatchReporter<'a> {
    pub(super) fn new(count: usize, output: &'a Output) -> Self {
        let message = if count == 1 { "waiting".to_owned() } else { pluralize(count, "open session") };
        let progress = output.show_progress(&message);
        Self {
            output,
            started: Instant::now(),
            count,
            open: Cell::new(count),
            failing: Cell::new(0),
            progress,
        }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Warns when a poll fails, unless it is known that polls fail at the moment.
    pub(super) fn warn_poll_failed(&self, reason: &str) {
        if self.failing.get() == 0 {
            self.output.warn(&format!("{reason}; still waiting"));
        }
    }

    /// Counts the sessions whose polls fail, and reports when no poll fails anymore.
    pub(super) fn set_failing(&self, is_failing: bool) {
        if is_failing {
            self.failing.set(self.failing.get() + 1);
            return;
        }
        self.failing.set(self.failing.get().saturating_sub(1));
        if self.failing.get() == 0 {
            self.output.status("The API responds again.");
        }
    }

    /// Prints a line for a new status, or with `-o ndjson` the session. The other formats print at the end.
    pub(super) fn print_change(&self, watched: &WatchedSession) -> Result<(), Error> {
        let Some(session) = &watched.session else { return Ok(()) };
        if !watched.is_open() {
            self.open.set(self.open.get().saturating_sub(1));
        }
        self.progress.set_message(match (self.count, &session.status) {
            (1, Some(status)) => escape_control(status.as_str()).into_owned(),
            _ => pluralize(self.open.get(), "open session"),
        });
        match self.output.format() {
            Format::Table | Format::Wide => {
                let elapsed = format_elapsed(self.elapsed());
                let mut text = format!("{elapsed:>8}  {}", self.format_status(session));
                if self.count > 1 {
                    text = format!("{text}  {}", watched.id);
                }
                if let (Some(SessionStatus::Finalized), Some(order)) = (&session.status, &session.order_id) {
                    text = format!("{text}  order {}", escape_control(order));
                }
                self.output.print(&format!("{}\n", text.trim_end()))?;
                self.output.flush()
            }
            Format::Ndjson => self.output.print_item(session),
            Format::Json | Format::Csv | Format::Name => Ok(()),
        }
    }

    /// The status, padded to the width of its column. Padding comes after the colors, which have no width.
    fn format_status(&self, session: &Session) -> String {
        let Some(status) = &session.status else { return " ".repeat(STATUS_WIDTH) };
        let text = escape_control(status.as_str());
        let padding = " ".repeat(STATUS_WIDTH.saturating_sub(text.chars().count()));
        format!("{}{padding}", self.output.style_text(&text, session_style(status)))
    }

    /// Prints the sessions in the formats that have not printed them yet, and a summary for the table.
    pub(super) fn finish(&self, watched: &[WatchedSession]) -> Result<(), Error> {
        let sessions = watched.iter().filter_map(|watched| watched.session.as_ref());
        match (self.output.format(), watched) {
            (Format::Json | Format::Csv | Format::Name, [only]) => {
                only.session.as_ref().map_or(Ok(()), |session| self.output.print_item(session))
            }
            (Format::Json | Format::Csv | Format::Name, _) => self.output.print_list(sessions.cloned()),
            (Format::Ndjson, _) => Ok(()),
            (Format::Table | Format::Wide, _) => {
                self.output.status(&self.summarize(watched));
                Ok(())
            }
        }
    }

    fn summarize(&self, watched: &[WatchedSession]) -> String {
        let took = format_duration(self.elapsed());
        if let [WatchedSession { session: Some(session), was_open, .. }] = watched {
            let outcome = status::describe_status(session);
            return if *was_open && !watched[0].is_open() {
                format!("{outcome} It took {took}.")
            } else {
                outcome
            };
        }
        let counts = FINAL_STATUSES.iter().filter_map(|status| {
            let count = watched.iter().filter(|watched| watched.status() == Some(status)).count();
            (count > 0).then(|| format!("{count} {status}"))
        });
        let counts = counts.collect::<Vec<_>>().join(", ");
        format!("{} after {took}.", if counts.is_empty() { "None ended" } else { &counts })
    }

    /// Warns about sessions that are open when `--timeout` ends the wait.
    pub(super) fn warn_still_open(&self, watched: &[WatchedSession]) {
        let ids: Vec<_> = watched
            .iter()
            .filter(|watched| watched.is_open())
            .map(|watched| watched.id.to_string())
            .collect();
        if ids.is_empty() {
            return;
        }
        let waited = format_duration(self.elapsed());
        let message = match (self.failing.get(), watched.len()) {
            (0, 1) => format!("the session is still open after {waited}; it was left as it is"),
            (0, count) => {
                format!(
                    "{} of {count} sessions are still open after {waited}; they were left as they are",
                    ids.len()
                )
            }
            // The latest successful poll may have been long ago.
            _ => format!(
                "the API did not respond when the wait ended, after {waited}; sessions that were open may have ended"
            ),
        };
        let ids = ids.join(" ");
        let hint = format!("wait again: kustom sessions watch {ids}");
        self.output.warn_with_hints(&message, &[hint]);
        let unseen = watched.iter().filter(|watched| watched.session.is_none()).count();
        if unseen > 0 {
            let sessions = pluralize(unseen, "session");
            self.output.warn(&format!("no poll of {sessions} succeeded"));
        }
    }
}

/// `0.4s`, `12.0s`, and without tenths from a minute on.
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
