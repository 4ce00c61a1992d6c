//! An emulator for other programs, over connections.
//!
//! The framework's own server answers every request. This one can also not answer, which is what a client has to be
//! tried with, so it serves each connection by itself.

mod fault_response;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::header::{CONTENT_LENGTH, EXPECT};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tower::ServiceExt as _;

use super::request_log::{PendingRecord, RequestRecord};
use super::routes::{self, MAX_BODY};
use super::state::Rejection;
use super::{Effect, Emulator, FaultAction, Faults, FileEmulator, StateFileError};

/// How long to wait after a connection could not be taken, as when there are too many of them.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// The longest body that is read to its end, only to be refused: a client that is still sending hears no refusal.
const MAX_DRAIN_BYTES: usize = 16 * 1024 * 1024;

/// What a client is told; a path of this machine is for whoever runs the emulator.
const NO_STATE: &str =
    "The emulator's state file cannot be used, so this was not carried out. Its log says why.";

/// What a server tells whoever watches it.
#[derive(Debug)]
pub enum ServerEvent<'a> {
    /// A request came to its end.
    Served(&'a RequestRecord),
    /// The state file cannot be used.
    StateFile(&'a StateFileError),
}

type Observer = Arc<dyn Fn(&ServerEvent<'_>) + Send + Sync>;

/// Serves an emulator to whoever connects.
pub struct Server {
    listener: TcpListener,
    account: Backend,
    observer: Observer,
}

/// Where the state lives.
#[derive(Clone)]
enum Backend {
    Memory(Emulator),
    /// Requests that change something queue up here, so that only one at a time waits for the file's lock.
    File(FileEmulator, Arc<Mutex<()>>),
}

impl Server {
    /// A server of an emulator in memory.
    pub fn new(listener: TcpListener, emulator: Emulator) -> Self {
        Self { listener, account: Backend::Memory(emulator), observer: Arc::new(|_| {}) }
    }

    /// A server of an emulator whose state is a file. Others can use the file at the same time.
    pub fn with_file_backend(listener: TcpListener, emulator: FileEmulator) -> Self {
        let account = Backend::File(emulator, Arc::default());
        Self { listener, account, observer: Arc::new(|_| {}) }
    }

    /// Tells everything that happens to `observer`, which must not wait for anything.
    pub fn with_observer(self, observer: impl Fn(&ServerEvent<'_>) + Send + Sync + 'static) -> Self {
        Self { observer: Arc::new(observer), ..self }
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` is done, then lets the open requests finish. It can be dropped at any time.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let Self { listener, account, observer } = self;
        let mut stop = std::pin::pin!(stop);
        let open = GracefulShutdown::new();
        let mut connections = tokio::task::JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                // Those that have ended are forgotten.
                Some(_) = connections.join_next() => {}
                connection = accept(&listener) => {
                    let (account, observer) = (account.clone(), Arc::clone(&observer));
                    let service =
                        service_fn(move |request| answer(account.clone(), Arc::clone(&observer), request));
                    let serving = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(connection), service);
                    connections.spawn(open.watch(serving));
                }
            }
        }
        // Nobody is to wait for a connection that is never taken.
        drop(listener);
        open.shutdown().await;
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((connection, _)) => {
                // Without it small answers wait for the client's acknowledgement. A connection that cannot do it works.
                let _ = connection.set_nodelay(true);
                return connection;
            }
            Err(_) => tokio::time::sleep(ACCEPT_BACKOFF).await,
        }
    }
}

/// Why a connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the request broke off")]
struct NoAnswer;

async fn answer(
    account: Backend,
    observer: Observer,
    request: Request<Incoming>,
) -> Result<Response<Body>, NoAnswer> {
    let mut entry = {
        let observer = Arc::clone(&observer);
        PendingRecord::begin(request.method(), request.uri().path(), move |served| {
            observer(&ServerEvent::Served(served));
        })
    };
    // It is taken in whole before anything goes wrong: a connection that is closed while its client sends is reset.
    let request = read_request(request).await?;
    let hit = account
        .faults()
        .and_then(|faults| faults.change(|table| table.next_hit(request.method(), request.uri().path())));
    let FaultAction { delay, effect } = hit.map(|hit| hit.what).unwrap_or_default();
    if let Some(hit) = hit {
        entry.hit(hit.id);
    }
    let response = match effect {
        Some(Effect::Status { .. } | Effect::Drop) => None,
        Some(Effect::DropAfterHeaders | Effect::Truncate) | None => {
            Some(account.handle(request).await.unwrap_or_else(|error| {
                observer(&ServerEvent::StateFile(&error));
                routes::problem_response(&Rejection::new(StatusCode::SERVICE_UNAVAILABLE, NO_STATE))
            }))
        }
    };
    if let Some(delay) = delay {
        tokio::time::sleep(delay).await;
    }
    let (response, ending) = fault_response::apply(effect, response).await;
    entry.ended(ending);
    response.ok_or(NoAnswer)
}

impl Backend {
    const fn faults(&self) -> Option<&Faults> {
        match self {
            Self::Memory(emulator) => emulator.faults(),
            Self::File(emulator, _) => emulator.faults(),
        }
    }

    async fn handle(&self, request: Request<Vec<u8>>) -> Result<Response<Body>, StateFileError> {
        match self {
            Self::Memory(emulator) => {
                let Ok(response) = emulator.router().oneshot(request.map(Body::from)).await;
                Ok(response)
            }
            Self::File(emulator, queue) => {
                let _turn = if request.method().is_safe() { None } else { Some(queue.lock().await) };
                Ok(emulator.handle(request).await?.map(Body::from))
            }
        }
    }
}

/// Takes a request in before anything is done about it: one that breaks off is not carried out. Of a body that is too
/// long as much is kept as shows that it is.
async fn read_request(request: Request<Incoming>) -> Result<Request<Vec<u8>>, NoAnswer> {
    let (parts, mut body) = request.into_parts();
    let announced =
        parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    // Who asks before it sends is told at once.
    if parts.headers.contains_key(EXPECT) && announced.is_some_and(|length| length > MAX_BODY) {
        return Ok(Request::from_parts(parts, Vec::new()));
    }
    let (mut kept, mut length) = (Vec::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| NoAnswer)?.into_data() else { continue };
        length = length.saturating_add(data.len());
        kept.extend_from_slice(&data[..data.len().min((MAX_BODY + 1).saturating_sub(kept.len()))]);
        if length > MAX_DRAIN_BYTES {
            break;
        }
    }
    Ok(Request::from_parts(parts, kept))
}
