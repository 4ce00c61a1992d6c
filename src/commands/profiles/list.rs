use super::row::ProfileRow;
use crate::commands::help::text::after_help;
use crate::context::App;
use crate::error::{Error, ExitStatus};

/// List profiles
///
/// The active profile is marked. Keys are not shown.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom profiles list
  kustom profiles list -o json       # for a script

Next:
  kustom profiles use NAME
"))]
pub(crate) struct Args {}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self {} = self;
        let document = app.settings.store().read()?;
        let active = document.active();
        let built_in = ProfileRow::built_in(active);
        let stored = document.profiles().map(|(name, profile)| ProfileRow::new(name, active, profile));
        app.output.print_list(stored.chain([built_in]))?;
        Ok(ExitStatus::Success)
    }
}
