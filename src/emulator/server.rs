//! Serves an emulator over HTTP.

mod fault_response;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{self, MatchedPath, Request};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use http::{Method, StatusCode};
use hyper::body::{Body as _, Incoming};
use tokio::net::TcpListener;
use tower::ServiceExt as _;

use super::own_client::OwnClient;
use super::page;
use super::phone_rules::play;
use super::request_log::{PendingRecord, RequestRecord};
use super::routes::{Ignored, MAX_BODY};
use super::state::Rejection;
use super::{Effect, Emulator, FaultAction, Faults, FileEmulator, History, Setup, StateFileError};
use crate::local_server::{self, BodyError, Connection, check_source};

#[derive(Debug)]
pub enum ServerEvent<'a> {
    Served(&'a RequestRecord),
    StateFile(&'a StateFileError),
}

pub struct Server {
    listener: TcpListener,
    router: Router,
    emulator: Emulator,
    has_page: bool,
    monitor: Monitor,
}

#[derive(Clone)]
struct Monitor {
    faults: Faults,
    history: History,
    observer: Arc<dyn Fn(&ServerEvent<'_>) + Send + Sync>,
}

/// An extension of a response that must not be sent: the connection is closed instead.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the connection is closed without a response")]
struct NoResponse;

impl Server {
    pub fn new(listener: TcpListener, emulator: &Emulator) -> Self {
        Self::with_router(listener, emulator.router(), emulator)
    }

    pub fn with_file_backend(listener: TcpListener, emulator: &FileEmulator) -> Self {
        Self::with_router(listener, emulator.router(), emulator.inner())
    }

    fn with_router(listener: TcpListener, router: Router, emulator: &Emulator) -> Self {
        let Setup { faults, history, .. } = emulator.setup().clone();
        let (faults, history) = (faults.unwrap_or_default(), history.unwrap_or_default());
        let monitor = Monitor { faults, history, observer: Arc::new(|_| {}) };
        Self { listener, router, emulator: emulator.clone(), has_page: false, monitor }
    }

    /// Serves the page at `/` for browsers.
    pub fn with_page(self) -> Self {
        Self { has_page: true, ..self }
    }

    /// Calls `observer` for every event. It must not block.
    pub fn with_observer(mut self, observer: impl Fn(&ServerEvent<'_>) + Send + Sync + 'static) -> Self {
        self.monitor.observer = Arc::new(observer);
        self
    }

    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` completes, then waits for open requests. The future can be dropped at any time.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let Self { listener, router, emulator, has_page, monitor } = self;
        let (history, address) = (monitor.history.clone(), listener.local_addr().ok());
        let acts = router.clone().layer(from_fn_with_state(monitor, handle));
        let client = OwnClient { reads: router, acts: acts.clone(), token: emulator.setup().token.clone() };
        let playing = play(&emulator.setup().phone_rules, &client, &history);
        let router = if has_page { page::router(&emulator, &history, &client) } else { acts };
        let stop = async {
            stop.await;
            // A page that is open would never end its request.
            history.close();
        };
        let respond = |request, connection| respond(router.clone(), request, connection, address);
        tokio::join!(playing, local_server::serve(listener, respond, stop));
    }
}

async fn respond(
    router: Router,
    request: http::Request<Incoming>,
    connection: Arc<Connection>,
    address: Option<SocketAddr>,
) -> Result<Response, NoResponse> {
    let (mut parts, body) = request.into_parts();
    if let Err(reason) = check_source(&parts.headers, address) {
        return Ok(Rejection::new(StatusCode::FORBIDDEN, reason).into_response());
    }
    if body.is_end_stream() {
        connection.start_processing();
    } else {
        connection.start_body();
    }
    parts.extensions.insert(connection);
    let Ok(response) = router.oneshot(Request::from_parts(parts, Body::new(body))).await;
    match response.extensions().get::<NoResponse>() {
        Some(no_response) => Err(*no_response),
        None => Ok(response),
    }
}

/// Middleware that injects faults and records the request.
async fn handle(
    extract::State(monitor): extract::State<Monitor>,
    route: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let Monitor { faults, history, observer } = monitor;
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut record = PendingRecord::new(&method, &path, route.as_ref().map(MatchedPath::as_str), |record| {
        observer(&ServerEvent::Served(record));
        history.add_request(record);
    });
    let no_response = || axum::Extension(NoResponse).into_response();
    let (parts, body) = request.into_parts();
    // The body is read before a fault is injected: closing a connection while the client still sends would reset it.
    let body = match parts.extensions.get::<Arc<Connection>>() {
        Some(connection) => match connection.read_body(&parts.headers, body, MAX_BODY).await {
            Ok(body) => body.into(),
            // The router rejects it, if the credentials are right.
            Err(BodyError::TooLarge) => vec![0; MAX_BODY + 1].into(),
            Err(BodyError::Incomplete) => return no_response(),
        },
        // The page's own request, whose body is in memory.
        None => to_bytes(body, usize::MAX).await.unwrap_or_default(),
    };
    if is_kept(&method, &path) {
        record.record.capture_request(parts.uri.query(), &parts.headers, &body);
    }
    let request = Request::from_parts(parts, Body::from(body));
    let hit = faults.change(|table| table.next_hit(&method, &path));
    let (fault, FaultAction { delay, effect }) =
        hit.map(|(id, action)| (Some(id), action)).unwrap_or_default();
    record.record.fault = fault;
    let response = match effect {
        Some(Effect::Status { .. } | Effect::Drop) => None,
        Some(Effect::DropAfterHeaders | Effect::Truncate) | None => Some(next.run(request).await),
    };
    if let Some(error) = response.as_ref().and_then(|response| response.extensions().get::<StateFileError>())
    {
        observer(&ServerEvent::StateFile(error));
    }
    let response = match response {
        Some(response) if record.record.is_kept => Some(capture_response(&mut record.record, response).await),
        response => response,
    };
    if let Some(delay) = delay {
        tokio::time::sleep(delay).await;
    }
    let (response, outcome) = fault_response::apply(effect, response).await;
    record.finish(outcome, response.as_ref().map(Response::status));
    response.unwrap_or_else(no_response)
}

async fn capture_response(record: &mut RequestRecord, response: Response) -> Response {
    let (head, body) = response.into_parts();
    // The body is in memory, so reading it cannot fail.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    record.capture_response(&body, head.extensions.get::<Ignored>().map(Ignored::names).unwrap_or_default());
    Response::from_parts(head, Body::from(body))
}

/// Requests that only show or change what the page has are not shown there.
fn is_kept(method: &Method, path: &str) -> bool {
    path.starts_with("/emulator/pos/")
        || (path == "/emulator/clock" && method == Method::POST)
        || !(path == "/" || path == "/emulator" || path.starts_with("/emulator/"))
}
