//! The steps of a scenario, and what was made by them so far.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::request;
use super::{Player, Stage};
use crate::api::{self, Answer, NewEnrollment, OnPhone, Request, hide_secret_fields};
use crate::error::{Error, Exit, Kind};
use crate::model::{Location, Metadata, Ttl};
use crate::scenario::act::{Act, Thing};
use crate::scenario::judge::Seen;
use crate::scenario::model::Step;
use crate::secret::Secret;

/// Somebody wanted the scenario to end.
pub(super) struct Stopped;

/// Something that a step made.
pub(super) struct Made {
    pub(super) thing: Thing,
    pub(super) id: Uuid,
    /// What is typed into a phone.
    code: Option<Secret>,
}

/// A scenario that is being played.
pub(super) struct Run<'a> {
    pub(super) player: &'a Player<'a>,
    pub(super) made: Vec<Option<Made>>,
}

impl<'a> Run<'a> {
    pub(super) fn new(player: &'a Player<'a>, steps: usize) -> Self {
        Self { player, made: std::iter::repeat_with(|| None).take(steps).collect() }
    }

    /// Does what a step says, and looks at what came of it.
    pub(super) async fn perform(&mut self, index: usize, step: &Step) -> Result<Seen, Stopped> {
        let mut seen = self.act(index, &step.act).await?;
        if step.expect.status.is_some() {
            self.look(step, &mut seen).await;
        }
        if let Stage::World(world) = self.player.stage {
            seen.callbacks = Some(world.callbacks());
        }
        Ok(seen)
    }

    async fn act(&mut self, index: usize, act: &Act) -> Result<Seen, Stopped> {
        let request = match act {
            Act::Network { device, offline } => {
                return Ok(self.set_offline(self.id(*device), *offline).await);
            }
            Act::Advance { by } => return Ok(self.advance(*by).await),
            Act::Wait { session, until, within } => {
                return self.wait(self.id(*session), until, *within).await;
            }
            Act::Enroll { location, expires_in } => {
                return Ok(self.enroll(index, location.as_deref(), *expires_in).await);
            }
            Act::CreateDevice { name, location } => {
                let location_id = match location {
                    Some(wanted) => match self.location(Some(wanted)).await {
                        Ok(id) => id,
                        Err(seen) => return Ok(seen),
                    },
                    None => None,
                };
                api::simulated_device_request(name, location_id.as_deref(), &Metadata::new())
            }
            Act::Deregister { device } => api::deregister_request(&self.id(*device).to_string()),
            Act::Withdraw { code } => api::withdraw_request(&self.id(*code).to_string()),
            Act::Pair { code, name } => api::pair_request(self.code(*code), name.as_deref()),
            Act::Create { device, sale } => {
                request::create(device.map(|device| self.id(device)), sale, self.now())
            }
            Act::Choose { session, method } => self.on_phone(*session, OnPhone::Choose(*method)),
            Act::Tap { session, outcome } => api::tap_request(self.id(*session), *outcome),
            Act::Pay { session, method } => self.on_phone(*session, OnPhone::Pay(*method)),
            Act::Decline { session, outcome } => self.on_phone(*session, OnPhone::Decline(*outcome)),
            Act::CancelOnPhone { session } => self.on_phone(*session, OnPhone::Cancel),
            Act::Cancel { session } => api::cancel_session_request(self.id(*session)),
            Act::Get { session } => api::read_session_request(self.id(*session)),
        };
        Ok(self.ask(index, act, &request).await)
    }

    /// Sends the request of a step, and keeps what it made.
    async fn ask(&mut self, index: usize, act: &Act, request: &Request) -> Seen {
        let answer = self.player.client.send(request).await;
        self.took(index, act, answer)
    }

    fn took(&mut self, index: usize, act: &Act, answer: Result<Answer, api::Error>) -> Seen {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return refused(&error),
        };
        let mut body = object(&answer.body);
        if let Some(thing) = act.makes() {
            match made(thing, body.as_ref()) {
                Some(made) => self.made[index] = Some(made),
                None => return unusable(thing, answer.status),
            }
        }
        hide(&mut body);
        Seen { http: Some(answer.status), exit: Some(Exit::Done), answer: body, ..Seen::default() }
    }

    /// A device goes off the network, or comes back.
    async fn set_offline(&self, device: Uuid, offline: bool) -> Seen {
        match self.player.stage {
            Stage::World(world) => {
                match world.emulator().change(|state, _| state.set_offline(device, offline)) {
                    Ok(_) => Seen::default(),
                    Err(refusal) => failed(Kind::NotFound, refusal.detail),
                }
            }
            Stage::Account(_) => {
                let done = self.player.client.pos_set_offline(&device.to_string(), offline).await;
                done.map_or_else(|error| refused(&error), |_| Seen::default())
            }
        }
    }

    /// An emulator's clock is put forward.
    async fn advance(&self, by: Duration) -> Seen {
        match self.player.stage {
            Stage::World(world) => {
                world.advance(by);
                Seen::default()
            }
            Stage::Account(_) => {
                let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
                let done = self.player.client.advance_clock(by).await;
                done.map_or_else(|error| refused(&error), |_| Seen::default())
            }
        }
    }

    fn on_phone(&self, session: usize, what: OnPhone) -> Request {
        api::phone_request(self.id(session), what)
    }

    async fn enroll(&mut self, index: usize, wanted: Option<&str>, expires_in: Option<Duration>) -> Seen {
        let location_id = match self.location(wanted).await {
            Ok(id) => id,
            Err(seen) => return seen,
        };
        let act = Act::Enroll { location: None, expires_in };
        let expires_in = expires_in.unwrap_or(Ttl::TwoHours.duration());
        let new = NewEnrollment { location_id, expires_in, metadata: Metadata::new() };
        let answer = self.player.client.enroll(&new).await;
        self.took(index, &act, answer.map(|(_, answer, _)| answer))
    }

    /// The id of a location that is named, of the default one, or of the first.
    async fn location(&self, wanted: Option<&str>) -> Result<Option<String>, Seen> {
        let wanted = wanted.or(match self.player.stage {
            Stage::World(_) => None,
            Stage::Account(powers) => powers.location.as_deref(),
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
            None => Err(failed(Kind::NotFound, format!("there is no location '{wanted}'"))),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        match self.player.stage {
            Stage::World(world) => world.now(),
            Stage::Account(_) => {
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
fn made(thing: Thing, body: Option<&Map<String, Value>>) -> Option<Made> {
    let id = text(body, id_of(thing))?.parse().ok()?;
    let code = match thing {
        Thing::Code => Some(Secret::new(text(body, "enrollment_code")?)),
        Thing::Device | Thing::Session => None,
    };
    Some(Made { thing, id, code })
}

const fn id_of(thing: Thing) -> &'static str {
    match thing {
        Thing::Device => "id",
        Thing::Code => "enrollment_id",
        Thing::Session => "session_id",
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
        hide_secret_fields(&mut whole);
        if let Value::Object(object) = whole {
            *body = Some(object);
        }
    }
}

/// A success with which nothing can be done.
pub(super) fn unusable(thing: Thing, status: u16) -> Seen {
    let what = match thing {
        Thing::Code => "the answer has no enrollment_id and enrollment_code".to_owned(),
        Thing::Device => "the answer has no id".to_owned(),
        Thing::Session => "the answer has no session_id, or no status".to_owned(),
    };
    Seen { http: Some(status), ..failed(Kind::Unknown, what) }
}

fn failed(kind: Kind, said: impl Into<String>) -> Seen {
    Seen { exit: Some(Exit::Unmet(kind)), said: Some(said.into()), ..Seen::default() }
}

/// A request that was refused, or that failed.
pub(super) fn refused(error: &api::Error) -> Seen {
    let problem = error.problem();
    let answer = problem.and_then(|problem| match serde_json::to_value(problem) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    });
    let said = problem.and_then(crate::model::Problem::sentence).unwrap_or_else(|| error.why.sentence());
    let kind = Error::from(error.clone()).kind;
    Seen { http: error.status(), answer, ..failed(kind, said) }
}
