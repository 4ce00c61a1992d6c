//! Sessions.

mod cancel;
mod cart;
mod create;
mod get;
mod list;
mod once;
pub(super) mod outcome;
mod recover;
mod row;
mod sale;
mod wait;
mod watch;

use clap::Subcommand;

use crate::context::Context;
use crate::error::{Error, Exit};

/// Payments on a device.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a session: the device asks the customer to pay
    Create(Box<create::Args>),
    /// Show one session
    Get(get::Args),
    /// Wait until sessions have ended; the outcome is the exit code
    Watch(watch::Args),
    /// Cancel sessions that have not ended
    Cancel(cancel::Args),
    /// List the sessions that were created here: the journal
    List(list::Args),
    /// Settle what is not known about an attempt
    Recover(recover::Args),
}

impl Command {
    /// Whether it waits for an outcome.
    pub(super) fn waits(&self) -> bool {
        match self {
            Self::Watch(_) => true,
            Self::Create(args) => args.waits(),
            Self::Get(_) | Self::Cancel(_) | Self::List(_) | Self::Recover(_) => false,
        }
    }

    pub(super) fn run(self, context: &Context) -> Result<Exit, Error> {
        match self {
            Self::Create(args) => context.online(async |online| args.run(&online).await),
            Self::Get(args) => context.online(async |online| args.run(&online).await),
            Self::Watch(args) => context.online(async |online| args.run(&online).await),
            Self::Cancel(args) => context.online(async |online| args.run(&online).await),
            Self::List(args) => args.run(context),
            Self::Recover(args) => args.run(context),
        }
    }
}
