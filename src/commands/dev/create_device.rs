//! `kustom dev create-device`

use clap::builder::NonEmptyStringValueParser;
use serde_json::Value;

use crate::commands::args;
use crate::context::Online;
use crate::error::{Error, Exit};
use crate::model::{Device, Received};
use crate::secret::REDACTED;

/// Create a simulated device
///
/// It is enrolled and registered at once and takes simulated taps.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The device's name
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    name: String,
    /// Where it stands: the location's name, its id or the beginning of its id; the profile's default location
    /// unless told otherwise
    #[arg(long, value_name = "LOCATION")]
    location: Option<String>,
    /// Metadata of the device
    #[arg(long, value_name = "KEY=VALUE", value_parser = args::pair)]
    metadata: Vec<(String, String)>,
    /// Show the credentials the device authenticates with, which are a secret
    #[arg(long)]
    show_credentials: bool,
}

impl Args {
    pub(super) async fn run(self, online: &Online<'_>) -> Result<Exit, Error> {
        let Self { name, location, metadata, show_credentials } = self;
        let metadata = args::metadata(metadata)?;
        let location_id = online.location_id_or_default(location.as_deref()).await?;
        let mut device =
            online.client.create_simulated_device(&name, location_id.as_deref(), &metadata).await?;
        if !show_credentials {
            hide_credentials(&mut device);
        }
        online.terminal.one(&device)?;
        Ok(Exit::Done)
    }
}

/// Takes the token out of what is shown: output ends up in logs.
fn hide_credentials(device: &mut Received<Device>) {
    if let Some(Value::Object(credentials)) = device.whole_mut().get_mut("credentials") {
        for (_, value) in credentials.iter_mut().filter(|(name, _)| name.as_str() != "issuedAt") {
            *value = Value::from(REDACTED);
        }
    }
}
