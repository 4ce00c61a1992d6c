//! Polling until a phone has used the code.

use std::time::Duration;

use tokio::time::sleep;

use super::Pair;
use super::code::Code;
use crate::api::{Error as ApiError, FailureCause};
use crate::deadline::await_for;
use crate::error::{Error, ErrorKind};
use crate::model::{Device, EnrollmentStatus, Resource};
use crate::output::Choice;
use crate::polling::pairing::{NextAction, Observation, Pairing};
use crate::text::format_duration;

const POLL_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) enum WaitOutcome {
    Paired(Box<Resource<Device>>),
    /// According to the API.
    Expired,
    /// A phone used the code, but its device is not listed.
    DeviceMissing,
    /// The user left the code as it is.
    Left,
    /// The wait ended while the code was usable, so it must be withdrawn.
    Stopped(StopReason),
}

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

impl Pair<'_> {
    pub(super) async fn wait(&self, code: &Code) -> WaitOutcome {
        let mut countdown = self.reporter.show_countdown(code);
        let mut polling = std::pin::pin!(self.poll_until_used(code));
        loop {
            tokio::select! {
                outcome = &mut polling => return outcome,
                () = self.context.cancel.cancelled() => return WaitOutcome::Stopped(StopReason::Interrupted),
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
    async fn ask_after_interrupt(&self, code: &Code) -> Option<WaitOutcome> {
        let valid = format!("it is valid until {}", code.format_expiry());
        let withdraw = || WaitOutcome::Stopped(StopReason::Interrupted);
        let choices = vec![
            (Choice::new("Keep waiting", ""), None),
            (Choice::new("Withdraw the code", "").detail("no phone can use it"), Some(withdraw())),
            (Choice::new("Leave the code", "").detail(&valid), Some(WaitOutcome::Left)),
        ];
        let selected = self.context.run_until_cancelled(self.context.output.select("Next", choices)).await;
        selected.unwrap_or_else(|_| Some(withdraw()))
    }

    async fn poll_until_used(&self, code: &Code) -> WaitOutcome {
        let mut pairing = Pairing::new(self.interval, code.lifetime, self.context.settings.timeout);
        let mut next = NextAction::PollEnrollment(Duration::ZERO);
        let mut device = None;
        loop {
            if self.reporter.is_output_closed() {
                return WaitOutcome::Stopped(StopReason::OutputClosed);
            }
            let polled = match next {
                NextAction::PollEnrollment(delay) => {
                    sleep(delay).await;
                    await_for(POLL_TIMEOUT, Box::pin(self.poll_enrollment(code))).await
                }
                NextAction::PollDevice(delay) => {
                    sleep(delay).await;
                    await_for(POLL_TIMEOUT, Box::pin(self.poll_device(code, &mut device))).await
                }
                NextAction::Paired => {
                    return device
                        .map_or(WaitOutcome::DeviceMissing, |device| WaitOutcome::Paired(Box::new(device)));
                }
                NextAction::Expired => return WaitOutcome::Expired,
                NextAction::DeviceMissing => return WaitOutcome::DeviceMissing,
                NextAction::LifetimeOver => return WaitOutcome::Stopped(StopReason::LifetimeOver),
                NextAction::TimedOut => return WaitOutcome::Stopped(StopReason::TimedOut),
                NextAction::NotListed => return WaitOutcome::Stopped(StopReason::NotListed),
            };
            let (observation, message) = match polled {
                Some(Ok(observation)) => (observation, String::new()),
                Some(Err(error)) => {
                    let retry_after = error.retry_after;
                    let is_permanent = matches!(error.cause, FailureCause::NotSent { transient: false, .. });
                    let error = Error::from(error);
                    if is_permanent || error.kind != ErrorKind::Unavailable {
                        return WaitOutcome::Stopped(StopReason::Failed(error));
                    }
                    (Observation::Failure(retry_after), error.message)
                }
                None => (Observation::Failure(None), "the API does not respond".to_owned()),
            };
            let transition = pairing.observe(code.created_at.elapsed(), observation);
            match transition.is_failing {
                Some(true) => self.context.output.warn(&format!("{message}; still waiting")),
                Some(false) => self.context.output.status("The API responds again."),
                None => {}
            }
            next = transition.next;
        }
    }

    async fn poll_enrollment(&self, code: &Code) -> Result<Observation, ApiError> {
        let enrollment = self.find_enrollment(code).await?;
        Ok(Observation::Enrollment(enrollment.map(|enrollment| {
            enrollment.status.clone().unwrap_or_else(|| EnrollmentStatus::Other(String::new()))
        })))
    }

    async fn poll_device(
        &self,
        code: &Code,
        device: &mut Option<Resource<Device>>,
    ) -> Result<Observation, ApiError> {
        *device = self.find_device(code).await?;
        Ok(Observation::Device(device.is_some()))
    }
}
