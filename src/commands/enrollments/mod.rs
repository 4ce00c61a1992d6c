//! Enrollments.

mod create;
mod delete;
mod list;
mod pair;

use clap::Subcommand;

use crate::commands::help::text::after_help;
use crate::context::App;
use crate::error::{Error, ExitStatus};

const MORE: &str = "\
Examples:
  kustom enrollments pair            # shows a code, waits for the phone, names it
  kustom enrollments list            # which codes there are

Next:
  kustom devices list
";

/// The codes that pair a phone with the account
///
/// A phone that is given a code in the Kustom POS app becomes a device at the code's location. Pairing does it all at once: it
/// makes the code, waits for the phone and names it.
#[derive(Debug, Subcommand)]
#[command(after_help = after_help(MORE))]
pub(crate) enum Command {
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

    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        match self {
            Self::List(args) => app.run_with_api(async |context| args.run(&context).await),
            Self::Create(args) => app.run_with_api(async |context| args.run(&context).await),
            Self::Delete(args) => app.run_with_api(async |context| args.run(&context).await),
            Self::Pair(args) => {
                let context = app.connect()?;
                app.block_on_with_cleanup(args.run(&context))
            }
        }
    }
}
