//! `kustom devices list`

use crate::commands::help::text::after_help;
use crate::commands::list::LimitArgs;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::model::Device;

const MORE: &str = "\
Examples:
  kustom devices list
  kustom devices list --location 'Stockholm City'      # what stands in a store
  kustom devices list -o csv > devices.csv             # for a spreadsheet

Next:
  kustom devices update DEVICE --name NAME
";

/// List registered devices
///
/// Every page of the list is fetched and shown as it comes. Whether a device is online is not known to the API.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// Only at this location: its name, its id or the beginning of its id
    #[arg(long, value_name = "LOCATION")]
    location: Option<String>,
    #[command(flatten)]
    limit: LimitArgs,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { location, limit } = self;
        let location_id = context.location_id_opt(location.as_deref()).await?;
        context.print_pages::<Device>(context.client.devices(location_id.as_deref()), &limit).await
    }
}
