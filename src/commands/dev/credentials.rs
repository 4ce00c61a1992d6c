//! The credentials of a device that was just registered: they are told once.

use serde_json::Value;

use crate::model::{Device, Resource};
use crate::secret::REDACTED;

/// Whether they are shown.
#[derive(Debug, clap::Args)]
pub(super) struct CredentialsArgs {
    /// Show the credentials the device authenticates with, which are a secret
    #[arg(long)]
    show_credentials: bool,
}

impl CredentialsArgs {
    /// Takes the token out of what is shown, unless it is asked for: output ends up in logs.
    pub(super) fn apply_to(&self, device: &mut Resource<Device>) {
        if self.show_credentials {
            return;
        }
        if let Some(Value::Object(credentials)) = device.raw_mut().get_mut("credentials") {
            for (_, value) in credentials.iter_mut().filter(|(name, _)| name.as_str() != "issuedAt") {
                *value = Value::from(REDACTED);
            }
        }
    }
}
