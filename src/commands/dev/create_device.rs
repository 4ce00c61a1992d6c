use clap::builder::NonEmptyStringValueParser;

use super::credentials::CredentialsArgs;
use crate::api::simulated_device_request;
use crate::args;
use crate::commands::help::text::after_help;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::model::{Device, Resource};
use crate::output::Question;
use crate::text::escape_control;

/// Create a simulated device
///
/// The device is registered without an enrollment code, and takes simulated taps.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom dev create-device --name 'Test till' --location 'Stockholm City'
  kustom dev create-device --name 'Test till 2' --location 'Stockholm City' -o json > device.json

Next:
  kustom sessions create --device DEVICE --amount 249.50
"))]
pub(crate) struct Args {
    /// Device name [default: ask for it]
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    name: Option<String>,
    /// Location name, ID or ID prefix [default: the profile's location, or select from a list]
    #[arg(long, value_name = "LOCATION", add = complete::locations())]
    location: Option<String>,
    /// Metadata of the device (repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = args::parse_pair)]
    metadata: Vec<(String, String)>,
    #[command(flatten)]
    credentials: CredentialsArgs,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { name, location, metadata, credentials } = self;
        context.forbid_production()?;
        context.output.check_columns::<Resource<Device>>()?;
        let metadata = args::collect_metadata(metadata)?;
        let location_id = context.location_id_or_prompt(location.as_deref()).await?;
        let name = match name {
            Some(name) => name,
            None if context.output.can_prompt() => context.output.ask(Question::new("Device name")).await?,
            None => {
                return Err(Error::usage("no name is given").hint("add --name, such as --name 'Test till'"));
            }
        };
        let request = simulated_device_request(&name, location_id.as_deref(), &metadata);
        let mut device = context.client.send_json(&request).await?;
        credentials.redact(&mut device);
        context.print_item_with_names(&device).await?;
        context.report_change(&format!("Created {}.", escape_control(&name)));
        Ok(ExitStatus::Success)
    }
}
