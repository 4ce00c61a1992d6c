//! The emulator until somebody ends it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::begin::{Account, Beginning};
use super::callbacks::CallbackArgs;
use super::ready::Ready;
use super::switches;
use crate::commands::listen;
use crate::context::{Context, Interruption};
use crate::emulator::{Callbacks, Delivered, Ending, Events, Notice, Server};
use crate::error::{Error, Exit, Kind};
use crate::terminal::{Lines, Terminal};
use crate::text::count;

/// How long open requests may take to finish once the end has come.
const LAST_PATIENCE: Duration = Duration::from_secs(5);

/// How long lines that nobody has read yet are waited for at the end.
const PATIENCE_WITH_READERS: Duration = Duration::from_secs(1);

/// What it serves, and where.
#[derive(Debug, clap::Args)]
pub(super) struct ServeArgs {
    /// Where to listen; port 0 is one that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4010", value_parser = listen::address)]
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
    /// Decide what the description of the API leaves open; can be repeated, and --help lists all
    #[arg(long = "switch", value_name = "NAME=VALUE", value_parser = switches::parse, long_help = switches::help())]
    switches: Vec<(String, String)>,
    /// Write the base URL to this file as soon as it listens, and remove the file at the end
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    #[command(flatten)]
    callbacks: CallbackArgs,
}

impl ServeArgs {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Error> {
        let Self { listen, public, state, seed, switches, ready_file, callbacks } = self;
        let why = "others on the network could use the emulator there, because everybody knows its key";
        listen::check(listen, public, why)?;
        let begin = Beginning::read(seed, switches)?;
        let callbacks = callbacks.resolve()?;
        context.handle_interruption();
        context.wait_for(async {
            let terminal = &*context.terminal;
            let account = begin.account(state, terminal).await?;
            let listener = listen::bind(listen).await?;
            let cannot_start =
                |error: std::io::Error| Error::new(Kind::Bug, format!("cannot start: {error}"));
            let (server, events) = match account {
                Account::Memory(emulator) => {
                    let events = emulator.events();
                    (Server::new(listener, emulator), events)
                }
                Account::File(local) => {
                    let events = local.events();
                    (Server::on_file(listener, local), events)
                }
            };
            let ready = Ready::at(server.address().map_err(cannot_start)?);
            // From here on it ends when it is told to, and not before.
            let interruption = context.interruption();
            let ready_file = ready_file.map(|path| ready.write(path, terminal.format())).transpose()?;
            ready.show(terminal)?;
            greet(terminal, listen, &ready);
            let log = terminal.log().map_err(cannot_start)?;
            let (lines, manner) = (log.lines(), LogManner::of(terminal));
            let of_callbacks = lines.clone();
            let server = server.observed_by(move |notice| manner.note(notice, &lines));
            let callbacks = callbacks.map(|callbacks| {
                callbacks.observed_by(move |delivered| manner.note_callback(delivered, &of_callbacks))
            });
            let undelivered = until_told(server, callbacks, events, interruption).await;
            drop(ready_file);
            if undelivered > 0 {
                let callbacks = count(undelivered, "callback");
                terminal.warn(&format!("not acknowledged, and not sent again: {callbacks}"));
            }
            log.finish(PATIENCE_WITH_READERS);
            Ok(Exit::Done)
        })
    }
}

/// Serves until somebody ends it, and then until the open requests are done and what happened is told, time is up, or
/// it is ended again. Gives how many callbacks are not acknowledged then.
async fn until_told(
    server: Server,
    callbacks: Option<Callbacks>,
    events: Events,
    mut interruption: Interruption,
) -> usize {
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (done, all_served) = tokio::sync::oneshot::channel::<()>();
    let undelivered = callbacks.as_ref().map(Callbacks::undelivered);
    let serving = async {
        server.serve(async { drop(stopped.await) }).await;
        drop(done);
    };
    let telling = async {
        if let Some(callbacks) = callbacks {
            // Only an event that cannot be signed ends it early, and there is none.
            let _ = callbacks.deliver(events, async { drop(all_served.await) }).await;
        }
    };
    let mut working = std::pin::pin!(async { tokio::join!(serving, telling) });
    tokio::select! {
        _ = &mut working => {}
        _ = interruption.come() => {
            drop(stop);
            tokio::select! {
                _ = working => {}
                _ = interruption.come() => {}
                () = tokio::time::sleep(LAST_PATIENCE) => {}
            }
        }
    }
    undelivered.map_or(0, |undelivered| undelivered.get())
}

fn greet(terminal: &Terminal, listen: SocketAddr, ready: &Ready) {
    let url = &ready.url;
    terminal.note(&format!(
        "An emulator of the API: no payment here is real. Ctrl-C ends it.\n  \
         its key: see `kustom dev emulator --help`\n  what it is: {url}/"
    ));
    if !listen.ip().is_loopback() {
        terminal.warn("everybody on the network can use this emulator, because everybody knows its key");
    }
}

/// How what happens is told on stderr.
#[derive(Clone, Copy)]
struct LogManner {
    is_quiet: bool,
    is_json: bool,
}

impl LogManner {
    fn of(terminal: &Terminal) -> Self {
        Self { is_quiet: terminal.is_quiet(), is_json: terminal.format().is_json() }
    }

    fn note(self, notice: &Notice<'_>, lines: &Lines) {
        match notice {
            Notice::Served(_) if self.is_quiet => {}
            Notice::Served(served) => {
                let (status, words) = match served.ending {
                    Ending::Answered(status) => (Some(status.as_u16()), status.as_u16().to_string()),
                    Ending::Abandoned => (None, "the client hung up".to_owned()),
                };
                let (method, path, ms) = (&served.method, &served.path, served.took.as_millis());
                lines.write(if self.is_json {
                    let ms = u64::try_from(ms).unwrap_or(u64::MAX);
                    let request =
                        json!({"method": method.as_str(), "path": path, "status": status, "ms": ms});
                    json!({ "request": request }).to_string()
                } else {
                    format!("{method} {path} {words} {ms} ms")
                });
            }
            Notice::StateFile(error) => lines.write(if self.is_json {
                json!({"warning": {"message": error.to_string()}}).to_string()
            } else {
                format!("warning: {error}")
            }),
        }
    }

    /// An event, its session, which attempt it was and what came of it. Where it is posted to is not told: a URL can
    /// hold a secret.
    fn note_callback(self, delivered: &Delivered<'_>, lines: &Lines) {
        let Delivered { event, attempt, outcome, again_in } = delivered;
        // What was not acknowledged is no mere talk.
        if self.is_quiet && again_in.is_none() {
            return;
        }
        let again_ms = again_in.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        lines.write(if self.is_json {
            let (status, error) = match outcome {
                Ok(status) => (Some(status), None),
                Err(reason) => (None, Some(reason)),
            };
            let callback = json!({
                "type": event.kind.as_str(), "id": event.callback().id, "session_id": event.session_id,
                "attempt": attempt, "status": status, "error": error, "again_in_ms": again_ms,
            });
            json!({ "callback": callback }).to_string()
        } else {
            let came = match outcome {
                Ok(status) => status.to_string(),
                Err(reason) => reason.clone(),
            };
            let again = again_ms.map(|ms| format!(", again in {ms} ms")).unwrap_or_default();
            let (kind, session) = (&event.kind, event.session_id);
            format!("callback {kind} {session} attempt {attempt}: {came}{again}")
        });
    }
}
