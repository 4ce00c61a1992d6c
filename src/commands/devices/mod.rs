//! Devices.

mod deregister;
mod get;
mod list;
mod update;

use clap::Subcommand;

use crate::context::Online;
use crate::error::{Error, Exit};

/// The phones and terminals that take payments.
#[derive(Debug, Subcommand)]
pub enum Command {
    List(list::Args),
    Get(get::Args),
    Update(update::Args),
    Deregister(deregister::Args),
}

impl Command {
    pub(super) async fn run(self, online: Online<'_>) -> Result<Exit, Error> {
        match self {
            Self::List(args) => args.run(&online).await,
            Self::Get(args) => args.run(&online).await,
            Self::Update(args) => args.run(&online).await,
            Self::Deregister(args) => args.run(&online).await,
        }
    }
}
