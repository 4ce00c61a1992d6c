//! What only playground and emulators have.

mod create_device;
mod credentials;
mod emulator;
mod emulator_only;
mod pos;
mod run;
mod simulate_tap;
mod trigger;

use clap::Subcommand;

use crate::commands::help::text::after_help;
use crate::context::{ApiContext, App};
use crate::error::{Error, ExitStatus};

const MORE: &str = "\
Examples:
  kustom dev create-device --name 'Test till' --location 'Stockholm City'
  kustom dev simulate-tap SESSION --outcome insufficient-funds
  kustom dev run                     # the scenarios that are part of kustom

Next:
  kustom dev emulator --help         # the API on this machine, for other programs
";

/// Simulated devices and payments; not on production
///
/// Each decline, each failure and each callback can be had here, on playground or without an account on the emulator.
#[derive(Debug, Subcommand)]
#[command(after_help = after_help(MORE))]
pub(crate) enum Command {
    CreateDevice(create_device::Args),
    SimulateTap(simulate_tap::Args),
    #[command(subcommand)]
    Pos(pos::Command),
    Emulator(Box<emulator::Args>),
    Run(run::Args),
    Trigger(trigger::Args),
}

impl Command {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        match self {
            Self::CreateDevice(args) => on_playground(app, async |context| args.run(&context).await),
            Self::SimulateTap(args) => on_playground(app, async |context| args.run(&context).await),
            // The phone has a narrower guard, which says what to do instead.
            Self::Pos(command) => app.run_with_api(async |context| command.run(&context).await),
            Self::Emulator(args) => args.run(app),
            Self::Run(args) => args.run(app),
            Self::Trigger(args) => args.run(app),
        }
    }
}

/// Runs a command that playground has and production has not.
fn on_playground(
    app: &App,
    command: impl AsyncFnOnce(ApiContext<'_>) -> Result<ExitStatus, Error>,
) -> Result<ExitStatus, Error> {
    app.run_with_api(async |context| {
        context.forbid_production()?;
        command(context).await
    })
}
