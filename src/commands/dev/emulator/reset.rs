//! `kustom dev emulator reset`

use super::GUARD;
use crate::commands::help::text::after_help;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};

/// Return an emulator to its initial state
///
/// Removes all devices, codes, sessions, requests and callbacks, and sets the clock and the options back.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom dev emulator reset
  kustom dev emulator reset --profile local

Next:
  kustom dev create-device --name 'Test till'"))]
pub(super) struct Args {}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self {} = self;
        let hint = "see its clock with `kustom dev emulator clock show`";
        GUARD.check(context.client.reset_emulator().await, context, hint).await?;
        context.output.status("The emulator is in its initial state.");
        Ok(ExitStatus::Success)
    }
}
