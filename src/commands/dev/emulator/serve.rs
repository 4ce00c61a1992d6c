//! `kustom dev emulator` without a subcommand

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap_complete::engine::ArgValueCompleter;

use super::callbacks::CallbackArgs;
use super::initial_state::{EmulatorBackend, InitialState};
use super::log::RequestLogFormat;
use super::options::{complete_option, options_help, parse_option};
use super::ready::Ready;
use crate::commands::listen_address;
use crate::context::App;
use crate::emulator::{Callbacks, EventQueue, Fault, FaultTable, Faults, Server};
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::output::Output;
use crate::text::pluralize;

const FAULT_HELP: &str = "\
Inject a fault; can be repeated. A request is hit by the first fault that matches it:

  METHOD PATH: EFFECT [LIMIT]        METHOD and segments of PATH can be *

  POST /ipp/v1/sessions: 503 x2                  twice, without processing it
  * /ipp/v1/*: 429 retry-after=3 10%             one in ten of all requests
  GET /ipp/v1/sessions/{id}: delay=2s            a delayed response
  POST /ipp/v1/sessions: drop once               not processed, no response
  POST /ipp/v1/sessions: truncate                processed, half of the response
  POST /ipp/v1/sessions: drop-after-response-headers
                                                 processed, no response body";

/// For open requests and pending callbacks.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug, clap::Args)]
pub(super) struct ServeArgs {
    /// Address to listen on; port 0 chooses a free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4010", value_parser = listen_address::parse_address)]
    listen: SocketAddr,
    /// Allow an address that others on the network can reach
    #[arg(long)]
    public: bool,
    /// File to keep the state in, which several processes can share [default: in memory]
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// TOML file with the locations and devices of a new state
    #[arg(long, value_name = "FILE")]
    seed: Option<PathBuf>,
    /// Set an option of the emulator's behavior; can be repeated, and --help lists all options
    #[arg(add = ArgValueCompleter::new(complete_option))]
    #[arg(long = "option", alias = "switch", value_name = "NAME=VALUE", value_parser = parse_option, long_help = options_help())]
    options: Vec<(String, String)>,
    /// Inject a fault, such as 'POST /ipp/v1/sessions: 503 x2'; can be repeated, and --help describes the syntax
    #[arg(long = "fault", value_name = "FAULT", long_help = FAULT_HELP)]
    faults: Vec<Fault>,
    /// Seed for the percentages of faults: the same seed and the same requests give the same faults
    #[arg(long, value_name = "NUMBER")]
    fault_seed: Option<u32>,
    /// File to write the base URL to when the emulator is ready, with -o json or ndjson as an object; it is removed on
    /// exit
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    #[command(flatten)]
    callbacks: CallbackArgs,
}

impl ServeArgs {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { listen, public, state, seed, options, faults, fault_seed, ready_file, callbacks } = self;
        let reason = "others on the network could use the emulator, because its key is public";
        listen_address::check_address(listen, public, reason)?;
        let initial = InitialState::read(seed, options)?;
        let faults = fault_table(faults, fault_seed)?;
        let callbacks = callbacks.resolve()?;
        app.block_on_with_cleanup(async {
            let output = &*app.output;
            let backend = initial.create_backend(state, faults, output).await?;
            let listener = listen_address::bind(listen).await?;
            let cannot_start =
                |error: std::io::Error| Error::new(ErrorKind::Bug, format!("cannot start: {error}"));
            let (server, events) = match backend {
                EmulatorBackend::Memory(emulator) => {
                    let events = emulator.events();
                    (Server::new(listener, &emulator), events)
                }
                EmulatorBackend::File(emulator) => {
                    let events = emulator.events();
                    (Server::with_file_backend(listener, &emulator), events)
                }
            };
            let ready = Ready::new(server.address().map_err(cannot_start)?);
            let ready_file = ready_file.map(|path| ready.write(path, output.format())).transpose()?;
            ready.print(output)?;
            print_banner(output, listen, &ready);
            let format = RequestLogFormat::new(output);
            let server = server.with_observer(move |event| format.log_request(event));
            let callbacks = callbacks
                .map(|callbacks| callbacks.with_observer(move |delivery| format.log_callback(delivery)));
            let pending = serve_until_interrupted(server, callbacks, events, app).await;
            drop(ready_file);
            if pending > 0 {
                let callbacks = pluralize(pending, "callback");
                output.warn(&format!("not acknowledged before exit: {callbacks}"));
            }
            Ok(ExitStatus::Success)
        })
    }
}

fn fault_table(faults: Vec<Fault>, seed: Option<u32>) -> Result<Faults, Error> {
    let mut table = seed.map_or_else(FaultTable::default, FaultTable::new);
    for fault in faults {
        table.add(fault).ok_or_else(|| Error::usage("there are too many faults: use fewer of them"))?;
    }
    Ok(Faults::new(table))
}

/// Serves until the first interrupt, and then until open requests and callbacks are finished, the timeout is over, or
/// the second interrupt. Returns the number of callbacks that are not acknowledged.
async fn serve_until_interrupted(
    server: Server,
    callbacks: Option<Callbacks>,
    events: EventQueue,
    app: &App,
) -> usize {
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (done, all_served) = tokio::sync::oneshot::channel::<()>();
    let pending = callbacks.as_ref().map(Callbacks::pending_count);
    let serving = async {
        server.serve(async { drop(stopped.await) }).await;
        drop(done);
    };
    let delivering = async {
        if let Some(callbacks) = callbacks {
            callbacks.deliver(events, async { drop(all_served.await) }).await;
        }
    };
    let mut working = std::pin::pin!(async { tokio::join!(serving, delivering) });
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
    pending.map_or(0, |pending| pending.get())
}

fn print_banner(output: &Output, listen: SocketAddr, ready: &Ready) {
    let url = &ready.url;
    output.status(&format!(
        "An emulator of the API: no payment is real. Press Ctrl-C to stop it.\n  \
         its key: see `kustom dev emulator --help`\n  about: {url}/"
    ));
    if !listen.ip().is_loopback() {
        output.warn("others on the network can use this emulator, because its key is public");
    }
}
