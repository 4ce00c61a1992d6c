mod create;
mod delete;
mod list;
mod pair;

use clap::Subcommand;

use crate::commands::help::text::after_help;
use crate::context::App;
use crate::error::{Error, ExitStatus};

/// Pair phones with the account
///
/// An enrollment has a code. A phone on which the code is entered in the Kustom POS app becomes a device at the
/// enrollment's location. `kustom enrollments pair` creates the code, waits for the phone and names it.
#[derive(Debug, Subcommand)]
#[command(after_help = after_help("\
Examples:
  kustom enrollments pair            # create a code, wait for the phone, name it
  kustom enrollments list            # list the codes

Next:
  kustom devices list
"))]
pub(crate) enum Command {
    #[command(alias = "ls")]
    List(list::Args),
    #[command(aliases = ["new", "add"])]
    Create(create::Args),
    #[command(aliases = ["rm", "remove", "withdraw"])]
    Delete(delete::Args),
    Pair(pair::Args),
}

impl Command {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        match self {
            Self::List(args) => app.run_with_api(async |context| args.run(&context).await),
            Self::Create(args) => app.run_with_api(async |context| args.run(&context).await),
            Self::Delete(args) => app.run_with_api(async |context| args.run(&context).await),
            Self::Pair(args) => {
                let context = app.connect_to_wait()?;
                app.block_on_with_cleanup(args.run(&context))
            }
        }
    }
}
