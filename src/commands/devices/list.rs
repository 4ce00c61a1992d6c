//! `kustom devices list`

use crate::commands::list::Limit;
use crate::context::Online;
use crate::error::{Error, Exit};
use crate::model::Device;

/// List registered devices
#[derive(Debug, clap::Args)]
pub struct Args {
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
