use crate::api::deregister_request;
use crate::commands::help::text::after_help;
use crate::commands::list::ActionResult;
use crate::commands::resolve::id_of;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::model::{Device, Resource};
use crate::text::escape_control;

/// Remove devices from the account
///
/// A removed device can no longer take payments until its phone is paired again.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom devices deregister 'Till 1'
  kustom devices deregister 'Old till' --yes           # on production in a script

Exit codes:
  4  the device was not found; nothing was removed
  8  production requires a confirmation, which was not given; nothing was removed

Next:
  kustom enrollments pair            # pair a phone again
"))]
pub(crate) struct Args {
    /// Device names, IDs or ID prefixes [default: select from a list]
    #[arg(value_name = "DEVICE", add = complete::devices())]
    devices: Vec<String>,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        context.ensure_named::<Device>(!self.devices.is_empty())?;
        context.ensure_can_confirm()?;
        // Every name is resolved before the first device is removed, so that a typo removes nothing.
        let mut found: Vec<Resource<Device>> = Vec::with_capacity(self.devices.len());
        for device in &self.devices {
            found.push(context.find::<Device>(device).await?);
        }
        if self.devices.is_empty() {
            found.push(context.find_or_select(None).await?);
        }
        let descriptions: Vec<_> = found
            .iter()
            .map(|device| {
                let (name, id) = (device.name.as_deref(), device.id.as_deref());
                format!("'{}' ({})", name.unwrap_or_default(), id.unwrap_or_default())
            })
            .collect();
        let confirmations: Vec<_> = found.iter().map(confirmation_text).collect();
        context.confirm_by_name(&format!("deregister {}", descriptions.join(", ")), &confirmations).await?;
        context
            .for_each_target(found, async |device: Resource<Device>| {
                let name = device.name.clone().unwrap_or_default();
                let id = id_of(&device)?;
                context
                    .client
                    .delete(&deregister_request(&id))
                    .await
                    .map_err(|error| Error::from(error).context(&format!("device {id}")))?;
                let shown = if name.is_empty() { &id } else { &name };
                context.report_change(&format!("Deregistered {}.", escape_control(shown)));
                Ok(ActionResult { id, object: "device", result: "deregistered" })
            })
            .await
    }
}

/// The text to type as a confirmation: the name, or an ID prefix if the name cannot be typed.
fn confirmation_text(device: &Resource<Device>) -> String {
    let name = device.name.as_deref().unwrap_or_default();
    if !name.trim().is_empty() && escape_control(name) == name {
        return name.to_owned();
    }
    device.id.as_deref().unwrap_or_default().chars().take(8).collect()
}
