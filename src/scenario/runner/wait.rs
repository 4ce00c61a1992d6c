//! Waiting for a session, in the time of wherever it is.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::Target;

use super::run::{Cancelled, Run, hide, invalid_response, object, refused};
use crate::api;
use crate::error::{ErrorKind, ExitStatus};
use crate::model::SessionStatus;
use crate::polling::watch::{self, NextAction, Watch};
use crate::scenario::action::ResourceKind;
use crate::scenario::assertions::StepResult;
use crate::text::format_duration;

/// How often a session that is waited for is looked at, and how often at most.
const INTERVAL: Duration = Duration::from_secs(1);
const MAX_POLLS: u32 = 1000;

impl Run<'_> {
    /// Looks at a session until it is what it is waited for, has ended otherwise, or the time is over.
    pub(super) async fn wait(
        &mut self,
        id: Uuid,
        until: &SessionStatus,
        within: Duration,
    ) -> Result<StepResult, Cancelled> {
        let interval = INTERVAL.max(within / MAX_POLLS);
        let mut watch = Watch::new(interval, Some(within));
        let began = self.now();
        loop {
            let answer = self.player.client.send(&api::read_session_request(id)).await;
            let (look, seen) = match answer {
                Ok(answer) => {
                    let mut body = object(&answer.body);
                    hide(&mut body);
                    let status = body.as_ref().and_then(|body| body.get("status")?.as_str());
                    let Some(status) = status.map(|status| SessionStatus::from(status.to_owned())) else {
                        return Ok(invalid_response(ResourceKind::Session, answer.status));
                    };
                    let (http, exit) = (Some(answer.status), Some(ExitStatus::Success));
                    let seen = StepResult { http, exit, answer: body, ..StepResult::default() };
                    if status == *until {
                        return Ok(seen);
                    }
                    (watch::Observation::Status(status), seen)
                }
                Err(error) => {
                    let seen = refused(&error);
                    // What will not be otherwise the next time ends the wait.
                    if seen.exit != Some(ExitStatus::ScenarioFailed(ErrorKind::Unavailable)) {
                        return Ok(seen);
                    }
                    (watch::Observation::Failure(error.retry_after), seen)
                }
            };
            let now = match &look {
                watch::Observation::Status(status) => Some(status.clone()),
                watch::Observation::Failure(_) => None,
            };
            match watch.observe(self.since(began), look).next {
                NextAction::Poll(after) => self.sleep(after).await?,
                NextAction::Finished(status) => {
                    let exit = Some(ExitStatus::from_session_status(&status));
                    return Ok(StepResult { exit, said: Some(format!("it is {status}")), ..seen });
                }
                NextAction::TimedOut => {
                    let Some(status) = now else { return Ok(seen) };
                    let said = Some(format!("it is {status} after {}", format_duration(within)));
                    return Ok(StepResult { exit: Some(ExitStatus::SessionOpen), said, ..seen });
                }
            }
        }
    }

    /// Lets time pass: on an emulator of one's own none of anybody's.
    async fn sleep(&self, time: Duration) -> Result<(), Cancelled> {
        match self.player.stage {
            Target::World(world) => world.advance(time),
            Target::Account(_) => {
                tokio::select! {
                    () = tokio::time::sleep(time) => {}
                    () = self.player.stop.wanted() => return Err(Cancelled),
                }
            }
        }
        if self.player.stop.is_wanted() { Err(Cancelled) } else { Ok(()) }
    }

    fn since(&self, began: Timestamp) -> Duration {
        let passed: SignedDuration = self.now().duration_since(began);
        Duration::try_from(passed).unwrap_or_default()
    }
}
