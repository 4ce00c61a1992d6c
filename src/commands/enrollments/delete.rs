use crate::api::withdraw_request;
use crate::commands::help::text::after_help;
use crate::commands::list::ActionResult;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::model::Enrollment;
use crate::text::{escape_control, pluralize};

/// Withdraw enrollment codes
///
/// A withdrawn code can no longer pair a phone, and lists omit it.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom enrollments delete ENROLLMENT
  kustom enrollments delete ENROLLMENT --yes           # on production in a script

Exit codes:
  4  the enrollment was not found, or it was already withdrawn
  8  production requires a confirmation, which was not given; nothing was withdrawn

Next:
  kustom enrollments list
"))]
pub(crate) struct Args {
    /// Enrollment IDs or ID prefixes [default: select from a list]
    #[arg(value_name = "ENROLLMENT", add = complete::enrollments())]
    enrollments: Vec<String>,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        context.ensure_named::<Enrollment>(!self.enrollments.is_empty())?;
        context.ensure_can_confirm()?;
        let mut ids = Vec::with_capacity(self.enrollments.len().max(1));
        for query in &self.enrollments {
            ids.push(context.find_id::<Enrollment>(query).await?);
        }
        if ids.is_empty() {
            ids.push(context.find_or_select_id::<Enrollment>(None).await?);
        }
        let question = format!("withdraw {}: {}", pluralize(ids.len(), "enrollment"), ids.join(", "));
        context.confirm(&question).await?;
        context
            .for_each_target(ids, async |id: String| {
                let deleted = context.client.delete(&withdraw_request(&id)).await;
                deleted.map_err(|error| Error::from(error).context(&format!("enrollment {id}")))?;
                context.report_change(&format!("Withdrew the code of enrollment {}.", escape_control(&id)));
                Ok(ActionResult { id, object: "enrollment", result: "deleted" })
            })
            .await
    }
}
