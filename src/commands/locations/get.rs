//! `kustom locations get`

use crate::commands::help::text::more;
use crate::context::Online;
use crate::error::{Error, Exit};

const MORE: &str = "\
Examples:
  kustom locations get 'Stockholm City'
  kustom locations get 'stockholm city' -o json     # every field, as the API has it

Next:
  kustom devices list --location LOCATION
";

/// Show one location
///
/// Of a name that fits several, all are listed and none is shown.
#[derive(Debug, clap::Args)]
#[command(after_help = more(MORE))]
pub(crate) struct Args {
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
