mod get;
mod list;

use clap::Subcommand;

use crate::commands::help::text::after_help;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};

/// List the stores that devices belong to
///
/// Locations are created in Kustom's portal. Other commands accept them by name, ID or ID prefix.
#[derive(Debug, Subcommand)]
#[command(after_help = after_help("\
Examples:
  kustom locations list
  kustom locations get 'Stockholm City'

Next:
  kustom devices list --location LOCATION
"))]
pub(crate) enum Command {
    #[command(alias = "ls")]
    List(list::Args),
    #[command(aliases = ["show", "view"])]
    Get(get::Args),
}

impl Command {
    pub(super) async fn run(self, context: ApiContext<'_>) -> Result<ExitStatus, Error> {
        match self {
            Self::List(args) => args.run(&context).await,
            Self::Get(args) => args.run(&context).await,
        }
    }
}
