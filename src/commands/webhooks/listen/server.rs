//! Serves deliveries over HTTP.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;

use super::handler::Handler;
use crate::context::App;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::local_server;

const STDOUT_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Serves deliveries until there is a reason to exit, then completes the responses in flight.
pub(super) async fn serve(
    listener: TcpListener,
    handler: &Handler<'_>,
    address: SocketAddr,
    app: &App,
) -> Result<ExitStatus, Error> {
    let stop = async {
        let result = wait_for_exit(handler, app).await;
        handler.stop.cancel();
        result
    };
    let respond = async |request, connection| handler.handle(request, connection, address).await;
    local_server::serve(listener, respond, stop).await
}

async fn wait_for_exit(handler: &Handler<'_>, app: &App) -> Result<ExitStatus, Error> {
    let stdout_closed = async {
        while !app.output.is_stdout_closed() {
            tokio::time::sleep(STDOUT_POLL_INTERVAL).await;
        }
    };
    tokio::select! {
        biased;
        () = app.cancel.cancelled() => match handler.exit_after {
            None => Ok(ExitStatus::Success),
            Some(_) => Err(Error::new(ErrorKind::Interrupted, "interrupted before the expected delivery")),
        },
        () = handler.stop.cancelled() => handler.print_error.take().map_or(Ok(ExitStatus::Success), Err),
        () = tokio::time::sleep(app.settings.timeout.unwrap_or(Duration::MAX)) => {
            match (&handler.exit_after, handler.accepted.get()) {
                (None, 1..) => Ok(ExitStatus::Success),
                _ => Ok(ExitStatus::NoDelivery),
            }
        }
        () = stdout_closed => Err(Error::new(ErrorKind::ClosedPipe, "stdout was closed")),
    }
}
