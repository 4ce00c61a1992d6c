use super::POS_GUARD;

use clap_complete::engine::ArgValueCompleter;

use crate::commands::help::text::after_help;
use crate::commands::resolve::id_of;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::text::escape_control;

const OFFLINE_EXAMPLES: &str = "\
Examples:
  kustom dev pos offline 'Till 1'
  kustom dev pos offline 'Till 1' -o json

Next:
  kustom dev pos online DEVICE
";

/// Disconnect the phone from the network
///
/// The emulator then rejects new sessions on the device, unless its option `offline_device` changes that. Reconnect the
/// phone with `kustom dev pos online`.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(OFFLINE_EXAMPLES))]
pub(crate) struct OfflineArgs {
    /// Device name, ID or ID prefix [default: select from a list]
    #[arg(add = ArgValueCompleter::new(complete::devices))]
    #[arg(value_name = "DEVICE")]
    device: Option<String>,
}

const ONLINE_EXAMPLES: &str = "\
Examples:
  kustom dev pos online 'Till 1'
  kustom dev pos online 'Till 1' -o json

Next:
  kustom sessions create --device DEVICE --amount 249.50
";

/// Reconnect the phone to the network
///
/// New sessions reach the device again.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(ONLINE_EXAMPLES))]
pub(crate) struct OnlineArgs {
    /// Device name, ID or ID prefix [default: select from a list]
    #[arg(add = ArgValueCompleter::new(complete::devices))]
    #[arg(value_name = "DEVICE")]
    device: Option<String>,
}

impl OfflineArgs {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { device } = self;
        let id = set_offline(device, true, context).await?;
        context.output.status(&format!(
            "The device is offline.\n  reconnect it: kustom dev pos online {}",
            escape_control(&id)
        ));
        Ok(ExitStatus::Success)
    }
}

impl OnlineArgs {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { device } = self;
        set_offline(device, false, context).await?;
        context.output.status("The device is online.");
        Ok(ExitStatus::Success)
    }
}

/// Prints the device after the change, and returns its ID.
async fn set_offline(
    device: Option<String>,
    offline: bool,
    context: &ApiContext<'_>,
) -> Result<String, Error> {
    let id = match device {
        Some(device) => context.device_id(&device).await?,
        None => id_of(&context.resolve_or_select_device(None).await?)?,
    };
    match context.client.pos_set_offline(&id, offline).await {
        Ok(device) => context.output.print_item(&device)?,
        Err(error) => {
            let hint = "list the devices: kustom devices list".to_owned();
            return Err(POS_GUARD.add_hint(error, context, hint).await);
        }
    }
    Ok(id)
}
