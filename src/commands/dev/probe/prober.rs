//! Sends the requests of the probe, and removes what they create.

use std::time::Duration;

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::description::{
    CANCEL_SESSION, CREATE_DEVICE, CREATE_ENROLLMENT, CREATE_SESSION, DELETE_DEVICE, DELETE_ENROLLMENT,
    GET_SESSION, LIST_DEVICES, LIST_ENROLLMENTS, LIST_LOCATIONS, Operation, ResponseCheck, TAP,
    problem_shape,
};
use super::facts::{Observations, Seen};
use super::open_sessions::OpenSessions;
use crate::api::{self, Client, EnrollmentFilter, Request, Response};
use crate::commands::resolve::fetch_all;
use crate::error::{Error, ErrorKind};
use crate::model::{Device, Enrollment, Resource, SessionStatus, TapOutcome, Ttl};

/// The metadata key of what the probe creates. The next run removes everything that has it.
pub(super) const TAG: &str = "kustom_probe";

const NAME: &str = "kustom probe";

/// How often a request is sent that the API rejects with 429.
const MAX_ATTEMPTS: u32 = 5;

const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);

/// A session with a very short lifetime may expire between two requests; then another one is used.
const MAX_EXPIRIES: u32 = 5;

pub(super) struct Prober {
    pub(super) client: Client,
    pub(super) cancel: CancellationToken,
    /// Wait until a session has expired, in real time.
    pub(super) wait: bool,
    pub(super) currency: String,
    pub(super) sessions: OpenSessions,
    pub(super) device_id: String,
    /// Objects that were created and not removed, apart from sessions.
    devices: Vec<String>,
    enrollments: Vec<String>,
    pub(super) seen: Observations,
}

impl Prober {
    pub(super) fn new(
        client: Client,
        cancel: CancellationToken,
        wait: bool,
        is_emulator: bool,
        currency: String,
        sessions: OpenSessions,
    ) -> Self {
        let seen = Observations { is_emulator, ..Observations::default() };
        let device_id = String::new();
        let (devices, enrollments) = (Vec::new(), Vec::new());
        Self { client, cancel, wait, currency, sessions, device_id, devices, enrollments, seen }
    }

    /// Probes everything. What was seen until an error is kept.
    pub(super) async fn run(&mut self) -> Result<(), Error> {
        let location_id = self.find_location().await?;
        if let [first, ..] = self.clean_up().await.as_slice() {
            let message = format!("what an earlier run left behind cannot be removed: {first}");
            return Err(Error::new(ErrorKind::Unavailable, message));
        }
        let (created, device_id) = self.create_device(location_id.as_deref()).await?;
        self.seen.create_device = Some(created);
        self.device_id = device_id.ok_or_else(|| {
            let message = format!("the API responded with {} to a new simulated device", created.status);
            Error::new(ErrorKind::Refused, message)
        })?;
        self.probe_lists().await?;
        if let Some(location_id) = location_id {
            self.probe_enrollments(&location_id).await?;
        }
        self.probe_sessions().await?;
        self.probe_carts().await?;
        self.probe_offline_device().await?;
        self.measure_list_lag().await?;
        self.measure_session_lifetime().await?;
        self.probe_deletions().await
    }

    async fn find_location(&mut self) -> Result<Option<String>, Error> {
        let response = self.get(LIST_LOCATIONS, "/ipp/v1/locations", &[("page_size", "1")]).await?;
        let page = parse(&response);
        let items = page["content"].as_array().or(page.as_array());
        Ok(items.and_then(|items| items.first()?["id"].as_str().map(str::to_owned)))
    }

    pub(super) async fn create_device(
        &mut self,
        location_id: Option<&str>,
    ) -> Result<(Seen, Option<String>), Error> {
        let mut body = json!({"name": NAME, "metadata": {TAG: "1"}});
        if let Some(id) = location_id {
            body["location_id"] = id.into();
        }
        let response = self.post(CREATE_DEVICE, "/ipp/v1/dev/devices", &body).await?;
        let device = parse(&response);
        // The guide calls it `device_id`.
        let id = device["id"].as_str().or(device["device_id"].as_str()).map(str::to_owned);
        let id = id.filter(|_| response.is_success());
        self.devices.extend(id.clone());
        Ok((seen(&response), id))
    }

    async fn probe_lists(&mut self) -> Result<(), Error> {
        let devices = Request::new(Method::GET, "/ipp/v1/devices").query("page_size", "1");
        let response = self.exchange(&self.client.clone().without_merchant_id(), &devices).await?;
        self.note(LIST_DEVICES, &response);
        self.seen.list_without_merchant_id = Some(seen(&response));
        for (name, value) in [
            ("page_size", "0"),
            ("page_size", "100"),
            ("page_size", "101"),
            ("page_number", "-1"),
            ("page_number", "9999"),
        ] {
            let response = self.get(LIST_DEVICES, "/ipp/v1/devices", &[(name, value)]).await?;
            self.seen.pages.push((format!("{name} {value}"), response.status));
        }
        let mut statuses = Vec::new();
        for id in [Uuid::new_v4().to_string(), "no-uuid".to_owned()] {
            statuses.push(self.get(GET_SESSION, &format!("/ipp/v1/sessions/{id}"), &[]).await?.status);
        }
        self.seen.unknown_id = statuses.first().copied().zip(statuses.last().copied());
        Ok(())
    }

    async fn probe_enrollments(&mut self, location_id: &str) -> Result<(), Error> {
        let mut expiries: Vec<Option<Timestamp>> = Vec::new();
        for (field, value) in
            [("expires_in", json!(3_600_000)), ("ttl", json!(Ttl::SeventyTwoHours.as_str()))]
        {
            let body = json!({"location_id": location_id, "metadata": {TAG: "1"}, field: value});
            let response = self.post(CREATE_ENROLLMENT, "/ipp/v1/enrollments", &body).await?;
            let enrollment = parse(&response);
            if response.is_success() {
                self.enrollments.extend(enrollment["enrollment_id"].as_str().map(str::to_owned));
            }
            expiries.push(enrollment["expires_at"].as_str().and_then(|at| at.parse().ok()));
            if field == "ttl" {
                self.seen.ttl = Some(seen(&response));
            } else {
                self.seen.requires_ttl = enrollment["errors"].get("ttl").is_some();
                self.seen.expires_in = Some(seen(&response));
            }
        }
        if let [Some(first), Some(second)] = expiries.as_slice() {
            self.seen.ttl_difference = Some(second.duration_since(*first));
        }
        self.get(LIST_ENROLLMENTS, "/ipp/v1/enrollments", &[("page_size", "1")]).await?;
        Ok(())
    }

    async fn probe_sessions(&mut self) -> Result<(), Error> {
        let (created, first) = self.create_session(json!({})).await?;
        self.seen.create_session = Some(created);
        let Some(first) = first else { return Ok(()) };
        self.end_session(first).await?;
        self.probe_second_session().await?;
        for outcome in TapOutcome::ALL.into_iter().filter(|outcome| *outcome != TapOutcome::Success) {
            let (id, _, status) = self.tap_open_session(outcome).await?;
            self.seen.declines.push((outcome.as_str(), status));
            self.end_session(id).await?;
        }
        let (paid, tapped, status) = self.tap_open_session(TapOutcome::Success).await?;
        if status == SessionStatus::Finalized.as_str() {
            self.seen.tap = Some(tapped);
            self.seen.tap_on_ended = Some(self.tap(paid, TapOutcome::Success).await?);
            self.seen.cancel_paid = Some(self.cancel(paid).await?);
        }
        self.end_session(paid).await?;
        let canceled = self.open_session().await?;
        self.cancel(canceled).await?;
        self.seen.cancel_cancelled = Some(self.cancel(canceled).await?);
        self.end_session(canceled).await
    }

    async fn probe_second_session(&mut self) -> Result<(), Error> {
        for _ in 0..MAX_EXPIRIES {
            let first = self.open_session().await?;
            let (created, second) = self.create_session(json!({})).await?;
            let is_open = !is_terminal(&self.status(first).await?);
            for id in [Some(first), second].into_iter().flatten() {
                self.end_session(id).await?;
            }
            if is_open {
                self.seen.second_session = Some(created);
                break;
            }
        }
        Ok(())
    }

    /// Taps on a new session. Returns it with the response, and its status afterwards.
    async fn tap_open_session(&mut self, outcome: TapOutcome) -> Result<(Uuid, Seen, String), Error> {
        let mut expiries = 0;
        loop {
            let id = self.open_session().await?;
            let tapped = self.tap(id, outcome).await?;
            let status = self.status(id).await?;
            if status != SessionStatus::Expired.as_str() || expiries == MAX_EXPIRIES {
                return Ok((id, tapped, status));
            }
            expiries += 1;
            self.end_session(id).await?;
        }
    }

    async fn probe_carts(&mut self) -> Result<(), Error> {
        let line = |total: i64, tax: i64| {
            json!({
                "type": "physical", "name": "Probe", "quantity": 2, "unit_price": 1000, "tax_rate": 2500,
                "total_amount": total, "total_tax_amount": tax,
            })
        };
        let cart = |items: Value, amount: i64, tax: i64| json!({"order_items": items, "order_amount": amount, "order_tax_amount": tax});
        if !self.try_cart(cart(json!([line(2000, 400)]), 2000, 400)).await?.is_success() {
            return Ok(());
        }
        for (mistake, fields) in [
            ("line total", cart(json!([line(1900, 380)]), 1900, 380)),
            ("sum", cart(json!([line(2000, 400)]), 2100, 400)),
            ("sum of taxes", cart(json!([line(2000, 400)]), 2000, 300)),
        ] {
            let response = self.try_cart(fields).await?;
            self.seen.sums.push((mistake, response));
        }
        for off in [1, 2] {
            let response = self.try_cart(cart(json!([line(2000, 400 + off)]), 2000, 400 + off)).await?;
            self.seen.tax_off.push((off, response));
        }
        let discount = json!({
            "type": "discount", "name": "Probe", "quantity": 1, "unit_price": -500, "tax_rate": 2500,
            "total_amount": -500, "total_tax_amount": -100,
        });
        let response = self.try_cart(cart(json!([line(2000, 400), discount]), 1500, 300)).await?;
        self.seen.item_types.push(("discount", response));
        for kind in ["physical", "digital", "shipping_fee", "surcharge", "gift_card"] {
            let mut item = line(2000, 400);
            item["type"] = kind.into();
            let response = self.try_cart(cart(json!([item]), 2000, 400)).await?;
            self.seen.item_types.push((kind, response));
        }
        Ok(())
    }

    async fn try_cart(&mut self, fields: Value) -> Result<Seen, Error> {
        let (created, id) = self.create_session(fields).await?;
        if let Some(id) = id {
            self.end_session(id).await?;
        }
        Ok(created)
    }

    /// Only an emulator has a phone that can lose its connection.
    async fn probe_offline_device(&mut self) -> Result<(), Error> {
        if !self.seen.is_emulator {
            return Ok(());
        }
        let device_id = self.device_id.clone();
        self.client.pos_set_offline(&device_id, true).await?;
        let created = self.create_session(json!({})).await;
        self.client.pos_set_offline(&device_id, false).await?;
        let (created, id) = created?;
        self.seen.offline_device = Some(created);
        match id {
            Some(id) => self.end_session(id).await,
            None => Ok(()),
        }
    }

    async fn probe_deletions(&mut self) -> Result<(), Error> {
        while let Some(id) = self.enrollments.last().cloned() {
            let response = self.delete_enrollment(&id).await?;
            self.seen.delete_enrollment.get_or_insert(response);
            self.enrollments.pop();
        }
        let device_id = self.device_id.clone();
        self.seen.delete_device = Some(self.delete_device(&device_id).await?);
        self.seen.delete_again = Some(self.delete_device(&device_id).await?);
        Ok(())
    }

    /// Creates a session. Its ID is `None` if the API rejected it.
    async fn create_session(&mut self, fields: Value) -> Result<(Seen, Option<Uuid>), Error> {
        let mut body = json!({
            "device_id": self.device_id, "order_amount": 100, "purchase_currency": self.currency,
            "merchant_reference1": "kustom-probe",
        });
        if let (Some(body), Value::Object(fields)) = (body.as_object_mut(), fields) {
            body.extend(fields);
        }
        let response = self.post(CREATE_SESSION, "/ipp/v1/sessions", &body).await?;
        let id = parse(&response)["session_id"].as_str().and_then(|id| id.parse().ok());
        let id = id.filter(|_| response.is_success());
        if let Some(id) = id {
            self.sessions.add(id)?;
        }
        Ok((seen(&response), id))
    }

    pub(super) async fn open_session(&mut self) -> Result<Uuid, Error> {
        let (created, id) = self.create_session(json!({})).await?;
        id.ok_or_else(|| {
            let message =
                format!("the API responded with {} to a session like the first one", created.status);
            Error::new(ErrorKind::Refused, message)
        })
    }

    /// Cancels a session that may have ended already.
    pub(super) async fn end_session(&mut self, id: Uuid) -> Result<(), Error> {
        self.cancel(id).await?;
        self.sessions.remove(id)
    }

    async fn cancel(&mut self, id: Uuid) -> Result<Seen, Error> {
        let request = Request::new(Method::PUT, format!("/ipp/v1/sessions/{id}/cancel"));
        Ok(seen(&self.send(CANCEL_SESSION, &request).await?))
    }

    pub(super) async fn status(&mut self, id: Uuid) -> Result<String, Error> {
        let response = self.get(GET_SESSION, &format!("/ipp/v1/sessions/{id}"), &[]).await?;
        Ok(parse(&response)["status"].as_str().unwrap_or_default().to_owned())
    }

    async fn tap(&mut self, id: Uuid, outcome: TapOutcome) -> Result<Seen, Error> {
        Ok(seen(&self.send(TAP, &api::tap_request(id, Some(outcome))).await?))
    }

    pub(super) async fn delete_device(&mut self, id: &str) -> Result<Seen, Error> {
        let response = self.send(DELETE_DEVICE, &api::deregister_request(id)).await?;
        self.devices.retain(|device| device != id);
        Ok(seen(&response))
    }

    async fn delete_enrollment(&mut self, id: &str) -> Result<Seen, Error> {
        Ok(seen(&self.send(DELETE_ENROLLMENT, &api::withdraw_request(id)).await?))
    }

    pub(super) async fn is_listed(&self, device_id: &str) -> Result<bool, Error> {
        let devices: Vec<Resource<Device>> = fetch_all(self.client.devices(None)).await?;
        Ok(devices.iter().any(|device| device.id.as_deref() == Some(device_id)))
    }

    /// Ends and deletes everything that this run or an earlier one created. Returns what could not be removed, with the
    /// reason.
    pub(super) async fn clean_up(&mut self) -> Vec<String> {
        let mut left = Vec::new();
        for id in self.sessions.ids() {
            if let Err(error) = self.end_session(id).await {
                left.push(format!("session {id}: {}", error.message));
            }
        }
        let devices: Result<Vec<Resource<Device>>, _> = fetch_all(self.client.devices(None)).await;
        let enrollments: Result<Vec<Resource<Enrollment>>, _> =
            fetch_all(self.client.enrollments(&EnrollmentFilter::default())).await;
        for error in [devices.as_ref().err(), enrollments.as_ref().err()].into_iter().flatten() {
            left.push(format!("what cannot be listed: {}", error.cause.message()));
        }
        let tagged =
            devices.unwrap_or_default().into_iter().filter(|device| device.metadata.contains_key(TAG));
        let mut devices: Vec<_> = self.devices.clone();
        devices.extend(tagged.filter_map(|device| device.id.clone()).filter(|id| !self.devices.contains(id)));
        for id in devices {
            match self.delete_device(&id).await {
                Ok(seen) if seen.is_success() || seen.status == 404 => {}
                Ok(seen) => left.push(format!("device {id}: the API responded with {}", seen.status)),
                Err(error) => left.push(format!("device {id}: {}", error.message)),
            }
        }
        let mut ids = std::mem::take(&mut self.enrollments);
        let tagged = enrollments.unwrap_or_default();
        let tagged = tagged.into_iter().filter(|enrollment| enrollment.metadata.contains_key(TAG));
        ids.extend(tagged.filter_map(|enrollment| enrollment.enrollment_id.clone()));
        ids.dedup();
        for id in ids {
            // The API may refuse to delete an enrollment that a device used, which does no harm.
            if let Err(error) = self.delete_enrollment(&id).await {
                left.push(format!("enrollment {id}: {}", error.message));
            }
        }
        left
    }

    async fn get(
        &mut self,
        operation: Operation,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Response, Error> {
        let request = Request::new(Method::GET, path);
        let request = query.iter().fold(request, |request, (name, value)| request.query(name, *value));
        self.send(operation, &request).await
    }

    async fn post(&mut self, operation: Operation, path: &str, body: &Value) -> Result<Response, Error> {
        let request = Request::new(Method::POST, path).body(body.to_string().into_bytes());
        self.send(operation, &request).await
    }

    async fn send(&mut self, operation: Operation, request: &Request) -> Result<Response, Error> {
        let response = self.exchange(&self.client, request).await?;
        self.note(operation, &response);
        Ok(response)
    }

    fn note(&mut self, operation: Operation, response: &Response) {
        let content_type = response.header("content-type").unwrap_or_default();
        let check = ResponseCheck::new(operation, response.status, content_type, &response.body);
        if let Err(at) = self.seen.responses.binary_search(&check) {
            self.seen.responses.insert(at, check);
        }
        if !response.is_success() {
            self.seen.problem_shapes.insert(problem_shape(content_type, &response.body));
        }
    }

    /// Sends a request once, or again if the API asks to slow down. A response that says nothing about the API's behavior,
    /// such as a 503, is an error.
    async fn exchange(&self, client: &Client, request: &Request) -> Result<Response, Error> {
        let mut attempt = 1;
        loop {
            if self.cancel.is_cancelled() {
                return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
            }
            let (response, _) = client.probe(request).await?;
            let message = || format!("{}: the API responded with {}", request.summary(), response.status);
            match response.status {
                401 => return Err(Error::new(ErrorKind::Credentials, message())),
                429 if attempt < MAX_ATTEMPTS => {
                    let seconds = response.header("retry-after").and_then(|text| text.trim().parse().ok());
                    let delay = Duration::from_secs(seconds.unwrap_or(1)).min(MAX_RETRY_AFTER);
                    self.cancel.run_until_cancelled(tokio::time::sleep(delay)).await;
                    attempt += 1;
                }
                408 | 429 | 500.. => {
                    let is_safe = request.method.is_safe();
                    let kind = if is_safe { ErrorKind::Unavailable } else { ErrorKind::Unknown };
                    return Err(Error::new(kind, message()));
                }
                _ => return Ok(response),
            }
        }
    }
}

fn is_terminal(status: &str) -> bool {
    SessionStatus::from(status.to_owned()).is_terminal()
}

fn parse(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap_or_default()
}

fn seen(response: &Response) -> Seen {
    let has_body = !response.body.iter().all(u8::is_ascii_whitespace);
    Seen { status: response.status, has_body }
}
