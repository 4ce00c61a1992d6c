//! `kustom devices get`

use crate::context::Online;
use crate::error::{Error, Exit};

/// Show one device
///
/// The API has no operation for a single device: it is found in the list.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The device's name, its id or the beginning of its id; on a terminal it can be chosen from a list
    #[arg(value_name = "DEVICE")]
    device: Option<String>,
}

impl Args {
    pub(super) async fn run(self, online: &Online<'_>) -> Result<Exit, Error> {
        let Self { device } = self;
        let device = online.device_or_choice(device.as_deref()).await?;
        online.terminal.one(&device)?;
        Ok(Exit::Done)
    }
}
