//! Locations.

mod get;
mod list;

use clap::Subcommand;

use crate::commands::help::text::more;
use crate::context::Online;
use crate::error::{Error, Exit};

const MORE: &str = "\
Examples:
  kustom locations list
  kustom locations get 'Stockholm City'

Next:
  kustom devices list --location LOCATION
";

/// The stores that devices stand in
///
/// They are made in the portal. Here they are seen, and name where a phone stands.
#[derive(Debug, Subcommand)]
#[command(after_help = more(MORE))]
pub(crate) enum Command {
    List(list::Args),
    Get(get::Args),
}

impl Command {
    pub(super) async fn run(self, online: Online<'_>) -> Result<Exit, Error> {
        match self {
            Self::List(args) => args.run(&online).await,
            Self::Get(args) => args.run(&online).await,
        }
    }
}
