//! `kustom enrollments create`

use std::time::Duration;

use crate::api::{CreatedEnrollment, Error as ApiError, NewEnrollment};
use crate::args;
use crate::commands::help::text::after_help;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::text::format_duration;

const MORE: &str = "\
Examples:
  kustom enrollments create --location 'Stockholm City'
  kustom enrollments create --location 'Stockholm City' --expires-in 30m --metadata till=2
  kustom enrollments create --location 'Stockholm City' -o json > enrollment.json

Next:
  kustom enrollments list            # has it been used
  kustom enrollments delete ENROLLMENT
";

/// Create a code for a phone
///
/// The code pairs any phone with the account: treat it as a secret. On the phone, open the Kustom POS app and
/// enter it.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// Where the phone will stand: the location's name, its id or the beginning of its id; the profile's default
    /// location unless told otherwise
    #[arg(long, value_name = "LOCATION")]
    location: Option<String>,
    /// How long the code can be used, such as 30m, 2h or 3d
    #[arg(long, value_name = "DURATION", default_value = "2h", value_parser = args::duration)]
    expires_in: Duration,
    /// Metadata, which the device will carry
    #[arg(long, value_name = "KEY=VALUE", value_parser = args::pair)]
    metadata: Vec<(String, String)>,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { location, expires_in, metadata } = self;
        if expires_in < Duration::from_millis(1) {
            return Err(Error::usage("--expires-in must be a millisecond at least"));
        }
        let metadata = args::metadata(metadata)?;
        let location_id = context.location_id_or_default(location.as_deref()).await?;
        let no_location = location_id.is_none();
        let new = NewEnrollment { location_id, expires_in, metadata };
        let created = context.client.create_enrollment(&new).await;
        let created = created.map_err(|error| with_location_hint(error, !no_location))?;
        told_lifetime(&created, expires_in, context);
        context.output.print_item(&created.enrollment)?;
        context
            .output
            .status("Enter the code in the Kustom POS app; it pairs any phone, so keep it to yourself.");
        Ok(ExitStatus::Success)
    }
}

/// A refusal that is about a location nobody named says how to name one.
pub(super) fn with_location_hint(error: ApiError, has_location: bool) -> Error {
    let names_location = error.problem().is_some_and(|problem| problem.has_field("location_id"));
    let error = Error::from(error);
    if names_location && !has_location {
        error.hint("name one with --location; `kustom locations list` shows them")
    } else {
        error
    }
}

/// Warns when the code lasts longer than was asked for.
pub(super) fn told_lifetime(created: &CreatedEnrollment, asked: Duration, context: &ApiContext<'_>) {
    if let Some(ttl) = created.ttl {
        context.output.warn(&format!(
            "this account takes fixed lifetimes only: asked for {} instead of {}",
            format_duration(ttl.duration()),
            format_duration(asked)
        ));
    }
}
