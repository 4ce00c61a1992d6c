//! Waiting for the phone that uses a code.

use std::time::Duration;

use tokio::time::timeout;

use super::Pair;
use super::code::Code;
use crate::api::{Error as ApiError, Why};
use crate::error::{Error, Kind};
use crate::flows::pairing::{Next, Pairing, Seen};
use crate::model::{Device, Enrollment, EnrollmentStatus, Received};

/// How long a single look may take.
const LONGEST_LOOK: Duration = Duration::from_secs(10);

/// How the wait for a phone ended.
pub(super) enum End {
    /// A phone used the code.
    Paired(Box<Received<Device>>),
    /// Nobody did in time, says the API.
    Expired,
    /// Nobody did, as far as is known, and nobody shall any more.
    Unused(Unused),
    /// A phone used the code, but is not to be found.
    Lost(Error),
    /// It failed, and the code may still be good.
    Failed(Error),
    /// Nobody reads what is told.
    LeftAlone,
}

/// Why a code is not waited for any longer that the API may still take.
#[derive(Clone, Copy)]
pub(super) enum Unused {
    /// Its time is over by this machine's clock.
    Over,
    /// `--timeout` is over.
    TimeUp,
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
enum Look {
    Enrollment,
    Device,
}

impl Pair<'_> {
    /// Waits until a phone has used the code, or none can any more.
    pub(super) async fn wait(&self, code: &Code) -> End {
        let _line = self.telling.countdown(code);
        let mut pairing = Pairing::new(self.interval, code.asked, self.online.settings.timeout);
        let mut look = Look::Enrollment;
        let mut device = None;
        loop {
            if self.telling.is_left_alone() {
                return End::LeftAlone;
            }
            let (seen, why) = match self.look(&look, code, &mut device).await {
                Ok(seen) => (seen, None),
                Err(Failure::Passing { asked, why }) => (Seen::Trouble(asked), Some(why)),
                Err(Failure::Final(error)) => return End::Failed(error),
            };
            let step = pairing.observe(code.made.elapsed(), seen);
            match (step.trouble, why) {
                (Some(true), Some(why)) => self.online.terminal.warn(&format!("{why}; still waiting")),
                (Some(false), _) => self.online.terminal.note("The API answers again."),
                _ => {}
            }
            let delay = match step.next {
                Next::Enrollment(delay) => {
                    look = Look::Enrollment;
                    delay
                }
                Next::Device(delay) => {
                    look = Look::Device;
                    delay
                }
                Next::Paired => match device {
                    Some(device) => return End::Paired(Box::new(device)),
                    None => return End::Lost(Error::new(Kind::Bug, "a device was found and lost")),
                },
                Next::Expired => return End::Expired,
                Next::Over => return End::Unused(Unused::Over),
                Next::TimeUp => return End::Unused(Unused::TimeUp),
                Next::Withdrawn => return End::Unused(Unused::Gone),
                Next::NoDevice => return End::Lost(self.no_device()),
            };
            tokio::time::sleep(delay).await;
        }
    }

    async fn look(
        &self,
        look: &Look,
        code: &Code,
        device: &mut Option<Received<Device>>,
    ) -> Result<Seen, Failure> {
        let answer = timeout(LONGEST_LOOK, async {
            Ok::<_, ApiError>(match look {
                Look::Enrollment => {
                    let enrollment = self.enrollment_of(code).await?;
                    Seen::Enrollment(enrollment.map(|enrollment| status_of(&enrollment)))
                }
                Look::Device => {
                    *device = self.device_of(code).await?;
                    Seen::Device(device.is_some())
                }
            })
        });
        match answer.await {
            Ok(Ok(seen)) => Ok(seen),
            Ok(Err(error)) => {
                let asked = error.retry_after;
                let hopeless = matches!(error.why, Why::NotSent { passing: false, .. });
                let error = Error::from(error);
                if hopeless || error.kind != Kind::Unavailable {
                    return Err(Failure::Final(error));
                }
                Err(Failure::Passing { asked, why: error.message })
            }
            Err(_) => Err(Failure::Passing { asked: None, why: "the API does not answer".to_owned() }),
        }
    }

    fn no_device(&self) -> Error {
        let flag = self.online.settings.profile_flag();
        Error::new(Kind::NotFound, "a phone used the code, but it does not appear among the devices")
            .hint(format!("look for it later: kustom{flag} devices list"))
    }
}

/// How an enrollment stands; none that is named counts as one that is new to us.
fn status_of(enrollment: &Enrollment) -> EnrollmentStatus {
    enrollment.status.clone().unwrap_or_else(|| EnrollmentStatus::Other(String::new()))
}
