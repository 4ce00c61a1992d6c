//! Serves an emulator over HTTP.
//!
//! It accepts connections itself, because `axum::serve` sends a response to every request, and a fault may have to close
//! the connection without one.

mod fault_response;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{self, MatchedPath, Request};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_LENGTH, EXPECT};
use http::request::Parts;
use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tower::ServiceExt as _;

use super::own_client::OwnClient;
use super::page;
use super::phone_rules::play;
use super::request_log::{PendingRecord, RequestRecord};
use super::routes::{Ignored, MAX_BODY};
use super::state::Rejection;
use super::{Effect, Emulator, FaultAction, Faults, FileEmulator, History, Setup, StateFileError};
use crate::local_server::{BodyBuffer, ConnectionState, Connections, check_host, check_origin};

/// How much of a body that is too large is read before the 413: many clients read no response while they still send.
const MAX_DRAIN_BYTES: usize = 16 * 1024 * 1024;

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
        let history = monitor.history.clone();
        let acts = router.clone().layer(from_fn_with_state(monitor, handle));
        let client = OwnClient { reads: router, acts: acts.clone(), token: emulator.setup().token.clone() };
        let playing = play(&emulator.setup().phone_rules, &client, &history);
        let router = if has_page { page::router(&emulator, &history, &client) } else { acts };
        tokio::join!(playing, serve_connections(listener, &router, stop, || history.close()));
    }
}

async fn serve_connections(
    listener: TcpListener,
    router: &Router,
    stop: impl Future<Output = ()>,
    close: impl FnOnce(),
) {
    let mut stop = std::pin::pin!(stop);
    let open = GracefulShutdown::new();
    let mut connections = tokio::task::JoinSet::new();
    let limits = Connections::default();
    let address = listener.local_addr().ok();
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            // Forget connections that were closed.
            Some(_) = connections.join_next() => {}
            (stream, connection) = limits.accept(&listener) => {
                let router = router.clone();
                connections.spawn(connection.serve(stream, &open, move |request, state| {
                    respond(router.clone(), request, state, address)
                }));
            }
        }
    }
    // Clients must not wait in the backlog of a server that stops.
    drop(listener);
    // A page that is open would never end its request.
    close();
    open.shutdown().await;
}

async fn respond(
    router: Router,
    request: http::Request<Incoming>,
    state: ConnectionState,
    address: Option<SocketAddr>,
) -> Result<Response, NoResponse> {
    let headers = request.headers();
    let host = address.map_or(Ok(()), |address| check_host(headers, address));
    if let Err(error) = host.and_then(|()| check_origin(headers)) {
        return Ok(Rejection::new(StatusCode::FORBIDDEN, error.to_string()).into_response());
    }
    let (mut parts, body) = request.into_parts();
    if hyper::body::Body::is_end_stream(&body) {
        state.start_processing();
    } else {
        state.start_body();
    }
    parts.extensions.insert(state);
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
    // The body is read before a fault is injected: closing a connection while the client still sends would reset it.
    let Ok((parts, body)) = read_body(request).await else { return no_response() };
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
    if let Some(error) =
        response.as_ref().and_then(|response| response.extensions().get::<Arc<StateFileError>>())
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

/// An incomplete request must not be processed. Of a body that is too large, one excess byte is enough to reject it.
async fn read_body(request: Request) -> Result<(Parts, Bytes), axum::Error> {
    let (parts, mut body) = request.into_parts();
    let content_length =
        parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    // A client that sent `Expect: 100-continue` is rejected before it sends the body.
    if parts.headers.contains_key(EXPECT) && content_length.is_some_and(|length| length > MAX_BODY) {
        return Ok((parts, Bytes::new()));
    }
    let state = parts.extensions.get::<ConnectionState>().cloned();
    if let Some(state) = &state {
        state.start_body();
    }
    let (mut kept, mut length) = (BodyBuffer::default(), 0_usize);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        length = length.saturating_add(data.len());
        let room = (MAX_BODY + 1).saturating_sub(kept.len());
        if let Some(state) = &state {
            state.reserve(data.len().min(room));
        }
        kept.push(&data[..data.len().min(room)]);
        if length > MAX_DRAIN_BYTES {
            break;
        }
    }
    if let Some(state) = state {
        state.start_processing();
    }
    Ok((parts, kept.into_bytes().into()))
}
