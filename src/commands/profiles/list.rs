//! `kustom profiles list`

use super::row::Row;
use crate::context::Context;
use crate::emulator;
use crate::error::{Error, Exit};
use crate::profiles::{Environment, LOCAL, Profile};

pub(super) fn run(context: &Context) -> Result<Exit, Error> {
    let document = context.settings.store().read()?;
    let active = document.active();
    let built_in = Row {
        key: "built in",
        merchant_id: Some(emulator::MERCHANT_ID.to_owned()),
        ..Row::new(LOCAL, active, &Profile::new(Environment::Local))
    };
    let stored = document.profiles().map(|(name, profile)| Row::new(name, active, profile));
    context.terminal.all(stored.chain([built_in]))?;
    Ok(Exit::Done)
}
