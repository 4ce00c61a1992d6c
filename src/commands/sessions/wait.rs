//! Waiting for one session or many, in one process.

use std::cell::RefCell;
use std::time::Duration;

use futures_util::future::try_join_all;
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use uuid::Uuid;

use super::cancel::try_cancel;
use super::outcome;
use super::reporter::WatchReporter;
use crate::api::FailureCause;
use crate::args;
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::model::{Resource, Session};
use crate::polling::watch::{NextAction, Observation, Transition, Watch};
use crate::text::format_duration;

/// How many polls are under way at the same time.
const POLLS_IN_FLIGHT: usize = 16;

/// How often to look where nothing else is asked for.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);

/// How long the look at the very end of a wait may take.
const FINAL_POLL_TIMEOUT: Duration = Duration::from_secs(2);

/// How to wait.
#[derive(Debug, Clone, Copy, clap::Args)]
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
        self.interval.is_some() || self.cancels()
    }

    /// Whether something may be cancelled in the end.
    pub(super) const fn cancels(&self) -> bool {
        self.cancel_on_timeout || self.cancel_on_interrupt
    }
}

/// A wait for one session or many.
pub(super) struct SessionWatcher<'a> {
    flags: WaitFlags,
    ids: Vec<Uuid>,
    /// Its requests outlive the first interruption, after which sessions may still have to be cancelled.
    context: ApiContext<'a>,
    polls: Semaphore,
    telling: WatchReporter<'a>,
    /// Cancels that failed.
    failures: RefCell<Vec<Error>>,
}

impl<'a> SessionWatcher<'a> {
    pub(super) fn new(flags: WaitFlags, ids: Vec<Uuid>, context: &'a ApiContext<'a>) -> Self {
        let telling = WatchReporter::new(ids.clone(), context.output);
        let (polls, failures) = (Semaphore::new(POLLS_IN_FLIGHT), RefCell::default());
        Self { flags, ids, context: context.for_cleanup(), polls, telling, failures }
    }

    /// A wait for a session that was just created, and so was seen once.
    pub(super) fn for_created(
        flags: WaitFlags,
        id: Uuid,
        session: Resource<Session>,
        context: &'a ApiContext<'a>,
    ) -> Self {
        let wait = Self::new(flags, vec![id], context);
        wait.telling.record(0, session);
        wait
    }

    /// Waits until all have ended, the time is up, or somebody interrupts it.
    pub(super) async fn run(self) -> Result<ExitStatus, Error> {
        let result = match self.context.cancel.run_until_cancelled(self.watch_all()).await {
            Some(result) => result,
            None => self.on_interrupt().await,
        };
        match result {
            // Nobody reads any more. How the sessions stand is what counts.
            Err(error) if error.kind == ErrorKind::ClosedPipe => Ok(self.telling.exit_status()),
            result => result,
        }
    }

    async fn watch_all(&self) -> Result<ExitStatus, Error> {
        try_join_all((0..self.ids.len()).map(|index| self.watch_one(index))).await?;
        if self.telling.never_seen() == self.ids.len() {
            let waited = format_duration(self.telling.elapsed());
            let what = if self.ids.len() == 1 {
                format!("session {}", self.ids[0])
            } else {
                "no session".to_owned()
            };
            let not = if self.ids.len() == 1 { "not " } else { "" };
            let message = format!("{what} could {not}be asked for {waited}, so how it stands is not known");
            return Err(
                Error::new(ErrorKind::Unavailable, message).hint("check the network with `kustom doctor`")
            );
        }
        self.telling.finish()?;
        if let Some(error) = self.failure() {
            return Err(error);
        }
        self.telling.warn_still_open(&self.context.settings.profile_flag());
        Ok(self.telling.exit_status())
    }

    /// Follows one session to its end, or to that of the wait.
    async fn watch_one(&self, index: usize) -> Result<(), Error> {
        let interval = self.flags.interval.unwrap_or(DEFAULT_INTERVAL);
        let mut watch = Watch::new(interval, self.context.settings.timeout);
        let line = self.telling.line(index);
        loop {
            if self.context.output.is_stdout_closed() {
                return Err(Error::new(ErrorKind::ClosedPipe, "nobody reads any more"));
            }
            let polled_at = Instant::now();
            let seen = self.poll(index).await?;
            // The rhythm is that of the looks, however long each of them takes; patience begins with the answer
            // that asks for it.
            let since =
                if matches!(seen, Observation::Failure(Some(_))) { Instant::now() } else { polled_at };
            let Transition { changed, trouble, next } = watch.observe(self.telling.elapsed(), seen);
            if let Some(begins) = trouble {
                self.telling.set_failing(begins);
            }
            if let Some(status) = changed {
                self.telling.print_change(index, &status, line.as_ref())?;
            }
            match next {
                NextAction::Poll(wait) => tokio::time::sleep_until(since + wait).await,
                NextAction::TimedOut if self.flags.cancel_on_timeout => return self.cancel(index).await,
                NextAction::Finished(_) | NextAction::TimedOut => return Ok(()),
            }
        }
    }

    /// Looks once. A failure that may pass is something seen, any other ends the wait.
    async fn poll(&self, index: usize) -> Result<Observation, Error> {
        // The semaphore is never closed, so this is always a permit.
        let _permit = self.polls.acquire().await.ok();
        let look = self.context.client.session_once(self.ids[index]);
        let left = self.context.settings.timeout.map(|limit| limit.saturating_sub(self.telling.elapsed()));
        let answer = match left {
            Some(left) => match tokio::time::timeout(left.max(FINAL_POLL_TIMEOUT), look).await {
                Ok(answer) => answer,
                Err(_) => return Ok(Observation::Failure(None)),
            },
            None => look.await,
        };
        match answer {
            Ok(session) => {
                let seen = outcome::status_event(&session);
                let status = self.telling.record(index, session);
                if status.is_terminal()
                    && let Some(seen) = seen
                    && let Err(error) = self.context.journal().note(Timestamp::now(), seen)
                {
                    // The journal asks again when it matters, so this is worth no more than a warning.
                    self.context.output.warn(&error.to_string());
                }
                Ok(Observation::Status(status))
            }
            Err(error) => {
                let asked = error.retry_after;
                let hopeless = matches!(error.why, FailureCause::NotSent { passing: false, .. });
                let error = Error::from(error);
                if hopeless || error.kind != ErrorKind::Unavailable {
                    return Err(error.context(&format!("session {}", self.ids[index])));
                }
                self.telling.warn_transient_error(&error.message);
                Ok(Observation::Failure(asked))
            }
        }
    }

    /// Cancels a session and tells what it came to: a cancel that loses to a payment reports the payment. One that
    /// fails keeps no other from being cancelled.
    async fn cancel(&self, index: usize) -> Result<(), Error> {
        match try_cancel(self.ids[index], &self.context).await {
            Ok(session) => {
                let status = self.telling.record(index, session);
                self.telling.print_change(index, &status, None)
            }
            Err(error) => {
                let flag = self.context.settings.profile_flag();
                let again = format!("try again: kustom{flag} sessions cancel {}", self.ids[index]);
                self.failures.borrow_mut().push(error.hint(again));
                Ok(())
            }
        }
    }

    fn failure(&self) -> Option<Error> {
        Error::combine(self.failures.take()).map(|error| error.context("not all that was open was cancelled"))
    }

    /// Ends the wait before its time: leaves the sessions as they are, unless told to cancel them.
    async fn on_interrupt(&self) -> Result<ExitStatus, Error> {
        let open = self.telling.open();
        let ids: Vec<_> = open.iter().map(|index| self.ids[*index].to_string()).collect();
        let (ids, flag) = (ids.join(" "), self.context.settings.profile_flag());
        let call_off = format!("call it off: kustom{flag} sessions cancel {ids}");
        if !self.flags.cancel_on_interrupt {
            return Err(Error::new(
                ErrorKind::Interrupted,
                "the wait was interrupted; what was open is still open",
            )
            .hint(format!("wait again: kustom{flag} sessions watch {ids}"))
            .hint(call_off));
        }
        let cancelling = async {
            for index in open {
                self.cancel(index).await?;
            }
            Ok::<_, Error>(())
        };
        self.context.abort.run_until_cancelled(cancelling).await.transpose()?;
        if self.context.abort.is_cancelled() {
            let message = "interrupted while cancelling; what was open may still be open";
            return Err(Error::new(ErrorKind::Unknown, message).hint(call_off));
        }
        self.telling.finish()?;
        match (self.failure(), self.telling.exit_status()) {
            (Some(error), _) => Err(error),
            (None, ExitStatus::SessionCancelled) => Err(Error::new(
                ErrorKind::Interrupted,
                "the wait was interrupted, and what was open was cancelled",
            )),
            (None, exit) => Ok(exit),
        }
    }
}
