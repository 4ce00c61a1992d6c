pub(super) mod delivery;
pub(super) mod forward;
mod handler;
mod response;
mod server;
mod ui;

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::delivery::Delivery;
use self::handler::Handler;
use self::ui::Ui;
use super::lost;
use crate::args;
use crate::callback_poster::CallbackEndpoint;
use crate::commands::help::text::after_help;
use crate::commands::listen_address::{self, ReadyFile};
use crate::complete;
use crate::context::App;
use crate::error::{Error, ExitStatus};
use crate::model::CallbackType;
use crate::output::Output;
use crate::page::{Frame, new_token};
use crate::secret::CallbackSecret;
use crate::webhooks::SigningKeys;

/// Timeout for the application of `--forward-to`.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the reader of stdout may take at the end.
const FINAL_PRINT_TIMEOUT: Duration = Duration::from_millis(500);

/// Receive, verify and print callbacks
///
/// kustom listens on this machine; use a tunnel to receive callbacks from the service. It stores each delivery before it
/// acknowledges it, responds to an invalid one with 401 and drops duplicates, also after a restart. It runs until Ctrl-C,
/// --exit-after or --timeout, and exits with 13 if the timeout ended it before the expected delivery.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom webhooks listen --secret-file secret.txt --exit-after session.finalized --timeout 10m
  kustom webhooks listen --secret-file secret.txt --resolve -o ndjson --exit-after 1
  kustom webhooks listen --secret-file secret.txt --exit-after 1 \\
      --forward-to http://127.0.0.1:8080/callbacks

Next:
  kustom dev trigger session.finalized --to http://127.0.0.1:4011 --secret-file FILE
  kustom webhooks list
"))]
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
    /// Read each session with the profile's key, resolve unknown attempts in the ledger, and report payments whose callback
    /// was lost
    #[arg(long)]
    resolve: bool,
    /// URL to forward valid deliveries to, and whose response to return: https, or http on this machine
    #[arg(long, value_name = "URL")]
    forward_to: Option<String>,
    /// Forward callbacks of a type to another URL, written as 'refund.*=URL'; can be repeated
    #[arg(long = "route", value_name = "TYPE=URL")]
    routes: Vec<String>,
    /// Print and forward only callbacks of this type; acknowledge the others; can be repeated
    #[arg(long, value_name = "EVENT", value_parser = args::parse_callback_type, add = complete::events())]
    only: Vec<CallbackType>,
    /// Header to add to forwarded callbacks, such as 'x-tenant: 5'; can be repeated
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = parse_header)]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Directory to write the headers and the body of each valid callback to
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
    /// Address of a web page that shows the callbacks, such as 127.0.0.1:4012
    #[arg(long, value_name = "ADDRESS", value_parser = listen_address::parse_address)]
    ui: Option<SocketAddr>,
    /// Exit after an event such as session.finalized, or after a number of accepted deliveries
    #[arg(long, value_name = "EVENT|N", value_parser = ExitAfter::parse, add = complete::events())]
    exit_after: Option<ExitAfter>,
    /// File to write the URL to when kustom listens (JSON with -o json and ndjson); removed on exit
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

/// The value of `--route`: callbacks whose type matches a pattern go to another application.
pub(super) struct Route {
    /// Without the prefix `ipp.`; a `*` at the end matches everything.
    pattern: String,
    pub(super) to: CallbackEndpoint,
}

impl Route {
    fn parse(text: &str, allow_http: Option<&str>) -> Result<Self, Error> {
        let (pattern, url) = text.split_once('=').ok_or_else(|| {
            Error::usage("--route: write a type and a URL, such as 'refund.*=http://127.0.0.1:8081/'")
        })?;
        let to = CallbackEndpoint::new(url, FORWARD_TIMEOUT, allow_http)
            .map_err(|error| Error::usage(format!("--route cannot be used: {error}")))?;
        let pattern = pattern.trim();
        let pattern = pattern.strip_prefix("ipp.").unwrap_or(pattern).to_owned();
        let matches_any = CallbackType::ALL.iter().any(|kind| matches_type(&pattern, kind.as_str()));
        if matches_any {
            return Ok(Self { pattern, to });
        }
        let kinds: Vec<_> = CallbackType::ALL.iter().map(CallbackType::short).collect();
        Err(Error::usage(format!("--route: '{pattern}' matches no type: the types are {}", kinds.join(", "))))
    }

    pub(super) fn matches(&self, kind: &str) -> bool {
        matches_type(&self.pattern, kind)
    }
}

fn matches_type(pattern: &str, kind: &str) -> bool {
    let kind = kind.strip_prefix("ipp.").unwrap_or(kind);
    match pattern.strip_suffix('*') {
        Some(start) => kind.starts_with(start),
        None => kind == pattern,
    }
}

/// Errors do not repeat the value, which may be secret.
fn parse_header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let form = || "write a name and a value, such as 'x-tenant: 5'".to_owned();
    let (name, value) = text.split_once(':').ok_or_else(form)?;
    Ok((name.trim().parse().map_err(|_| form())?, HeaderValue::from_str(value.trim()).map_err(|_| form())?))
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
        let Self {
            secret_file,
            listen,
            public,
            resolve,
            forward_to,
            routes,
            only,
            headers,
            save,
            ui,
            exit_after,
            ready_file,
        } = self;
        listen_address::check_address(listen, public, "other machines could send deliveries")?;
        if let Some(ui) = ui {
            // The page has no password.
            listen_address::check_address(ui, false, "other machines could see the callbacks")?;
        }
        let secrets = args::read_secrets(&secret_file, &app.output)?;
        let application = forward_to.clone();
        let allow_http = app.allow_http();
        let allow_http = allow_http.as_deref();
        let endpoint = |url: String| CallbackEndpoint::new(&url, FORWARD_TIMEOUT, allow_http);
        let forward_to = forward_to.map(endpoint).transpose();
        let output = &*app.output;
        let handler = Handler {
            keys: SigningKeys::new(&secrets)?,
            output,
            resolve_account: if resolve { Some(app.connect_to_wait()?) } else { None },
            forward_to: forward_to
                .map_err(|error| Error::usage(format!("--forward-to cannot be used: {error}")))?,
            exit_after,
            routes: routes.iter().map(|text| Route::parse(text, allow_http)).collect::<Result<_, _>>()?,
            headers: headers.into_iter().collect(),
            only,
            save,
            store: super::store::open(app)?,
            in_progress: RefCell::default(),
            dotted_ids: RefCell::default(),
            list: RefCell::new(output.list_writer()?.streaming()),
            accepted: Cell::default(),
            print_error: RefCell::default(),
            stop: CancellationToken::new(),
        };
        app.block_on_with_cleanup(async {
            let (listener, address) = listen_address::bind(listen)?;
            let url = format!("http://{address}/");
            let ready_file = ready_file.map(|path| ReadyFile::write(path, ready_line(&url, output)));
            let _ready_file = ready_file.transpose()?;
            print_ready(&url, output);
            let page = match ui {
                Some(page) => Some(open_page(page, &secrets, application, app)?),
                None => None,
            };
            output.never_block();
            let status = {
                let showing = async {
                    match page {
                        Some((listener, page)) => page.serve(listener).await,
                        None => std::future::pending().await,
                    }
                };
                let checking = async {
                    match &handler.resolve_account {
                        Some(context) => lost::watch(&handler.store, context).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    status = server::serve(listener, &handler, address, app) => status,
                    // They never end before the listener.
                    () = showing => Ok(ExitStatus::Success),
                    () = checking => Ok(ExitStatus::Success),
                }
            };
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

fn open_page(
    address: SocketAddr,
    secrets: &[CallbackSecret],
    application: Option<String>,
    app: &App,
) -> Result<(TcpListener, Ui), Error> {
    let (listener, address) = listen_address::bind(address)?;
    let page = Ui {
        frame: Frame { title: "Kustom callbacks", base: "/page", token: new_token() },
        address,
        state: app.settings.paths.state.clone(),
        store: super::store::open(app)?,
        keys: SigningKeys::new(secrets)?,
        forward_to: application,
        allow_http: app.allow_http(),
    };
    if app.output.format().is_json() && !app.output.is_quiet() {
        app.output.message(&json!({"page": {"url": format!("http://{address}/")}}).to_string());
    }
    app.output.status(&format!("The page is at http://{address}/."));
    Ok((listener, page))
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
