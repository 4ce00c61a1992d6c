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
    /// List registered devices
    List(list::Args),
    /// Show one device
    Get(get::Args),
    /// Rename or move a device, or change its metadata
    Update(update::Args),
    /// Remove devices from the account
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
