//! `kustom dev pos offline` and `kustom dev pos online`

use super::PHONE;
use crate::commands::help::text::more;
use crate::context::Online;
use crate::error::{Error, Exit};

const MORE_OF_OFFLINE: &str = "\
Examples:
  kustom dev pos offline 'Till 1'
  kustom dev pos offline 'Till 1' -o json

Next:
  kustom dev pos online DEVICE
";

/// Lose the connection, as a phone does
///
/// A new payment on the device is refused then, as it is where no phone can be reached, unless the emulator's switch
/// offline_device says otherwise. `kustom dev pos online` gives the connection back.
#[derive(Debug, clap::Args)]
#[command(after_help = more(MORE_OF_OFFLINE))]
#[allow(clippy::doc_markdown, reason = "help is text for people, not Markdown")]
pub(crate) struct OfflineArgs {
    /// The device's name, its id or the beginning of its id; on a terminal it can be chosen from a list
    #[arg(value_name = "DEVICE")]
    device: Option<String>,
}

const MORE_OF_ONLINE: &str = "\
Examples:
  kustom dev pos online 'Till 1'
  kustom dev pos online 'Till 1' -o json

Next:
  kustom sessions create --device DEVICE --amount 249.50
";

/// Have the connection back
///
/// New payments reach the device again.
#[derive(Debug, clap::Args)]
#[command(after_help = more(MORE_OF_ONLINE))]
pub(crate) struct OnlineArgs {
    /// The device's name, its id or the beginning of its id; on a terminal it can be chosen from a list
    #[arg(value_name = "DEVICE")]
    device: Option<String>,
}

impl OfflineArgs {
    pub(super) async fn run(self, online: &Online<'_>) -> Result<Exit, Error> {
        let Self { device } = self;
        let back = set_offline(device, true, online).await?;
        online.terminal.note(&format!(
            "The device is offline.\n  back again: kustom dev pos online {}",
            crate::text::visible(&back)
        ));
        Ok(Exit::Done)
    }
}

impl OnlineArgs {
    pub(super) async fn run(self, online: &Online<'_>) -> Result<Exit, Error> {
        let Self { device } = self;
        set_offline(device, false, online).await?;
        online.terminal.note("The device is online.");
        Ok(Exit::Done)
    }
}

/// Shows the device afterwards; gives its id.
async fn set_offline(device: Option<String>, offline: bool, online: &Online<'_>) -> Result<String, Error> {
    let id = match device {
        Some(device) => online.device_id(&device).await?,
        None => crate::commands::find::id_of(&online.device_or_choice(None).await?)?,
    };
    match online.client.pos_set_offline(&id, offline).await {
        Ok(device) => online.terminal.one(&device)?,
        Err(error) => {
            let next = "list the devices with `kustom devices list`".to_owned();
            return Err(PHONE.explained(error, online, next).await);
        }
    }
    Ok(id)
}
