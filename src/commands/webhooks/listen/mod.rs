//! `kustom webhooks listen`

mod dedup;
pub(super) mod delivery;
mod forward;
mod handler;
mod server;
mod wait;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use tokio::sync::oneshot;

use self::handler::DeliveryHandler;
use self::wait::{ExitAfter, ListenLoop};
use clap_complete::engine::ArgValueCompleter;

use crate::args;
use crate::callback_poster::CallbackEndpoint;
use crate::commands::help::text::after_help;
use crate::commands::listen_address::{self, ReadyFile};
use crate::complete;
use crate::context::App;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::output::Output;
use crate::webhooks::Verifier;

/// How long an application may take with a delivery that is passed on to it.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long answers may take to get through once the end has come.
const LAST_PATIENCE: Duration = Duration::from_secs(5);

const MORE: &str = "\
Examples:
  kustom webhooks listen --secret-file secret.txt --exit-after session.finalized --timeout 10m
  kustom webhooks listen --secret-file secret.txt --resolve -o ndjson --exit-after 1
  kustom webhooks listen --secret-file secret.txt --exit-after 1 \\
      --forward-to http://127.0.0.1:8080/callbacks

Next:
  kustom dev trigger session.finalized --to http://127.0.0.1:4011 --secret-file FILE
";

/// Receive callbacks, verify them and show them
///
/// Listens on this machine; let a tunnel of your own bring callbacks there. What does not verify is refused with 401 and
/// shown; what came before is dropped. It runs until Ctrl-C, or until --exit-after or --timeout ends it: exit 13 if it
/// ended without what it was waiting for.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// The secret of the endpoint, of the form whsec_…, is in this file; can be repeated, as during a rotation
    #[arg(long, value_name = "FILE", required = true, value_parser = args::secret_file)]
    secret_file: Vec<PathBuf>,
    /// Where to listen; port 0 is one that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4011", value_parser = listen_address::parse_address)]
    listen: SocketAddr,
    /// Listen where others on the network can reach it too
    #[arg(long)]
    public: bool,
    /// Read each session back with the profile's key, and settle by it what the journal does not know
    #[arg(long)]
    resolve: bool,
    /// Pass what verifies on as it came, and answer what the application answers: https, or plain http to this machine
    #[arg(long, value_name = "URL")]
    forward_to: Option<String>,
    /// End after an event such as session.finalized was accepted, or after so many of any kind
    #[arg(add = ArgValueCompleter::new(complete::events))]
    #[arg(long, value_name = "EVENT|N", value_parser = ExitAfter::parse)]
    exit_after: Option<ExitAfter>,
    /// Write the URL to this file as soon as it listens, with -o json or ndjson as an object, and remove the file at the end
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { secret_file, listen, public, resolve, forward_to, exit_after, ready_file } = self;
        listen_address::check_address(listen, public, "other machines could send deliveries")?;
        let secrets = args::read_secrets(&secret_file)?;
        let forward_to = forward_to.map(|url| CallbackEndpoint::new(&url, FORWARD_TIMEOUT)).transpose();
        let desk = DeliveryHandler {
            verifier: Verifier::new(&secrets)
                .map_err(|error| Error::new(ErrorKind::Bug, error.to_string()))?,
            output: &app.output,
            resolver: if resolve { Some(app.connect_to_wait()?) } else { None },
            forward_to: forward_to
                .map_err(|error| Error::usage(format!("--forward-to cannot be used: {error}")))?,
            repeats: RefCell::default(),
        };
        app.block_on_with_cleanup(async {
            let output = &*app.output;
            let listener = listen_address::bind(listen).await?;
            let url = match listener.local_addr() {
                Ok(address) => format!("http://{address}/"),
                Err(error) => return Err(Error::new(ErrorKind::Bug, format!("cannot start: {error}"))),
            };
            let ready_file = ready_file.map(|path| ReadyFile::write(path, ready_line(&url, output)));
            let _ready_file = ready_file.transpose()?;
            greet(&url, output);
            let (stop, stopped) = oneshot::channel::<()>();
            let (arrived, serving) = server::serve(listener, async { drop(stopped.await) });
            let mut serving = std::pin::pin!(serving);
            let wait = ListenLoop::new(exit_after, app.settings.timeout, &desk);
            let result = tokio::select! {
                biased;
                result = wait.run(arrived, &app.cancel) => result,
                ended = &mut serving => {
                    let why = ended.err().map(|error| format!(": {error}")).unwrap_or_default();
                    Err(Error::new(ErrorKind::Bug, format!("the server ended{why}")))
                }
            };
            drop(stop);
            let _ = tokio::time::timeout(LAST_PATIENCE, serving).await;
            result
        })
    }
}

fn ready_line(url: &str, output: &Output) -> String {
    if output.format().is_json() { format!("{}\n", json!({ "url": url })) } else { format!("{url}\n") }
}

/// Says on stderr where it listens: stdout is for deliveries.
fn greet(url: &str, output: &Output) {
    if output.format().is_json() && !output.is_quiet() {
        output.message(&json!({"ready": {"url": url}}).to_string());
    }
    output.status(&format!("Listening at {url}; Ctrl-C ends it."));
}
