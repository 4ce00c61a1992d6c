//! `kustom devices list`

use crate::commands::help::text::more;
use crate::commands::list::Limit;
use crate::context::Online;
use crate::error::{Error, Exit};
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
#[command(after_help = more(MORE))]
pub(crate) struct Args {
    /// Only at this location: its name, its id or the beginning of its id
    #[arg(long, value_name = "LOCATION")]
    location: Option<String>,
    #[command(flatten)]
    limit: Limit,
}

impl Args {
    pub(super) async fn run(self, online: &Online<'_>) -> Result<Exit, Error> {
        let Self { location, limit } = self;
        let location_id = online.location_id_opt(location.as_deref()).await?;
        online.show_list::<Device>(online.client.devices(location_id.as_deref()), &limit).await
    }
}
