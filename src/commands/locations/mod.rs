//! Locations.

mod get;
mod list;

use clap::Subcommand;

use crate::context::Online;
use crate::error::{Error, Exit};

/// The stores that devices stand in.
#[derive(Debug, Subcommand)]
pub enum Command {
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
