//! `kustom locations list`

use crate::commands::list::Limit;
use crate::context::Online;
use crate::error::{Error, Exit};
use crate::model::Location;

/// List the merchant's locations
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    limit: Limit,
}

impl Args {
    pub(super) async fn run(self, online: &Online<'_>) -> Result<Exit, Error> {
        let Self { limit } = self;
        online.show_list::<Location>(online.client.locations(), &limit).await
    }
}
