mod list;
mod listen;
mod lost;
mod replay;
mod row;
mod secret;
pub(super) mod set;
mod show;
mod store;
mod verify;

use clap::Subcommand;

use crate::commands::help::text::after_help;
use crate::context::App;
use crate::error::{Error, ExitStatus};

/// Receive, list, replay and verify callbacks
///
/// A callback reports an event of a session. It is signed according to Standard Webhooks.
#[derive(Debug, Subcommand)]
#[command(after_help = after_help("\
Examples:
  kustom webhooks secret secret.txt
  kustom webhooks listen --secret-file secret.txt --exit-after 1
  kustom webhooks list --failed
  kustom webhooks verify --secret-file secret.txt --headers headers.txt --body body.json

Next:
  kustom dev trigger session.finalized --to URL --secret-file FILE
  kustom help callbacks
"))]
pub(crate) enum Command {
    Listen(Box<listen::Args>),
    List(list::Args),
    Show(show::Args),
    Replay(replay::Args),
    Verify(verify::Args),
    Secret(secret::Args),
}

impl Command {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        match self {
            Self::Listen(args) => args.run(app),
            Self::List(args) => args.run(app),
            Self::Show(args) => args.run(app),
            Self::Replay(args) => args.run(app),
            Self::Secret(args) => args.run(app),
            Self::Verify(args) => args.run(app),
        }
    }
}
