//! The client: adds credentials, redacts secrets, and decides whether a request is sent again.

use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::base_url::BaseUrl;
use super::error::{Error, FailureCause, SideEffect};
use super::request::Request;
use super::retry::{MAX_ATTEMPTS, MAX_RETRY_AFTER, backoff, parse_retry_after};
use super::transport::{Response, Transport};
use crate::model::{Problem, Resource};
use crate::secret::{ApiKey, Secret, redact, redact_body};
use crate::text::decode_text;

#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub key: ApiKey,
    /// Set if it was issued with the key; then `username:key` is sent in Base64 (documented).
    pub username: Option<String>,
    pub merchant_id: Option<String>,
}

/// A step of a request, for `--verbose`.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    Sending {
        request: &'a Request,
        attempt: u32,
    },
    Received {
        request: &'a Request,
        status: u16,
        /// Redacted.
        body: &'a [u8],
        elapsed: Duration,
    },
    Failed {
        request: &'a Request,
        reason: &'a str,
    },
    Waiting {
        delay: Duration,
    },
    /// The list repeats itself, so it is incomplete.
    RepeatedPage {
        request: &'a Request,
    },
}

pub(crate) type Observer = Box<dyn Fn(&Event<'_>)>;

#[derive(Clone)]
pub(crate) struct Client {
    transport: Rc<dyn Transport>,
    base: BaseUrl,
    authorization: HeaderValue,
    merchant_id: Option<HeaderValue>,
    /// Sent only to the routes that only emulators have.
    emulator_token: Option<HeaderValue>,
    observer: Rc<dyn Fn(&Event<'_>)>,
    cancel: CancellationToken,
}

impl Client {
    /// Returns `None` if the merchant ID cannot be sent in a header.
    pub(crate) fn new(
        transport: Box<dyn Transport>,
        base: BaseUrl,
        credentials: &Credentials,
        observer: Observer,
    ) -> Option<Self> {
        let key = credentials.key.expose();
        let token = match &credentials.username {
            None => key.to_owned(),
            Some(username) => STANDARD.encode(format!("{username}:{key}")),
        };
        let mut authorization = HeaderValue::try_from(format!("Basic {token}")).ok()?;
        authorization.set_sensitive(true);
        let merchant_id = credentials.merchant_id.as_ref().map(HeaderValue::try_from).transpose().ok()?;
        Some(Self {
            transport: transport.into(),
            base,
            authorization,
            merchant_id,
            emulator_token: None,
            observer: observer.into(),
            cancel: CancellationToken::new(),
        })
    }

    /// Sets the token that cancels requests. A canceled request fails with [`FailureCause::Cancelled`]; its
    /// [`SideEffect`] says whether it may have been processed.
    pub(crate) fn with_cancel(mut self, cancel: CancellationToken) -> Self {
        self.cancel = cancel;
        self
    }

    /// A client of the same account that sends no merchant ID.
    pub(crate) fn without_merchant_id(mut self) -> Self {
        self.merchant_id = None;
        self
    }

    /// Sets the token of an emulator that others can reach.
    pub(crate) fn with_emulator_token(mut self, token: Option<&Secret>) -> Self {
        self.emulator_token = token.and_then(|token| {
            let mut token = HeaderValue::try_from(token.expose()).ok()?;
            token.set_sensitive(true);
            Some(token)
        });
        self
    }

    /// Sends a request, with retries, and returns the response if it is a success.
    ///
    /// A request that may have arrived is sent again only if its method is idempotent or if it has an idempotency key, which
    /// a session cannot have. A request that provably did not arrive, or that was rejected with 429, is safe to retry.
    pub(crate) async fn send(&self, request: &Request) -> Result<Response, Error> {
        let mut error = Error {
            request: request.summary(),
            cause: FailureCause::Cancelled,
            side_effect: SideEffect::None,
            attempts: 0,
            retry_after: None,
        };
        let max_attempts = if request.single_try { 1 } else { MAX_ATTEMPTS };
        while !self.cancel.is_cancelled() {
            error.attempts += 1;
            (error.cause, error.retry_after) = match self.attempt(request, error.attempts).await {
                Ok(response) if response.is_success() => match self.find_difference(request, &response) {
                    None => return Ok(response),
                    Some(cause) => (cause, None),
                },
                Ok(response) => {
                    let header = response.header("retry-after");
                    let retry_after = header.and_then(|text| parse_retry_after(text, Timestamp::now()));
                    (self.classify_response(&response), retry_after)
                }
                Err(cause) => (cause, None),
            };
            error.side_effect = error.side_effect.max(side_effect(request, &error.cause));
            let delay = error.retry_after.unwrap_or_else(|| backoff(error.attempts, fastrand::f64()));
            let is_busy = error.status() == Some(409) && error.retry_after.is_some();
            if !(is_retryable(request, &error.cause) || is_busy && request.is_repeatable())
                || error.attempts == max_attempts
                || delay > MAX_RETRY_AFTER
            {
                return Err(error);
            }
            (self.observer)(&Event::Waiting { delay });
            self.cancel.run_until_cancelled(tokio::time::sleep(delay)).await;
        }
        Err(Error { cause: FailureCause::Cancelled, retry_after: None, ..error })
    }

    pub(super) fn notify(&self, event: &Event<'_>) {
        (self.observer)(event);
    }

    /// Sends a request once and returns the response whatever its status, for `doctor`.
    pub(crate) async fn probe(&self, request: &Request) -> Result<(Response, Duration), Error> {
        let started = Instant::now();
        match self.attempt(request, 1).await {
            Ok(response) => Ok((response, started.elapsed())),
            Err(cause) => Err(build_error(request, cause)),
        }
    }

    pub(crate) async fn send_json<T: DeserializeOwned>(
        &self,
        request: &Request,
    ) -> Result<Resource<T>, Error> {
        let response = self.send(request).await?;
        parse_json(request, &response, Resource::from_json)
    }

    async fn attempt(&self, request: &Request, attempt: u32) -> Result<Response, FailureCause> {
        (self.observer)(&Event::Sending { request, attempt });
        let started = Instant::now();
        let sending = async { self.transport.send(self.build_request(request)?).await };
        // A response that arrives together with the cancellation counts.
        match self.cancel.run_until_cancelled(sending).await.unwrap_or(Err(FailureCause::Cancelled)) {
            Ok(mut response) => {
                response.body = redact_body(remove_byte_order_mark(response.body));
                check_number_of_values(&response)?;
                let (status, body, elapsed) = (response.status, response.body.as_slice(), started.elapsed());
                (self.observer)(&Event::Received { request, status, body, elapsed });
                Ok(response)
            }
            Err(cause) => {
                (self.observer)(&Event::Failed { request, reason: &cause.message() });
                Err(cause)
            }
        }
    }

    /// Adds the host and the credentials.
    fn build_request(&self, request: &Request) -> Result<http::Request<Vec<u8>>, FailureCause> {
        let url = format!("{}{}", self.base.as_str(), request.path_and_query());
        let mut builder = http::Request::builder()
            .method(request.method.clone())
            .uri(url)
            .header(AUTHORIZATION, self.authorization.clone())
            .header(ACCEPT, "application/json, application/problem+json");
        if !request.body.is_empty() {
            builder = builder.header(CONTENT_TYPE, "application/json");
        }
        if let (true, Some(id)) = (request.needs_merchant_header(), &self.merchant_id) {
            builder = builder.header("x-merchant-id", id.clone());
        }
        if let Some(key) = request.idempotency_key {
            builder = builder.header("Klarna-Idempotency-Key", key.to_string());
        }
        if let Some(token) = self.emulator_token.as_ref().filter(|_| request.path.starts_with("/emulator")) {
            builder = builder.header("x-kustom-token", token.clone());
        }
        builder
            .body(request.body.clone())
            .map_err(|error| FailureCause::NotSent { reason: error.to_string(), transient: false })
    }

    /// Compares a response with its request, so that a response about something else is never believed.
    fn find_difference(&self, request: &Request, response: &Response) -> Option<FailureCause> {
        let expectation = request.expectation.as_ref()?;
        let merchant_id = self.merchant_id.as_ref().and_then(|id| id.to_str().ok());
        let difference = expectation
            .find_difference(&response.body, merchant_id)
            .or_else(|| expectation.find_difference_in_location(response.header("location")))?;
        Some(FailureCause::OtherResource {
            status: response.status,
            difference: redact(&difference).into_owned(),
        })
    }

    fn classify_response(&self, response: &Response) -> FailureCause {
        let status = response.status;
        if (300..400).contains(&status) {
            let to = redact(response.header("location").unwrap_or("an unnamed place")).into_owned();
            return FailureCause::Redirect { status, to };
        }
        FailureCause::Status { status, problem: Box::new(Problem::parse(status, &response.body)) }
    }
}

/// A value takes up to a hundred times as much memory as its text.
const MAX_VALUES: usize = 100_000;

/// Rejects a body with so many values that they would take too much memory. The number is estimated: each value but the
/// first of a list follows a comma.
fn check_number_of_values(response: &Response) -> Result<(), FailureCause> {
    let is_json = matches!(response.body.trim_ascii_start().first(), Some(b'{' | b'['));
    if !is_json {
        return Ok(());
    }
    let values = memchr::memchr3_iter(b',', b'[', b'{', &response.body).count();
    if values <= MAX_VALUES {
        return Ok(());
    }
    let reason = format!("it has more than {MAX_VALUES} values");
    Err(FailureCause::Unreadable { status: response.status, reason })
}

/// JSON has no byte order mark, but some servers send one.
fn remove_byte_order_mark(body: Vec<u8>) -> Vec<u8> {
    if body.starts_with(b"\xef\xbb\xbf") || body.starts_with(b"\xff\xfe") || body.starts_with(b"\xfe\xff") {
        return decode_text(&body).map_or(body, String::into_bytes);
    }
    body
}

pub(super) fn parse_json<T>(
    request: &Request,
    response: &Response,
    parse: impl FnOnce(Value) -> Result<T, String>,
) -> Result<T, Error> {
    let is_html = || {
        response.header("content-type").is_some_and(|kind| kind.contains("html"))
            || response.body.starts_with(b"<")
    };
    let parsed = match serde_json::from_slice(&response.body) {
        Ok(value) => parse(value),
        Err(_) if response.body.iter().all(u8::is_ascii_whitespace) => Err("it is empty".to_owned()),
        Err(_) if is_html() => Err("it is an HTML page, not JSON; is the base URL right?".to_owned()),
        Err(error) if error.is_eof() => Err("it is JSON that ends too early".to_owned()),
        Err(_) => Err("it is not JSON".to_owned()),
    };
    parsed
        .map_err(|reason| build_error(request, FailureCause::Unreadable { status: response.status, reason }))
}

/// Builds the error of a single attempt.
fn build_error(request: &Request, cause: FailureCause) -> Error {
    let side_effect = side_effect(request, &cause);
    Error { request: request.summary(), cause, side_effect, attempts: 1, retry_after: None }
}

fn is_retryable(request: &Request, cause: &FailureCause) -> bool {
    match cause {
        FailureCause::NotSent { transient, .. } => *transient,
        FailureCause::Status { status: 429, .. } => true,
        FailureCause::Lost(_) | FailureCause::Status { status: 408 | 500 | 502 | 503 | 504, .. } => {
            request.is_repeatable()
        }
        _ => false,
    }
}

/// Whether an attempt that failed for this cause may have changed something.
fn side_effect(request: &Request, cause: &FailureCause) -> SideEffect {
    if request.method.is_safe() {
        return SideEffect::None;
    }
    match cause {
        // A proxy that times out sends a 408 too, after the API may have received the request.
        FailureCause::Status { status: 408, .. } => SideEffect::Possible,
        FailureCause::NotSent { .. }
        | FailureCause::State(_)
        | FailureCause::Status { status: 400..=499, .. } => SideEffect::None,
        FailureCause::Status { .. }
        | FailureCause::Redirect { .. }
        | FailureCause::Unreadable { .. }
        | FailureCause::OtherResource { .. }
        | FailureCause::Lost(_)
        | FailureCause::Cancelled => SideEffect::Possible,
    }
}
