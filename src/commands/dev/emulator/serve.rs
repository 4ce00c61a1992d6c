//! `kustom dev emulator` without a subcommand

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap_complete::engine::ArgValueCompleter;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::log::RequestLogFormat;
use super::options::{complete_option, options_help, parse_option};
use crate::args;
use crate::callback_poster::{CallbackEndpoint, CallbackPoster};
use crate::commands::dev::probe::read_options;
use crate::commands::listen_address::{self, ReadyFile};
use crate::context::App;
use crate::emulator::{
    API_KEY, Callbacks, Emulator, EventQueue, Fault, FaultTable, Faults, FileEmulator, History, MERCHANT_ID,
    PhoneRule, PhoneRules, Server, Setup, State,
};
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::output::Format;
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

const PHONE_HELP: &str = "\
Let the phones play by themselves; can be repeated. The first rule that matches a new session applies:

  CONDITION[, CONDITION…]: STEP[, then STEP…]

  '*: pay after 1s'                                            every session
  'amount=*.51: insufficient-funds, then pay after 2s'         declined, then paid
  'device=Till 2: ignore'                                      until it expires
  'currency=NOK, reference=r-*: pay with vipps'
  '10%: cancel'                                                one in ten, at random

A step is pay, pay with METHOD, choose METHOD, cancel, ignore, decline, offline, online, or a reason for a decline such
as insufficient-funds, each optionally with 'after 2s'.";

/// How long an endpoint may take to acknowledge an event.
const CALLBACK_TIMEOUT: Duration = Duration::from_secs(15);

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
    /// File with options that `kustom dev probe` wrote; --option overrides them
    #[arg(long, value_name = "FILE")]
    options_from: Option<PathBuf>,
    /// Inject a fault, such as 'POST /ipp/v1/sessions: 503 x2'; can be repeated, and --help describes the syntax
    #[arg(long = "fault", value_name = "FAULT", long_help = FAULT_HELP)]
    faults: Vec<Fault>,
    /// Seed for the percentages of faults: the same seed and the same requests give the same faults
    #[arg(long, value_name = "NUMBER")]
    fault_seed: Option<u32>,
    /// Let the phones play by a rule, such as '*: pay after 1s'; can be repeated, and --help describes the syntax
    #[arg(long = "phone", value_name = "RULE", long_help = PHONE_HELP)]
    phone_rules: Vec<PhoneRule>,
    /// Seed for the percentages of phone rules: the same seed and the same sessions give the same outcomes
    #[arg(long, value_name = "NUMBER", requires = "phone_rules")]
    phone_seed: Option<u32>,
    /// Reject unknown fields and query parameters, amounts below 1 and unknown currencies
    #[arg(long)]
    strict: bool,
    /// Serve no web page
    #[arg(long)]
    no_ui: bool,
    /// File to write the base URL to when the emulator is ready, with -o json or ndjson as an object; it is removed on
    /// exit
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// URL to post the callbacks of all sessions to: https, or http on this machine; can be repeated
    #[arg(long, value_name = "URL", requires = "callback_secret_file")]
    callback_url: Vec<String>,
    /// File with the secret that signs callbacks, of the form whsec_…; give two files to sign with both, as during a
    /// rotation
    #[arg(long, value_name = "FILE", requires = "callback_url", value_parser = args::parse_secret_file)]
    callback_secret_file: Vec<PathBuf>,
}

impl ServeArgs {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let reason = "others on the network could use the emulator, because its key is public";
        listen_address::check_address(self.listen, self.public, reason)?;
        let seed = self.seed.as_deref().map_or_else(|| Ok(State::seed()), read_seed)?;
        let faults = self.create_faults()?;
        let callbacks = self.create_callbacks(app)?;
        let token = (!self.listen.ip().is_loopback()).then(|| Uuid::new_v4().simple().to_string());
        let phone_seed = self.phone_seed.unwrap_or_else(|| fastrand::u32(..));
        let history = History::default();
        let setup = Setup {
            initial: None,
            is_strict: self.strict,
            phone_rules: PhoneRules::new(phone_seed, self.phone_rules.clone()),
            token: token.clone(),
            has_callbacks: !self.callback_url.is_empty(),
            faults: Some(faults),
            history: Some(history.clone()),
        };
        let options = self.read_options()?;
        app.block_on_with_cleanup(async {
            let output = &*app.output;
            let (server, address, events) = self.bind(seed, &options, setup, app).await?;
            let url = format!("http://{}", reachable_address(address));
            let mut object = json!({"url": url, "key": API_KEY, "merchant_id": MERCHANT_ID});
            if let Some(token) = &token {
                object["token"] = token.as_str().into();
            }
            let line = if output.format().is_json() { format!("{object}\n") } else { format!("{url}\n") };
            let ready_file =
                self.ready_file.clone().map(|path| ReadyFile::write(path, line.clone())).transpose()?;
            match output.format() {
                Format::Csv => output.print_json(&object)?,
                Format::Table | Format::Wide | Format::Name | Format::Json | Format::Ndjson => {
                    output.print(&line)?;
                }
            }
            output.flush()?;
            output.status(&self.start_lines(&url, token.as_deref()));
            if !self.listen.ip().is_loopback() {
                output.warn("others on the network can use this emulator, because its key is public");
            }
            output.never_block();
            let format = RequestLogFormat::new(output);
            let server = server.with_observer(move |event| format.log_request(event));
            let server = if self.no_ui { server } else { server.with_page() };
            let callbacks = callbacks.with_history(history);
            let callbacks = callbacks
                .with_observer(move |event, number, attempt| format.log_callback(event, number, attempt));
            let pending = serve_until_interrupted(server, callbacks, events, app).await;
            drop(ready_file);
            if pending > 0 {
                let callbacks = pluralize(pending, "callback");
                output.warn(&format!("not acknowledged before exit: {callbacks}"));
            }
            Ok(ExitStatus::Success)
        })
    }

    /// The options of `--options-from`, and then those of `--option`.
    fn read_options(&self) -> Result<Vec<(String, String)>, Error> {
        let from_file = self.options_from.as_deref().map_or_else(|| Ok(Vec::new()), read_options)?;
        Ok(from_file.into_iter().chain(self.options.clone()).collect())
    }

    fn start_lines(&self, url: &str, token: Option<&str>) -> String {
        let mut lines = vec![
            "An emulator of the API: no payment is real. Press Ctrl-C to stop it.".to_owned(),
            format!("  key: {API_KEY}"),
            format!("  merchant ID: {MERCHANT_ID}"),
        ];
        if !self.no_ui {
            let query = token.map(|token| format!("?token={token}")).unwrap_or_default();
            lines.push(format!("  page: {url}/{query}"));
        }
        if let Some(token) = token {
            lines.push(format!("  token for /emulator: {token}"));
        }
        lines.extend(self.phone_rules.iter().map(|rule| format!("  phone: {rule}")));
        if self.strict {
            lines.push("  strict: unknown fields are rejected".to_owned());
        }
        lines.join("\n")
    }

    fn create_faults(&self) -> Result<Faults, Error> {
        let mut table = self.fault_seed.map_or_else(FaultTable::default, FaultTable::new);
        for fault in &self.faults {
            let added = table.add(fault.clone());
            added.ok_or_else(|| Error::usage("there are too many faults: use fewer of them"))?;
        }
        Ok(Faults::new(table))
    }

    fn create_callbacks(&self, app: &App) -> Result<Callbacks, Error> {
        let secrets = args::read_secrets(&self.callback_secret_file, &app.output)?;
        let allow_http = app.allow_http();
        let poster = |url: &String| {
            let endpoint = CallbackEndpoint::new(url, CALLBACK_TIMEOUT, allow_http.as_deref())
                .map_err(|error| Error::usage(format!("--callback-url cannot be used: {error}")))?;
            Ok(CallbackPoster::new(endpoint, &secrets)?)
        };
        let posters = self.callback_url.iter().map(poster).collect::<Result<_, Error>>()?;
        Ok(Callbacks::new(posters))
    }

    /// Binds a server to the state file, or to a new state in memory.
    async fn bind(
        &self,
        mut seed: State,
        options: &[(String, String)],
        setup: Setup,
        app: &App,
    ) -> Result<(Server, SocketAddr, EventQueue), Error> {
        let set_options = |state: &mut State| {
            for (name, value) in options {
                // The values were checked when they were read.
                let _ = state.options.set(name, value);
            }
            !options.is_empty()
        };
        set_options(&mut seed);
        let setup = Setup { initial: Some(seed.clone()), ..setup };
        let Some(path) = &self.state else {
            let emulator = Emulator::new(seed).with_setup(setup);
            let (listener, address) = listen_address::bind(self.listen)?;
            return Ok((Server::new(listener, &emulator), address, emulator.events()));
        };
        let emulator = FileEmulator::new(path.clone()).with_setup(setup);
        let is_new = emulator.prepare(seed, set_options).await.map_err(|error| {
            Error::usage(error.to_string()).hint("fix or delete the file, or use another one with --state")
        })?;
        if let (Some(seed), false) = (&self.seed, is_new) {
            let (path, seed) = (path.display(), seed.display());
            app.output.warn(&format!("{path} already has a state, so {seed} is not used"));
        }
        let (listener, address) = listen_address::bind(self.listen)?;
        Ok((Server::with_file_backend(listener, &emulator), address, emulator.events()))
    }
}

fn read_seed(path: &Path) -> Result<State, Error> {
    let text = String::from_utf8(args::read_file(path)?)
        .map_err(|_| Error::usage(format!("{} is not text in UTF-8", path.display())))?;
    State::from_seed(&text).map_err(|errors| {
        let lines: Vec<_> = errors.iter().map(|error| format!("{}, {error}", path.display())).collect();
        Error::with_lines(ErrorKind::Usage, lines)
            .hint("fix the file in an editor; see its format with `kustom help emulator`")
    })
}

/// Replaces an unspecified address such as 0.0.0.0, to which clients cannot connect.
fn reachable_address(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
    address
}

/// Serves until the first interrupt, and then until open requests and callbacks are finished, the timeout is over, or
/// the second interrupt. Returns the number of callbacks that are not acknowledged.
async fn serve_until_interrupted(
    server: Server,
    callbacks: Callbacks,
    events: EventQueue,
    app: &App,
) -> usize {
    let all_served = CancellationToken::new();
    let pending = callbacks.pending_count();
    let serving = async {
        server.serve(app.cancel.cancelled()).await;
        all_served.cancel();
    };
    let delivering = callbacks.deliver(events, all_served.cancelled());
    let giving_up = async {
        app.cancel.cancelled().await;
        let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, app.abort.cancelled()).await;
    };
    tokio::select! {
        _ = async { tokio::join!(serving, delivering) } => {}
        () = giving_up => {}
    }
    pending.get()
}
