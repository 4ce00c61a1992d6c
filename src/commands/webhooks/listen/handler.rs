//! Handles a delivery: verify, deduplicate, resolve, forward, print and respond, in this order.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::response::Response;
use http::header::ALLOW;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use indexmap::IndexMap;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::ExitAfter;
use super::delivery::{Delivery, DeliveryStatus};
use super::forward::forward;
use super::response::problem;
use crate::callback_poster::CallbackEndpoint;
use crate::commands::sessions::reconcile::{Reconciliation, reconcile_session};
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind};
use crate::ledger::Ledger;
use crate::model::{CallbackType, Session};
use crate::output::{ListWriter, Output};
use crate::text::escape_control;
use crate::webhooks::Verifier;

/// In bytes. Callbacks have a few hundred.
const MAX_BODY: usize = 1024 * 1024;

/// Senders retry within hours, so older IDs can be forgotten.
const MAX_REMEMBERED: usize = 100_000;

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
    /// The IDs of verified deliveries: `true` once acknowledged, `false` while in progress.
    pub(super) processed: RefCell<IndexMap<String, bool>>,
    pub(super) list: RefCell<ListWriter<'a, Delivery>>,
    pub(super) accepted: Cell<u64>,
    /// Why the output failed.
    pub(super) print_error: RefCell<Option<Error>>,
    /// Cancelled when kustom is about to exit; nothing is printed or acknowledged afterwards.
    pub(super) stop: CancellationToken,
}

impl Handler<'_> {
    pub(super) async fn handle(&self, request: Request<Incoming>) -> Result<Response, Infallible> {
        let response = self.stop.run_until_cancelled(self.respond(request)).await;
        Ok(response.unwrap_or_else(stopping))
    }

    async fn respond(&self, request: Request<Incoming>) -> Response {
        let (parts, body) = request.into_parts();
        if parts.method != Method::POST {
            let mut response = problem(StatusCode::METHOD_NOT_ALLOWED, "Callbacks are sent with POST.");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return response;
        }
        match to_bytes(Body::new(body), MAX_BODY).await {
            Ok(body) => self.receive(&parts.headers, &body).await,
            Err(error) => {
                if error.into_inner().is::<http_body_util::LengthLimitError>() {
                    problem(StatusCode::PAYLOAD_TOO_LARGE, "The body is longer than 1 MiB.")
                } else {
                    problem(StatusCode::BAD_REQUEST, "The body is incomplete.")
                }
            }
        }
    }

    async fn receive(&self, headers: &HeaderMap, body: &[u8]) -> Response {
        let now = Timestamp::now();
        let id = match self.verifier.verify(headers, body, now) {
            Ok(id) => id,
            Err(error) => {
                let id = headers.get("webhook-id").and_then(|id| id.to_str().ok());
                let response = problem(StatusCode::UNAUTHORIZED, &format!("Refused: {error}."));
                return self.print(Delivery::refused(now, id, &error), response);
            }
        };
        let known = self.processed.borrow().get(&id).copied();
        match known {
            None => self.remember(&id, false),
            Some(true) => {
                self.output.status(&format!("Dropped {}, which was received before.", escape_control(&id)));
                return acknowledge();
            }
            Some(false) => {
                return problem(StatusCode::SERVICE_UNAVAILABLE, "This delivery is still being processed.");
            }
        }
        let mut delivery = Delivery::verified(now, id.clone(), body);
        let response = self.process(&mut delivery, headers, body).await;
        if delivery.outcome == DeliveryStatus::Accepted {
            self.remember(&id, true);
        } else {
            // The sender retries it.
            self.processed.borrow_mut().shift_remove(&id);
        }
        self.print(delivery, response)
    }

    fn remember(&self, id: &str, is_acknowledged: bool) {
        let mut processed = self.processed.borrow_mut();
        processed.insert(id.to_owned(), is_acknowledged);
        if processed.len() > MAX_REMEMBERED {
            processed.shift_remove_index(0);
        }
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

    /// Prints the delivery and returns `response`. A delivery that cannot be printed is not acknowledged.
    fn print(&self, mut delivery: Delivery, response: Response) -> Response {
        if self.stop.is_cancelled() {
            return stopping();
        }
        delivery.status = Some(response.status().as_u16());
        let mut is_last = false;
        if delivery.outcome == DeliveryStatus::Accepted {
            self.accepted.set(self.accepted.get() + 1);
            let accepted = self.accepted.get();
            is_last = self.exit_after.as_ref().is_some_and(|exit| exit.is_met(accepted, &delivery));
        }
        if let Err(error) = self.write(delivery) {
            self.print_error.replace(Some(error));
            self.stop.cancel();
            return stopping();
        }
        if is_last {
            self.stop.cancel();
        }
        response
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
        self.output.flush()
    }
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
