//! `kustom webhooks listen`

pub(super) mod delivery;
mod desk;
mod forward;
mod receiver;
mod seen;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use self::delivery::{Delivery, Outcome};
use self::desk::Desk;
use self::receiver::Arrived;
use crate::commands::args;
use crate::commands::listen::{self, ReadyFile};
use crate::context::{Context, Interruption};
use crate::error::{Error, Exit, Kind};
use crate::model::CallbackType;
use crate::terminal::{Format, Listing, Show, Terminal};
use crate::webhooks::{Endpoint, Verifier};

/// How long an application may take with a delivery that is passed on to it.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long answers may take to get through once the end has come.
const LAST_PATIENCE: Duration = Duration::from_secs(5);

/// How often to look whether anybody reads what is shown.
const LOOK_AROUND: Duration = Duration::from_secs(1);

/// Receive callbacks, verify them and show them
///
/// Listens on this machine; let a tunnel of your own bring callbacks there. What does not verify is refused with 401 and
/// shown; what came before is dropped. It runs until Ctrl-C, or until --exit-after or --timeout ends it: exit 13 if it
/// ended without what it was waiting for.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The secret of the endpoint, of the form whsec_…, is in this file; can be repeated, as during a rotation
    #[arg(long, value_name = "FILE", required = true, value_parser = args::secret_file)]
    secret_file: Vec<PathBuf>,
    /// Where to listen; port 0 is one that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4011", value_parser = listen::address)]
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
    #[arg(long, value_name = "EVENT|N", value_parser = ExitAfter::parse)]
    exit_after: Option<ExitAfter>,
    /// Write the URL to this file as soon as it listens, and remove the file at the end
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

/// What ends the listening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ExitAfter {
    /// So many deliveries.
    Count(u64),
    /// One of this type.
    Event(CallbackType),
}

impl ExitAfter {
    fn parse(text: &str) -> Result<Self, String> {
        if let Ok(count) = text.parse() {
            return if count > 0 { Ok(Self::Count(count)) } else { Err("write a number from 1".to_owned()) };
        }
        args::callback_type(text).map(Self::Event)
    }

    fn is_met(&self, accepted: u64, last: &Delivery) -> bool {
        match self {
            Self::Count(count) => accepted >= *count,
            Self::Event(kind) => last.kind.as_deref() == Some(kind.as_str()),
        }
    }
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Error> {
        let Self { secret_file, listen, public, resolve, forward_to, exit_after, ready_file } = self;
        listen::check(listen, public, "others on the network could reach it there")?;
        let secrets = args::read_secrets(&secret_file)?;
        let forward_to = forward_to.map(|url| Endpoint::new(&url, FORWARD_TIMEOUT)).transpose();
        let desk = Desk {
            verifier: Verifier::new(&secrets).map_err(|error| Error::new(Kind::Bug, error.to_string()))?,
            terminal: &context.terminal,
            resolver: if resolve { Some(context.connect()?) } else { None },
            forward_to: forward_to
                .map_err(|error| Error::usage(format!("--forward-to cannot be used: {error}")))?,
            repeats: RefCell::default(),
        };
        context.handle_interruption();
        context.wait_for(async {
            let terminal = &*context.terminal;
            let listener = listen::bind(listen).await?;
            let url = match listener.local_addr() {
                Ok(address) => format!("http://{address}/"),
                Err(error) => return Err(Error::new(Kind::Bug, format!("cannot start: {error}"))),
            };
            // From here on it ends when it is told to, and not before.
            let interruption = context.interruption();
            let ready_file = ready_file.map(|path| ReadyFile::write(path, ready_line(&url, terminal)));
            let _ready_file = ready_file.transpose()?;
            greet(&url, terminal);
            let (stop, stopped) = oneshot::channel::<()>();
            let (arrived, serving) = receiver::serve(listener, async { drop(stopped.await) });
            let mut serving = std::pin::pin!(serving);
            let wait = Wait { exit_after, timeout: context.settings.timeout, accepted: 0 };
            let result = tokio::select! {
                biased;
                result = wait.run(&desk, arrived, interruption) => result,
                ended = &mut serving => {
                    let why = ended.err().map(|error| format!(": {error}")).unwrap_or_default();
                    Err(Error::new(Kind::Bug, format!("the server ended{why}")))
                }
            };
            drop(stop);
            let _ = tokio::time::timeout(LAST_PATIENCE, serving).await;
            result
        })
    }
}

/// What is waited for.
struct Wait {
    exit_after: Option<ExitAfter>,
    timeout: Option<Duration>,
    accepted: u64,
}

impl Wait {
    async fn run(
        mut self,
        desk: &Desk<'_>,
        mut arrived: mpsc::Receiver<Arrived>,
        mut interruption: Interruption,
    ) -> Result<Exit, Error> {
        let time_up = async {
            match self.timeout {
                Some(limit) => tokio::time::sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        let mut time_up = std::pin::pin!(time_up);
        let mut look = tokio::time::interval(LOOK_AROUND);
        let mut page = Page::new(desk.terminal);
        let mut deciding = FuturesUnordered::new();
        let exit = loop {
            tokio::select! {
                biased;
                _ = interruption.come() => break match self.exit_after {
                    None => Exit::Done,
                    Some(_) => return Err(Error::new(Kind::Interrupted, "interrupted before it came")),
                },
                Some((answer, delivery, back)) = deciding.next(), if !deciding.is_empty() => {
                    let answer: receiver::Answer = answer;
                    let mut is_met = false;
                    if let Some(mut delivery) = delivery {
                        let delivery: &mut Delivery = &mut delivery;
                        delivery.status = Some(answer.status.as_u16());
                        // What could not be shown is not acknowledged.
                        page.show(delivery)?;
                        if delivery.outcome == Outcome::Accepted {
                            self.accepted += 1;
                            is_met = self.exit_after.as_ref().is_some_and(|wanted| wanted.is_met(self.accepted, delivery));
                        }
                    }
                    // Who has hung up will send it again.
                    let back: oneshot::Sender<receiver::Answer> = back;
                    let _ = back.send(answer);
                    if is_met {
                        break Exit::Done;
                    }
                }
                Some(Arrived { headers, body, answer: back }) = arrived.recv() => deciding.push(async move {
                    let (answer, delivery) = desk.decide(&headers, &body).await;
                    (answer, delivery, back)
                }),
                () = &mut time_up => break match (&self.exit_after, self.accepted) {
                    (None, 1..) => Exit::Done,
                    _ => Exit::NothingCame,
                },
                _ = look.tick() => if desk.terminal.is_left_alone() {
                    return Err(Error::new(Kind::ClosedPipe, "nobody reads any more"));
                },
            }
        };
        page.finish()?;
        if exit == Exit::NothingCame {
            let what = match &self.exit_after {
                Some(ExitAfter::Event(kind)) => format!("{kind} did not come in time"),
                Some(ExitAfter::Count(count)) => format!("{} of {count} came in time", self.accepted),
                None => "nothing came in time".to_owned(),
            };
            desk.terminal.warn(&what);
        }
        Ok(exit)
    }
}

/// Where deliveries are shown: a line each, as they come, or an array at the end.
struct Page<'a> {
    terminal: &'a Terminal,
    listing: Listing<'a, Delivery>,
    show: Show,
}

impl<'a> Page<'a> {
    fn new(terminal: &'a Terminal) -> Self {
        Self { terminal, listing: terminal.listing(), show: Show::here() }
    }

    fn show(&mut self, delivery: &Delivery) -> Result<(), Error> {
        if self.terminal.format() == Format::Table {
            self.terminal.data(&format!("{}\n", delivery.line(&self.show)))?;
        } else {
            self.listing.push(delivery.clone())?;
        }
        self.terminal.flush()
    }

    fn finish(self) -> Result<(), Error> {
        if self.terminal.format() == Format::Table { Ok(()) } else { self.listing.finish() }
    }
}

fn ready_line(url: &str, terminal: &Terminal) -> String {
    if terminal.format().is_json() { format!("{}\n", json!({ "url": url })) } else { format!("{url}\n") }
}

/// Says on stderr where it listens: stdout is for deliveries.
fn greet(url: &str, terminal: &Terminal) {
    if terminal.format().is_json() && !terminal.is_quiet() {
        terminal.tell(&json!({"ready": {"url": url}}).to_string());
    }
    terminal.note(&format!("Listening at {url}; Ctrl-C ends it."));
}
