//! Enrollments.

mod create;
mod delete;
mod list;
mod pair;

use clap::Subcommand;

use crate::context::Online;
use crate::error::{Error, Exit};

/// The codes that pair a phone with the account.
#[derive(Debug, Subcommand)]
pub enum Command {
    List(list::Args),
    Create(create::Args),
    Delete(delete::Args),
    Pair(pair::Args),
}

impl Command {
    /// Whether it waits for a phone.
    pub(super) const fn waits(&self) -> bool {
        matches!(self, Self::Pair(_))
    }

    pub(super) async fn run(self, online: Online<'_>) -> Result<Exit, Error> {
        match self {
            Self::List(args) => args.run(&online).await,
            Self::Create(args) => args.run(&online).await,
            Self::Delete(args) => args.run(&online).await,
            Self::Pair(args) => args.run(&online).await,
        }
    }
}
