//! Handles a delivery: verify, deduplicate, resolve, forward, print and respond, in this order.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::header::{ALLOW, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::ExitAfter;
use super::delivery::{Delivery, DeliveryStatus};
use super::forward::forward;
use super::response::problem;
use super::seen::{DeliveryKeys, SeenDeliveries, State};
use crate::callback_poster::CallbackEndpoint;
use crate::commands::sessions::reconcile::{Reconciliation, reconcile_session};
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind};
use crate::fs::io_error_message;
use crate::ledger::Ledger;
use crate::model::{CallbackType, Session};
use crate::output::{ListWriter, Output};
use crate::server_limits::{BodyError, ConnectionState, OriginError, check_host, check_origin};
use crate::text::escape_control;
use crate::webhooks::{Verifier, VerifyError};

/// In bytes. Callbacks have a few hundred.
const MAX_BODY: usize = 1024 * 1024;

/// How long the reader of stdout may take, before the sender has to retry.
const PRINT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long another process may use the ledger or the device of an attempt, before the sender has to retry.
const RECONCILE_TIMEOUT: Duration = Duration::from_secs(5);
const RECONCILE_INTERVAL: Duration = Duration::from_millis(100);

pub(super) struct Handler<'a> {
    pub(super) verifier: Verifier,
    pub(super) output: &'a Output,
    /// The account of `--resolve`.
    pub(super) resolver: Option<ApiContext<'a>>,
    pub(super) forward_to: Option<CallbackEndpoint>,
    pub(super) exit_after: Option<ExitAfter>,
    pub(super) seen: SeenDeliveries,
    pub(super) list: RefCell<ListWriter<'a, Delivery>>,
    pub(super) accepted: Cell<u64>,
    /// Why the output failed.
    pub(super) print_error: RefCell<Option<Error>>,
    /// Cancelled when kustom is about to exit; nothing is printed or acknowledged afterwards.
    pub(super) stop: CancellationToken,
}

impl Handler<'_> {
    pub(super) async fn handle(
        &self,
        request: Request<Incoming>,
        state: &ConnectionState,
        address: SocketAddr,
    ) -> Result<Response, Infallible> {
        let response = self.stop.run_until_cancelled(self.respond(request, state, address)).await;
        state.finish_request();
        Ok(response.unwrap_or_else(stopping))
    }

    async fn respond(
        &self,
        request: Request<Incoming>,
        state: &ConnectionState,
        address: SocketAddr,
    ) -> Response {
        let (parts, body) = request.into_parts();
        if let Some(response) = reject_source(&parts.headers, address) {
            return response;
        }
        if parts.method != Method::POST {
            let mut response = problem(StatusCode::METHOD_NOT_ALLOWED, "Callbacks are sent with POST.");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return response;
        }
        let now = Timestamp::now();
        if let Err(error) = self.verifier.check_headers(&parts.headers) {
            return self.refuse(&parts.headers, &error, now);
        }
        match state.read_body(body, MAX_BODY).await {
            Ok(body) => {
                if let Err(error) = self.verifier.verify(&parts.headers, &body, now) {
                    return self.refuse(&parts.headers, &error, now);
                }
                state.start_processing();
                self.receive(&parts.headers, &body, now).await
            }
            Err(BodyError::TooLarge) => {
                problem(StatusCode::PAYLOAD_TOO_LARGE, "The body is longer than 1 MiB.")
            }
            Err(BodyError::Incomplete) => problem(StatusCode::BAD_REQUEST, "The body is incomplete."),
        }
    }

    /// Prints the delivery unless the reader of stdout is late: anybody can send such requests.
    fn refuse(&self, headers: &HeaderMap, error: &VerifyError, now: Timestamp) -> Response {
        let response = problem(StatusCode::UNAUTHORIZED, &format!("Refused: {error}."));
        let mut delivery = Delivery::refused(now, text_of(headers, "webhook-id"), error);
        delivery.status = Some(response.status().as_u16());
        if self.stop.is_cancelled() {
            return stopping();
        }
        let printed = self.output.flush().and_then(|()| {
            if self.output.is_flushed() {
                self.write(delivery)?;
                self.output.flush()?;
            }
            Ok(())
        });
        match printed {
            Ok(()) => response,
            Err(error) => self.fail(error),
        }
    }

    /// Handles a verified delivery.
    async fn receive(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Response {
        let id = text_of(headers, "webhook-id").unwrap_or_default().to_owned();
        let keys = DeliveryKeys::new(&id, text_of(headers, "webhook-timestamp").unwrap_or_default(), body);
        if id.contains('.') {
            // The standard forbids it: the signature does not say where such an ID ends. Another division of the same bytes
            // is not accepted either.
            self.seen.start(&keys);
            let problem = "contains a dot";
            return self.refuse(headers, &VerifyError::Malformed { name: "webhook-id", problem }, now);
        }
        match self.seen.find(&keys) {
            None => self.seen.start(&keys),
            Some(State::Acknowledged) => {
                self.output.status(&format!("Dropped {}, which was received before.", escape_control(&id)));
                return acknowledge();
            }
            Some(State::InProgress) => {
                return problem(StatusCode::SERVICE_UNAVAILABLE, "This delivery is still being processed.");
            }
        }
        // What cannot be printed must not be resolved or forwarded either.
        if let Err(error) = self.output.flush_within(PRINT_TIMEOUT).await {
            self.seen.forget(&keys);
            return self.not_printed(error);
        }
        let mut delivery = Delivery::verified(now, id, body);
        let response = self.process(&mut delivery, headers, body).await;
        let is_accepted = delivery.outcome == DeliveryStatus::Accepted;
        let (is_printed, response) = self.print(delivery, response).await;
        if !is_printed || !is_accepted {
            // The sender retries it.
            self.seen.forget(&keys);
        } else if let Err(error) = self.seen.acknowledge(&keys, now) {
            let reason = io_error_message(&error);
            self.output.warn(&format!("a replay after a restart would be accepted: {reason}"));
        }
        response
    }

    /// Resolves and forwards the delivery, and returns the response to its sender.
    async fn process(&self, delivery: &mut Delivery, headers: &HeaderMap, body: &[u8]) -> Response {
        let resolved = self.resolve(delivery).await;
        match (&self.forward_to, resolved) {
            (Some(application), resolved) => {
                if let Err(error) = resolved {
                    // The application decides whether the sender has to retry.
                    self.output.warn(&error.message);
                }
                let (response, failure) = forward(application, headers, body).await;
                if let Some(failure) = failure {
                    delivery.reject("application", failure);
                }
                response
            }
            (None, Err(error)) => {
                delivery.reject("unresolved", error.message);
                problem(StatusCode::SERVICE_UNAVAILABLE, "The session cannot be read at present.")
            }
            (None, Ok(())) => acknowledge(),
        }
    }

    /// Reads the session, and resolves the unknown attempt in the ledger that created it. Fails if a retry may help.
    async fn resolve(&self, delivery: &mut Delivery) -> Result<(), Error> {
        let Some(context) = &self.resolver else { return Ok(()) };
        let Some(id) = delivery.session_id.as_deref().and_then(|id| id.parse::<Uuid>().ok()) else {
            // Callbacks about orders, and perhaps those of newer types, are not about a session.
            let kind = delivery.kind.as_deref().and_then(CallbackType::find);
            if kind.is_some_and(|kind| !kind.is_about_order()) {
                self.output.warn("the callback has no session ID, so no session was read");
            }
            return Ok(());
        };
        let add_session = |error: Error| error.context(&format!("session {id}"));
        let session = match context.client.session(id).await.map_err(Error::from) {
            Ok(session) => session,
            Err(error) if error.kind == ErrorKind::NotFound => {
                self.output.warn(&format!("session {id} was not found in this account"));
                return Ok(());
            }
            Err(error) => return Err(add_session(error)),
        };
        match reconcile(id, &session, context.ledger().await?).await.map_err(add_session)? {
            Reconciliation::Attempt(attempt) => delivery.settled_attempt = Some(attempt),
            Reconciliation::Nothing => {}
            Reconciliation::Ambiguous(number) => {
                let flag = context.settings.profile_flag();
                self.output.warn(&format!(
                    "session {id} matches {number} unknown attempts; name the right one: \
                     kustom{flag} sessions recover ATTEMPT --session {id}"
                ));
            }
            Reconciliation::Busy => return Err(add_session(busy_error())),
        }
        delivery.session = Some(session);
        Ok(())
    }

    /// Prints the delivery and returns `response`. A delivery that cannot be printed is not acknowledged,
    /// which the first value says.
    async fn print(&self, mut delivery: Delivery, response: Response) -> (bool, Response) {
        if self.stop.is_cancelled() {
            return (false, stopping());
        }
        delivery.status = Some(response.status().as_u16());
        let is_accepted = delivery.outcome == DeliveryStatus::Accepted;
        let accepted = self.accepted.get() + u64::from(is_accepted);
        let is_last =
            is_accepted && self.exit_after.as_ref().is_some_and(|exit| exit.is_met(accepted, &delivery));
        if let Err(error) = self.write(delivery) {
            return (false, self.fail(error));
        }
        if let Err(error) = self.output.flush_within(PRINT_TIMEOUT).await {
            return (false, self.not_printed(error));
        }
        self.accepted.set(accepted);
        if is_last {
            self.stop.cancel();
        }
        (true, response)
    }

    /// The sender has to retry if the reader of stdout is late; any other failure ends kustom.
    fn not_printed(&self, error: Error) -> Response {
        if self.output.is_flushed() {
            return self.fail(error);
        }
        problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "The delivery cannot be printed, because nobody reads the output.",
        )
    }

    fn fail(&self, error: Error) -> Response {
        self.print_error.replace(Some(error));
        self.stop.cancel();
        stopping()
    }

    pub(super) fn timeout_message(&self) -> String {
        match &self.exit_after {
            Some(ExitAfter::Event(kind)) => format!("{kind} was not received before the timeout"),
            Some(ExitAfter::Count(count)) => {
                format!("{} of {count} deliveries were received before the timeout", self.accepted.get())
            }
            None => "no delivery was received before the timeout".to_owned(),
        }
    }

    fn write(&self, delivery: Delivery) -> Result<(), Error> {
        if self.output.format().is_table() {
            self.output.print(&format!("{}\n", delivery.to_line()))?;
        } else {
            self.list.borrow_mut().push(delivery)?;
        }
        Ok(())
    }
}

/// Pages of other sites send no deliveries, and requests that may be one come through a tunnel with its host name.
fn reject_source(headers: &HeaderMap, address: SocketAddr) -> Option<Response> {
    let is_signed = headers.contains_key(HeaderName::from_static("webhook-signature"));
    let host = if is_signed { Ok(()) } else { check_host(headers, address) };
    let error = host.and_then(|()| check_origin(headers)).err()?;
    let status = match error {
        OriginError::Host => StatusCode::MISDIRECTED_REQUEST,
        OriginError::Origin => StatusCode::FORBIDDEN,
    };
    Some(problem(status, &error.to_string()))
}

fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The guide names 200, although any 2xx acknowledges (observed).
fn acknowledge() -> Response {
    Response::new(Body::empty())
}

fn stopping() -> Response {
    problem(StatusCode::SERVICE_UNAVAILABLE, "kustom is about to exit.")
}

async fn reconcile(id: Uuid, session: &Session, ledger: &Ledger) -> Result<Reconciliation, Error> {
    let reconciling = async {
        loop {
            match reconcile_session(id, session, ledger).await? {
                Reconciliation::Busy => tokio::time::sleep(RECONCILE_INTERVAL).await,
                result => return Ok(result),
            }
        }
    };
    tokio::time::timeout(RECONCILE_TIMEOUT, reconciling).await.unwrap_or_else(|_| Err(busy_error()))
}

fn busy_error() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "another process uses the ledger, or is creating a session on this device",
    )
}
