//! `kustom locations get`

use crate::context::Online;
use crate::error::{Error, Exit};

/// Show one location
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The location's name, its id or the beginning of its id; on a terminal it can be chosen from a list
    #[arg(value_name = "LOCATION")]
    location: Option<String>,
}

impl Args {
    pub(super) async fn run(self, online: &Online<'_>) -> Result<Exit, Error> {
        let Self { location } = self;
        let id = online.location_id_or_choice(location.as_deref()).await?;
        let location = online.client.location(&id).await?;
        online.terminal.one(&location)?;
        Ok(Exit::Done)
    }
}
