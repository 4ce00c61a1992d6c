//! `kustom enrollments delete`

use uuid::Uuid;

use crate::commands::args;
use crate::commands::help::text::more;
use crate::commands::list::Done;
use crate::context::Online;
use crate::error::{Error, Exit};
use crate::text::count;

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
#[command(after_help = more(MORE))]
pub(crate) struct Args {
    /// The ids of the enrollments
    #[arg(value_name = "ENROLLMENT", required = true, value_parser = args::id)]
    ids: Vec<Uuid>,
}

impl Args {
    pub(super) async fn run(self, online: &Online<'_>) -> Result<Exit, Error> {
        let Self { ids } = self;
        online.can_confirm()?;
        let names: Vec<_> = ids.iter().map(ToString::to_string).collect();
        online.confirm(&format!("withdraw {}: {}", count(ids.len(), "enrollment"), names.join(", "))).await?;
        online
            .each(ids, async |id: Uuid| {
                let doing = format!("enrollment {id}");
                online
                    .client
                    .delete_enrollment(&id.to_string())
                    .await
                    .map_err(|error| Error::from(error).context(&doing))?;
                Ok(Done { id: id.to_string(), object: "enrollment", result: "deleted" })
            })
            .await
    }
}
