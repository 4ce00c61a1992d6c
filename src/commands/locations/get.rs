use crate::commands::help::text::after_help;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::model::Location;

/// Show a location
///
/// If a name is ambiguous, the error lists the matching locations.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom locations get 'Stockholm City'
  kustom locations get 'stockholm city' -o json     # every field, as received

Next:
  kustom devices list --location LOCATION
"))]
pub(crate) struct Args {
    /// Location name, ID or ID prefix [default: select from a list]
    #[arg(value_name = "LOCATION", add = complete::locations())]
    location: Option<String>,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let id = context.find_or_select_id::<Location>(self.location.as_deref()).await?;
        let location = context.client.location(&id).await?;
        context.output.print_item(&location)?;
        Ok(ExitStatus::Success)
    }
}
