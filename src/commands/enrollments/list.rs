use crate::api::EnrollmentFilter;
use crate::args;
use crate::commands::help::text::after_help;
use crate::commands::list::LimitArgs;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::model::{Enrollment, Resource};
use crate::secret::REDACTED;

/// Limit of the API (documented).
const MAX_FILTERS: usize = 5;

/// List enrollments
///
/// The list does not contain withdrawn enrollments. The codes are secret and only shown with --show-codes.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom enrollments list --include-consumed false     # unused codes
  kustom enrollments list --location 'Stockholm City' --metadata till=2

Next:
  kustom enrollments delete ENROLLMENT                 # withdraw one
"))]
pub(crate) struct Args {
    /// List only the enrollments of this location: name, ID or ID prefix
    #[arg(long, value_name = "LOCATION", add = complete::locations())]
    location: Option<String>,
    /// List only enrollments with this metadata (repeatable, at most five; all must match)
    #[arg(long, value_name = "KEY=VALUE", value_parser = args::parse_pair)]
    metadata: Vec<(String, String)>,
    /// Whether to list used enrollments [default: true]
    #[arg(long, value_name = "true|false", action = clap::ArgAction::Set)]
    include_consumed: Option<bool>,
    /// Show the codes, which pair any phone
    #[arg(long)]
    show_codes: bool,
    #[command(flatten)]
    limit: LimitArgs,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { location, metadata, include_consumed, show_codes, limit } = self;
        let metadata = args::collect_metadata(metadata)?;
        if metadata.len() > MAX_FILTERS {
            return Err(Error::usage(format!("--metadata can be given at most {MAX_FILTERS} times")));
        }
        if let Some(key) = metadata.keys().find(|key| key.contains(':')) {
            return Err(Error::usage(format!(
                "--metadata '{key}': the API cannot filter by a key that contains a colon"
            )));
        }
        let location_id = context.location_id_opt(location.as_deref()).await?;
        let filter = EnrollmentFilter { location_id, metadata, include_consumed };
        let redact = if show_codes { |_: &mut Resource<Enrollment>| {} } else { redact_code };
        context.print_pages(context.client.enrollments(&filter), &limit, redact).await
    }
}

/// Hides the code, because output may end up in logs.
fn redact_code(enrollment: &mut Resource<Enrollment>) {
    if let Some(code) = enrollment.raw_mut().get_mut("enrollment_code") {
        *code = REDACTED.into();
    }
    enrollment.typed_mut().enrollment_code = None;
}
