//! `kustom locations list`

use crate::commands::help::text::more;
use crate::commands::list::Limit;
use crate::context::Online;
use crate::error::{Error, Exit};
use crate::model::Location;

const MORE: &str = "\
Examples:
  kustom locations list
  kustom locations list -o csv > locations.csv      # for a spreadsheet

Next:
  kustom enrollments pair --location LOCATION
";

/// List the merchant's locations
///
/// Every page of the list is fetched and shown as it comes.
#[derive(Debug, clap::Args)]
#[command(after_help = more(MORE))]
pub(crate) struct Args {
    #[command(flatten)]
    limit: Limit,
}

impl Args {
    pub(super) async fn run(self, online: &Online<'_>) -> Result<Exit, Error> {
        let Self { limit } = self;
        online.show_list::<Location>(online.client.locations(), &limit).await
    }
}
