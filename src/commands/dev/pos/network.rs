//! `kustom dev pos offline` and `kustom dev pos online`

use super::POS_GUARD;
use crate::commands::help::text::after_help;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};

const MORE_OF_OFFLINE: &str = "\
Examples:
  kustom dev pos offline 'Till 1'
  kustom dev pos offline 'Till 1' -o json

Next:
  kustom dev pos online DEVICE
";

/// Lose the connection, as a phone does
///
/// A new payment on the device is refused then, as it is where no phone can be reached, unless the emulator's option
/// offline_device says otherwise. `kustom dev pos online` gives the connection back.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE_OF_OFFLINE))]
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
#[command(after_help = after_help(MORE_OF_ONLINE))]
pub(crate) struct OnlineArgs {
    /// The device's name, its id or the beginning of its id; on a terminal it can be chosen from a list
    #[arg(value_name = "DEVICE")]
    device: Option<String>,
}

impl OfflineArgs {
    pub(super) async fn run(self, online: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { device } = self;
        let back = set_offline(device, true, online).await?;
        online.output.status(&format!(
            "The device is offline.\n  back again: kustom dev pos online {}",
            crate::text::escape_control(&back)
        ));
        Ok(ExitStatus::Success)
    }
}

impl OnlineArgs {
    pub(super) async fn run(self, online: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { device } = self;
        set_offline(device, false, online).await?;
        online.output.status("The device is online.");
        Ok(ExitStatus::Success)
    }
}

/// Shows the device afterwards; gives its id.
async fn set_offline(
    device: Option<String>,
    offline: bool,
    online: &ApiContext<'_>,
) -> Result<String, Error> {
    let id = match device {
        Some(device) => online.device_id(&device).await?,
        None => crate::commands::resolve::id_of(&online.resolve_or_select_device(None).await?)?,
    };
    match online.client.pos_set_offline(&id, offline).await {
        Ok(device) => online.output.print_item(&device)?,
        Err(error) => {
            let next = "list the devices with `kustom devices list`".to_owned();
            return Err(POS_GUARD.explain_error(error, online, next).await);
        }
    }
    Ok(id)
}
