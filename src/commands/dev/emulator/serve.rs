//! The emulator until somebody ends it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::callbacks::CallbackArgs;
use super::initial_state::{EmulatorBackend, InitialState};
use super::log::RequestLogFormat;
use super::options::{options_help, parse_option};
use super::ready::Ready;
use crate::commands::listen_address;
use crate::context::App;
use crate::emulator::{Callbacks, EventQueue, Fault, FaultTable, Faults, Server};
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::output::Output;
use crate::text::pluralize;

/// How a fault is written.
const FAULT_HELP: &str = "\
Let something go wrong; can be repeated. The first fault that is about a request hits it:

  METHOD PATH: WHAT [HOW OFTEN]      METHOD can be *, and so can a part of PATH

  POST /ipp/v1/sessions: 503 x2                  twice, without carrying it out
  * /ipp/v1/*: 429 retry-after=3 10%             one request in ten, of all
  GET /ipp/v1/sessions/{id}: delay=2s            answered late
  POST /ipp/v1/sessions: drop once               not carried out, and no answer
  POST /ipp/v1/sessions: truncate                carried out; half of the answer
  POST /ipp/v1/sessions: drop-after-response-headers
                                                 carried out; none of the body";

/// How long open requests may take to finish once the end has come.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// What it serves, and where.
#[derive(Debug, clap::Args)]
pub(super) struct ServeArgs {
    /// Where to listen; port 0 is one that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4010", value_parser = listen_address::parse_address)]
    listen: SocketAddr,
    /// Listen where others on the network can use it too
    #[arg(long)]
    public: bool,
    /// Keep the state in this file, which others may use at the same time; in memory unless told otherwise
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Begin with the locations and devices in this file (TOML) where there is no state yet
    #[arg(long, value_name = "FILE")]
    seed: Option<PathBuf>,
    /// Set an option of the emulator's behavior; can be repeated, and --help lists all options
    #[arg(long = "option", alias = "switch", value_name = "NAME=VALUE", value_parser = parse_option, long_help = options_help())]
    options: Vec<(String, String)>,
    /// Let something go wrong, such as 'POST /ipp/v1/sessions: 503 x2'; can be repeated, and --help shows how
    #[arg(long = "fault", value_name = "FAULT", long_help = FAULT_HELP)]
    faults: Vec<Fault>,
    /// What the percentages of faults are drawn from: the same number and the same requests give the same faults
    #[arg(long, value_name = "NUMBER")]
    fault_seed: Option<u32>,
    /// Write the base URL to this file as soon as it listens, with -o json or ndjson as an object, and remove the file at the
    /// end
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    #[command(flatten)]
    callbacks: CallbackArgs,
}

impl ServeArgs {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { listen, public, state, seed, options, faults, fault_seed, ready_file, callbacks } = self;
        let why = "others on the network could use the emulator there, because everybody knows its key";
        listen_address::check_address(listen, public, why)?;
        let begin = InitialState::read(seed, options)?;
        let faults = table(faults, fault_seed)?;
        let callbacks = callbacks.resolve()?;
        app.block_on_with_cleanup(async {
            let output = &*app.output;
            let account = begin.account(state, faults, output).await?;
            let listener = listen_address::bind(listen).await?;
            let cannot_start =
                |error: std::io::Error| Error::new(ErrorKind::Bug, format!("cannot start: {error}"));
            let (server, events) = match account {
                EmulatorBackend::Memory(emulator) => {
                    let events = emulator.events();
                    (Server::new(listener, &emulator), events)
                }
                EmulatorBackend::File(local) => {
                    let events = local.events();
                    (Server::with_file_backend(listener, &local), events)
                }
            };
            let ready = Ready::at(server.address().map_err(cannot_start)?);
            let ready_file = ready_file.map(|path| ready.write(path, output.format())).transpose()?;
            ready.show(output)?;
            print_banner(output, listen, &ready);
            let manner = RequestLogFormat::of(output);
            let server = server.with_observer(move |notice| manner.log_request(notice));
            let callbacks = callbacks
                .map(|callbacks| callbacks.with_observer(move |delivered| manner.log_callback(delivered)));
            let undelivered = serve_until_interrupted(server, callbacks, events, app).await;
            drop(ready_file);
            if undelivered > 0 {
                let callbacks = pluralize(undelivered, "callback");
                output.warn(&format!("not acknowledged, and not sent again: {callbacks}"));
            }
            Ok(ExitStatus::Success)
        })
    }
}

fn table(faults: Vec<Fault>, seed: Option<u32>) -> Result<Faults, Error> {
    let mut table = seed.map_or_else(FaultTable::default, FaultTable::new);
    for fault in faults {
        table.add(fault).ok_or_else(|| Error::usage("there are too many faults: give fewer of them"))?;
    }
    Ok(Faults::new(table))
}

/// Serves until somebody ends it, and then until the open requests are done and what happened is told, time is up, or
/// it is ended again. Gives how many callbacks are not acknowledged then.
async fn serve_until_interrupted(
    server: Server,
    callbacks: Option<Callbacks>,
    events: EventQueue,
    app: &App,
) -> usize {
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (done, all_served) = tokio::sync::oneshot::channel::<()>();
    let undelivered = callbacks.as_ref().map(Callbacks::pending_count);
    let serving = async {
        server.serve(async { drop(stopped.await) }).await;
        drop(done);
    };
    let telling = async {
        if let Some(callbacks) = callbacks {
            callbacks.deliver(events, async { drop(all_served.await) }).await;
        }
    };
    let mut working = std::pin::pin!(async { tokio::join!(serving, telling) });
    tokio::select! {
        _ = &mut working => {}
        () = app.cancel.cancelled() => {
            drop(stop);
            tokio::select! {
                _ = working => {}
                () = app.abort.cancelled() => {}
                () = tokio::time::sleep(SHUTDOWN_TIMEOUT) => {}
            }
        }
    }
    undelivered.map_or(0, |undelivered| undelivered.get())
}

fn print_banner(output: &Output, listen: SocketAddr, ready: &Ready) {
    let url = &ready.url;
    output.status(&format!(
        "An emulator of the API: no payment here is real. Ctrl-C ends it.\n  \
         its key: see `kustom dev emulator --help`\n  what it is: {url}/"
    ));
    if !listen.ip().is_loopback() {
        output.warn("everybody on the network can use this emulator, because everybody knows its key");
    }
}
