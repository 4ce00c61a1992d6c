pub(super) mod delivery;
mod forward;
mod handler;
mod response;
mod seen;

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use clap_complete::engine::ArgValueCompleter;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use jiff::Timestamp;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::delivery::Delivery;
use self::handler::Handler;
use self::seen::SeenDeliveries;
use crate::args;
use crate::callback_poster::CallbackEndpoint;
use crate::commands::help::text::after_help;
use crate::commands::listen_address::{self, ReadyFile};
use crate::complete;
use crate::context::App;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::fs::io_error_message;
use crate::model::CallbackType;
use crate::output::Output;
use crate::server_limits::{CONNECTION_BUFFER_SIZE, Connections, WatchedStream};
use crate::webhooks::Verifier;

/// Timeout for the application of `--forward-to`.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long responses in flight may take after the last delivery.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

const STDOUT_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How long the reader of stdout may take at the end.
const FINAL_PRINT_TIMEOUT: Duration = Duration::from_millis(500);

const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

const MORE: &str = "\
Examples:
  kustom webhooks listen --secret-file secret.txt --exit-after session.finalized --timeout 10m
  kustom webhooks listen --secret-file secret.txt --resolve -o ndjson --exit-after 1
  kustom webhooks listen --secret-file secret.txt --exit-after 1 \\
      --forward-to http://127.0.0.1:8080/callbacks

Next:
  kustom dev trigger session.finalized --to http://127.0.0.1:4011 --secret-file FILE
";

/// Receive, verify and print callbacks
///
/// kustom listens on this machine; use a tunnel to receive callbacks from the service. It responds to an invalid delivery
/// with 401 and drops duplicates. It runs until Ctrl-C, --exit-after or --timeout, and exits with 13 if the timeout ended
/// it before the expected delivery.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// File with the callback secret (whsec_…); repeat it while secrets are rotated
    #[arg(long, value_name = "FILE", required = true, value_parser = args::parse_secret_file)]
    secret_file: Vec<PathBuf>,
    /// Address to listen on; port 0 selects a free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4011", value_parser = listen_address::parse_address)]
    listen: SocketAddr,
    /// Allow an address that other machines can reach
    #[arg(long)]
    public: bool,
    /// Read each session with the profile's key, and resolve unknown attempts in the ledger
    #[arg(long)]
    resolve: bool,
    /// URL to forward valid deliveries to, and whose response to return: https, or http on this machine
    #[arg(long, value_name = "URL")]
    forward_to: Option<String>,
    /// Exit after an event such as session.finalized, or after a number of accepted deliveries
    #[arg(add = ArgValueCompleter::new(complete::events))]
    #[arg(long, value_name = "EVENT|N", value_parser = ExitAfter::parse)]
    exit_after: Option<ExitAfter>,
    /// File to write the URL to when kustom listens (JSON with -o json and ndjson); removed on exit
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

/// The value of `--exit-after`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ExitAfter {
    /// Number of accepted deliveries.
    Count(u64),
    Event(CallbackType),
}

impl ExitAfter {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(0) => Err("write a number from 1".to_owned()),
            Ok(count) => Ok(Self::Count(count)),
            Err(_) => args::parse_callback_type(text).map(Self::Event),
        }
    }

    pub(super) fn is_met(&self, accepted: u64, last: &Delivery) -> bool {
        match self {
            Self::Count(count) => accepted >= *count,
            Self::Event(kind) => last.kind.as_deref() == Some(kind.as_str()),
        }
    }
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { secret_file, listen, public, resolve, forward_to, exit_after, ready_file } = self;
        listen_address::check_address(listen, public, "other machines could send deliveries")?;
        let secrets = args::read_secrets(&secret_file, &app.output)?;
        let forward_to = forward_to.map(|url| CallbackEndpoint::new(&url, FORWARD_TIMEOUT)).transpose();
        let output = &*app.output;
        let handler = Handler {
            verifier: Verifier::new(&secrets)
                .map_err(|error| Error::new(ErrorKind::Bug, error.to_string()))?,
            output,
            resolver: if resolve { Some(app.connect_to_wait()?) } else { None },
            forward_to: forward_to
                .map_err(|error| Error::usage(format!("--forward-to cannot be used: {error}")))?,
            exit_after,
            seen: SeenDeliveries::open(&app.settings.paths.state, Timestamp::now()).map_err(|error| {
                let reason = io_error_message(&error);
                Error::usage(format!("cannot read the acknowledged deliveries: {reason}"))
                    .hint("fix the state folder, or name another one in KUSTOM_STATE")
            })?,
            list: RefCell::new(output.list_writer()?.streaming()),
            accepted: Cell::default(),
            print_error: RefCell::default(),
            stop: CancellationToken::new(),
        };
        app.block_on_with_cleanup(async {
            let listener = listen_address::bind(listen).await?;
            let address = listener.local_addr();
            let address =
                address.map_err(|error| Error::new(ErrorKind::Bug, format!("cannot start: {error}")))?;
            let url = format!("http://{address}/");
            let ready_file = ready_file.map(|path| ReadyFile::write(path, ready_line(&url, output)));
            let _ready_file = ready_file.transpose()?;
            print_ready(&url, output);
            output.serve();
            let status = serve(&listener, &handler, address, app).await;
            if status.as_ref().is_ok_and(|status| *status == ExitStatus::NoDelivery) {
                output.warn(&handler.timeout_message());
            }
            if !output.format().is_table() {
                let finished = handler.list.into_inner().finish();
                // The reason for the end comes first.
                status.as_ref().map_or(Ok(()), |_| finished)?;
            }
            let flushed = output.flush_within(FINAL_PRINT_TIMEOUT).await;
            let is_late = !output.is_flushed();
            status.and_then(|status| if is_late { Ok(status) } else { flushed.map(|()| status) })
        })
    }
}

/// Serves deliveries until there is a reason to exit, then completes the responses in flight.
async fn serve(
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
            accepted = listener.accept(), if limits.has_room() => match accepted {
                Ok((stream, _)) => {
                    let connection = limits.open();
                    let state = connection.state();
                    let stream = TokioIo::new(WatchedStream::new(stream, state.clone()));
                    let service = service_fn(move |request| {
                        let state = state.clone();
                        async move { handler.handle(request, &state, address).await }
                    });
                    let serving = http1::Builder::new()
                        .max_buf_size(CONNECTION_BUFFER_SIZE)
                        .serve_connection(stream, service);
                    connections.push(connection.serve(graceful.watch(serving)));
                }
                // The process may have too many open files.
                Err(_) => tokio::time::sleep(ACCEPT_BACKOFF).await,
            },
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

fn ready_line(url: &str, output: &Output) -> String {
    if output.format().is_json() { format!("{}\n", json!({ "url": url })) } else { format!("{url}\n") }
}

/// Goes to stderr, because stdout is for deliveries.
fn print_ready(url: &str, output: &Output) {
    if output.format().is_json() && !output.is_quiet() {
        output.message(&json!({"ready": {"url": url}}).to_string());
    }
    output.status(&format!("Listening at {url}; press Ctrl-C to stop."));
}
