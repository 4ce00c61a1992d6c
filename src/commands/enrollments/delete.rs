//! `kustom enrollments delete`

use uuid::Uuid;

use crate::args;
use crate::commands::help::text::after_help;
use crate::commands::list::ActionResult;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::text::pluralize;

const MORE: &str = "\
Examples:
  kustom enrollments delete ENROLLMENT
  kustom enrollments delete ENROLLMENT --yes           # on production in a script

Exit codes:
  4  there is no such enrollment, or it was withdrawn before
  8  production asks, and there was no answer; nothing was done

Next:
  kustom enrollments list
";

/// Withdraw codes
///
/// A withdrawn code pairs no phone any more and leaves the lists.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// The ids of the enrollments
    #[arg(value_name = "ENROLLMENT", required = true, value_parser = args::id)]
    ids: Vec<Uuid>,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { ids } = self;
        context.ensure_can_confirm()?;
        let names: Vec<_> = ids.iter().map(ToString::to_string).collect();
        context
            .confirm(&format!("withdraw {}: {}", pluralize(ids.len(), "enrollment"), names.join(", ")))
            .await?;
        context
            .for_each_target(ids, async |id: Uuid| {
                let doing = format!("enrollment {id}");
                context
                    .client
                    .delete_enrollment(&id.to_string())
                    .await
                    .map_err(|error| Error::from(error).context(&doing))?;
                Ok(ActionResult { id: id.to_string(), object: "enrollment", result: "deleted" })
            })
            .await
    }
}
