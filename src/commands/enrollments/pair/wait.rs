//! Polling until a phone has used the code.
//!
//! The API reports that a code was used, but not by which phone. It copies the enrollment's metadata to the device
//! (documented), so a unique tag in the metadata identifies the phone.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Pair;
use super::code::Code;
use crate::api::{Error as ApiError, FailureCause};
use crate::deadline::await_for;
use crate::error::{Error, ErrorKind};
use crate::model::{Device, Enrollment, EnrollmentStatus, Resource};
use crate::output::Choice;
use crate::polling::next_poll;
use crate::text::format_duration;

const POLL_TIMEOUT: Duration = Duration::from_secs(10);

/// Polling continues this long after the end of the lifetime, because clocks differ and a phone may use the code in the
/// last moment.
const EXPIRY_GRACE: Duration = Duration::from_secs(15);

/// How long the device may take to be listed after its code was used.
const DEVICE_LIST_TIMEOUT: Duration = Duration::from_secs(60);

/// The same if the code may have been withdrawn instead.
const WITHDRAWN_DEVICE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a new enrollment may take to be listed. After that, the devices are polled too.
const ENROLLMENT_LIST_TIMEOUT: Duration = Duration::from_secs(15);

pub(super) enum WaitOutcome {
    Paired(Box<Resource<Device>>),
    /// According to the API.
    Expired,
    /// A phone used the code, but its device is not listed.
    DeviceMissing,
    /// The user left the code as it is.
    Left,
}

/// Why the wait ended while the code was usable, so that it must be withdrawn.
#[derive(Debug)]
pub(super) enum StopReason {
    /// The lifetime has passed on this machine's clock, but the API does not report the code as expired.
    LifetimeOver,
    TimedOut,
    /// The enrollment was listed, but no longer is.
    NotListed,
    Interrupted,
    OutputClosed,
    Failed(Error),
}

impl StopReason {
    pub(super) fn into_error(self, code: &Code) -> Error {
        let message = match self {
            Self::LifetimeOver => "the code has expired on this machine's clock".to_owned(),
            Self::TimedOut => {
                format!("no phone used the code within {}", format_duration(code.created_at.elapsed()))
            }
            Self::NotListed => "the enrollment is no longer listed".to_owned(),
            Self::OutputClosed => "stdout was closed".to_owned(),
            Self::Interrupted => return Error::new(ErrorKind::Interrupted, "interrupted"),
            Self::Failed(error) => return error,
        };
        Error::new(ErrorKind::Unknown, message)
    }
}

/// The result of a poll.
enum Polled<T> {
    Found(T),
    /// A temporary failure, with the API's `Retry-After`.
    Failed(Option<Duration>),
}

impl Pair<'_> {
    pub(super) async fn wait(&self, code: &Code) -> Result<WaitOutcome, StopReason> {
        let mut countdown = self.reporter.show_countdown(code);
        let mut polling = std::pin::pin!(self.poll_until_used(code));
        loop {
            tokio::select! {
                outcome = &mut polling => return outcome,
                () = self.context.cancel.cancelled() => return Err(StopReason::Interrupted),
                () = self.context.interrupts.wait_for_held(), if self.reporter.is_interactive => {}
            }
            drop(countdown.take());
            if let Some(outcome) = self.ask_after_interrupt(code).await {
                return outcome;
            }
            countdown = self.reporter.show_countdown(code);
        }
    }

    /// Asks what to do after Ctrl-C. Returns `None` to keep waiting. A second Ctrl-C withdraws the code.
    async fn ask_after_interrupt(&self, code: &Code) -> Option<Result<WaitOutcome, StopReason>> {
        let valid = format!("it is valid until {}", code.format_expiry());
        let withdraw = || Err(StopReason::Interrupted);
        let choices = vec![
            (Choice::new("Keep waiting", ""), None),
            (Choice::new("Withdraw the code", "").detail("no phone can use it"), Some(withdraw())),
            (Choice::new("Leave the code", "").detail(&valid), Some(Ok(WaitOutcome::Left))),
        ];
        let selected = self.context.run_until_cancelled(self.context.output.select("Next", choices)).await;
        selected.unwrap_or_else(|_| Some(withdraw()))
    }

    async fn poll_until_used(&self, code: &Code) -> Result<WaitOutcome, StopReason> {
        let mut was_listed = false;
        loop {
            let polled = self.poll(self.find_enrollment(code)).await?;
            let elapsed = code.created_at.elapsed();
            let retry_after = match polled {
                Polled::Failed(retry_after) => retry_after,
                Polled::Found(Some(enrollment)) if enrollment.status == Some(EnrollmentStatus::Consumed) => {
                    let device = self.find_device_within(DEVICE_LIST_TIMEOUT, code).await?;
                    return Ok(device.map_or(WaitOutcome::DeviceMissing, WaitOutcome::Paired));
                }
                Polled::Found(Some(enrollment)) if enrollment.status == Some(EnrollmentStatus::Expired) => {
                    return Ok(WaitOutcome::Expired);
                }
                Polled::Found(enrollment) if was_removed(enrollment.as_deref(), was_listed) => {
                    let device = self.find_device_within(WITHDRAWN_DEVICE_TIMEOUT, code).await?;
                    return device.map(WaitOutcome::Paired).ok_or(StopReason::NotListed);
                }
                // An enrollment that was never listed was not removed. Only the devices show whether its code was used.
                Polled::Found(None) if elapsed >= ENROLLMENT_LIST_TIMEOUT => {
                    match self.poll(self.find_device(code)).await? {
                        Polled::Found(Some(device)) => return Ok(WaitOutcome::Paired(Box::new(device))),
                        Polled::Found(None) => None,
                        Polled::Failed(retry_after) => retry_after,
                    }
                }
                Polled::Found(enrollment) => {
                    was_listed |= enrollment.is_some();
                    None
                }
            };
            let timeout = self.context.settings.timeout;
            sleep(next_unused_poll(self.interval, retry_after, elapsed, code.lifetime, timeout)?).await;
        }
    }

    async fn find_device_within(
        &self,
        limit: Duration,
        code: &Code,
    ) -> Result<Option<Box<Resource<Device>>>, StopReason> {
        let start = Instant::now();
        loop {
            let retry_after = match self.poll(self.find_device(code)).await? {
                Polled::Found(Some(device)) => return Ok(Some(Box::new(device))),
                Polled::Found(None) => None,
                Polled::Failed(retry_after) => retry_after,
            };
            match next_poll(self.interval, retry_after, start.elapsed(), Some(limit)) {
                Some(delay) => sleep(delay).await,
                None => return Ok(None),
            }
        }
    }

    async fn poll<T>(
        &self,
        request: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<Polled<T>, StopReason> {
        if self.reporter.is_output_closed() {
            return Err(StopReason::OutputClosed);
        }
        let (message, retry_after) = match await_for(POLL_TIMEOUT, Box::pin(request)).await {
            Some(Ok(found)) => {
                self.reporter.report_poll(None);
                return Ok(Polled::Found(found));
            }
            Some(Err(error)) => {
                let retry_after = error.retry_after;
                let is_permanent = matches!(error.cause, FailureCause::NotSent { transient: false, .. });
                let error = Error::from(error);
                if is_permanent || error.kind != ErrorKind::Unavailable {
                    return Err(StopReason::Failed(error));
                }
                (error.message, retry_after)
            }
            None => ("the API does not respond".to_owned(), None),
        };
        self.reporter.report_poll(Some(&message));
        Ok(Polled::Failed(retry_after))
    }
}

/// Whether an enrollment is no longer valid: it was either withdrawn or used.
fn was_removed(enrollment: Option<&Enrollment>, was_listed: bool) -> bool {
    match enrollment {
        Some(enrollment) => enrollment.status == Some(EnrollmentStatus::Cancelled),
        None => was_listed,
    }
}

/// Returns the time until the next poll of a code that is not used yet, which was created `elapsed` ago. Its last polls
/// are exactly at the timeout, at the end of its lifetime, and a little later.
fn next_unused_poll(
    interval: Duration,
    retry_after: Option<Duration>,
    elapsed: Duration,
    lifetime: Duration,
    timeout: Option<Duration>,
) -> Result<Duration, StopReason> {
    let last_poll = lifetime + EXPIRY_GRACE;
    let delay = next_poll(interval, retry_after, elapsed, Some(last_poll)).ok_or(StopReason::LifetimeOver)?;
    let delay = next_poll(delay, None, elapsed, timeout).ok_or(StopReason::TimedOut)?;
    Ok(next_poll(delay, None, elapsed, Some(lifetime)).unwrap_or(delay))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unused_code_is_polled_at_the_end_of_its_lifetime_and_at_the_timeout() {
        for (elapsed, retry_after, timeout, expected) in [
            (1, None, None, "Ok(2s)"),
            (3, Some(9), None, "Ok(9s)"),
            (99, None, None, "Ok(1s)"),
            // Clocks differ.
            (100, None, None, "Ok(2s)"),
            (114, None, None, "Ok(1s)"),
            (115, Some(3600), Some(5), "Err(LifetimeOver)"),
            (4, None, Some(5), "Ok(1s)"),
            (5, None, Some(5), "Err(TimedOut)"),
        ] {
            let seconds = Duration::from_secs;
            let next = next_unused_poll(
                seconds(2),
                retry_after.map(seconds),
                seconds(elapsed),
                seconds(100),
                timeout.map(seconds),
            );
            assert_eq!(format!("{next:?}"), expected, "after {elapsed} s");
        }
    }

    #[test]
    fn an_enrollment_that_was_never_listed_was_not_removed() {
        let with = |status| Enrollment { status: Some(status), ..Enrollment::default() };
        let (pending, cancelled) = (with(EnrollmentStatus::Pending), with(EnrollmentStatus::Cancelled));
        for (enrollment, was_listed, expected) in [
            (None, false, false),
            (None, true, true),
            (Some(&pending), true, false),
            (Some(&cancelled), false, true),
        ] {
            assert_eq!(was_removed(enrollment, was_listed), expected, "{enrollment:?}");
        }
    }
}
