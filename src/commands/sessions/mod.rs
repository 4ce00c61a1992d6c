//! Sessions.

mod cancel;
mod create;
mod get;
pub(super) mod outcome;
mod watch;

use clap::Subcommand;

use crate::context::Online;
use crate::error::{Error, Exit};

/// Payments on a device.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a session: the device asks the customer to pay
    Create(create::Args),
    /// Show one session
    Get(get::Args),
    /// Wait until a session has ended; its outcome is the exit code
    Watch(watch::Args),
    /// Cancel sessions that have not ended
    Cancel(cancel::Args),
}

impl Command {
    pub(super) async fn run(self, online: Online<'_>) -> Result<Exit, Error> {
        match self {
            Self::Create(args) => args.run(&online).await,
            Self::Get(args) => args.run(&online).await,
            Self::Watch(args) => args.run(&online).await,
            Self::Cancel(args) => args.run(&online).await,
        }
    }
}
