//! The limits of a server: how long a client may take, how many connections there are, and how much memory the bodies take of
//! clients that have shown no credential.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::response::Response;
use http::Request;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::body_buffer::BodyBuffer;

/// From the first byte of a request to the end of its headers.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

const BODY_TIMEOUT: Duration = Duration::from_secs(30);

const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// How often a connection in use is checked.
const IN_USE_INTERVAL: Duration = Duration::from_secs(5);

/// How long the headers of a request that have begun to arrive may take on a connection that has to make room.
const CLOSE_GRACE: Duration = Duration::from_millis(100);
const CLOSE_INTERVAL: Duration = Duration::from_millis(5);

/// Fewer if the process may open few files.
const MAX_CONNECTIONS: usize = 512;

/// For the bodies of all requests that are being received.
const MAX_BODY_MEMORY: usize = 32 * 1024 * 1024;

/// For the headers of a request, and for what is received while nobody reads the body.
const CONNECTION_BUFFER_SIZE: usize = 16 * 1024;

/// How long to wait after a failed accept, as when the process has too many open files.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// The open connections of a server.
#[derive(Debug, Clone)]
pub(crate) struct Connections(Arc<Mutex<Pool>>);

#[derive(Debug)]
struct Pool {
    max: usize,
    next_id: u64,
    /// In the order in which they were opened.
    open: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    id: u64,
    phase: Phase,
    /// When the phase began.
    since: Instant,
    /// Bytes of a body.
    reserved: usize,
    close: CancellationToken,
}

/// In the order in which connections are closed when there are too many; one in use is not closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Idle,
    Head,
    Body,
    InUse,
}

impl Entry {
    fn set_phase(&mut self, phase: Phase) {
        (self.phase, self.since) = (phase, Instant::now());
    }

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

impl Default for Connections {
    fn default() -> Self {
        let max = max_open_files().map_or(MAX_CONNECTIONS, |files| (files / 4).clamp(8, MAX_CONNECTIONS));
        Self(Arc::new(Mutex::new(Pool { max, next_id: 0, open: Vec::new() })))
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

impl Connections {
    fn lock(&self) -> MutexGuard<'_, Pool> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts the next connection, if not too many are in use. The future can be dropped at any time; when a connection
    /// has ended, it has to be called again.
    pub(crate) async fn accept(&self, listener: &TcpListener) -> (TcpStream, Connection) {
        let has_room = {
            let pool = self.lock();
            pool.open.len() < pool.max + pool.max / 2
        };
        if !has_room {
            std::future::pending::<()>().await;
        }
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    // Without it, Nagle's algorithm delays small responses. The connection works even if this fails.
                    let _ = stream.set_nodelay(true);
                    return (stream, self.open());
                }
                Err(_) => tokio::time::sleep(ACCEPT_BACKOFF).await,
            }
        }
    }

    /// Adds a connection. If there are too many, an older one is closed.
    fn open(&self) -> Connection {
        let mut pool = self.lock();
        let live = pool.open.iter().filter(|entry| !entry.close.is_cancelled()).count();
        if live >= pool.max {
            pool.close_oldest(|_| true);
        }
        let (id, close) = (pool.next_id, CancellationToken::new());
        pool.next_id += 1;
        let (phase, since) = (Phase::Idle, Instant::now());
        pool.open.push(Entry { id, phase, since, reserved: 0, close: close.clone() });
        drop(pool);
        Connection { id, pool: self.clone(), close }
    }
}

impl Pool {
    fn close_oldest(&mut self, is_candidate: impl Fn(&Entry) -> bool) -> bool {
        let candidates = self.open.iter_mut().filter(|entry| {
            entry.phase != Phase::InUse && !entry.close.is_cancelled() && is_candidate(entry)
        });
        let Some(entry) = candidates.min_by_key(|entry| (entry.phase, entry.since)) else { return false };
        // Its memory is freed when its task notices.
        entry.reserved = 0;
        entry.close.cancel();
        true
    }

    fn reserved(&self) -> usize {
        self.open.iter().map(|entry| entry.reserved).sum()
    }
}

/// A connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    id: u64,
    pool: Connections,
    close: CancellationToken,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.pool.lock().open.retain(|entry| entry.id != self.id);
    }
}

/// What the requests of a connection report.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionState {
    id: u64,
    pool: Connections,
}

impl Connection {
    fn state(&self) -> ConnectionState {
        ConnectionState { id: self.id, pool: self.pool.clone() }
    }

    /// Serves HTTP/1.1 until the connection ends, takes too long, or has to make room.
    pub(crate) fn serve<R, F, E>(
        self,
        stream: TcpStream,
        graceful: &GracefulShutdown,
        respond: R,
    ) -> impl Future<Output = ()> + use<R, F, E>
    where
        R: Fn(Request<Incoming>, ConnectionState) -> F,
        F: Future<Output = Result<Response, E>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let state = self.state();
        let stream = TokioIo::new(WatchedStream { stream, state: state.clone() });
        let service = service_fn(move |request| {
            let (response, state) = (respond(request, state.clone()), state.clone());
            async move {
                let response = response.await;
                state.finish_request();
                response
            }
        });
        let http =
            http1::Builder::new().max_buf_size(CONNECTION_BUFFER_SIZE).serve_connection(stream, service);
        let http = graceful.watch(http);
        async move {
            tokio::select! {
                biased;
                _ = http => {}
                () = self.must_close() => {}
                () = self.must_expire() => {}
            }
        }
    }

    /// Waits until the connection has taken too long.
    async fn must_expire(&self) {
        loop {
            match self.state().with_entry(|entry| entry.deadline()).flatten() {
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
            match self.state().with_entry(|entry| entry.phase) {
                // The memory of a body is needed at once.
                Some(Phase::Head) if Instant::now() < deadline => {}
                Some(Phase::InUse) => {}
                _ => return,
            }
            tokio::time::sleep(CLOSE_INTERVAL).await;
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the body is too large")]
    TooLarge,
    #[error("the body is incomplete")]
    Incomplete,
}

impl ConnectionState {
    fn with_entry<R>(&self, change: impl FnOnce(&mut Entry) -> R) -> Option<R> {
        let mut pool = self.pool.lock();
        pool.open.iter_mut().find(|entry| entry.id == self.id).map(change)
    }

    fn set_phase(&self, phase: Phase) {
        self.with_entry(|entry| {
            entry.set_phase(phase);
            entry.reserved = 0;
        });
    }

    /// The request is processed: no time limit applies, and its body no longer counts.
    pub(crate) fn start_processing(&self) {
        self.set_phase(Phase::InUse);
    }

    /// The response is on its way.
    fn finish_request(&self) {
        self.set_phase(Phase::Idle);
    }

    /// Reads a body of at most `max` bytes.
    pub(crate) async fn read_body<B: Body<Data = Bytes> + Unpin>(
        &self,
        mut body: B,
        max: usize,
    ) -> Result<Vec<u8>, BodyError> {
        self.start_body();
        if body.size_hint().lower() > max as u64 {
            return Err(BodyError::TooLarge);
        }
        let mut bytes = BodyBuffer::default();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| BodyError::Incomplete)?;
            let Ok(data) = frame.into_data() else { continue };
            if bytes.len() + data.len() > max {
                return Err(BodyError::TooLarge);
            }
            self.reserve(data.len());
            bytes.push(&data);
        }
        Ok(bytes.into_bytes())
    }

    /// Counts bytes of a body that was received. If all bodies take too much, the connections that have been sending for
    /// the longest time are closed.
    pub(crate) fn reserve(&self, bytes: usize) {
        let mut pool = self.pool.lock();
        while pool.reserved() + bytes > MAX_BODY_MEMORY
            && pool.close_oldest(|entry| entry.id != self.id && entry.reserved > 0)
        {}
        if let Some(entry) = pool.open.iter_mut().find(|entry| entry.id == self.id) {
            entry.reserved += bytes;
        }
    }

    /// A body is being received.
    pub(crate) fn start_body(&self) {
        self.set_phase(Phase::Body);
    }

    fn note_read(&self) {
        self.with_entry(|entry| {
            if entry.phase == Phase::Idle {
                entry.set_phase(Phase::Head);
            }
        });
    }

    fn note_write(&self) {
        self.with_entry(|entry| {
            if entry.phase == Phase::Idle {
                entry.since = Instant::now();
            }
        });
    }
}

/// A stream whose traffic decides when its connection is idle.
#[derive(Debug)]
struct WatchedStream {
    stream: TcpStream,
    state: ConnectionState,
}

impl AsyncRead for WatchedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.state.note_read();
        }
        result
    }
}

impl AsyncWrite for WatchedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        if matches!(result, Poll::Ready(Ok(1..))) {
            self.state.note_write();
        }
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_idle_connection_makes_room() {
        let connections = Connections(Arc::new(Mutex::new(Pool { max: 2, next_id: 0, open: Vec::new() })));
        let (used, idle) = (connections.open(), connections.open());
        used.state().start_processing();
        let third = connections.open();
        assert!(idle.close.is_cancelled() && !used.close.is_cancelled() && !third.close.is_cancelled());
        third.state().start_processing();
        let _fourth = connections.open();
        assert!(
            !used.close.is_cancelled() && !third.close.is_cancelled(),
            "requests in progress are finished"
        );
    }

    #[test]
    fn bodies_share_a_limit() {
        let connections = Connections::default();
        let sending: Vec<_> = (0..40).map(|_| connections.open()).collect();
        for connection in &sending {
            connection.state().start_body();
            connection.state().reserve(1024 * 1024);
        }
        assert!(connections.lock().reserved() <= MAX_BODY_MEMORY);
        let closed = sending.iter().filter(|connection| connection.close.is_cancelled()).count();
        assert!(closed == 8 && sending[0].close.is_cancelled() && !sending[39].close.is_cancelled());
    }
}
