use crate::api::DeviceChange;
use crate::args;
use crate::commands::help::text::after_help;
use crate::commands::resolve::id_of;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::model::{Device, Location, Resource};
use crate::output::{Cell, Choice, NameKind, Question};
use crate::text::escape_control;

/// Rename or move a device, or change its metadata
///
/// Other fields keep their values: kustom reads the device, changes it and writes it back. On a terminal, kustom asks for
/// what you omit.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom devices update                               # asks what to change
  kustom devices update 'Till 1' --name 'Till 2'
  kustom devices update 'Till 2' --location 'Göteborg Haga' --metadata counter=north

Next:
  kustom devices get DEVICE
"))]
pub(crate) struct Args {
    /// Device name, ID or ID prefix [default: select from a list]
    #[arg(value_name = "DEVICE", add = complete::devices())]
    device: Option<String>,
    /// New name
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    name: Option<String>,
    /// Move the device to this location: name, ID or ID prefix
    #[arg(long, value_name = "LOCATION", conflicts_with = "no_location", add = complete::locations())]
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
        context.output.check_columns::<Resource<Device>>()?;
        let set_metadata = args::collect_metadata(metadata)?;
        if let Some(key) = unset_metadata.iter().find(|key| set_metadata.contains_key(*key)) {
            return Err(Error::usage(format!("'{key}' is both in --metadata and in --unset-metadata")));
        }
        let mut change = DeviceChange { name, location_id: None, set_metadata, unset_metadata };
        context.ensure_named::<Device>(device.is_some())?;
        let is_given = !change.is_empty() || location.is_some() || no_location;
        if !is_given && !context.output.can_prompt() {
            return Err(Error::usage("no change was given")
                .hint("add --name, --location, --no-location, --metadata or --unset-metadata"));
        }
        change.location_id = match location {
            Some(location) => Some(Some(context.find_id::<Location>(&location).await?)),
            None => no_location.then_some(None),
        };
        let device: Resource<Device> = context.find_or_select(device.as_deref()).await?;
        if !is_given {
            ask_change(&device, &mut change, context).await?;
        }
        let updated = context.client.update_device(&id_of(&device)?, &change.to_body(&device)).await?;
        context.print_item_with_names(&updated).await?;
        context.report_change(&describe_change(&device, &updated, context));
        Ok(ExitStatus::Success)
    }
}

/// Asks what to change, and for the new value.
async fn ask_change(
    device: &Resource<Device>,
    change: &mut DeviceChange,
    context: &ApiContext<'_>,
) -> Result<(), Error> {
    context.learn_names(std::slice::from_ref(device)).await;
    let name = device.name.clone().unwrap_or_default();
    let location = location_of(device, context);
    let choices = vec![
        (Choice::new("Name", "").detail(&name), true),
        (Choice::new("Location", "").detail(&location), false),
    ];
    let is_rename = context.output.select("Change", choices).await?;
    if is_rename {
        let question = Question::new("New name").default(Some(name).filter(|name| !name.is_empty()));
        change.name = Some(context.output.ask(question).await?);
    } else {
        let location = context.find_or_select::<Location>(None).await?;
        change.location_id = Some(Some(id_of(&location)?));
    }
    Ok(())
}

/// A sentence on what differs after the change.
fn describe_change(before: &Resource<Device>, after: &Resource<Device>, context: &ApiContext<'_>) -> String {
    let name = |device: &Resource<Device>| {
        let name = device.name.as_deref().or(device.id.as_deref()).unwrap_or_default();
        escape_control(name).into_owned()
    };
    let mut sentences = Vec::new();
    if before.name != after.name {
        sentences.push(format!("Renamed {} to {}.", name(before), name(after)));
    }
    if before.location_id != after.location_id {
        sentences.push(match after.location_id {
            Some(_) => format!("Moved {} to {}.", name(after), escape_control(&location_of(after, context))),
            None => format!("Removed {} from its location.", name(after)),
        });
    }
    if sentences.is_empty() {
        sentences.push(format!("Updated {}.", name(after)));
    }
    sentences.join(" ")
}

fn location_of(device: &Resource<Device>, context: &ApiContext<'_>) -> String {
    context.output.name_of(&Cell::named(NameKind::Location, device.location_id.as_deref()))
}
