//! The steps of a scenario, and what was made by them so far.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::request;
use super::{Runner, Target};
use crate::api::{self, NewEnrollment, PosAction, Request, Response};
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::model::{Location, Metadata, Ttl};
use crate::scenario::action::{Action, ResourceKind};
use crate::scenario::assertions::StepResult;
use crate::scenario::model::Step;
use crate::secret::{Redactor, Secret};

/// Somebody wanted the scenario to end.
pub(super) struct Cancelled;

/// Something that a step made.
pub(super) struct CreatedResource {
    pub(super) thing: ResourceKind,
    pub(super) id: Uuid,
    /// What is typed into a phone.
    code: Option<Secret>,
}

/// A scenario that is being played.
pub(super) struct Run<'a> {
    pub(super) player: &'a Runner<'a>,
    pub(super) made: Vec<Option<CreatedResource>>,
}

impl<'a> Run<'a> {
    pub(super) fn new(player: &'a Runner<'a>, steps: usize) -> Self {
        Self { player, made: std::iter::repeat_with(|| None).take(steps).collect() }
    }

    /// Does what a step says, and looks at what came of it.
    pub(super) async fn perform(&mut self, index: usize, step: &Step) -> Result<StepResult, Cancelled> {
        let mut seen = self.act(index, &step.act).await?;
        if step.expect.status.is_some() {
            self.look(step, &mut seen).await;
        }
        if let Target::World(world) = self.player.stage {
            seen.callbacks = Some(world.callbacks());
        }
        Ok(seen)
    }

    async fn act(&mut self, index: usize, act: &Action) -> Result<StepResult, Cancelled> {
        let request = match act {
            Action::Network { device, offline } => {
                return Ok(self.set_offline(self.id(*device), *offline).await);
            }
            Action::Advance { by } => return Ok(self.advance(*by).await),
            Action::Wait { session, until, within } => {
                return self.wait(self.id(*session), until, *within).await;
            }
            Action::Enroll { location, expires_in } => {
                return Ok(self.enroll(index, location.as_deref(), *expires_in).await);
            }
            Action::CreateDevice { name, location } => {
                let location_id = match location {
                    Some(wanted) => match self.location(Some(wanted)).await {
                        Ok(id) => id,
                        Err(seen) => return Ok(seen),
                    },
                    None => None,
                };
                api::simulated_device_request(name, location_id.as_deref(), &Metadata::new())
            }
            Action::Deregister { device } => api::deregister_request(&self.id(*device).to_string()),
            Action::Withdraw { code } => api::withdraw_request(&self.id(*code).to_string()),
            Action::Pair { code, name } => api::pair_request(self.code(*code), name.as_deref()),
            Action::Create { device, sale } => {
                request::create(device.map(|device| self.id(device)), sale, self.now())
            }
            Action::Choose { session, method } => self.on_phone(*session, PosAction::Choose(*method)),
            Action::Tap { session, outcome } => api::tap_request(self.id(*session), *outcome),
            Action::Pay { session, method } => self.on_phone(*session, PosAction::Pay(*method)),
            Action::Decline { session, outcome } => self.on_phone(*session, PosAction::Decline(*outcome)),
            Action::CancelOnPhone { session } => self.on_phone(*session, PosAction::Cancel),
            Action::Cancel { session } => api::cancel_session_request(self.id(*session)),
            Action::Get { session } => api::read_session_request(self.id(*session)),
        };
        Ok(self.ask(index, act, &request).await)
    }

    /// Sends the request of a step, and keeps what it made.
    async fn ask(&mut self, index: usize, act: &Action, request: &Request) -> StepResult {
        let answer = self.player.client.send(request).await;
        self.record_response(index, act, answer)
    }

    fn record_response(
        &mut self,
        index: usize,
        act: &Action,
        answer: Result<Response, api::Error>,
    ) -> StepResult {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return refused(&error),
        };
        let mut body = object(&answer.body);
        if let Some(thing) = act.creates() {
            match made(thing, body.as_ref()) {
                Some(made) => self.made[index] = Some(made),
                None => return invalid_response(thing, answer.status),
            }
        }
        hide(&mut body);
        StepResult {
            http: Some(answer.status),
            exit: Some(ExitStatus::Success),
            answer: body,
            ..StepResult::default()
        }
    }

    /// A device goes off the network, or comes back.
    async fn set_offline(&self, device: Uuid, offline: bool) -> StepResult {
        match self.player.stage {
            Target::World(world) => {
                match world.emulator().with_state(|state, _| state.set_offline(device, offline)) {
                    Ok(_) => StepResult::default(),
                    Err(refusal) => failed(ErrorKind::NotFound, refusal.detail),
                }
            }
            Target::Account(_) => {
                let done = self.player.client.pos_set_offline(&device.to_string(), offline).await;
                done.map_or_else(|error| refused(&error), |_| StepResult::default())
            }
        }
    }

    /// An emulator's clock is put forward.
    async fn advance(&self, by: Duration) -> StepResult {
        match self.player.stage {
            Target::World(world) => {
                world.advance(by);
                StepResult::default()
            }
            Target::Account(_) => {
                let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
                let done = self.player.client.advance_clock(by).await;
                done.map_or_else(|error| refused(&error), |_| StepResult::default())
            }
        }
    }

    fn on_phone(&self, session: usize, what: PosAction) -> Request {
        api::pos_action_request(self.id(session), what)
    }

    async fn enroll(
        &mut self,
        index: usize,
        wanted: Option<&str>,
        expires_in: Option<Duration>,
    ) -> StepResult {
        let location_id = match self.location(wanted).await {
            Ok(id) => id,
            Err(seen) => return seen,
        };
        let act = Action::Enroll { location: None, expires_in };
        let expires_in = expires_in.unwrap_or(Ttl::TwoHours.duration());
        let new = NewEnrollment { location_id, expires_in, metadata: Metadata::new() };
        let answer = self.player.client.enroll(&new).await;
        self.record_response(index, &act, answer.map(|(_, answer, _)| answer))
    }

    /// The id of a location that is named, of the default one, or of the first.
    async fn location(&self, wanted: Option<&str>) -> Result<Option<String>, StepResult> {
        let wanted = wanted.or(match self.player.stage {
            Target::World(_) => None,
            Target::Account(powers) => powers.location.as_deref(),
        });
        if let Some(id) = wanted.and_then(|wanted| wanted.parse::<Uuid>().ok()) {
            return Ok(Some(id.to_string()));
        }
        let pages = self.player.client.locations().pages::<Location>();
        let pages: Vec<_> = pages.try_collect().await.map_err(|error| refused(&error))?;
        let mut locations = pages.into_iter().flat_map(|page| page.content);
        let Some(wanted) = wanted else { return Ok(locations.find_map(|location| location.id.clone())) };
        let is_it = |name: Option<&str>| name.is_some_and(|name| name.eq_ignore_ascii_case(wanted));
        match locations.find(|location| is_it(location.name.as_deref())) {
            Some(location) => Ok(location.id.clone()),
            None => Err(failed(ErrorKind::NotFound, format!("there is no location '{wanted}'"))),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        match self.player.stage {
            Target::World(world) => world.now(),
            Target::Account(_) => {
                let now = Timestamp::now();
                // Milliseconds are enough, and every server keeps them.
                Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
            }
        }
    }

    /// The id of what a step made. A scenario ends where something is not made that should have been.
    fn id(&self, step: usize) -> Uuid {
        self.made.get(step).and_then(Option::as_ref).map_or(Uuid::nil(), |made| made.id)
    }

    fn code(&self, step: usize) -> &str {
        let made = self.made.get(step).and_then(Option::as_ref);
        made.and_then(|made| made.code.as_ref()).map_or("", Secret::expose)
    }
}

/// What an answer says was made, if it says so.
fn made(thing: ResourceKind, body: Option<&Map<String, Value>>) -> Option<CreatedResource> {
    let id = text(body, id_of(thing))?.parse().ok()?;
    let code = match thing {
        ResourceKind::Code => Some(Secret::new(text(body, "enrollment_code")?)),
        ResourceKind::Device | ResourceKind::Session => None,
    };
    Some(CreatedResource { thing, id, code })
}

const fn id_of(thing: ResourceKind) -> &'static str {
    match thing {
        ResourceKind::Device => "id",
        ResourceKind::Code => "enrollment_id",
        ResourceKind::Session => "session_id",
    }
}

pub(super) fn text(body: Option<&Map<String, Value>>, name: &str) -> Option<String> {
    body?.get(name)?.as_str().map(str::to_owned)
}

pub(super) fn object(body: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    }
}

/// Codes and credentials are not for reports.
pub(super) fn hide(body: &mut Option<Map<String, Value>>) {
    if let Some(object) = body.take() {
        let mut whole = Value::Object(object);
        Redactor::redact_fields(&mut whole);
        if let Value::Object(object) = whole {
            *body = Some(object);
        }
    }
}

/// A success with which nothing can be done.
pub(super) fn invalid_response(thing: ResourceKind, status: u16) -> StepResult {
    let what = match thing {
        ResourceKind::Code => "the answer has no enrollment_id and enrollment_code".to_owned(),
        ResourceKind::Device => "the answer has no id".to_owned(),
        ResourceKind::Session => "the answer has no session_id, or no status".to_owned(),
    };
    StepResult { http: Some(status), ..failed(ErrorKind::Unknown, what) }
}

fn failed(kind: ErrorKind, said: impl Into<String>) -> StepResult {
    StepResult {
        exit: Some(ExitStatus::ScenarioFailed(kind)),
        said: Some(said.into()),
        ..StepResult::default()
    }
}

/// A request that was refused, or that failed.
pub(super) fn refused(error: &api::Error) -> StepResult {
    let problem = error.problem();
    let answer = problem.and_then(|problem| match serde_json::to_value(problem) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    });
    let said = problem.and_then(crate::model::Problem::message).unwrap_or_else(|| error.why.message());
    let kind = Error::from(error.clone()).kind;
    StepResult { http: error.status(), answer, ..failed(kind, said) }
}
