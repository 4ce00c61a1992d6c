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
  kustom dev run                     # run the built-in scenarios

Next:
  kustom dev emulator --help         # run the API on this machine, for other programs
";

/// Simulate devices, payments and callbacks
///
/// These commands work on playground or, without an account, on the emulator. Production rejects them.
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
            Self::CreateDevice(args) => run_outside_production(app, async |context| args.run(&context).await),
            Self::SimulateTap(args) => run_outside_production(app, async |context| args.run(&context).await),
            // These commands have a stricter guard with its own hint.
            Self::Pos(command) => app.run_with_api(async |context| command.run(&context).await),
            Self::Emulator(args) => args.run(app),
            Self::Run(args) => args.run(app),
            Self::Trigger(args) => args.run(app),
        }
    }
}

fn run_outside_production(
    app: &App,
    command: impl AsyncFnOnce(ApiContext<'_>) -> Result<ExitStatus, Error>,
) -> Result<ExitStatus, Error> {
    app.run_with_api(async |context| {
        context.forbid_production()?;
        command(context).await
    })
}
