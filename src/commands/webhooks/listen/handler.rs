//! Handles a delivery: verify, deduplicate, store, resolve, forward, print and respond, in this order. A delivery whose type is not
//! selected is only stored.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::header::ALLOW;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::delivery::{Delivery, DeliveryStatus};
use super::forward::{Forwarded, forward};
use super::response::problem;
use super::{ExitAfter, Route};
use crate::callback_poster::CallbackEndpoint;
use crate::commands::sessions::resolve_attempt::{Resolution, resolve_attempt_of_session};
use crate::context::ApiContext;
use crate::deliveries::{Begin, DeliveryState, DeliveryStore, StoreError};
use crate::error::{Error, ErrorKind};
use crate::fs::{io_error_message, write_atomic};
use crate::ledger::Ledger;
use crate::local_server::{BodyError, Connection, check_source};
use crate::model::{CallbackType, Resource, Session};
use crate::output::{ListWriter, Output};
use crate::text::escape_control;
use crate::webhooks::{SigningKeys, VerifyError};

/// In bytes. Callbacks have a few hundred.
const MAX_BODY: usize = 1024 * 1024;

/// How long the reader of stdout may take, before the sender has to retry.
const PRINT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long another process may use the ledger or the device of an attempt, before the sender has to retry.
const RECONCILE_TIMEOUT: Duration = Duration::from_secs(5);
const RESOLVE_INTERVAL: Duration = Duration::from_millis(100);

pub(super) struct Handler<'a> {
    pub(super) keys: SigningKeys,
    pub(super) output: &'a Output,
    /// The account of `--resolve`.
    pub(super) resolve_account: Option<ApiContext<'a>>,
    pub(super) forward_to: Option<CallbackEndpoint>,
    pub(super) exit_after: Option<ExitAfter>,
    pub(super) routes: Vec<Route>,
    /// Added to what is forwarded.
    pub(super) headers: HeaderMap,
    /// The types that are printed and forwarded; all if it is empty.
    pub(super) only: Vec<CallbackType>,
    pub(super) save: Option<PathBuf>,
    pub(super) store: DeliveryStore,
    /// The IDs of the deliveries in progress.
    pub(super) in_progress: RefCell<HashSet<String>>,
    /// The signatures of verified deliveries whose ID has a dot, with the ID: the same bytes can be divided into another
    /// ID, timestamp and body.
    pub(super) dotted_ids: RefCell<HashMap<HeaderValue, String>>,
    pub(super) list: RefCell<ListWriter<'a, Delivery>>,
    pub(super) accepted: Cell<u64>,
    /// Why the output failed.
    pub(super) print_error: RefCell<Option<Error>>,
    /// Canceled when kustom is about to exit; nothing is printed or acknowledged afterwards.
    pub(super) stop: CancellationToken,
}

/// Marks a delivery as being processed until it is dropped, which also happens when its sender hangs up.
struct InProgress<'a> {
    ids: &'a RefCell<HashSet<String>>,
    id: &'a str,
}

impl<'a> InProgress<'a> {
    /// Returns `None` if the delivery is being processed already.
    fn begin(ids: &'a RefCell<HashSet<String>>, id: &'a str) -> Option<Self> {
        ids.borrow_mut().insert(id.to_owned()).then(|| Self { ids, id })
    }
}

impl Drop for InProgress<'_> {
    fn drop(&mut self) {
        self.ids.borrow_mut().remove(self.id);
    }
}

impl Handler<'_> {
    pub(super) async fn handle(
        &self,
        request: Request<Incoming>,
        connection: Arc<Connection>,
        address: SocketAddr,
    ) -> Result<Response, Infallible> {
        let response = self.stop.run_until_cancelled(self.respond(request, &connection, address)).await;
        Ok(response.unwrap_or_else(stopping_response))
    }

    async fn respond(
        &self,
        request: Request<Incoming>,
        connection: &Connection,
        address: SocketAddr,
    ) -> Response {
        let (parts, body) = request.into_parts();
        // The host of a signed request is not checked: a tunnel sends its own host name, and a web page cannot set this header.
        let address = (!parts.headers.contains_key("webhook-signature")).then_some(address);
        if let Err(reason) = check_source(&parts.headers, address) {
            return problem(StatusCode::FORBIDDEN, reason);
        }
        if parts.method != Method::POST {
            let response = problem(StatusCode::METHOD_NOT_ALLOWED, "Callbacks are sent with POST.");
            return ([(ALLOW, "POST")], response).into_response();
        }
        // Without the headers of a delivery, nothing of the body is received.
        if let Err(error) = self.keys.check_headers(&parts.headers) {
            return self.refuse(&parts.headers, b"", &error, Timestamp::now());
        }
        match connection.read_body(&parts.headers, body, MAX_BODY).await {
            Ok(body) => self.receive(&parts.headers, &body).await,
            Err(BodyError::TooLarge) => {
                problem(StatusCode::PAYLOAD_TOO_LARGE, "The body is longer than 1 MiB.")
            }
            Err(BodyError::Incomplete) => problem(StatusCode::BAD_REQUEST, "The body is incomplete."),
        }
    }

    async fn receive(&self, headers: &HeaderMap, body: &[u8]) -> Response {
        let now = Timestamp::now();
        let id = match self.keys.verify(headers, body, now) {
            Ok(id) => id,
            Err(error) => return self.refuse(headers, body, &error, now),
        };
        if let Some(signature) = headers.get("webhook-signature") {
            let has_other_id = self.dotted_ids.borrow().get(signature).is_some_and(|other| *other != id);
            if has_other_id {
                let problem = "belongs to a delivery with another ID";
                let error = VerifyError::Malformed { name: "webhook-signature", problem };
                return self.refuse(headers, body, &error, now);
            }
            if id.contains('.') {
                self.dotted_ids.borrow_mut().insert(signature.clone(), id.clone());
            }
        }
        // A delivery is processed only if it can be printed.
        if let Err(error) = self.output.flush_within(PRINT_TIMEOUT).await {
            return self.unprinted_response(error);
        }
        let Some(_in_progress) = InProgress::begin(&self.in_progress, &id) else {
            return problem(StatusCode::SERVICE_UNAVAILABLE, "This delivery is still being processed.");
        };
        let response = self.receive_verified(&id, now, headers, body).await;
        response.unwrap_or_else(|error| self.store_failed(&error))
    }

    /// Prints the delivery unless the reader of stdout is late: anybody can send such requests.
    fn refuse(&self, headers: &HeaderMap, body: &[u8], error: &VerifyError, now: Timestamp) -> Response {
        let id = headers.get("webhook-id").and_then(|id| id.to_str().ok());
        let response = problem(StatusCode::UNAUTHORIZED, &format!("Refused: {error}."));
        if let Err(error) = self.store.refuse(now, headers, body, error.code()) {
            return self.store_failed(&error);
        }
        if self.stop.is_cancelled() {
            return stopping_response();
        }
        let mut delivery = Delivery::refused(now, id, error);
        delivery.status = Some(response.status().as_u16());
        let printed = self
            .output
            .flush()
            .and_then(|()| if self.output.is_flushed() { self.write(delivery) } else { Ok(()) });
        match printed {
            Ok(()) => response,
            Err(error) => self.stop_with(error),
        }
    }

    /// The sender has to retry if the reader of stdout is late; any other failure ends kustom.
    fn unprinted_response(&self, error: Error) -> Response {
        if self.output.is_flushed() {
            return self.stop_with(error);
        }
        problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "The delivery cannot be printed, because nobody reads the output.",
        )
    }

    fn stop_with(&self, error: Error) -> Response {
        self.print_error.replace(Some(error));
        self.stop.cancel();
        stopping_response()
    }

    /// Every step is stored before the next one, so that a process that is killed loses nothing and knows what it may
    /// have repeated.
    async fn receive_verified(
        &self,
        id: &str,
        now: Timestamp,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Response, StoreError> {
        let (seq, is_repeat) = match self.store.begin(id, now, headers, body)? {
            Begin::AlreadyAcknowledged => {
                self.output.status(&format!("Dropped {}, which was received before.", escape_control(id)));
                return Ok(acknowledge());
            }
            Begin::Process(seq) => (seq, false),
            Begin::ProcessAgain(seq) => (seq, true),
        };
        let mut delivery = Delivery::verified(now, id.to_owned(), body);
        delivery.repeated = is_repeat;
        if let Some(dir) = &self.save
            && let Err(error) = save(dir, id, headers, body)
        {
            self.output.warn(&format!("cannot save {id} in {}: {error}", dir.display()));
        }
        let kind = delivery.kind.as_deref().and_then(CallbackType::find);
        let is_wanted = self.only.is_empty() || kind.as_ref().is_some_and(|kind| self.only.contains(kind));
        if !is_wanted {
            let reason = Some("not selected by --only");
            self.store.finish(seq, DeliveryState::Acknowledged, 200, reason, None)?;
            return Ok(acknowledge());
        }
        let application = self.application(delivery.kind.as_deref());
        self.store.mark_processing(seq, application.map(CallbackEndpoint::display_url).as_deref())?;
        let Forwarded { response, body: answer, is_lost, .. } =
            self.process(&mut delivery, application, headers, is_repeat, body).await;
        let (is_accepted, reason) = (delivery.outcome == DeliveryStatus::Accepted, delivery.detail.clone());
        let status = response.status().as_u16();
        let (response, is_printed) = self.print(delivery, response).await;
        // The application has processed what it accepted, and may have processed what it did not respond to. What was not
        // printed is delivered again.
        let may_be_processed = is_lost || (is_accepted && application.is_some());
        let state = if is_accepted && is_printed {
            DeliveryState::Acknowledged
        } else if may_be_processed {
            DeliveryState::Processing
        } else {
            DeliveryState::Failed
        };
        self.store.finish(seq, state, status, reason.as_deref(), answer.as_deref())?;
        Ok(response)
    }

    /// The sender has to retry what cannot be stored.
    fn store_failed(&self, error: &StoreError) -> Response {
        self.output.warn(&error.to_string());
        problem(StatusCode::SERVICE_UNAVAILABLE, "The delivery cannot be stored at present.")
    }

    /// The application that gets callbacks of this type.
    fn application(&self, kind: Option<&str>) -> Option<&CallbackEndpoint> {
        let route = kind.and_then(|kind| self.routes.iter().find(|route| route.matches(kind)));
        route.map(|route| &route.to).or(self.forward_to.as_ref())
    }

    /// Resolves and forwards the delivery, and returns the response to its sender.
    async fn process(
        &self,
        delivery: &mut Delivery,
        application: Option<&CallbackEndpoint>,
        headers: &HeaderMap,
        is_repeat: bool,
        body: &[u8],
    ) -> Forwarded {
        let own = |response| Forwarded { response, failure: None, body: None, is_lost: false };
        let resolved = self.resolve(delivery).await;
        match (application, resolved) {
            (Some(application), resolved) => {
                if let Err(error) = resolved {
                    // The application decides whether the sender has to retry.
                    self.output.warn(&error.message);
                }
                let forwarded = forward(application, headers, &self.headers, is_repeat, body).await;
                if let Some(failure) = &forwarded.failure {
                    delivery.reject("application", failure.clone());
                }
                forwarded
            }
            (None, Err(error)) => {
                delivery.reject("unresolved", error.message);
                own(problem(StatusCode::SERVICE_UNAVAILABLE, "The session cannot be read at present."))
            }
            (None, Ok(())) => own(acknowledge()),
        }
    }

    /// Reads the session, and resolves the unknown attempt in the ledger that created it. Fails if a retry may help.
    async fn resolve(&self, delivery: &mut Delivery) -> Result<(), Error> {
        let Some(context) = &self.resolve_account else { return Ok(()) };
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
            Resolution::Attempt(attempt) => delivery.settled_attempt = Some(attempt),
            Resolution::Nothing => {}
            Resolution::Ambiguous(number) => {
                self.output.warn(&format!(
                    "session {id} matches {number} unknown attempts; name the right one: \
                     kustom sessions recover ATTEMPT --session {id}"
                ));
            }
            Resolution::Busy => return Err(add_session(busy_error())),
        }
        delivery.session = Some(session);
        Ok(())
    }

    /// Prints the delivery, and returns `response` and true. A delivery that cannot be printed is not acknowledged.
    async fn print(&self, mut delivery: Delivery, response: Response) -> (Response, bool) {
        if self.stop.is_cancelled() {
            return (stopping_response(), false);
        }
        delivery.status = Some(response.status().as_u16());
        let is_accepted = delivery.outcome == DeliveryStatus::Accepted;
        let accepted = self.accepted.get() + u64::from(is_accepted);
        let is_last =
            is_accepted && self.exit_after.as_ref().is_some_and(|exit| exit.is_met(accepted, &delivery));
        if let Err(error) = self.write(delivery) {
            return (self.stop_with(error), false);
        }
        if let Err(error) = self.output.flush_within(PRINT_TIMEOUT).await {
            return (self.unprinted_response(error), false);
        }
        self.accepted.set(accepted);
        if is_last {
            self.stop.cancel();
        }
        (response, true)
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

/// Writes the headers and the body for `kustom webhooks verify`.
fn save(dir: &Path, id: &str, headers: &HeaderMap, body: &[u8]) -> Result<(), String> {
    // An ID is chosen by the sender, so it must not name another directory.
    let name: String = id
        .chars()
        .map(|char| if char.is_ascii_alphanumeric() || matches!(char, '-' | '_') { char } else { '_' })
        .take(100)
        .collect();
    let headers: String = headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("webhook-") || *name == http::header::CONTENT_TYPE)
        .map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap_or_default()))
        .collect::<Vec<_>>()
        .concat();
    let write = |extension: &str, content: &[u8]| {
        write_atomic(&dir.join(format!("{name}.{extension}")), content)
            .map_err(|error| io_error_message(&error))
    };
    write("headers.txt", headers.as_bytes())?;
    write("body.json", body)
}

/// The guide names 200, although any 2xx acknowledges (observed).
fn acknowledge() -> Response {
    Response::new(Body::empty())
}

fn stopping_response() -> Response {
    problem(StatusCode::SERVICE_UNAVAILABLE, "kustom is about to exit.")
}

async fn reconcile(id: Uuid, session: &Resource<Session>, ledger: &Ledger) -> Result<Resolution, Error> {
    let reconciling = async {
        loop {
            match resolve_attempt_of_session(id, session, ledger).await? {
                Resolution::Busy => tokio::time::sleep(RESOLVE_INTERVAL).await,
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
