//! Runs one step: sends its request, keeps what it created and reads the status that the step expects.

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Cancelled, CreatedResource, Run, Target};
use crate::api::{self, EnrollmentFilter, NewEnrollment, PosAction, Request, Response};
use crate::error::{Error, ErrorKind};
use crate::model::{
    Currency, Enrollment, Location, Metadata, Problem, RefundRequest, TapOutcome, Ttl, parse_amount,
    remove_personal_data,
};
use crate::scenario::assertions::StepResult;
use crate::scenario::model::{Action, ResourceKind, Step};
use crate::secret::{Secret, redact_fields};

/// Name of a simulated device that the scenario gives none.
const DEFAULT_DEVICE_NAME: &str = "Till";

impl Run<'_> {
    pub(super) async fn run_step(&mut self, step: &Step) -> Result<StepResult, Cancelled> {
        let (mut result, created) = self.perform(step).await?;
        self.created.push(created);
        if step.expect.status.is_some() {
            self.read_status(step, &mut result).await;
        }
        if let Target::Emulator(emulator) = self.target {
            result.callbacks = Some(emulator.take_callbacks());
        }
        Ok(result)
    }

    async fn perform(&self, step: &Step) -> Result<(StepResult, Option<CreatedResource>), Cancelled> {
        if let Action::Wait { until, within, .. } = &step.action {
            return Ok((self.wait(self.target_id(step), until, *within).await?, None));
        }
        Ok(match self.send(step).await {
            Ok(Some(response)) => read_response(step, &response),
            Ok(None) => (StepResult::default(), None),
            Err(result) => (result, None),
        })
    }

    /// Sends the request of a step. A step that changes the phone or the clock has no response of its own.
    async fn send(&self, step: &Step) -> Result<Option<Response>, StepResult> {
        let id = self.target_id(step);
        let request = match &step.action {
            // `perform` waits.
            Action::Wait { .. } => return Ok(None),
            Action::Offline { .. } | Action::Online { .. } => {
                let offline = matches!(step.action, Action::Offline { .. });
                self.client.pos_set_offline(&id.to_string(), offline).await?;
                return Ok(None);
            }
            Action::Advance { by, .. } => {
                let by = SignedDuration::try_from(*by).unwrap_or(SignedDuration::MAX);
                self.client.advance_clock(by).await?;
                return Ok(None);
            }
            Action::Enroll { location, expires_in } => {
                return self.enroll(location.as_deref(), *expires_in).await.map(Some);
            }
            Action::CreateDevice { name, location, .. } => {
                let name = name.as_deref().unwrap_or(DEFAULT_DEVICE_NAME);
                let location_id = match location {
                    Some(location) => self.find_location(Some(location)).await?,
                    None => None,
                };
                api::simulated_device_request(name, location_id.as_deref(), &Metadata::new())
            }
            Action::Deregister { .. } => api::deregister_request(&id.to_string()),
            Action::Withdraw { .. } => api::withdraw_request(&id.to_string()),
            Action::Pair { name, .. } => {
                let code = self.target_resource(step).and_then(|resource| resource.code.as_ref());
                api::pair_request(code.map_or("", Secret::expose), name.as_deref())
            }
            Action::Create { body, .. } => self.session_request(step.target.map(|_| id), body),
            Action::Choose { method, .. } => api::pos_action_request(id, PosAction::Choose(*method)),
            Action::Tap { outcome, .. } => api::tap_request(id, *outcome),
            Action::Pay { method, .. } => api::pos_action_request(id, PosAction::Pay(*method)),
            Action::Decline { outcome, .. } => api::pos_action_request(
                id,
                PosAction::Decline(outcome.unwrap_or(TapOutcome::DeclinedGeneric)),
            ),
            Action::CancelOnPhone { .. } => api::pos_action_request(id, PosAction::Cancel),
            Action::Cancel { .. } => api::cancel_session_request(id),
            Action::Get { .. } => api::read_session_request(id),
            Action::Refund { amount, reference, .. } => {
                let amount = amount.as_ref().map(|amount| amount.get_ref().as_str());
                self.refund_request(id, amount, reference.as_deref()).await?
            }
            Action::GetOrder { .. } => api::read_order_request(self.order_of(id).await?, None),
        };
        Ok(Some(self.client.send(&request).await?))
    }

    fn session_request(&self, device: Option<Uuid>, fields: &Map<String, Value>) -> Request {
        let mut body = Map::new();
        if let Some(device) = device {
            body.insert("device_id".to_owned(), device.to_string().into());
        }
        body.insert("purchase_started_at".to_owned(), json!(self.now()));
        body.extend(fields.clone());
        api::create_session_request(Value::Object(body).to_string().into_bytes(), None)
    }

    async fn order_of(&self, session: Uuid) -> Result<Uuid, StepResult> {
        let session = self.client.session(session).await?;
        let order = session.order_id.as_deref().and_then(|order| order.parse().ok());
        order.ok_or_else(|| {
            let status = session.status.as_ref().map(ToString::to_string).unwrap_or_default();
            failed_step(ErrorKind::NotFound, format!("the session is {status}, so it has no order"))
        })
    }

    /// An amount is sent as it is, even if it is more than can be refunded: a scenario may expect the API to reject it.
    async fn refund_request(
        &self,
        session: Uuid,
        amount: Option<&str>,
        reference: Option<&str>,
    ) -> Result<Request, StepResult> {
        let id = self.order_of(session).await?;
        let order = self.client.order(id, None).await?;
        let refunded_amount = match amount {
            None => order.refundable(),
            Some(text) => {
                let currency = order.currency().unwrap_or_default().parse::<Currency>();
                let currency =
                    currency.map_err(|error| failed_step(ErrorKind::Unavailable, error.to_string()))?;
                parse_amount(text, currency)
                    .map_err(|error| failed_step(ErrorKind::Usage, error.to_string()))?
            }
        };
        let reference = reference.map(str::to_owned);
        let body = RefundRequest { refunded_amount, reference, ..RefundRequest::default() };
        Ok(api::refund_request(id, &body, order.currency().as_deref(), Uuid::new_v4()))
    }

    async fn enroll(
        &self,
        location: Option<&str>,
        expires_in: Option<Duration>,
    ) -> Result<Response, StepResult> {
        let location_id = self.find_location(location).await?;
        let expires_in = expires_in.unwrap_or(Ttl::TwoHours.duration());
        let new = NewEnrollment { location_id, expires_in, metadata: Metadata::new() };
        let (_, response, _) = self.client.enroll(&new).await?;
        Ok(response)
    }

    /// The ID of the location with this name or ID, of the default location, or of the first one.
    async fn find_location(&self, name: Option<&str>) -> Result<Option<String>, StepResult> {
        let name = name.or(match self.target {
            Target::Emulator(_) => None,
            Target::Account(account) => account.location.as_deref(),
        });
        if let Some(id) = name.and_then(|name| name.parse::<Uuid>().ok()) {
            return Ok(Some(id.to_string()));
        }
        let pages = self.client.locations().pages::<Location>();
        let pages: Vec<_> = pages.try_collect().await?;
        let mut locations = pages.into_iter().flat_map(|page| page.content);
        let Some(name) = name else { return Ok(locations.find_map(|location| location.id.clone())) };
        let location = locations
            .find(|location| location.name.as_ref().is_some_and(|other| other.eq_ignore_ascii_case(name)));
        location
            .map(|location| location.id.clone())
            .ok_or_else(|| failed_step(ErrorKind::NotFound, format!("there is no location '{name}'")))
    }

    /// Reads the status that the step expects. It can belong to another session than the step's response does.
    async fn read_status(&self, step: &Step, result: &mut StepResult) {
        if matches!(step.action, Action::Get { .. } | Action::Wait { .. }) {
            result.status = string_field(result.response.as_ref(), "status");
            return;
        }
        let Some(Some(resource)) = step.status_of.and_then(|step| self.created.get(step)) else { return };
        let status = match resource.kind {
            ResourceKind::Device => Ok(None),
            ResourceKind::Code => self.code_status(resource.id).await,
            ResourceKind::Session => {
                let response = self.client.send(&api::read_session_request(resource.id)).await;
                response.map(|response| string_field(parse_object(&response.body).as_ref(), "status"))
            }
        };
        match status {
            Ok(status) => result.status = status,
            Err(error) => {
                let StepResult { exit_code, message, .. } = error.into();
                result.exit_code = exit_code;
                result.message = Some(format!("the status cannot be read: {}", message.unwrap_or_default()));
            }
        }
    }

    async fn code_status(&self, id: Uuid) -> Result<Option<String>, api::Error> {
        let list = self.client.enrollments(&EnrollmentFilter::default());
        let mut pages = std::pin::pin!(list.pages::<Enrollment>());
        let id = id.to_string();
        while let Some(page) = pages.next().await {
            let found = page?.content.into_iter().find(|code| code.enrollment_id.as_deref() == Some(&id));
            if let Some(code) = found {
                return Ok(code.status.as_ref().map(ToString::to_string));
            }
        }
        // The list omits codes that were withdrawn (documented).
        Ok(Some("CANCELLED".to_owned()))
    }

    pub(super) fn now(&self) -> Timestamp {
        match self.target {
            Target::Emulator(emulator) => emulator.now(),
            Target::Account(_) => {
                // Not every server keeps more than milliseconds.
                let now = Timestamp::now();
                Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
            }
        }
    }

    fn target_resource(&self, step: &Step) -> Option<&CreatedResource> {
        self.created.get(step.target?)?.as_ref()
    }

    /// The ID of what the step applies to. It is never nil: a scenario stops if a step fails to create its resource.
    fn target_id(&self, step: &Step) -> Uuid {
        self.target_resource(step).map_or(Uuid::nil(), |resource| resource.id)
    }
}

/// The result of a request, and the resource that it created.
fn read_response(step: &Step, response: &Response) -> (StepResult, Option<CreatedResource>) {
    let Some(kind) = ResourceKind::created_by(&step.action_name) else {
        return (successful_request(response), None);
    };
    match read_created(kind, parse_object(&response.body).as_ref()) {
        Some(resource) => (successful_request(response), Some(resource)),
        None => (invalid_response(kind, response.status), None),
    }
}

fn read_created(kind: ResourceKind, body: Option<&Map<String, Value>>) -> Option<CreatedResource> {
    let (id_field, code) = match kind {
        ResourceKind::Device => ("id", None),
        ResourceKind::Session => ("session_id", None),
        ResourceKind::Code => ("enrollment_id", Some(Secret::new(string_field(body, "enrollment_code")?))),
    };
    let id = string_field(body, id_field)?.parse().ok()?;
    Some(CreatedResource { kind, id, code })
}

pub(super) fn string_field(body: Option<&Map<String, Value>>, name: &str) -> Option<String> {
    body?.get(name)?.as_str().map(str::to_owned)
}

fn parse_object(body: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(body).ok()
}

/// A successful request. Codes and credentials are hidden, since results are printed.
pub(super) fn successful_request(response: &Response) -> StepResult {
    let mut body = serde_json::from_slice(&response.body).unwrap_or_default();
    if is_order(&body) {
        remove_personal_data(&mut body);
    }
    redact_fields(&mut body);
    let body = serde_json::from_value(body).ok();
    StepResult { http: Some(response.status), response: body, ..StepResult::default() }
}

/// Orders have personal data, which results must not print.
fn is_order(body: &Value) -> bool {
    body.get("order_id").is_some() && body.get("session_id").is_none()
}

/// A 2xx response that lacks a field this step needs.
pub(super) fn invalid_response(kind: ResourceKind, status: u16) -> StepResult {
    let message = match kind {
        ResourceKind::Code => "the response has no enrollment_id or no enrollment_code",
        ResourceKind::Device => "the response has no id",
        ResourceKind::Session => "the response has no session_id or no status",
    };
    StepResult { http: Some(status), ..failed_step(ErrorKind::Unknown, message) }
}

impl From<api::Error> for StepResult {
    fn from(error: api::Error) -> Self {
        let (http, problem) = (error.status(), error.problem());
        let response = problem.and_then(|problem| serde_json::from_value(json!(problem)).ok());
        let message = problem.and_then(Problem::message).unwrap_or_else(|| error.cause.message());
        Self { http, response, ..failed_step(Error::from(error).kind, message) }
    }
}

fn failed_step(kind: ErrorKind, message: impl Into<String>) -> StepResult {
    StepResult { exit_code: kind.code(), message: Some(message.into()), ..StepResult::default() }
}
