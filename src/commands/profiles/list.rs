//! `kustom profiles list`

use super::row::Row;
use crate::context::Context;
use crate::error::{Error, Exit};

pub(super) fn run(context: &Context) -> Result<Exit, Error> {
    let document = context.settings.store().read()?;
    let active = document.active();
    let built_in = Row::built_in(active);
    let stored = document.profiles().map(|(name, profile)| Row::new(name, active, profile));
    context.terminal.all(stored.chain([built_in]))?;
    Ok(Exit::Done)
}
