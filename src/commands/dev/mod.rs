mod create_device;
mod credentials;
mod emulator;
mod emulator_only;
mod pos;
mod probe;
mod run;
mod simulate_tap;
mod trigger;

use clap::Subcommand;
use uuid::Uuid;

use crate::commands::help::text::after_help;
use crate::commands::sessions::choose::SessionFilter;
use crate::complete;
use crate::context::{ApiContext, App};
use crate::error::{Error, ExitStatus};

/// Simulate devices, payments and callbacks
///
/// These commands work on playground or, without an account, on the emulator. Production rejects them.
#[derive(Debug, Subcommand)]
#[command(after_help = after_help("\
Examples:
  kustom dev create-device --name 'Test till' --location 'Stockholm City'
  kustom dev simulate-tap SESSION --outcome insufficient-funds
  kustom dev run                     # run the built-in scenarios

Next:
  kustom dev emulator --help         # run the API on this machine, for other programs
"))]
pub(crate) enum Command {
    CreateDevice(create_device::Args),
    SimulateTap(simulate_tap::Args),
    #[command(subcommand)]
    Pos(pos::Command),
    Emulator(Box<emulator::Args>),
    Run(run::Args),
    Probe(probe::Args),
    Trigger(trigger::Args),
}

#[derive(Debug, clap::Args)]
pub(crate) struct SessionArg {
    /// Session ID, ID prefix or reference [default: select from the open sessions created here]
    #[arg(value_name = "SESSION", add = complete::sessions())]
    session: Option<String>,
}

impl SessionArg {
    async fn resolve(self, context: &ApiContext<'_>) -> Result<Uuid, Error> {
        let found = context.session_or_choice(self.session.as_deref(), SessionFilter::Open).await?;
        Ok(found.id)
    }
}

impl Command {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        match self {
            Self::Emulator(args) => args.run(app),
            Self::Run(args) => args.run(app),
            Self::Probe(args) => args.run(app),
            Self::Trigger(args) => args.run(app),
            Self::Pos(command) => app.run_with_api(async |context| command.run(&context).await),
            Self::CreateDevice(args) => app.run_with_api(async |context| args.run(&context).await),
            Self::SimulateTap(args) => app.run_with_api(async |context| args.run(&context).await),
        }
    }
}
