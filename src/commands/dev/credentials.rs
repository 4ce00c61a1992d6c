//! Credentials of a newly registered device. The API returns them only once.

use serde_json::Value;

use crate::model::{Device, Resource};
use crate::secret::REDACTED;

#[derive(Debug, clap::Args)]
pub(crate) struct CredentialsArgs {
    /// Print the device's own credentials, which are secret
    #[arg(long)]
    show_credentials: bool,
}

impl CredentialsArgs {
    /// Redacts the credentials unless the flag is given, because output may end up in logs.
    pub(super) fn redact(&self, device: &mut Resource<Device>) {
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
