//! Serves HTTP/1.1 within limits: of the time that a client may take, of connections, and of the memory for bodies.

use std::collections::BTreeMap;
use std::error::Error;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::response::Response;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http::header::EXPECT;
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::io::{InspectReader, InspectWriter};
use tokio_util::sync::CancellationToken;

/// From the first byte of a request to the end of its headers.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

const BODY_TIMEOUT: Duration = Duration::from_secs(30);

const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// How often it is checked whether a request is still in progress.
const IN_USE_INTERVAL: Duration = Duration::from_secs(5);

/// How long the headers of a request that have begun to arrive may take on a connection that has to make room.
const CLOSE_GRACE: Duration = Duration::from_millis(100);

/// Fewer if the process may open few files.
const MAX_CONNECTIONS: usize = 512;

/// For the bodies of all requests that are being received.
const MAX_BODY_MEMORY: usize = 32 * 1024 * 1024;

/// The blocks of all bodies have the same size, so that the memory of one is used again by another. A vector that grows would
/// fragment the memory.
const BLOCK_SIZE: usize = 16 * 1024;

/// For the headers of a request, and for what is received while nobody reads the body.
const CONNECTION_BUFFER_SIZE: usize = 16 * 1024;

/// How much of a body that is too large is read before the response: many clients read none while they still send.
const MAX_DRAIN_BYTES: usize = 16 * 1024 * 1024;

/// How long to wait after a failed accept, as when the process has too many open files.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// How often a connection that has to make room is checked for the end of its request.
const CLOSE_INTERVAL: Duration = Duration::from_millis(5);

/// For the requests in progress when the server stops.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves until `stop` completes, finishes the requests in progress, and returns the result of `stop`. All connections run in
/// this task, because the handler of deliveries is not `Send`. After an error of `respond`, the connection is closed without a
/// response.
pub(crate) async fn serve<T, R, F, E>(listener: TcpListener, respond: R, stop: impl Future<Output = T>) -> T
where
    R: Fn(Request<Incoming>, Arc<Connection>) -> F,
    F: Future<Output = Result<Response, E>>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let (pool, stopping) = (Pool::default(), CancellationToken::new());
    let mut connections = FuturesUnordered::new();
    let mut stop = pin!(stop);
    let result = loop {
        tokio::select! {
            biased;
            result = &mut stop => break result,
            Some(()) = connections.next(), if !connections.is_empty() => {}
            // Those that have to make room may still finish a request.
            stream = accept(&listener), if connections.len() < pool.max + pool.max / 2 => {
                connections.push(serve_connection(stream, pool.open(), &respond, &stopping));
            }
        }
    };
    // Clients must not wait in the backlog of a server that stops.
    drop(listener);
    stopping.cancel();
    let finish = async { while connections.next().await.is_some() {} };
    let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, finish).await;
    result
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Without it, Nagle's algorithm delays small responses. The connection works even if this fails.
                let _ = stream.set_nodelay(true);
                return stream;
            }
            Err(_) => tokio::time::sleep(ACCEPT_BACKOFF).await,
        }
    }
}

/// Serves requests until the connection ends, takes too long or has to make room, or until the server stops and no request
/// is in progress.
async fn serve_connection<R, F, E>(
    stream: TcpStream,
    connection: Connection,
    respond: &R,
    stopping: &CancellationToken,
) where
    R: Fn(Request<Incoming>, Arc<Connection>) -> F,
    F: Future<Output = Result<Response, E>>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let connection = Arc::new(connection);
    let stream = InspectReader::new(stream, |_| connection.note_read());
    let stream = InspectWriter::new(stream, |_| connection.note_write());
    let service = service_fn(async |request| {
        let response = respond(request, Arc::clone(&connection)).await;
        connection.set_phase(Phase::Idle);
        response
    });
    let http = http1::Builder::new()
        .max_buf_size(CONNECTION_BUFFER_SIZE)
        .serve_connection(TokioIo::new(stream), service);
    let mut http = pin!(http);
    tokio::select! {
        biased;
        _ = &mut http => return,
        () = connection.must_close() => return,
        () = connection.must_expire() => return,
        () = stopping.cancelled() => http.as_mut().graceful_shutdown(),
    }
    // The client notices that a request failed.
    let _ = http.await;
}

/// The open connections of a server.
#[derive(Debug, Clone)]
struct Pool {
    max: usize,
    /// By ID.
    open: Arc<Mutex<BTreeMap<u64, Entry>>>,
}

#[derive(Debug)]
struct Entry {
    phase: Phase,
    /// When the phase began.
    since: Instant,
    /// Bytes of a body.
    reserved: usize,
    close: CancellationToken,
}

/// In the order in which connections are closed to make room; one in use is not closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Idle,
    Head,
    Body,
    InUse,
}

impl Entry {
    /// When the connection is closed.
    fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Idle => Some(self.since + IDLE_TIMEOUT),
            Phase::Head => Some(self.since + HEAD_TIMEOUT),
            Phase::Body => Some(self.since + BODY_TIMEOUT),
            Phase::InUse => None,
        }
    }
}

impl Default for Pool {
    fn default() -> Self {
        let max = max_open_files().map_or(MAX_CONNECTIONS, |files| (files / 4).clamp(8, MAX_CONNECTIONS));
        Self { max, open: Arc::default() }
    }
}

#[cfg(unix)]
fn max_open_files() -> Option<usize> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current?;
    usize::try_from(limit).ok()
}

#[cfg(not(unix))]
const fn max_open_files() -> Option<usize> {
    None
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Entry>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a connection. If there are too many, an older one is closed.
    fn open(&self) -> Connection {
        let mut open = self.lock();
        if open.values().filter(|entry| !entry.close.is_cancelled()).count() >= self.max {
            close_oldest(open.values_mut());
        }
        let id = open.last_key_value().map_or(0, |(last, _)| last + 1);
        let close = CancellationToken::new();
        let (phase, since) = (Phase::Idle, Instant::now());
        open.insert(id, Entry { phase, since, reserved: 0, close: close.clone() });
        Connection { id, pool: self.clone(), close }
    }
}

fn close_oldest<'a>(candidates: impl Iterator<Item = &'a mut Entry>) -> bool {
    let candidates = candidates.filter(|entry| entry.phase != Phase::InUse && !entry.close.is_cancelled());
    let Some(entry) = candidates.min_by_key(|entry| (entry.phase, entry.since)) else { return false };
    // Its memory is freed when its task notices.
    entry.reserved = 0;
    entry.close.cancel();
    true
}

/// A connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    id: u64,
    pool: Pool,
    close: CancellationToken,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.pool.lock().remove(&self.id);
    }
}

pub(crate) enum BodyError {
    TooLarge,
    Incomplete,
}

impl Connection {
    fn with_entry<R>(&self, change: impl FnOnce(&mut Entry) -> R) -> Option<R> {
        self.pool.lock().get_mut(&self.id).map(change)
    }

    fn set_phase(&self, phase: Phase) {
        self.with_entry(|entry| (entry.phase, entry.since, entry.reserved) = (phase, Instant::now(), 0));
    }

    fn note_read(&self) {
        self.with_entry(|entry| {
            if entry.phase == Phase::Idle {
                (entry.phase, entry.since) = (Phase::Head, Instant::now());
            }
        });
    }

    /// A client that is still receiving a response is not idle.
    fn note_write(&self) {
        self.with_entry(|entry| {
            if entry.phase == Phase::Idle {
                entry.since = Instant::now();
            }
        });
    }

    /// Waits until the client has taken too long.
    async fn must_expire(&self) {
        loop {
            match self.with_entry(|entry| entry.deadline()).flatten() {
                Some(deadline) if deadline <= Instant::now() => return,
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => tokio::time::sleep(IN_USE_INTERVAL).await,
            }
        }
    }

    /// Waits until the connection has to make room and no request is being processed on it.
    async fn must_close(&self) {
        self.close.cancelled().await;
        // A request may have arrived together with many connections. Whether it has is known after the next poll of the
        // driver.
        tokio::task::yield_now().await;
        let deadline = Instant::now() + CLOSE_GRACE;
        loop {
            match self.with_entry(|entry| entry.phase) {
                // The memory of a body is needed at once.
                Some(Phase::Head) if Instant::now() < deadline => {}
                Some(Phase::InUse) => {}
                _ => return,
            }
            tokio::time::sleep(CLOSE_INTERVAL).await;
        }
    }

    /// A body is being received.
    pub(crate) fn start_body(&self) {
        self.set_phase(Phase::Body);
    }

    /// The request is processed: no time limit applies, and its body no longer counts.
    pub(crate) fn start_processing(&self) {
        self.set_phase(Phase::InUse);
    }

    /// Reads a body of at most `max` bytes.
    pub(crate) async fn read_body<B: Body<Data = Bytes> + Unpin>(
        &self,
        headers: &HeaderMap,
        mut body: B,
        max: usize,
    ) -> Result<Vec<u8>, BodyError> {
        self.start_body();
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        // A client that sent `Expect: 100-continue` is rejected before it sends the body.
        if announced > max && headers.contains_key(EXPECT) {
            return Err(BodyError::TooLarge);
        }
        let mut blocks: Vec<Vec<u8>> = Vec::new();
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| BodyError::Incomplete)?.into_data() else { continue };
            length += data.len();
            match blocks.last_mut() {
                _ if length > MAX_DRAIN_BYTES => break,
                _ if length > max => {}
                Some(block) if block.len() + data.len() <= BLOCK_SIZE => block.extend_from_slice(&data),
                _ => {
                    self.reserve(BLOCK_SIZE);
                    let mut block = Vec::with_capacity(BLOCK_SIZE);
                    block.extend_from_slice(&data);
                    blocks.push(block);
                }
            }
        }
        self.start_processing();
        if length > max { Err(BodyError::TooLarge) } else { Ok(blocks.concat()) }
    }

    /// Counts bytes of a body that was received. If all bodies take too much, the connections that have been sending for
    /// the longest time are closed.
    fn reserve(&self, bytes: usize) {
        let mut open = self.pool.lock();
        while open.values().map(|entry| entry.reserved).sum::<usize>() + bytes > MAX_BODY_MEMORY {
            let others = open.iter_mut().filter(|(id, entry)| **id != self.id && entry.reserved > 0);
            if !close_oldest(others.map(|(_, entry)| entry)) {
                break;
            }
        }
        if let Some(entry) = open.get_mut(&self.id) {
            entry.reserved += bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_phase_of_a_request_has_its_time_limit() {
        let pool = Pool::default();
        let connection = pool.open();
        let limit = || {
            connection.with_entry(|entry| entry.deadline().map(|deadline| deadline - entry.since)).flatten()
        };
        assert_eq!(limit(), Some(Duration::from_secs(60)), "idle");
        connection.note_read();
        assert_eq!(limit(), Some(Duration::from_secs(10)), "the head");
        connection.set_phase(Phase::Body);
        assert_eq!(limit(), Some(Duration::from_secs(30)), "the body");
        connection.set_phase(Phase::InUse);
        assert_eq!(limit(), None, "in use");
    }

    #[test]
    fn the_oldest_idle_connection_makes_room() {
        let pool = Pool { max: 2, ..Pool::default() };
        let (used, idle) = (pool.open(), pool.open());
        used.set_phase(Phase::InUse);
        let third = pool.open();
        assert!(idle.close.is_cancelled() && !used.close.is_cancelled() && !third.close.is_cancelled());
        third.set_phase(Phase::InUse);
        let _fourth = pool.open();
        assert!(
            !used.close.is_cancelled() && !third.close.is_cancelled(),
            "requests in progress are finished"
        );
    }

    #[test]
    fn bodies_share_a_limit() {
        let pool = Pool::default();
        let sending: Vec<_> = (0..40).map(|_| pool.open()).collect();
        for connection in &sending {
            connection.set_phase(Phase::Body);
            connection.reserve(1024 * 1024);
        }
        let closed = sending.iter().filter(|connection| connection.close.is_cancelled()).count();
        assert!(closed == 8 && sending[0].close.is_cancelled() && !sending[39].close.is_cancelled());
    }
}
