//! `kustom profiles list`

use super::row::Row;
use crate::commands::help::text::more;
use crate::context::Context;
use crate::error::{Error, Exit};

const MORE: &str = "\
Examples:
  kustom profiles list
  kustom profiles list -o json       # for a script

Next:
  kustom profiles use NAME
";

/// List the profiles
///
/// The one in use is marked. Keys are not shown.
#[derive(Debug, clap::Args)]
#[command(after_help = more(MORE))]
pub(crate) struct Args {}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Error> {
        let Self {} = self;
        let document = context.settings.store().read()?;
        let active = document.active();
        let built_in = Row::built_in(active);
        let stored = document.profiles().map(|(name, profile)| Row::new(name, active, profile));
        context.terminal.all(stored.chain([built_in]))?;
        Ok(Exit::Done)
    }
}
