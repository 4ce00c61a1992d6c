//! `kustom sessions get`

use uuid::Uuid;

use super::choose::SessionFilter;
use super::outcome;
use clap_complete::engine::ArgValueCompleter;

use crate::args;
use crate::commands::help::text::after_help;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};

const MORE: &str = "\
Examples:
  kustom sessions get SESSION
  kustom sessions get SESSION -o json                  # every field, as the API has it

Next:
  kustom sessions watch SESSION      # wait for its outcome
";

/// Show one session
///
/// Whatever its status, the exit code is 0: `kustom sessions watch` turns an outcome into an exit code.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// The session's id; on a terminal it can be chosen from those that were created here
    #[arg(add = ArgValueCompleter::new(complete::sessions))]
    #[arg(value_name = "SESSION", value_parser = args::parse_id)]
    id: Option<Uuid>,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { id } = self;
        let id = context.session_or_choice(id, SessionFilter::All).await?;
        let session = context.client.session(id).await?;
        context.output.print_item(&session)?;
        context.output.status(&outcome::describe_status(&session));
        Ok(ExitStatus::Success)
    }
}
