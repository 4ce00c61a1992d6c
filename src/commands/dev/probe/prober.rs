//! Runs the probe, and sends its requests.

use std::collections::BTreeSet;
use std::time::Duration;

use http::Method;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::facts::{Observations, Seen};
use super::measurement::Subject;
use super::open_sessions::OpenSessions;
use super::operations::Operation;
use super::response_check::{ResponseCheck, printable, problem_shape};
use crate::api::{Client, Request, Response};
use crate::error::{Error, ErrorKind};

/// The metadata key of what the probe creates. The next run removes everything that has it.
pub(super) const TAG: &str = "kustom_probe";

/// How often a request is sent that the API rejects with 429.
const MAX_ATTEMPTS: u32 = 5;

const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);

/// How often, and how long, the probe polls an account for what may happen a moment later.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
const MAX_POLL: Duration = Duration::from_secs(30);

pub(super) struct Prober {
    pub(super) client: Client,
    pub(super) cancel: CancellationToken,
    /// Wait until a session has expired, in real time.
    pub(super) wait: bool,
    pub(super) is_emulator: bool,
    pub(super) currency: String,
    pub(super) sessions: OpenSessions,
    pub(super) device_id: String,
    /// Objects that were created and not removed, apart from sessions.
    pub(super) devices: Vec<String>,
    pub(super) enrollments: Vec<String>,
    /// The forms of the lists of settlements, in words and as the value of the option.
    pub(super) envelopes: BTreeSet<(&'static str, &'static str)>,
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
        Self {
            client,
            cancel,
            wait,
            is_emulator,
            currency,
            sessions,
            device_id: String::new(),
            devices: Vec::new(),
            enrollments: Vec::new(),
            envelopes: BTreeSet::new(),
            seen: Observations::default(),
        }
    }

    /// Probes everything. What was seen until an error is kept.
    pub(super) async fn run(&mut self) -> Result<(), Error> {
        let location_id = self.find_location().await?;
        if let [first, ..] = self.clean_up().await.as_slice() {
            let message = format!("what an earlier run left behind cannot be removed: {first}");
            return Err(Error::new(ErrorKind::Unavailable, message));
        }
        let (created, device_id) = self.create_device(location_id.as_deref()).await?;
        self.seen.record("response to a simulated device", created.describe());
        self.device_id = device_id.ok_or_else(|| {
            let message = format!("the API responded with {} to a new simulated device", created.status);
            Error::new(ErrorKind::Refused, message)
        })?;
        self.probe_lists().await?;
        if let Some(location_id) = location_id {
            self.probe_enrollments(&location_id).await?;
        }
        let can_create_sessions = self.probe_sessions().await?;
        self.probe_carts().await?;
        self.probe_offline_device().await?;
        self.measure("time until a new device is listed", Subject::ListLag).await?;
        if can_create_sessions && (self.is_emulator || self.wait) {
            self.measure("session lifetime", Subject::SessionLifetime).await?;
        }
        let order = self.probe_orders().await?;
        self.probe_payouts(order).await?;
        self.probe_deletions().await
    }

    pub(super) async fn get(&mut self, path: &str, query: &[(&str, &str)]) -> Result<Response, Error> {
        let request = Request::new(Method::GET, path);
        let request = query.iter().fold(request, |request, (name, value)| request.query(name, *value));
        self.send(&request).await
    }

    pub(super) async fn post(&mut self, path: &str, body: &Value) -> Result<Response, Error> {
        let request = Request::new(Method::POST, path).body(body.to_string().into_bytes());
        self.send(&request).await
    }

    pub(super) async fn send(&mut self, request: &Request) -> Result<Response, Error> {
        let response = self.exchange(&self.client, request).await?;
        self.note(request, &response)?;
        Ok(response)
    }

    /// Notes how a response differs from its description.
    pub(super) fn note(&mut self, request: &Request, response: &Response) -> Result<(), Error> {
        let operation = Operation::find(&request.method, &request.path)
            .ok_or_else(|| Error::new(ErrorKind::Bug, format!("{} is not described", request.summary())))?;
        let content_type = response.header("content-type").unwrap_or_default();
        let check = ResponseCheck::new(operation, response.status, content_type, &response.body);
        self.seen.responses.insert(check);
        if !response.is_success() {
            let fact = if is_in_person(request) {
                "fields of an error"
            } else {
                "fields of an error about an order"
            };
            self.seen.record_problem_shape(fact, problem_shape(content_type, &response.body));
        }
        Ok(())
    }

    /// Sends a request once, or again if the API asks to slow down. A response that says nothing about the API's behavior,
    /// such as a 503, is an error.
    pub(super) async fn exchange(&self, client: &Client, request: &Request) -> Result<Response, Error> {
        let mut attempt = 1;
        loop {
            if self.cancel.is_cancelled() {
                return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
            }
            let (response, _) = client.probe(request).await?;
            let message = || format!("{}: the API responded with {}", request.summary(), response.status);
            match response.status {
                // A key that other operations accepted may have no access to orders.
                401 if is_in_person(request) => return Err(Error::new(ErrorKind::Credentials, message())),
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

    /// Waits a moment before something is requested again. Returns false if it has taken too long, and on an emulator, where
    /// nothing happens later by itself.
    pub(super) async fn wait_a_moment(&self, started: Instant) -> Result<bool, Error> {
        if self.is_emulator || started.elapsed() >= MAX_POLL {
            return Ok(false);
        }
        match self.cancel.run_until_cancelled(tokio::time::sleep(POLL_INTERVAL)).await {
            Some(()) => Ok(true),
            None => Err(Error::new(ErrorKind::Interrupted, "interrupted")),
        }
    }
}

/// The other APIs, of orders and settlements, have their own form of errors.
fn is_in_person(request: &Request) -> bool {
    request.path.starts_with("/ipp/")
}

pub(super) fn parse(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap_or_default()
}

pub(super) fn seen(response: &Response) -> Seen {
    let has_body = !response.body.iter().all(u8::is_ascii_whitespace);
    Seen { status: response.status, has_body }
}

/// The status with the error code, such as `403 REFUND_NOT_ALLOWED`.
pub(super) fn status_and_code(response: &Response) -> String {
    let code = parse(response)["error_code"].as_str().map(|code| format!(" {}", printable(code)));
    format!("{}{}", response.status, code.unwrap_or_default())
}
