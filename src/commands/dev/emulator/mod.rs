//! `kustom dev emulator`

mod clock;
mod fault;
mod log;
mod options;
mod reset;
mod serve;

use std::time::Duration;

use clap::Subcommand;

use super::emulator_only::{EmulatorOnly, is_emulator};
use crate::commands::help::text::after_help;
use crate::context::{ApiContext, App};
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::profiles::{Document, LOCAL};
use crate::settings::{Account, Settings};

/// Where `kustom dev emulator` listens by default.
const DEFAULT_URL: &str = "http://127.0.0.1:4010";

const FIND_TIMEOUT: Duration = Duration::from_secs(2);

/// Run the emulator for other programs
///
/// Serves the In-Person Payments API on this machine, without an account or a network. It needs no profile and no key.
/// Clients use the key kco_test_api_emulator and the merchant ID EMULATED; no payment is real. It runs until Ctrl-C.
///
/// Its web page shows the phones, the requests and the callbacks; open the URL that it prints in a browser.
///
/// The subcommands control a running emulator: the one that a profile or KUSTOM_BASE_URL names, or else the one on the
/// default port.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom dev emulator                                         # runs until Ctrl-C
  kustom dev emulator --listen 127.0.0.1:0 --ready-file url   # write the URL to a file
  kustom dev emulator --callback-url http://127.0.0.1:8080/callbacks \\
      --callback-secret-file secret.txt --option session_lifetime=30s

Next:
  KUSTOM_BASE_URL=http://127.0.0.1:4010 KUSTOM_API_KEY=kco_test_api_emulator kustom devices list
"))]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(flatten)]
    serve: serve::ServeArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(subcommand)]
    Fault(fault::Command),
    #[command(subcommand)]
    Clock(clock::Command),
    Reset(reset::Args),
}

const GUARD: EmulatorOnly = EmulatorOnly {
    message: "this is for an emulator on this machine",
    hint: "start one with `kustom dev emulator`, and name its URL in KUSTOM_BASE_URL or in a profile",
    playground_hint: None,
};

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { serve, command } = self;
        let Some(command) = command else { return serve.run(app) };
        app.block_on(async {
            let context = find_emulator(app).await?;
            GUARD.check_endpoint(&context)?;
            match command {
                Command::Fault(command) => command.run(&context).await,
                Command::Clock(command) => command.run(&context).await,
                Command::Reset(args) => args.run(&context).await,
            }
        })
    }
}

/// The emulator that flags or variables name, or else the one that runs on the default port, or else that of the active
/// profile.
async fn find_emulator(app: &App) -> Result<ApiContext<'_>, Error> {
    let Settings { profile, variables, .. } = &app.settings;
    let is_named = profile.is_some()
        || variables.profile.is_some()
        || variables.base_url.is_some()
        || variables.api_key.is_some();
    if is_named {
        return app.connect();
    }
    let mut settings = app.settings.clone();
    settings.profile = Some(LOCAL.to_owned());
    settings.variables.base_url = Some(DEFAULT_URL.to_owned());
    let context = app.connect_as(Account::resolve(&settings, &Document::default())?)?;
    if tokio::time::timeout(FIND_TIMEOUT, is_emulator(&context)).await == Ok(Some(true)) {
        app.output.status(&format!("Using the emulator at {DEFAULT_URL}."));
        return Ok(context);
    }
    app.connect().map_err(|error| {
        if error.kind == ErrorKind::Credentials || error.kind == ErrorKind::Usage {
            Error::new(ErrorKind::Unavailable, format!("there is no emulator at {DEFAULT_URL}"))
                .hint(GUARD.hint)
        } else {
            error
        }
    })
}
