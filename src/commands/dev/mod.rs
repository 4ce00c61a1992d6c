//! What only playground and emulators have.

mod create_device;
mod credentials;
mod pos;
mod simulate_tap;

use clap::Subcommand;

use crate::context::Online;
use crate::error::{Error, Exit};

/// Simulated devices and payments; not on production.
#[derive(Debug, Subcommand)]
pub enum Command {
    CreateDevice(create_device::Args),
    SimulateTap(simulate_tap::Args),
    #[command(subcommand)]
    Pos(pos::Command),
}

impl Command {
    pub(super) async fn run(self, online: Online<'_>) -> Result<Exit, Error> {
        // The phone has a narrower guard, which says what to do instead.
        if !matches!(self, Self::Pos(_)) {
            online.not_on_production()?;
        }
        match self {
            Self::CreateDevice(args) => args.run(&online).await,
            Self::SimulateTap(args) => args.run(&online).await,
            Self::Pos(command) => command.run(&online).await,
        }
    }
}
