//! `kustom enrollments list`

use crate::api::EnrollmentFilter;
use crate::args;
use crate::commands::help::text::after_help;
use crate::commands::list::LimitArgs;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::model::Enrollment;

/// How many metadata filters the API takes (documented).
const MOST_FILTERS: usize = 5;

const MORE: &str = "\
Examples:
  kustom enrollments list --include-consumed false     # codes that can still be used
  kustom enrollments list --location 'Stockholm City' --metadata till=2

Next:
  kustom enrollments delete ENROLLMENT                 # withdraw one
";

/// List enrollments; withdrawn ones never appear
///
/// Codes are not shown in a list: whoever has one can pair a phone. Whether a code was used is.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// Only of this location: its name, its id or the beginning of its id
    #[arg(long, value_name = "LOCATION")]
    location: Option<String>,
    /// Only with this metadata; up to five, all of which must match
    #[arg(long, value_name = "KEY=VALUE", value_parser = args::pair)]
    metadata: Vec<(String, String)>,
    /// Whether used ones are listed too; they are unless told otherwise
    #[arg(long, value_name = "true|false", action = clap::ArgAction::Set)]
    include_consumed: Option<bool>,
    #[command(flatten)]
    limit: LimitArgs,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { location, metadata, include_consumed, limit } = self;
        let metadata = args::metadata(metadata)?;
        if metadata.len() > MOST_FILTERS {
            return Err(Error::usage(format!("--metadata can be given {MOST_FILTERS} times at most")));
        }
        if let Some(key) = metadata.keys().find(|key| key.contains(':')) {
            return Err(Error::usage(format!(
                "--metadata '{key}': the API cannot filter by a key with a colon"
            )));
        }
        let location_id = context.location_id_opt(location.as_deref()).await?;
        let filter = EnrollmentFilter { location_id, metadata, include_consumed };
        context.print_pages::<Enrollment>(context.client.enrollments(&filter), &limit).await
    }
}
