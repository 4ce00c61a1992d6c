mod deregister;
mod free;
mod get;
mod list;
mod update;

use clap::Subcommand;

use crate::commands::help::text::after_help;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};

/// Manage the devices that take payments
///
/// A device is a paired phone. It has a name and belongs to a location; both can be changed.
#[derive(Debug, Subcommand)]
#[command(after_help = after_help("\
Examples:
  kustom devices list
  kustom devices update 'Till 1' --location 'Göteborg Haga'    # move it

Next:
  kustom enrollments pair            # add a device
  kustom sessions create --device DEVICE --amount 1.00 --watch
"))]
pub(crate) enum Command {
    #[command(alias = "ls")]
    List(list::Args),
    #[command(aliases = ["show", "view"])]
    Get(get::Args),
    #[command(aliases = ["edit", "rename", "mv", "move", "set"])]
    Update(update::Args),
    Free(free::Args),
    #[command(aliases = ["rm", "remove", "delete", "unregister", "unpair"])]
    Deregister(deregister::Args),
}

impl Command {
    pub(super) async fn run(self, context: ApiContext<'_>) -> Result<ExitStatus, Error> {
        match self {
            Self::List(args) => args.run(&context).await,
            Self::Get(args) => args.run(&context).await,
            Self::Update(args) => args.run(&context).await,
            Self::Free(args) => args.run(&context).await,
            Self::Deregister(args) => args.run(&context).await,
        }
    }
}
