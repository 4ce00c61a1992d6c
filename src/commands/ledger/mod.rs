mod export;
mod import;
mod init;
mod repair;
mod status;

use clap::Subcommand;

use crate::commands::help::text::after_help;
use crate::context::App;
use crate::error::{Error, ExitStatus};
use crate::text::pluralize;

/// Check, share and move the ledger, which prevents duplicate charges
///
/// The ledger holds every attempt to create a session, and every change of an order, such as a refund. By default it is a
/// database in the state directory; several machines share a PostgreSQL database.
#[derive(Debug, Subcommand)]
#[command(after_help = after_help("\
Examples:
  kustom ledger status
  kustom ledger export > attempts.ndjson

Next:
  kustom help ledger                 # what the ledger is, and how to share it
  kustom sessions list               # the attempts themselves
"))]
pub(crate) enum Command {
    Status(status::Args),
    Init(init::Args),
    Export(export::Args),
    Import(import::Args),
    Repair(repair::Args),
}

impl Command {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        app.block_on(async {
            match self {
                Self::Status(args) => args.run(app).await,
                Self::Init(args) => args.run(app).await,
                Self::Export(args) => args.run(app).await,
                Self::Import(args) => args.run(app).await,
                Self::Repair(args) => args.run(app).await,
            }
        })
    }
}

/// The numbers in words. Without changes of orders, they are not mentioned.
fn count(attempts: usize, changes: usize) -> String {
    match (attempts, changes) {
        (attempts, 0) => pluralize(attempts, "attempt"),
        (0, changes) => pluralize(changes, "order change"),
        (attempts, changes) => {
            format!("{} and {}", pluralize(attempts, "attempt"), pluralize(changes, "order change"))
        }
    }
}
