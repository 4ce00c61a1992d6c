//! Profiles.

mod list;
mod remove;
pub(super) mod row;
mod select;
pub(super) mod show;

use clap::Subcommand;

use crate::context::Context;
use crate::error::{Error, Exit};

/// See, choose and remove profiles.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the profiles
    List,
    Show(show::Args),
    Use(select::Args),
    Remove(remove::Args),
}

impl Command {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Error> {
        match self {
            Self::List => list::run(context),
            Self::Show(args) => args.run(context),
            Self::Use(args) => args.run(context),
            Self::Remove(args) => args.run(context),
        }
    }
}
