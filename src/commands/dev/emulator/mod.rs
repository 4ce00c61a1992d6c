//! `kustom dev emulator`

mod clock;
mod fault;
mod log;
mod options;
mod serve;

use clap::Subcommand;

use super::emulator_only::EmulatorOnly;
use crate::commands::help::text::after_help;
use crate::context::App;
use crate::error::{Error, ExitStatus};

const MORE: &str = "\
Examples:
  kustom dev emulator                                         # runs until Ctrl-C
  kustom dev emulator --listen 127.0.0.1:0 --ready-file url   # write the URL to a file
  kustom dev emulator --callback-url http://127.0.0.1:8080/callbacks \\
      --callback-secret-file secret.txt --option session_lifetime=30s

Next:
  KUSTOM_BASE_URL=http://127.0.0.1:4010 KUSTOM_API_KEY=kco_test_api_emulator kustom devices list
";

/// Run the emulator for other programs
///
/// Serves the In-Person Payments API on this machine, without an account or a network. It needs no profile and no key.
/// Clients use the key kco_test_api_emulator and the merchant ID EMULATED; no payment is real. It runs until Ctrl-C.
///
/// The subcommands control a running emulator: set KUSTOM_BASE_URL and KUSTOM_API_KEY, or use a profile.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
#[command(args_conflicts_with_subcommands = true)]
#[allow(clippy::doc_markdown, reason = "help is text for people, not Markdown")]
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
        app.run_with_api(async |context| {
            GUARD.check_endpoint(&context)?;
            match command {
                Command::Fault(command) => command.run(&context).await,
                Command::Clock(command) => command.run(&context).await,
            }
        })
    }
}
