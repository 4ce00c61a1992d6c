mod listen;
mod verify;

use clap::Subcommand;

use crate::commands::help::text::after_help;
use crate::context::App;
use crate::error::{Error, ExitStatus};

const MORE: &str = "\
Examples:
  kustom webhooks listen --secret-file secret.txt --exit-after 1
  kustom webhooks verify --secret-file secret.txt --headers headers.txt --body body.json

Next:
  kustom dev trigger session.finalized --to URL --secret-file FILE
  kustom help callbacks
";

/// Receive callbacks, or verify one
///
/// A callback reports an event of a session. It is signed according to Standard Webhooks.
#[derive(Debug, Subcommand)]
#[command(after_help = after_help(MORE))]
pub(crate) enum Command {
    Listen(listen::Args),
    Verify(verify::Args),
}

impl Command {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        match self {
            Self::Listen(args) => args.run(app),
            Self::Verify(args) => args.run(app),
        }
    }
}
