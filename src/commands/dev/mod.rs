//! What only playground and emulators have.

mod create_device;
mod credentials;
mod emulator;
mod own;
mod pos;
mod run;
mod simulate_tap;
mod trigger;

use clap::Subcommand;

use crate::commands::help::text::after_help;
use crate::context::{ApiContext, Context};
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
    pub(super) fn run(self, context: &Context) -> Result<ExitStatus, Error> {
        match self {
            Self::CreateDevice(args) => on_playground(context, async |online| args.run(&online).await),
            Self::SimulateTap(args) => on_playground(context, async |online| args.run(&online).await),
            // The phone has a narrower guard, which says what to do instead.
            Self::Pos(command) => context.run_with_api(async |online| command.run(&online).await),
            Self::Emulator(args) => args.run(context),
            Self::Run(args) => args.run(context),
            Self::Trigger(args) => args.run(context),
        }
    }
}

/// Runs a command that playground has and production has not.
fn on_playground(
    context: &Context,
    command: impl AsyncFnOnce(ApiContext<'_>) -> Result<ExitStatus, Error>,
) -> Result<ExitStatus, Error> {
    context.run_with_api(async |online| {
        online.forbid_production()?;
        command(online).await
    })
}
