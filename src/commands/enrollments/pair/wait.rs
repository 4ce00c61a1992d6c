//! Waiting for the phone that uses a code.

use std::time::Duration;

use tokio::time::timeout;

use super::Pair;
use super::code::Code;
use crate::api::{Error as ApiError, FailureCause};
use crate::error::{Error, ErrorKind};
use crate::model::{Device, Enrollment, EnrollmentStatus, Resource};
use crate::polling::pairing::{NextAction, Observation, Pairing};

/// How long a single look may take.
const POLL_TIMEOUT: Duration = Duration::from_secs(10);

/// How the wait for a phone ended.
pub(super) enum WaitOutcome {
    /// A phone used the code.
    Paired(Box<Resource<Device>>),
    /// Nobody did in time, says the API.
    Expired,
    /// Nobody did, as far as is known, and nobody shall any more.
    Unused(UnusedReason),
    /// A phone used the code, but is not to be found.
    Lost(Error),
    /// It failed, and the code may still be good.
    Failed(Error),
    /// Nobody reads what is told.
    OutputClosed,
}

/// Why a code is not waited for any longer that the API may still take.
#[derive(Clone, Copy)]
pub(super) enum UnusedReason {
    /// Its time is over by this machine's clock.
    Over,
    /// `--timeout` is over.
    TimedOut,
    /// Its enrollment has left the list, and no device tells why.
    Gone,
}

/// Why a look saw nothing.
enum Failure {
    /// It may pass.
    Passing {
        /// How long the API asks to be left alone.
        asked: Option<Duration>,
        why: String,
    },
    /// Waiting changes nothing about it.
    Final(Error),
}

/// What is looked at.
enum PollTarget {
    Enrollment,
    Device,
}

impl Pair<'_> {
    /// Waits until a phone has used the code, or none can any more.
    pub(super) async fn wait(&self, code: &Code) -> WaitOutcome {
        let _line = self.telling.countdown(code);
        let mut pairing = Pairing::new(self.interval, code.asked, self.context.settings.timeout);
        let mut look = PollTarget::Enrollment;
        let mut device = None;
        loop {
            if self.telling.is_output_closed() {
                return WaitOutcome::OutputClosed;
            }
            let (seen, why) = match self.look(&look, code, &mut device).await {
                Ok(seen) => (seen, None),
                Err(Failure::Passing { asked, why }) => (Observation::Failure(asked), Some(why)),
                Err(Failure::Final(error)) => return WaitOutcome::Failed(error),
            };
            let step = pairing.observe(code.made.elapsed(), seen);
            match (step.trouble, why) {
                (Some(true), Some(why)) => self.context.output.warn(&format!("{why}; still waiting")),
                (Some(false), _) => self.context.output.status("The API answers again."),
                _ => {}
            }
            let delay = match step.next {
                NextAction::Enrollment(delay) => {
                    look = PollTarget::Enrollment;
                    delay
                }
                NextAction::Device(delay) => {
                    look = PollTarget::Device;
                    delay
                }
                NextAction::Paired => match device {
                    Some(device) => return WaitOutcome::Paired(Box::new(device)),
                    None => {
                        return WaitOutcome::Lost(Error::new(ErrorKind::Bug, "a device was found and lost"));
                    }
                },
                NextAction::Expired => return WaitOutcome::Expired,
                NextAction::Over => return WaitOutcome::Unused(UnusedReason::Over),
                NextAction::TimedOut => return WaitOutcome::Unused(UnusedReason::TimedOut),
                NextAction::Withdrawn => return WaitOutcome::Unused(UnusedReason::Gone),
                NextAction::NoDevice => return WaitOutcome::Lost(self.no_device()),
            };
            tokio::time::sleep(delay).await;
        }
    }

    async fn look(
        &self,
        look: &PollTarget,
        code: &Code,
        device: &mut Option<Resource<Device>>,
    ) -> Result<Observation, Failure> {
        let answer = timeout(POLL_TIMEOUT, async {
            Ok::<_, ApiError>(match look {
                PollTarget::Enrollment => {
                    let enrollment = self.enrollment_of(code).await?;
                    Observation::Enrollment(enrollment.map(|enrollment| status_of(&enrollment)))
                }
                PollTarget::Device => {
                    *device = self.device_of(code).await?;
                    Observation::Device(device.is_some())
                }
            })
        });
        match answer.await {
            Ok(Ok(seen)) => Ok(seen),
            Ok(Err(error)) => {
                let asked = error.retry_after;
                let hopeless = matches!(error.why, FailureCause::NotSent { passing: false, .. });
                let error = Error::from(error);
                if hopeless || error.kind != ErrorKind::Unavailable {
                    return Err(Failure::Final(error));
                }
                Err(Failure::Passing { asked, why: error.message })
            }
            Err(_) => Err(Failure::Passing { asked: None, why: "the API does not answer".to_owned() }),
        }
    }

    fn no_device(&self) -> Error {
        let flag = self.context.settings.profile_flag();
        Error::new(ErrorKind::NotFound, "a phone used the code, but it does not appear among the devices")
            .hint(format!("look for it later: kustom{flag} devices list"))
    }
}

/// How an enrollment stands; none that is named counts as one that is new to us.
fn status_of(enrollment: &Enrollment) -> EnrollmentStatus {
    enrollment.status.clone().unwrap_or_else(|| EnrollmentStatus::Other(String::new()))
}
