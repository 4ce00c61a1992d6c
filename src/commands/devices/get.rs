//! `kustom devices get`

use crate::commands::help::text::after_help;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};

const MORE: &str = "\
Examples:
  kustom devices get 'Till 1'
  kustom devices get 'till 1' -o json                  # every field, as the API has it

Exit codes:
  2  the name or the beginning of the id fits several devices, which are listed
  4  there is no such device

Next:
  kustom devices update DEVICE --name NAME
";

/// Show one device
///
/// The API has no operation for a single device: it is found in the list.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// The device's name, its id or the beginning of its id; on a terminal it can be chosen from a list
    #[arg(value_name = "DEVICE")]
    device: Option<String>,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { device } = self;
        let device = context.resolve_or_select_device(device.as_deref()).await?;
        context.output.print_item(&device)?;
        Ok(ExitStatus::Success)
    }
}
