//! Waits for a session, on the clock of the scenario's target.

use std::time::Duration;

use uuid::Uuid;

use super::step::{invalid_response, string_field, successful_request};
use super::{Cancelled, Run, Target};
use crate::api;
use crate::error::{ErrorKind, ExitStatus};
use crate::model::SessionStatus;
use crate::polling::watch::{NextAction, Observation, Watch};
use crate::scenario::assertions::StepResult;
use crate::scenario::model::ResourceKind;
use crate::text::format_duration;

const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Longer waits poll less often.
const MAX_POLLS: u32 = 1000;

impl Run<'_> {
    /// Polls a session until it has the status, reaches another final status, or the time is over.
    pub(super) async fn wait(
        &self,
        session: Uuid,
        until: &SessionStatus,
        within: Duration,
    ) -> Result<StepResult, Cancelled> {
        let mut watch = Watch::new(POLL_INTERVAL.max(within / MAX_POLLS), Some(within));
        let started = self.now();
        loop {
            let (result, observation) = match self.client.send(&api::read_session_request(session)).await {
                Ok(response) => {
                    let result = successful_request(&response);
                    let Some(status) = string_field(result.response.as_ref(), "status") else {
                        return Ok(invalid_response(ResourceKind::Session, response.status));
                    };
                    let status = SessionStatus::from(status);
                    if status == *until {
                        return Ok(result);
                    }
                    (result, Observation::Status(status))
                }
                Err(error) => {
                    let observation = Observation::Failure(error.retry_after);
                    let result = StepResult::from(error);
                    if result.exit_code != ErrorKind::Unavailable.code() {
                        return Ok(result);
                    }
                    (result, observation)
                }
            };
            let elapsed = Duration::try_from(self.now().duration_since(started)).unwrap_or_default();
            match watch.observe(elapsed, observation.clone()).next {
                NextAction::Poll(after) => self.sleep(after).await?,
                NextAction::Finished => {
                    let Observation::Status(status) = observation else { return Ok(result) };
                    let exit_code = ExitStatus::from_session_status(&status).code();
                    return Ok(StepResult { exit_code, message: Some(format!("it is {status}")), ..result });
                }
                NextAction::TimedOut => {
                    let Observation::Status(status) = observation else { return Ok(result) };
                    let message = format!("it is {status} after {}", format_duration(within));
                    let exit_code = ExitStatus::SessionOpen.code();
                    return Ok(StepResult { exit_code, message: Some(message), ..result });
                }
            }
        }
    }

    /// Waits for `time`; on a private emulator this only advances its clock.
    async fn sleep(&self, time: Duration) -> Result<(), Cancelled> {
        let sleep = async {
            match self.target {
                Target::Emulator(emulator) => emulator.advance(time),
                Target::Account(_) => tokio::time::sleep(time).await,
            }
        };
        self.cancel.run_until_cancelled(sleep).await.ok_or(Cancelled)
    }
}
