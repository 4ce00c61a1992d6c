//! Serves deliveries over HTTP.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;

use super::handler::Handler;
use crate::context::App;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::local_server::Connections;

/// How long responses in flight may take after the last delivery.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

const STDOUT_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Serves deliveries until there is a reason to exit, then completes the responses in flight.
pub(super) async fn serve(
    listener: &TcpListener,
    handler: &Handler<'_>,
    address: SocketAddr,
    app: &App,
) -> Result<ExitStatus, Error> {
    let graceful = GracefulShutdown::new();
    let limits = Connections::default();
    // The handler is not `Send`, so all connections run in this task.
    let mut connections = FuturesUnordered::new();
    let mut stdout_poll = tokio::time::interval(STDOUT_POLL_INTERVAL);
    let mut timeout = pin!(async {
        match app.settings.timeout {
            Some(timeout) => tokio::time::sleep(timeout).await,
            None => std::future::pending().await,
        }
    });
    let result = loop {
        tokio::select! {
            biased;
            () = app.cancel.cancelled() => break match handler.exit_after {
                None => Ok(ExitStatus::Success),
                Some(_) => Err(Error::new(ErrorKind::Interrupted, "interrupted before the expected delivery")),
            },
            () = handler.stop.cancelled() => {
                break handler.print_error.take().map_or(Ok(ExitStatus::Success), Err);
            }
            Some(()) = connections.next(), if !connections.is_empty() => {}
            (stream, connection) = limits.accept(listener) => {
                connections.push(connection.serve(stream, &graceful, |request, state| async move {
                    handler.handle(request, &state, address).await
                }));
            }
            () = &mut timeout => break match (&handler.exit_after, handler.accepted.get()) {
                (None, 1..) => Ok(ExitStatus::Success),
                _ => Ok(ExitStatus::NoDelivery),
            },
            _ = stdout_poll.tick() => if app.output.is_stdout_closed() {
                break Err(Error::new(ErrorKind::ClosedPipe, "stdout was closed"));
            },
        }
    };
    handler.stop.cancel();
    let complete_responses = async { while connections.next().await.is_some() {} };
    let shutdown = async { tokio::join!(graceful.shutdown(), complete_responses) };
    let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, shutdown).await;
    result
}
