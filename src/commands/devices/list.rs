use crate::commands::help::text::after_help;
use crate::commands::list::LimitArgs;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::model::{Device, Resource};

/// List registered devices
///
/// kustom fetches all pages. The API does not report whether a device is online.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom devices list
  kustom devices list --location 'Stockholm City'      # the devices of a store
  kustom devices list -o csv > devices.csv             # for a spreadsheet

Next:
  kustom devices update DEVICE --name NAME
"))]
pub(crate) struct Args {
    /// List only the devices of this location: name, ID or ID prefix
    #[arg(long, value_name = "LOCATION", add = complete::locations())]
    location: Option<String>,
    #[command(flatten)]
    limit: LimitArgs,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { location, limit } = self;
        let location_id = context.location_id_opt(location.as_deref()).await?;
        let devices = context.client.devices(location_id.as_deref());
        context.print_pages(devices, &limit, |_: &mut Resource<Device>| {}).await
    }
}
