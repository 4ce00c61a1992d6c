//! `kustom sessions get`

use clap_complete::engine::ArgValueCompleter;

use super::choose::SessionFilter;
use super::outcome;
use crate::commands::help::text::after_help;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};

const MORE: &str = "\
Examples:
  kustom sessions get SESSION
  kustom sessions get receipt-1001                     # by its reference
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
    /// Session ID, ID prefix or reference; if omitted on a terminal, you pick a session that was created here
    #[arg(add = ArgValueCompleter::new(complete::sessions))]
    #[arg(value_name = "SESSION")]
    session: Option<String>,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let id = context.session_or_choice(self.session.as_deref(), SessionFilter::All).await?;
        let session = context.client.session(id).await?;
        context.print_item(&session).await?;
        context.output.status(&outcome::describe_status(&session));
        Ok(ExitStatus::Success)
    }
}
