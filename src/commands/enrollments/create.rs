use std::time::Duration;

use crate::api::{CreatedEnrollment, NewEnrollment};
use crate::args;
use crate::commands::help::text::after_help;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::model::{Enrollment, Resource};
use crate::text::format_duration;

/// Create a code to pair a phone
///
/// Enter the code in the Kustom POS app on the phone. The code pairs any phone with the account, so treat it as a
/// secret.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom enrollments create --location 'Stockholm City'
  kustom enrollments create --location 'Stockholm City' --expires-in 30m --metadata till=2
  kustom enrollments create --location 'Stockholm City' -o json > enrollment.json

Next:
  kustom enrollments list            # check whether a phone used it
  kustom enrollments delete ENROLLMENT
"))]
pub(crate) struct Args {
    /// Location name, ID or ID prefix [default: the profile's location, or select from a list]
    #[arg(long, value_name = "LOCATION", add = complete::locations())]
    location: Option<String>,
    /// Lifetime of the code, such as 30m, 2h or 3d
    #[arg(long, value_name = "DURATION", default_value = "2h", value_parser = args::parse_duration)]
    expires_in: Duration,
    /// Metadata of the device (repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = args::parse_pair)]
    metadata: Vec<(String, String)>,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { location, expires_in, metadata } = self;
        context.output.check_columns::<Resource<Enrollment>>()?;
        check_lifetime(expires_in)?;
        let metadata = args::collect_metadata(metadata)?;
        let location_id = context.location_id_or_prompt(location.as_deref()).await?;
        let new = NewEnrollment { location_id, expires_in, metadata };
        let created = context.client.create_enrollment(&new).await?;
        warn_about_lifetime(&created, expires_in, context);
        context.print_item_with_names(&created.enrollment).await?;
        context.report_change("Enter the code in the Kustom POS app. It pairs any phone, so keep it secret.");
        Ok(ExitStatus::Success)
    }
}

/// The API takes milliseconds.
pub(super) fn check_lifetime(expires_in: Duration) -> Result<(), Error> {
    if expires_in < Duration::from_millis(1) {
        return Err(Error::usage("--expires-in must be at least one millisecond"));
    }
    Ok(())
}

/// Warns if the code lasts longer than requested.
pub(super) fn warn_about_lifetime(
    created: &CreatedEnrollment,
    requested: Duration,
    context: &ApiContext<'_>,
) {
    if let Some(ttl) = created.ttl {
        context.output.warn(&format!(
            "this account only allows fixed lifetimes: the code lasts {} instead of {}",
            format_duration(ttl.duration()),
            format_duration(requested)
        ));
    }
}
