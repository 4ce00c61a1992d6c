//! Waiting for a session, in the time of wherever it is.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::Stage;

use super::run::{Run, Stopped, hide, object, refused, unusable};
use crate::api;
use crate::error::{Exit, Kind};
use crate::flows::watch::{self, Next, Watch};
use crate::model::SessionStatus;
use crate::scenario::act::Thing;
use crate::scenario::judge::Seen;
use crate::text::spell;

/// How often a session that is waited for is looked at, and how often at most.
const INTERVAL: Duration = Duration::from_secs(1);
const MOST_LOOKS: u32 = 1000;

impl Run<'_> {
    /// Looks at a session until it is what it is waited for, has ended otherwise, or the time is over.
    pub(super) async fn wait(
        &mut self,
        id: Uuid,
        until: &SessionStatus,
        within: Duration,
    ) -> Result<Seen, Stopped> {
        let interval = INTERVAL.max(within / MOST_LOOKS);
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
                        return Ok(unusable(Thing::Session, answer.status));
                    };
                    let (http, exit) = (Some(answer.status), Some(Exit::Done));
                    let seen = Seen { http, exit, answer: body, ..Seen::default() };
                    if status == *until {
                        return Ok(seen);
                    }
                    (watch::Seen::Status(status), seen)
                }
                Err(error) => {
                    let seen = refused(&error);
                    // What will not be otherwise the next time ends the wait.
                    if seen.exit != Some(Exit::Unmet(Kind::Unavailable)) {
                        return Ok(seen);
                    }
                    (watch::Seen::Trouble(error.retry_after), seen)
                }
            };
            let now = match &look {
                watch::Seen::Status(status) => Some(status.clone()),
                watch::Seen::Trouble(_) => None,
            };
            match watch.observe(self.since(began), look).next {
                Next::Poll(after) => self.pass(after).await?,
                Next::Ended(status) => {
                    let exit = Some(Exit::of_session(&status));
                    return Ok(Seen { exit, said: Some(format!("it is {status}")), ..seen });
                }
                Next::TimeUp => {
                    let Some(status) = now else { return Ok(seen) };
                    let said = Some(format!("it is {status} after {}", spell(within)));
                    return Ok(Seen { exit: Some(Exit::SessionOpen), said, ..seen });
                }
            }
        }
    }

    /// Lets time pass: on an emulator of one's own none of anybody's.
    async fn pass(&self, time: Duration) -> Result<(), Stopped> {
        match self.player.stage {
            Stage::World(world) => world.advance(time),
            Stage::Account(_) => {
                tokio::select! {
                    () = tokio::time::sleep(time) => {}
                    () = self.player.stop.wanted() => return Err(Stopped),
                }
            }
        }
        if self.player.stop.is_wanted() { Err(Stopped) } else { Ok(()) }
    }

    fn since(&self, began: Timestamp) -> Duration {
        let passed: SignedDuration = self.now().duration_since(began);
        Duration::try_from(passed).unwrap_or_default()
    }
}
