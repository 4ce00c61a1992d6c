//! Waiting for one session or many, in one process.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use futures_util::future::try_join_all;
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use uuid::Uuid;

use super::cancel::try_cancel;
use super::outcome;
use crate::commands::args;
use crate::context::{Online, hang_up, interruption};
use crate::error::{Error, Exit, Kind};
use crate::flows::watch::{Next, Seen, Step, Watch};
use crate::model::{Received, Session, SessionStatus};
use crate::terminal::{Format, Progress, ProgressLine, spell};
use crate::text::{count, visible};

/// How many polls are under way at the same time.
const POLLS_IN_FLIGHT: usize = 16;

/// How many sessions get a line of their own while they are waited for.
const MOST_LINES: usize = 5;

/// How often to look where nothing else is asked for.
const USUAL_INTERVAL: Duration = Duration::from_secs(1);

/// How to wait.
#[derive(Debug, Clone, Copy, clap::Args)]
#[allow(clippy::struct_field_names, reason = "two flags that begin with the same verb")]
pub(super) struct WaitFlags {
    /// How often to look; every second unless told otherwise
    #[arg(long, value_name = "DURATION", value_parser = args::duration)]
    interval: Option<Duration>,
    /// Cancel what is still open when --timeout ends the wait
    #[arg(long)]
    cancel_on_timeout: bool,
    /// Cancel what is still open when Ctrl-C, a signal or a closed terminal ends the wait
    #[arg(long)]
    cancel_on_interrupt: bool,
}

impl WaitFlags {
    /// Whether any of them is given.
    pub(super) const fn is_given(&self) -> bool {
        self.interval.is_some() || self.cancel_on_timeout || self.cancel_on_interrupt
    }
}

/// A wait for one session or many.
pub(super) struct Wait<'a> {
    flags: WaitFlags,
    ids: Vec<Uuid>,
    online: &'a Online<'a>,
    started: Instant,
    polls: Semaphore,
    progress: Progress,
    summary: Option<ProgressLine>,
    /// How many sessions cannot be asked at present.
    troubled: Cell<usize>,
    /// Each session as it was seen last, in the order of the ids.
    last: RefCell<Vec<Option<Received<Session>>>>,
}

impl<'a> Wait<'a> {
    pub(super) fn new(flags: WaitFlags, ids: Vec<Uuid>, online: &'a Online<'a>) -> Self {
        let progress = online.terminal.progress();
        let summary = (ids.len() > MOST_LINES).then(|| progress.line(&count(ids.len(), "open session")));
        Self {
            flags,
            online,
            started: Instant::now(),
            polls: Semaphore::new(POLLS_IN_FLIGHT),
            progress,
            summary,
            troubled: Cell::new(0),
            last: RefCell::new(vec![None; ids.len()]),
            ids,
        }
    }

    /// Waits until all have ended, the time is up, or somebody interrupts it.
    ///
    /// # Errors
    /// [`Kind::Interrupted`], and what the API says that no waiting can change, such as 401 and 404.
    pub(super) async fn run(self) -> Result<Exit, Error> {
        self.online.handle_interruption();
        let all = try_join_all((0..self.ids.len()).map(|index| self.follow(index)));
        let exits = tokio::select! {
            exits = all => exits?,
            () = self.interrupted() => return self.leave().await,
        };
        let worst = exits.into_iter().max_by_key(|exit| outcome::badness(*exit)).unwrap_or(Exit::Done);
        self.finish(worst)?;
        Ok(worst)
    }

    /// Follows one session to its end, or to that of the wait.
    async fn follow(&self, index: usize) -> Result<Exit, Error> {
        let id = self.ids[index];
        let interval = self.flags.interval.unwrap_or(USUAL_INTERVAL);
        let mut watch = Watch::new(interval, self.online.settings.timeout);
        let line = self.summary.is_none().then(|| self.progress.line(&self.label("waiting", index)));
        loop {
            let polled_at = Instant::now();
            let seen = self.poll(index).await?;
            let Step { changed, trouble, next } = watch.observe(self.started.elapsed(), seen);
            self.tell_trouble(trouble);
            if let Some(status) = changed {
                if let Some(line) = &line {
                    line.say(self.label(status.as_str(), index));
                }
                self.tell_status(&status, index)?;
            }
            match next {
                // The rhythm is that of the looks, however long each of them takes.
                Next::Poll(wait) => tokio::time::sleep_until(polled_at + wait).await,
                Next::Ended(status) => {
                    self.ended(index);
                    return Ok(outcome::exit_of(&status));
                }
                Next::TimeUp if self.flags.cancel_on_timeout => {
                    let session = try_cancel(id, self.online).await?;
                    return self.after_cancel(session, index);
                }
                Next::TimeUp => return Ok(Exit::SessionOpen),
            }
        }
    }

    /// Looks once. Only a failure that may pass is something seen.
    async fn poll(&self, index: usize) -> Result<Seen, Error> {
        // The semaphore is never closed, so this is always a permit.
        let _permit = self.polls.acquire().await.ok();
        match self.online.client.session_once(self.ids[index]).await {
            Ok(session) => {
                let status = session.status.clone().unwrap_or_else(|| SessionStatus::Other(String::new()));
                self.last.borrow_mut()[index] = Some(session);
                Ok(Seen::Status(status))
            }
            Err(error) => {
                let asked = error.retry_after;
                let error = Error::from(error);
                if error.kind != Kind::Unavailable {
                    return Err(error.context(&format!("session {}", self.ids[index])));
                }
                if self.troubled.get() == 0 {
                    self.aside(|| self.online.terminal.warn(&format!("{}; still waiting", error.message)));
                }
                Ok(Seen::Trouble(asked))
            }
        }
    }

    /// Keeps count of the sessions that cannot be asked, and says when all can be again.
    fn tell_trouble(&self, trouble: Option<bool>) {
        match trouble {
            Some(true) => self.troubled.set(self.troubled.get() + 1),
            Some(false) => {
                self.troubled.set(self.troubled.get().saturating_sub(1));
                if self.troubled.get() == 0 {
                    self.aside(|| self.online.terminal.note("The API answers again."));
                }
            }
            None => {}
        }
    }

    /// One line a change; in `ndjson` one object a change.
    fn tell_status(&self, status: &SessionStatus, index: usize) -> Result<(), Error> {
        let last = self.last.borrow();
        let Some(session) = &last[index] else { return Ok(()) };
        match self.online.terminal.format() {
            Format::Table => {
                let elapsed = tenths(self.started.elapsed());
                let which = if self.ids.len() > 1 { self.ids[index].to_string() } else { String::new() };
                let order = match (status, session.order_id.as_deref()) {
                    (SessionStatus::Finalized, Some(order)) => format!("order {}", visible(order)),
                    _ => String::new(),
                };
                let line = format!("{elapsed:>8}  {:<10}  {which}  {order}", visible(status.as_str()));
                self.aside(|| {
                    self.online.terminal.data(&format!("{}\n", line.trim_end()))?;
                    self.online.terminal.flush()
                })
            }
            Format::Ndjson => self.online.terminal.one(session),
            Format::Json | Format::Csv => Ok(()),
        }
    }

    /// Notes the end of a session in the journal.
    fn ended(&self, index: usize) {
        let last = self.last.borrow();
        if let Some(seen) = last[index].as_ref().and_then(|session| outcome::seen(session)) {
            // The journal asks again when it matters, so a failure to write is worth no more than a warning.
            if let Err(error) = self.online.journal().note(Timestamp::now(), seen) {
                self.aside(|| self.online.terminal.warn(&error.to_string()));
            }
        }
        if let Some(summary) = &self.summary {
            let open = last.iter().filter(|session| !has_ended(session.as_ref())).count();
            summary.say(count(open, "open session"));
        }
    }

    /// What a cancel of our own came to: a cancel that loses to a payment reports the payment.
    fn after_cancel(&self, session: Received<Session>, index: usize) -> Result<Exit, Error> {
        let status = session.status.clone().unwrap_or_else(|| SessionStatus::Other(String::new()));
        self.last.borrow_mut()[index] = Some(session);
        self.tell_status(&status, index)?;
        self.ended(index);
        Ok(outcome::exit_of(&status))
    }

    /// Shows the sessions as they were seen last, and says in words what that means.
    fn finish(&self, worst: Exit) -> Result<(), Error> {
        let last = self.last.borrow();
        let terminal = self.online.terminal;
        match terminal.format() {
            Format::Json | Format::Csv if last.len() == 1 => {
                if let Some(session) = &last[0] {
                    terminal.one(session)?;
                }
            }
            Format::Json | Format::Csv => terminal.all(last.iter().flatten().cloned())?,
            Format::Ndjson => {}
            Format::Table => self.aside(|| terminal.note(&self.in_words())),
        }
        if worst == Exit::SessionOpen {
            let open = last.iter().filter(|session| !has_ended(session.as_ref())).count();
            let waited = spell(self.started.elapsed());
            let what =
                if last.len() == 1 { "the session is".to_owned() } else { format!("{open} sessions are") };
            let told = if self.troubled.get() == 0 {
                format!("{what} still open after {waited}; nothing was changed")
            } else {
                format!(
                    "the API could not be asked when the wait ended, after {waited}; what was open may have ended"
                )
            };
            self.aside(|| terminal.warn(&told));
        }
        Ok(())
    }

    fn in_words(&self) -> String {
        let last = self.last.borrow();
        let took = spell(self.started.elapsed());
        match last.as_slice() {
            [Some(session)] if has_ended(Some(session)) => {
                format!("{} It took {took}.", outcome::in_words(session))
            }
            [Some(session)] => outcome::in_words(session),
            [None] => "The API never told how the session stands.".to_owned(),
            sessions => {
                let with = |status: &SessionStatus| {
                    let is = |session: &&Received<Session>| session.status.as_ref() == Some(status);
                    (sessions.iter().flatten().filter(is).count(), status.as_str().to_owned())
                };
                let ends = [
                    SessionStatus::Finalized,
                    SessionStatus::Cancelled,
                    SessionStatus::Expired,
                    SessionStatus::Failed,
                ];
                let parts = ends.iter().map(with).filter(|(number, _)| *number > 0);
                let parts: Vec<_> = parts.map(|(number, status)| format!("{number} {status}")).collect();
                format!(
                    "{} after {took}.",
                    if parts.is_empty() { "None ended".to_owned() } else { parts.join(", ") }
                )
            }
        }
    }

    /// Waits for an interruption. A closed terminal is only listened for where something must be done then.
    async fn interrupted(&self) {
        if self.flags.cancel_on_interrupt {
            tokio::select! { () = interruption() => {} () = hang_up() => {} }
        } else {
            interruption().await;
        }
    }

    /// Ends the wait before its time: leaves the sessions as they are, unless told to cancel them.
    async fn leave(&self) -> Result<Exit, Error> {
        let open: Vec<usize> = {
            let last = self.last.borrow();
            (0..self.ids.len()).filter(|index| !has_ended(last[*index].as_ref())).collect()
        };
        let ids: Vec<_> = open.iter().map(|index| self.ids[*index].to_string()).collect();
        let flag = self.online.settings.profile_flag();
        if !self.flags.cancel_on_interrupt {
            let ids = ids.join(" ");
            return Err(Error::new(
                Kind::Interrupted,
                "the wait was interrupted; what was open is still open",
            )
            .hint(format!("wait again: kustom{flag} sessions watch {ids}"))
            .hint(format!("call it off: kustom{flag} sessions cancel {ids}")));
        }
        let cancelling = async {
            let mut exits = Vec::new();
            for index in open {
                let session = try_cancel(self.ids[index], self.online).await?;
                exits.push(self.after_cancel(session, index)?);
            }
            Ok(exits)
        };
        let exits: Vec<Exit> = tokio::select! {
            exits = cancelling => exits.map_err(|error: Error| error.context("interrupted, and not all was cancelled"))?,
            // Whoever asks twice does not want to wait for that either.
            () = interruption() => {
                return Err(Error::new(Kind::Unknown, "interrupted while cancelling; what was open may still be open")
                    .hint(format!("call it off: kustom{flag} sessions cancel {}", ids.join(" "))));
            }
        };
        self.finish(Exit::Done)?;
        if exits.iter().all(|exit| *exit == Exit::SessionCancelled) {
            return Err(Error::new(
                Kind::Interrupted,
                "the wait was interrupted, and what was open was cancelled",
            ));
        }
        Ok(exits.into_iter().max_by_key(|exit| outcome::badness(*exit)).unwrap_or(Exit::Done))
    }

    fn label(&self, status: &str, index: usize) -> String {
        if self.ids.len() == 1 {
            visible(status).into_owned()
        } else {
            format!("{} {}", visible(status), self.ids[index])
        }
    }

    fn aside<R>(&self, write: impl FnOnce() -> R) -> R {
        self.progress.aside(self.online.terminal, write)
    }
}

fn has_ended(session: Option<&Received<Session>>) -> bool {
    session.and_then(|session| session.status.as_ref()).is_some_and(SessionStatus::is_terminal)
}

/// `0.4s`, `12.0s`, and from a minute on without the tenths.
fn tenths(elapsed: Duration) -> String {
    if elapsed < Duration::from_secs(60) {
        format!("{}.{}s", elapsed.as_secs(), elapsed.subsec_millis() / 100)
    } else {
        spell(elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::tenths;
    use std::time::Duration;

    #[test]
    fn elapsed_time_has_tenths_while_they_matter() {
        assert_eq!(tenths(Duration::from_millis(0)), "0.0s");
        assert_eq!(tenths(Duration::from_millis(59_999)), "59.9s");
        assert_eq!(tenths(Duration::from_secs(65)), "1m 5s");
    }
}
