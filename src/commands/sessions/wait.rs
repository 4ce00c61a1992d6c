//! Waits for one or several sessions to end, as `watch` and `create --watch` do.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::cancel::cancel_or_read;
use super::reporter::{WatchReporter, WatchedSession};
use super::status;
use crate::args;
use crate::context::ApiContext;
use crate::deadline::await_for;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::model::SessionStatus;
use crate::polling::watch::{NextAction, Observation, Watch};
use crate::text::format_duration;

const MAX_CONCURRENT_REQUESTS: usize = 16;

const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);

/// The last poll, at the end of the wait, gets at least this long.
const FINAL_POLL_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct WaitFlags {
    /// Time between two polls, at least 100ms [default: 1s]
    #[arg(long, value_name = "DURATION", value_parser = args::parse_duration)]
    interval: Option<Duration>,
    /// Cancel sessions that are still open when --timeout ends the wait
    #[arg(long)]
    cancel_on_timeout: bool,
    /// Cancel sessions that are still open when Ctrl-C, a signal or a closed terminal ends the wait
    #[arg(long)]
    cancel_on_interrupt: bool,
}

impl WaitFlags {
    pub(super) const fn is_given(&self) -> bool {
        self.interval.is_some() || self.may_cancel()
    }

    pub(super) const fn may_cancel(&self) -> bool {
        self.cancel_on_timeout || self.cancel_on_interrupt
    }
}

/// Waits until all sessions have ended. `--timeout` or an interruption ends the wait earlier.
pub(super) async fn wait_for_sessions(
    sessions: Vec<WatchedSession>,
    flags: WaitFlags,
    context: &ApiContext<'_>,
) -> Result<ExitStatus, Error> {
    let waiter = Waiter {
        flags,
        context: context.for_cleanup(),
        stop: context.cancel.child_token(),
        requests: Semaphore::new(MAX_CONCURRENT_REQUESTS),
        reporter: WatchReporter::new(sessions.len(), context.output),
    };
    let ids: Vec<_> = sessions.iter().map(|watched| watched.id.to_string()).collect();
    let waits = join_all(sessions.into_iter().map(|watched| waiter.wait_for(watched)));
    let Some(watched) = waiter.context.abort.run_until_cancelled(waits).await else {
        let message = "interrupted while canceling; sessions that were open may still be open";
        return Err(Error::new(ErrorKind::Unknown, message).hint(waiter.cancel_hint(&ids.join(" "))));
    };
    waiter.report(watched)
}

struct Waiter<'a> {
    flags: WaitFlags,
    /// Sends requests even after the first interruption, since sessions may have to be canceled then.
    context: ApiContext<'a>,
    /// Stops all polls: canceled by an interruption, and when the reader of stdout is gone.
    stop: CancellationToken,
    requests: Semaphore,
    reporter: WatchReporter<'a>,
}

impl Waiter<'_> {
    /// Waits for one session, and cancels it if a flag says so. After an error, no session is polled any more.
    async fn wait_for(&self, mut watched: WatchedSession) -> WatchedSession {
        let polls = self.stop.run_until_cancelled(self.poll_until_final(&mut watched));
        let cancels = match polls.await.transpose() {
            Ok(Some(timed_out)) => timed_out && self.flags.cancel_on_timeout,
            Ok(None) => self.context.cancel.is_cancelled() && self.flags.cancel_on_interrupt,
            Err(error) => {
                watched.poll_error = Some(error);
                self.stop.cancel();
                false
            }
        };
        if cancels {
            watched.cancel_error = self.cancel(&mut watched).await.err();
        }
        watched
    }

    /// Polls until the session has ended, stdout is closed, `--timeout` is over or stdout is not read. Returns true for the
    /// last two: then `--cancel-on-timeout` applies.
    async fn poll_until_final(&self, watched: &mut WatchedSession) -> Result<bool, Error> {
        let interval = self.flags.interval.unwrap_or(DEFAULT_INTERVAL).max(args::MIN_POLL_INTERVAL);
        let mut watch = Watch::new(interval, self.context.settings.timeout);
        loop {
            if self.context.output.is_stdout_closed() {
                self.stop.cancel();
                return Ok(false);
            }
            let observation = self.poll(watched).await?;
            let transition = watch.observe(self.reporter.elapsed(), observation);
            if let Some(is_failing) = transition.is_failing {
                self.reporter.set_failing(is_failing);
            }
            if transition.is_new_status {
                match self.reporter.print_change(watched) {
                    Err(error) if error.kind == ErrorKind::ClosedPipe => {
                        self.stop.cancel();
                        return Ok(false);
                    }
                    // The wait ends, and the flags decide about the sessions.
                    Err(error) if self.context.output.is_stdout_unread() => {
                        if error.kind == ErrorKind::Interrupted {
                            // The token is canceled as soon as this thread is free.
                            self.stop.cancelled().await;
                        }
                        return Ok(true);
                    }
                    printed => printed?,
                }
            }
            match transition.next {
                NextAction::Poll(delay) => tokio::time::sleep(delay).await,
                NextAction::TimedOut => return Ok(true),
                NextAction::Finished => return Ok(false),
            }
        }
    }

    async fn poll(&self, watched: &mut WatchedSession) -> Result<Observation, Error> {
        // The semaphore is never closed, so this always gets a permit.
        let _permit = self.requests.acquire().await.ok();
        let request = Box::pin(self.context.client.session_once(watched.id));
        let response = match self.context.settings.timeout {
            Some(timeout) => {
                let remaining = timeout.saturating_sub(self.reporter.elapsed());
                await_for(remaining.max(FINAL_POLL_TIMEOUT), request).await
            }
            None => Some(request.await),
        };
        match response {
            Some(Ok(session)) => {
                watched.check(&session)?;
                let status = session.status.clone().unwrap_or_else(|| SessionStatus::Other(String::new()));
                if status.is_terminal() {
                    status::store_status(&session, &self.context).await;
                }
                watched.set_session(session);
                Ok(Observation::Status(status))
            }
            Some(Err(error)) if error.is_transient() => {
                let retry_after = error.retry_after;
                self.reporter.warn_poll_failed(&Error::from(error).message);
                Ok(Observation::Failure(retry_after))
            }
            Some(Err(error)) => Err(Error::from(error).context(&format!("session {}", watched.id))),
            None => Ok(Observation::Failure(None)),
        }
    }

    /// Cancels a session. One that was paid first stays paid, and counts as paid.
    async fn cancel(&self, watched: &mut WatchedSession) -> Result<(), Error> {
        let _permit = self.requests.acquire().await.ok();
        let session = cancel_or_read(watched.id, &self.context)
            .await
            .map_err(|error| error.hint(format!("try again: kustom sessions cancel {}", watched.id)))?;
        watched.check(&session)?;
        watched.set_session(session);
        // A closed terminal, which cannot be printed to, must not keep other sessions from being canceled.
        let _ = self.reporter.print_change(watched);
        Ok(())
    }

    fn report(&self, mut watched: Vec<WatchedSession>) -> Result<ExitStatus, Error> {
        let poll_errors: Vec<_> =
            watched.iter_mut().filter_map(|watched| watched.poll_error.take()).collect();
        let cancel_errors: Vec<_> =
            watched.iter_mut().filter_map(|watched| watched.cancel_error.take()).collect();
        if !poll_errors.is_empty() {
            let errors = poll_errors.into_iter().chain(cancel_errors).collect();
            return Error::combine(errors).map_or(Ok(ExitStatus::Success), Err);
        }
        // The codes of worse outcomes are higher.
        let exits = watched.iter().map(WatchedSession::exit_status);
        let exit = exits.max_by_key(|exit| exit.code()).unwrap_or(ExitStatus::Success);
        let is_interrupted = self.context.cancel.is_cancelled();
        if is_interrupted && !self.flags.cancel_on_interrupt && exit == ExitStatus::SessionOpen {
            // A script still learns the ID of the session that was created.
            if !self.context.output.format().is_table() {
                let _ = self.reporter.finish(&watched);
            }
            return Err(self.interrupted(&watched));
        }
        if self.stop.is_cancelled() && !is_interrupted {
            return Ok(exit);
        }
        if !is_interrupted && watched.iter().all(|watched| watched.session.is_none()) {
            return Err(self.nothing_polled(&watched));
        }
        match self.reporter.finish(&watched) {
            Err(error) if error.kind == ErrorKind::ClosedPipe => return Ok(exit),
            Err(_) if self.context.output.is_stdout_unread() => {}
            printed => printed?,
        }
        if let Some(error) = Error::combine(cancel_errors) {
            return Err(error.context("not all open sessions were canceled"));
        }
        if is_interrupted && self.flags.cancel_on_interrupt && exit == ExitStatus::SessionCancelled {
            let message = "the wait was interrupted, and open sessions were canceled";
            return Err(Error::new(ErrorKind::Interrupted, message));
        }
        self.reporter.warn_still_open(&watched);
        Ok(exit)
    }

    fn interrupted(&self, watched: &[WatchedSession]) -> Error {
        let open = watched.iter().filter(|watched| watched.is_open());
        let ids = open.map(|watched| watched.id.to_string()).collect::<Vec<_>>().join(" ");
        Error::new(ErrorKind::Interrupted, "the wait was interrupted; open sessions were left open")
            .hint(format!("wait again: kustom sessions watch {ids}"))
            .hint(self.cancel_hint(&ids))
    }

    fn cancel_hint(&self, ids: &str) -> String {
        format!("cancel: kustom sessions cancel {ids}")
    }

    fn nothing_polled(&self, watched: &[WatchedSession]) -> Error {
        let waited = format_duration(self.reporter.elapsed());
        let message = match watched {
            [only] => {
                format!("no poll of session {} succeeded in {waited}, so its status is unknown", only.id)
            }
            _ => format!("no poll succeeded in {waited}, so the status of the sessions is unknown"),
        };
        Error::new(ErrorKind::Unavailable, message).hint("check the network with `kustom doctor`")
    }
}
