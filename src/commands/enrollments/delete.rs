use clap_complete::engine::ArgValueCompleter;
use uuid::Uuid;

use crate::api::withdraw_request;
use crate::args;
use crate::commands::help::text::after_help;
use crate::commands::list::ActionResult;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::text::pluralize;

const MORE: &str = "\
Examples:
  kustom enrollments delete ENROLLMENT
  kustom enrollments delete ENROLLMENT --yes           # on production in a script

Exit codes:
  4  the enrollment was not found, or it was already withdrawn
  8  production requires a confirmation, which was not given; nothing was withdrawn

Next:
  kustom enrollments list
";

/// Withdraw enrollment codes
///
/// A withdrawn code can no longer pair a phone, and lists omit it.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// Enrollment IDs
    #[arg(add = ArgValueCompleter::new(complete::enrollments))]
    #[arg(value_name = "ENROLLMENT", required = true, value_parser = args::parse_id)]
    ids: Vec<Uuid>,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        context.ensure_can_confirm()?;
        let names: Vec<_> = self.ids.iter().map(ToString::to_string).collect();
        context
            .confirm(&format!("withdraw {}: {}", pluralize(self.ids.len(), "enrollment"), names.join(", ")))
            .await?;
        context
            .for_each_target(self.ids, async |id: Uuid| {
                context
                    .client
                    .delete(&withdraw_request(&id.to_string()))
                    .await
                    .map_err(|error| Error::from(error).context(&format!("enrollment {id}")))?;
                Ok(ActionResult { id: id.to_string(), object: "enrollment", result: "deleted" })
            })
            .await
    }
}
