use crate::commands::help::text::after_help;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::model::Device;

/// Show a device
///
/// The API has no request for a single device, so kustom looks for it in the list.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom devices get 'Till 1'
  kustom devices get 'till 1' -o json                  # every field, as received

Exit codes:
  2  the name or the ID prefix is ambiguous; the matching devices are listed
  4  the device was not found

Next:
  kustom devices update DEVICE --name NAME
"))]
pub(crate) struct Args {
    /// Device name, ID or ID prefix [default: select from a list]
    #[arg(value_name = "DEVICE", add = complete::devices())]
    device: Option<String>,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let device = context.find_or_select::<Device>(self.device.as_deref()).await?;
        context.print_item_with_names(&device).await?;
        Ok(ExitStatus::Success)
    }
}
