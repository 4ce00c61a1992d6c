use clap_complete::engine::ArgValueCompleter;

use crate::api::DeviceChange;
use crate::args;
use crate::commands::help::text::after_help;
use crate::commands::resolve::id_of;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::model::Location;

const MORE: &str = "\
Examples:
  kustom devices update 'Till 1' --name 'Till 2'
  kustom devices update 'Till 2' --location 'Göteborg Haga'
  kustom devices update 'Till 2' --metadata counter=north --unset-metadata floor

Next:
  kustom devices get DEVICE
";

/// Rename or move a device, or change its metadata
///
/// Other fields keep their values: kustom reads the device, changes it and writes it back.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// Device name, ID or ID prefix [default: select from a list]
    #[arg(add = ArgValueCompleter::new(complete::devices))]
    #[arg(value_name = "DEVICE")]
    device: Option<String>,
    /// New name
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    name: Option<String>,
    /// Move the device to this location: name, ID or ID prefix
    #[arg(add = ArgValueCompleter::new(complete::locations))]
    #[arg(long, value_name = "LOCATION", conflicts_with = "no_location")]
    location: Option<String>,
    /// Remove the device from its location
    #[arg(long)]
    no_location: bool,
    /// Metadata to set (repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = args::parse_pair)]
    metadata: Vec<(String, String)>,
    /// Metadata to remove (repeatable)
    #[arg(long, value_name = "KEY")]
    unset_metadata: Vec<String>,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { device, name, location, no_location, metadata, unset_metadata } = self;
        let set_metadata = args::collect_metadata(metadata)?;
        if let Some(key) = unset_metadata.iter().find(|key| set_metadata.contains_key(*key)) {
            return Err(Error::usage(format!("'{key}' is both in --metadata and in --unset-metadata")));
        }
        let mut change = DeviceChange { name, location_id: None, set_metadata, unset_metadata };
        if change.is_empty() && location.is_none() && !no_location {
            return Err(Error::usage("no change was given")
                .hint("add --name, --location, --no-location, --metadata or --unset-metadata"));
        }
        change.location_id = match location {
            Some(location) => Some(Some(context.find_id::<Location>(&location).await?)),
            None => no_location.then_some(None),
        };
        let device = context.find_or_select(device.as_deref()).await?;
        let updated = context.client.update_device(&id_of(&device)?, &change.to_body(&device)).await?;
        context.output.print_item(&updated)?;
        Ok(ExitStatus::Success)
    }
}
