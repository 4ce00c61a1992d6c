mod list;
mod remove;
mod rename;
pub(super) mod row;
mod set;
pub(super) mod show;
mod use_profile;

use clap::Subcommand;

use crate::commands::help::text::after_help;
use crate::context::App;
use crate::error::{Error, ExitStatus};

/// List, select and change profiles
///
/// A profile describes the account that a command uses: its environment, its key and default values.
#[derive(Debug, Subcommand)]
#[command(after_help = after_help("\
Examples:
  kustom profiles list               # the active one is marked
  kustom profiles use local          # try kustom without an account

Next:
  kustom login                       # add a profile
"))]
pub(crate) enum Command {
    #[command(alias = "ls")]
    List(list::Args),
    #[command(aliases = ["get", "view"])]
    Show(show::Args),
    #[command(aliases = ["switch", "activate"])]
    Use(use_profile::Args),
    #[command(alias = "edit")]
    Set(set::Args),
    #[command(alias = "mv")]
    Rename(rename::Args),
    #[command(aliases = ["rm", "delete"])]
    Remove(remove::Args),
}

impl Command {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        match self {
            Self::List(args) => args.run(app),
            Self::Show(args) => args.run(app),
            Self::Use(args) => args.run(app),
            Self::Set(args) => args.run(app),
            Self::Rename(args) => args.run(app),
            Self::Remove(args) => args.run(app),
        }
    }
}
