use crate::commands::help::text::after_help;
use crate::commands::list::LimitArgs;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::model::{Location, Resource};

/// List the merchant's locations
///
/// kustom fetches all pages.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom locations list
  kustom locations list -o csv > locations.csv      # for a spreadsheet

Next:
  kustom enrollments pair --location LOCATION
"))]
pub(crate) struct Args {
    #[command(flatten)]
    limit: LimitArgs,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let locations = context.client.locations();
        context.print_pages(locations, &self.limit, |_: &mut Resource<Location>| {}).await
    }
}
