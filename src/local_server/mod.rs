//! What the servers on this machine share: the emulator, the listener for callbacks, and their pages.

mod body_buffer;
mod connections;
mod request_source;

use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::HttpService;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

pub(crate) use self::body_buffer::BodyBuffer;
use self::connections::WatchedStream;
pub(crate) use self::connections::{BodyError, ConnectionState, Connections};
pub(crate) use self::request_source::{check_host, check_origin};

/// For the headers of a request, and for what is received while nobody reads the body.
const CONNECTION_BUFFER_SIZE: usize = 16 * 1024;

/// How long to wait after a failed accept, as when the process has too many open files.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// Accepts the next connection. The future can be dropped at any time.
pub(crate) async fn accept(listener: &TcpListener) -> TcpStream {
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

/// Serves HTTP/1.1 on a connection, whose state says when it is idle.
pub(crate) fn serve_http<S, B>(
    stream: TcpStream,
    state: ConnectionState,
    service: S,
) -> http1::Connection<TokioIo<WatchedStream<TcpStream>>, S>
where
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let stream = TokioIo::new(WatchedStream::new(stream, state));
    http1::Builder::new().max_buf_size(CONNECTION_BUFFER_SIZE).serve_connection(stream, service)
}
