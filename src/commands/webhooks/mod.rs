//! Callbacks, received.

mod listen;
mod verify;

use clap::Subcommand;

use crate::context::Context;
use crate::error::{Error, Exit};

/// Callbacks: receive them, or check one.
#[derive(Debug, Subcommand)]
pub enum Command {
    Listen(listen::Args),
    Verify(verify::Args),
}

impl Command {
    /// Whether it waits for something to come.
    pub(super) const fn waits(&self) -> bool {
        matches!(self, Self::Listen(_))
    }

    pub(super) fn run(self, context: &Context) -> Result<Exit, Error> {
        match self {
            Self::Listen(args) => args.run(context),
            Self::Verify(args) => args.run(context),
        }
    }
}
