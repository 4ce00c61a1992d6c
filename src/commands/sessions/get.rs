//! `kustom sessions get`

use clap_complete::engine::ArgValueCompleter;
use uuid::Uuid;

use super::choose::SessionFilter;
use super::outcome;
use crate::args;
use crate::commands::help::text::after_help;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};

const MORE: &str = "\
Examples:
  kustom sessions get SESSION
  kustom sessions get SESSION -o json                  # every field of the API

Next:
  kustom sessions watch SESSION      # wait for its outcome
";

/// Show one session
///
/// Whatever its status, the exit code is 0: `kustom sessions watch` turns an outcome into an exit code.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// Session ID; if omitted on a terminal, you pick a session that was created here
    #[arg(add = ArgValueCompleter::new(complete::sessions))]
    #[arg(value_name = "SESSION", value_parser = args::parse_id)]
    id: Option<Uuid>,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let id = context.session_or_choice(self.id, SessionFilter::All).await?;
        let session = context.client.session(id).await?;
        context.print_item(&session).await?;
        context.output.status(&outcome::describe_status(&session));
        Ok(ExitStatus::Success)
    }
}
