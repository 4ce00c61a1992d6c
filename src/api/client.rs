//! The client: adds credentials, redacts secrets, and decides whether a request is sent again.

use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::base_url::BaseUrl;
use super::error::{Error, FailureCause, SideEffect};
use super::request::Request;
use super::retry::{self, MAX_ATTEMPTS, MAX_RETRY_AFTER};
use super::transport::{MAX_RESPONSE_BYTES, Response, Transport, TransportError};
use crate::model::{Problem, Resource};
use crate::secret::{ApiKey, Redactor};

#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub key: ApiKey,
    /// Sent in the header together with the key, if one was issued (documented).
    pub username: Option<String>,
    pub merchant_id: Option<String>,
}

impl Credentials {
    /// `Basic <key>` or `Basic base64(username:key)` (documented).
    fn authorization(&self) -> String {
        match &self.username {
            None => format!("Basic {}", self.key.expose()),
            Some(username) => {
                let pair = format!("{username}:{}", self.key.expose());
                format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
            }
        }
    }
}

/// A step of a request, for the trace of `--verbose`.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    Sending {
        request: &'a Request,
        attempt: u32,
    },
    Answered {
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
    /// The request will be sent again after a delay.
    Waiting {
        delay: Duration,
    },
}

pub(crate) type Observer = Box<dyn Fn(&Event<'_>)>;

#[derive(Clone)]
pub(crate) struct Client {
    transport: Rc<dyn Transport>,
    base: BaseUrl,
    authorization: HeaderValue,
    merchant_id: Option<HeaderValue>,
    redactor: Redactor,
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
        let text = credentials.authorization();
        let token = text.trim_start_matches("Basic ");
        let redactor = Redactor::new([credentials.key.expose(), token]);
        let mut authorization = HeaderValue::try_from(text).ok()?;
        authorization.set_sensitive(true);
        let merchant_id = match &credentials.merchant_id {
            Some(id) => Some(HeaderValue::try_from(id).ok()?),
            None => None,
        };
        Some(Self {
            transport: transport.into(),
            base,
            authorization,
            merchant_id,
            redactor,
            observer: observer.into(),
            cancel: CancellationToken::new(),
        })
    }

    /// Sets the token that cancels requests. A cancelled request fails with [`FailureCause::Cancelled`]; its
    /// [`SideEffect`] says whether it may have been processed.
    pub(crate) fn with_cancel(mut self, cancel: CancellationToken) -> Self {
        self.cancel = cancel;
        self
    }

    /// Sends a request, with retries, and returns its response if it is a success.
    ///
    /// A request that may have arrived is only retried if it [is idempotent](Request::is_idempotent). One that provably
    /// did not arrive, or was rejected with 429, is always retried.
    pub(crate) async fn send(&self, request: &Request) -> Result<Response, Error> {
        let mut carried_out = SideEffect::None;
        let mut attempt = 0;
        loop {
            if self.cancel.is_cancelled() {
                return Err(Error {
                    attempts: attempt,
                    ..failed(request, FailureCause::Cancelled, carried_out)
                });
            }
            attempt += 1;
            let (why, again) = match self.attempt(request, attempt).await {
                Ok(answer) if answer.is_success() => return Ok(answer),
                Ok(answer) => self.classify_response(request, &answer),
                Err(failure) => failure,
            };
            carried_out = carried_out.max(side_effect(request, &why));
            let most = if request.single_try { 1 } else { MAX_ATTEMPTS };
            let delay = match again {
                RetryDecision::After(asked)
                    if attempt < most && asked.is_none_or(|asked| asked <= MAX_RETRY_AFTER) =>
                {
                    asked.unwrap_or_else(|| retry::backoff(attempt, fastrand::f64()))
                }
                RetryDecision::After(retry_after) => {
                    return Err(Error {
                        attempts: attempt,
                        retry_after,
                        ..failed(request, why, carried_out)
                    });
                }
                RetryDecision::Never => {
                    return Err(Error { attempts: attempt, ..failed(request, why, carried_out) });
                }
            };
            (self.observer)(&Event::Waiting { delay });
            self.cancel.run_until_cancelled(tokio::time::sleep(delay)).await;
        }
    }

    /// Sends a request once and returns any response, for `doctor`.
    pub(crate) async fn probe(&self, request: &Request) -> Result<(Response, Duration), Error> {
        let started = Instant::now();
        match self.attempt(request, 1).await {
            Ok(answer) => Ok((answer, started.elapsed())),
            Err((why, _)) => {
                let carried_out = side_effect(request, &why);
                Err(failed(request, why, carried_out))
            }
        }
    }

    pub(crate) async fn send_json<T: DeserializeOwned>(
        &self,
        request: &Request,
    ) -> Result<Resource<T>, Error> {
        let answer = self.send(request).await?;
        read(request, &answer, |value| Resource::from_json(value).map_err(|error| error.to_string()))
    }

    async fn attempt(
        &self,
        request: &Request,
        attempt: u32,
    ) -> Result<Response, (FailureCause, RetryDecision)> {
        (self.observer)(&Event::Sending { request, attempt });
        let started = Instant::now();
        let sending = async { self.transport.send(self.build_request(request)?).await };
        // A response that arrives together with the cancellation counts.
        let result = match self.cancel.run_until_cancelled(sending).await {
            Some(result) => result.map_err(|error| classify_transport_error(request, error)),
            None => Err((FailureCause::Cancelled, RetryDecision::Never)),
        };
        match result {
            Ok(mut answer) => {
                answer.body = self.redactor.redact_body(answer.body);
                let (status, body, elapsed) = (answer.status, answer.body.as_slice(), started.elapsed());
                (self.observer)(&Event::Answered { request, status, body, elapsed });
                Ok(answer)
            }
            Err((why, retry)) => {
                (self.observer)(&Event::Failed { request, reason: &why.message() });
                Err((why, retry))
            }
        }
    }

    fn build_request(&self, request: &Request) -> Result<http::Request<Vec<u8>>, TransportError> {
        let url = format!("{}{}", self.base.as_str(), request.path_and_query());
        let mut builder = http::Request::builder()
            .method(request.method.clone())
            .uri(url)
            .header(AUTHORIZATION, self.authorization.clone())
            .header(ACCEPT, "application/json, application/problem+json");
        if request.body.is_some() {
            builder = builder.header(CONTENT_TYPE, "application/json");
        }
        if let (true, Some(id)) = (request.needs_merchant_header(), &self.merchant_id) {
            builder = builder.header("x-merchant-id", id.clone());
        }
        builder
            .body(request.body.clone().unwrap_or_default())
            .map_err(|error| TransportError::NotSent { reason: error.to_string(), passing: false })
    }

    fn classify_response(&self, request: &Request, answer: &Response) -> (FailureCause, RetryDecision) {
        let status = answer.status;
        if (300..400).contains(&status) {
            let to = answer.header("location").unwrap_or("an unnamed place");
            return (FailureCause::Redirect { status, to: self.redactor.redact(to) }, RetryDecision::Never);
        }
        let asked = answer.header("retry-after").and_then(|text| retry::retry_after(text, Timestamp::now()));
        let again = match status {
            429 => RetryDecision::After(asked),
            408 | 500 | 502 | 503 | 504 if request.is_idempotent() => RetryDecision::After(asked),
            _ => RetryDecision::Never,
        };
        (FailureCause::Status { status, problem: Box::new(Problem::parse(status, &answer.body)) }, again)
    }
}

pub(super) fn read<T>(
    request: &Request,
    answer: &Response,
    parse: impl FnOnce(Value) -> Result<T, String>,
) -> Result<T, Error> {
    let value = match serde_json::from_slice(&answer.body) {
        Ok(value) => parse(value),
        Err(_) if answer.body.iter().all(u8::is_ascii_whitespace) => Err("it is empty".to_owned()),
        Err(_) if looks_like_html(answer) => {
            Err("it is an HTML page, not JSON; is the base URL right?".to_owned())
        }
        Err(error) if error.is_eof() => Err("it is JSON that ends too early".to_owned()),
        Err(_) => Err("it is not JSON".to_owned()),
    };
    value.map_err(|reason| {
        let why = FailureCause::Unreadable { status: answer.status, reason };
        let carried_out = side_effect(request, &why);
        failed(request, why, carried_out)
    })
}

fn failed(request: &Request, why: FailureCause, carried_out: SideEffect) -> Error {
    Error { request: request.summary(), why, carried_out, attempts: 1, retry_after: None }
}

fn looks_like_html(answer: &Response) -> bool {
    answer.header("content-type").is_some_and(|kind| kind.contains("html")) || answer.body.starts_with(b"<")
}

enum RetryDecision {
    Never,
    /// After the delay in `Retry-After`, or else after the backoff.
    After(Option<Duration>),
}

fn classify_transport_error(request: &Request, error: TransportError) -> (FailureCause, RetryDecision) {
    match error {
        TransportError::NotSent { reason, passing } => {
            let again = if passing { RetryDecision::After(None) } else { RetryDecision::Never };
            (FailureCause::NotSent { reason, passing }, again)
        }
        TransportError::Lost { reason } => (
            FailureCause::Lost(reason),
            if request.is_idempotent() { RetryDecision::After(None) } else { RetryDecision::Never },
        ),
        TransportError::TooLarge { status } => {
            let reason = format!("it is larger than {} MiB", MAX_RESPONSE_BYTES / 1024 / 1024);
            (FailureCause::Unreadable { status, reason }, RetryDecision::Never)
        }
        TransportError::State { reason } => (FailureCause::State(reason), RetryDecision::Never),
    }
}

fn side_effect(request: &Request, why: &FailureCause) -> SideEffect {
    if request.is_safe() {
        return SideEffect::None;
    }
    match why {
        // A proxy sends 408 when it times out, so the API may have processed the request.
        FailureCause::Status { status: 408, .. } => SideEffect::Possible,
        FailureCause::NotSent { .. }
        | FailureCause::State(_)
        | FailureCause::Status { status: 400..=499, .. } => SideEffect::None,
        FailureCause::Status { .. }
        | FailureCause::Redirect { .. }
        | FailureCause::Unreadable { .. }
        | FailureCause::Lost(_)
        | FailureCause::Cancelled => SideEffect::Possible,
    }
}
