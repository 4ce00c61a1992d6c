//! Naming a paired phone and removing its tag.

use super::Pair;
use crate::api::DeviceChange;
use crate::commands::resolve::{fetch_all, id_of};
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind};
use crate::model::{Device, Resource};
use crate::output::Question;
use crate::polling::pairing::{TAG, suggest_name};
use crate::text::{escape_control, shell_quote};

/// Fails if a device already has this name: a name that two devices have identifies neither.
pub(super) fn check_name(name: &str, names: &[String]) -> Result<(), String> {
    if names.iter().any(|other| other.to_lowercase() == name.to_lowercase()) {
        return Err(format!("a device named '{name}' already exists"));
    }
    Ok(())
}

/// The names of all devices, except the one with this ID.
pub(super) async fn list_names(except: Option<&str>, context: &ApiContext<'_>) -> Result<Vec<String>, Error> {
    let devices: Vec<Resource<Device>> = fetch_all(context.client.devices(None)).await?;
    let others = devices.into_iter().filter(|device| except.is_none() || device.id.as_deref() != except);
    Ok(others.filter_map(|device| device.name.clone()).collect())
}

/// The name, if there is one, and the ID.
pub(super) fn describe_device(device: &Resource<Device>) -> String {
    let id = escape_control(device.id.as_deref().unwrap_or("without an ID"));
    match device.name.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => format!("'{}' ({id})", escape_control(name)),
        None => id.into_owned(),
    }
}

impl Pair<'_> {
    /// Names the device. Every error says which device was paired.
    pub(super) async fn rename_device(&self, device: &Resource<Device>) -> Result<Resource<Device>, Error> {
        self.context.run_until_cancelled(Box::pin(self.try_rename(device))).await.map_err(|mut error| {
            if error.kind == ErrorKind::Unavailable {
                error.kind = ErrorKind::Unknown;
            }
            let result = if error.kind == ErrorKind::Unknown {
                "may not have its name yet"
            } else {
                "was not renamed"
            };
            let paired = describe_device(device);
            error.message =
                format!("{}; the phone is paired as device {paired}, but it {result}", error.message);
            error.detail("device_id", device.id.clone().unwrap_or_default()).hint(self.rename_hint(device))
        })
    }

    async fn try_rename(&self, device: &Resource<Device>) -> Result<Resource<Device>, Error> {
        let id = id_of(device)?;
        let output = self.context.output;
        let mut name_arg = self.name.clone();
        loop {
            let name = match name_arg.take() {
                Some(name) => name,
                None => self.choose_name(&id).await?,
            };
            // The update replaces the device, which others may have changed in the meantime.
            let current = self.context.find::<Device>(&id).await?;
            let unset_metadata = if self.keep_tag || !current.metadata.contains_key(TAG) {
                Vec::new()
            } else {
                vec![TAG.to_owned()]
            };
            let change = DeviceChange { name: Some(name), unset_metadata, ..DeviceChange::default() };
            let updated = self.context.client.update_device(&id, &change.to_body(&current)).await;
            match updated.map_err(Error::from) {
                Err(error) if error.kind == ErrorKind::Refused && self.reporter.is_interactive => {
                    output.warn(&format!("the name was rejected: {}", error.message));
                }
                result => return result,
            }
        }
    }

    async fn choose_name(&self, id: &str) -> Result<String, Error> {
        let names = list_names(Some(id), self.context).await?;
        let suggestion = suggest_name(self.location.name.as_deref(), &names);
        if !self.reporter.is_interactive {
            return Ok(suggestion);
        }
        let check = move |name: &str| check_name(name, &names);
        self.context.output.ask(Question::new("Name").default(Some(suggestion)).check(check)).await
    }

    /// The command that renames the device by hand.
    pub(super) fn rename_hint(&self, device: &Resource<Device>) -> String {
        let id = shell_quote(device.id.as_deref().unwrap_or("DEVICE"));
        let tag = if self.keep_tag { String::new() } else { format!(" --unset-metadata {TAG}") };
        format!("name it: kustom devices update {id} --name NAME{tag}")
    }
}
