//! Giving the phone its name, and taking its tag away.

use super::Pair;
use crate::api::{DeviceChange, Error as ApiError, FailureCause, SideEffect};
use crate::commands::resolve::{fetch_all, id_of};
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind};
use crate::model::{Device, Resource};
use crate::output::Question;
use crate::polling::pairing::{TAG, suggested_name};
use crate::text::{escape_control, shell_quote};

/// Refuses a name that a device has already: what could be two devices is named by neither.
pub(super) async fn check_free(name: &str, context: &ApiContext<'_>) -> Result<(), Error> {
    let all: Vec<Resource<Device>> = fetch_all(context.client.devices(None)).await?;
    if is_taken(name, &names(&all, None)) {
        let flag = context.settings.profile_flag();
        let message = format!("there is a device '{}' already; no code was made", escape_control(name));
        return Err(Error::usage(message).hint(format!(
            "choose another name, or remove it: kustom{flag} devices deregister {}",
            shell_quote(name)
        )));
    }
    Ok(())
}

/// A device in words: its name, if it has one, and its id.
pub(super) fn shown(device: &Resource<Device>) -> String {
    let id = escape_control(device.id.as_deref().unwrap_or("without an id"));
    match device.name.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => format!("'{}' ({id})", escape_control(name)),
        None => id.into_owned(),
    }
}

impl Pair<'_> {
    /// Names the device. Where somebody is asked, a name that is refused is asked for again.
    pub(super) async fn rename_device(&self, device: &Resource<Device>) -> Result<Resource<Device>, Error> {
        let unnamed = |error: Error| self.rename_failed(error, device);
        let id = id_of(device).map_err(unnamed)?;
        let mut given = self.name.clone();
        self.context.output.flush_input();
        loop {
            let taken = names(&self.devices().await.map_err(unnamed)?, Some(&id));
            let name = match given.take() {
                Some(name) => name,
                None => self.choose_name(&taken).await.map_err(unnamed)?,
            };
            // Much may have happened while somebody thought about the name.
            let all = self.devices().await.map_err(unnamed)?;
            if self.telling.is_interactive() && is_taken(&name, &names(&all, Some(&id))) {
                self.context.output.warn(&format!("there is a device '{}' already", escape_control(&name)));
                continue;
            }
            let now = all.iter().find(|other| other.id.as_deref() == Some(&id)).unwrap_or(device);
            let unset_metadata = if self.keep_tag { Vec::new() } else { vec![TAG.to_owned()] };
            let change = DeviceChange { name: Some(name.clone()), unset_metadata, ..DeviceChange::default() };
            match self.context.client.update_device(&id, &change.to_body(now)).await {
                Ok(answer) => return self.confirmed(answer, &id, &name).await.map_err(unnamed),
                Err(ApiError { why: FailureCause::Cancelled, carried_out: SideEffect::Possible, .. }) => {
                    return Err(self.interrupted_naming(device));
                }
                Err(error) => {
                    let error = Error::from(error);
                    if error.kind != ErrorKind::Refused || !self.telling.is_interactive() {
                        return Err(unnamed(error));
                    }
                    self.context.output.warn(&format!("the name was refused: {}", error.message));
                }
            }
        }
    }

    async fn devices(&self) -> Result<Vec<Resource<Device>>, Error> {
        fetch_all(self.context.client.devices(None)).await
    }

    async fn choose_name(&self, taken: &[String]) -> Result<String, Error> {
        let suggested = suggested_name(self.place.name.as_deref(), taken.iter().map(String::as_str));
        if !self.telling.is_interactive() {
            return Ok(suggested);
        }
        let taken = taken.to_vec();
        let free = move |name: &str| {
            if is_taken(name, &taken) { Err(format!("there is a device '{name}' already")) } else { Ok(()) }
        };
        self.context.output.ask(Question::new("Name").default(Some(suggested)).check(free)).await
    }

    /// The device as the answer shows it, or else the list, if it has its name.
    async fn confirmed(
        &self,
        answer: Resource<Device>,
        id: &str,
        name: &str,
    ) -> Result<Resource<Device>, Error> {
        let is_it = |device: &Resource<Device>| {
            device.id.as_deref() == Some(id) && device.name.as_deref() == Some(name)
        };
        if is_it(&answer) {
            return Ok(answer);
        }
        let named = self.devices().await?.into_iter().find(is_it);
        named.ok_or_else(|| Error::new(ErrorKind::Unknown, "the API took the name, but does not show it"))
    }

    /// An interruption while the API was naming the phone.
    fn interrupted_naming(&self, device: &Resource<Device>) -> Error {
        let message =
            format!("interrupted; the phone is paired as device {}, and perhaps named", shown(device));
        Error::new(ErrorKind::Unknown, message)
            .detail("device_id", device.id.clone().unwrap_or_default())
            .hint(self.manual_rename_hint(device))
    }

    /// A failure after the phone was paired: whatever the exit code, it says which device it is.
    pub(super) fn rename_failed(&self, error: Error, device: &Resource<Device>) -> Error {
        let kind = if error.kind == ErrorKind::Unavailable { ErrorKind::Unknown } else { error.kind };
        let message =
            format!("{}; the phone is paired as device {}, but not named", error.message, shown(device));
        let id = device.id.clone().unwrap_or_default();
        Error { kind, message, ..error }.detail("device_id", id).hint(self.manual_rename_hint(device))
    }

    /// How to do by hand what is left to do.
    pub(super) fn manual_rename_hint(&self, device: &Resource<Device>) -> String {
        let flag = self.context.settings.profile_flag();
        let id = shell_quote(device.id.as_deref().unwrap_or("DEVICE"));
        let tag = if self.keep_tag { String::new() } else { format!(" --unset-metadata {TAG}") };
        format!("name it: kustom{flag} devices update {id} --name NAME{tag}")
    }
}

fn is_taken(name: &str, taken: &[String]) -> bool {
    taken.iter().any(|other| other.to_lowercase() == name.to_lowercase())
}

/// The names of all devices but one.
fn names(all: &[Resource<Device>], but: Option<&str>) -> Vec<String> {
    let others = all.iter().filter(|device| but.is_none() || device.id.as_deref() != but);
    others.filter_map(|device| device.name.clone()).collect()
}
