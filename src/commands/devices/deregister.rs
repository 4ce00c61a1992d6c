//! `kustom devices deregister`

use crate::commands::help::text::after_help;
use crate::commands::list::ActionResult;
use crate::commands::resolve::id_of;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::model::{Device, Resource};
use crate::text::escape_control;

const MORE: &str = "\
Examples:
  kustom devices deregister 'Till 1'
  kustom devices deregister 'Old till' --yes           # on production in a script

Exit codes:
  4  there is no such device; nothing was removed
  8  production asks for the name, and it was not typed; nothing was removed

Next:
  kustom enrollments pair            # pair a phone again
";

/// Remove devices from the account
///
/// A removed device can take no more payments; its phone has to be paired again.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// The devices' names, their ids or the beginnings of their ids; on a terminal one can be chosen from a list
    #[arg(value_name = "DEVICE")]
    devices: Vec<String>,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { devices } = self;
        context.ensure_can_confirm()?;
        // All of them are found before the first one is removed, so that a typing mistake removes nothing.
        let mut found: Vec<Resource<Device>> = Vec::with_capacity(devices.len());
        for device in &devices {
            found.push(context.find_device(device).await?);
        }
        if devices.is_empty() {
            found.push(context.resolve_or_select_device(None).await?);
        }
        let shown: Vec<_> = found
            .iter()
            .map(|device| {
                let (name, id) = (device.name.as_deref(), device.id.as_deref());
                format!("'{}' ({})", name.unwrap_or_default(), id.unwrap_or_default())
            })
            .collect();
        let typed: Vec<_> = found.iter().map(to_be_typed).collect();
        context.confirm_by_name(&format!("deregister {}", shown.join(", ")), &typed).await?;
        context
            .for_each_target(found, async |device: Resource<Device>| {
                let id = id_of(&device)?;
                let doing = format!("device {id}");
                context
                    .client
                    .deregister_device(&id)
                    .await
                    .map_err(|error| Error::from(error).context(&doing))?;
                Ok(ActionResult { id, object: "device", result: "deregistered" })
            })
            .await
    }
}

/// What somebody types to remove the device: its name, or the beginning of its id where nobody could type the name.
fn to_be_typed(device: &Resource<Device>) -> String {
    let name = device.name.as_deref().unwrap_or_default();
    if !name.trim().is_empty() && escape_control(name) == name {
        return name.to_owned();
    }
    device.id.as_deref().unwrap_or_default().chars().take(8).collect()
}
