//! Giving the phone its name, and taking its tag away.

use super::Pair;
use crate::api::DeviceChange;
use crate::commands::find::{all_of, id_of};
use crate::context::Online;
use crate::error::{Error, Kind};
use crate::flows::pairing::{TAG, suggested_name};
use crate::model::{Device, Received};
use crate::terminal::Question;
use crate::text::visible;

/// Refuses a name that a device has already: what could be two devices is named by neither.
pub(super) async fn check_free(name: &str, online: &Online<'_>) -> Result<(), Error> {
    let taken = names(online, None).await?;
    if is_taken(name, &taken) {
        let (flag, shown) = (online.settings.profile_flag(), visible(name));
        return Err(Error::usage(format!("there is a device '{shown}' already; no code was made"))
            .hint(format!("choose another name, or remove it: kustom{flag} devices deregister '{shown}'")));
    }
    Ok(())
}

/// A device in words: its name, if it has one, and its id.
pub(super) fn shown(device: &Received<Device>) -> String {
    let id = visible(device.id.as_deref().unwrap_or("without an id"));
    match device.name.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => format!("'{}' ({id})", visible(name)),
        None => id.into_owned(),
    }
}

impl Pair<'_> {
    /// Names the device. Where somebody is asked, a name that is refused is asked for again.
    pub(super) async fn named(&self, device: &Received<Device>) -> Result<Received<Device>, Error> {
        let id = id_of(device).map_err(|error| self.unnamed(error, device))?;
        let taken = names(self.online, Some(&id)).await.map_err(|error| self.unnamed(error, device))?;
        loop {
            let name = self.choose_name(&taken).await.map_err(|error| self.unnamed(error, device))?;
            let unset_metadata = if self.keep_tag { Vec::new() } else { vec![TAG.to_owned()] };
            let change = DeviceChange { name: Some(name), unset_metadata, ..DeviceChange::default() };
            match self.online.client.update_device(&id, &change.applied_to(device)).await {
                Ok(named) => return Ok(named),
                Err(error) => {
                    let error = Error::from(error);
                    if error.kind != Kind::Refused || !self.telling.asks() {
                        return Err(self.unnamed(error, device));
                    }
                    self.online.terminal.warn(&format!("the name was refused: {}", error.message));
                }
            }
        }
    }

    async fn choose_name(&self, taken: &[String]) -> Result<String, Error> {
        if let Some(name) = &self.name
            && !self.telling.asks()
        {
            return Ok(name.clone());
        }
        let suggested = suggested_name(self.place.name.as_deref(), taken.iter().map(String::as_str));
        if !self.telling.asks() {
            return Ok(suggested);
        }
        let taken = taken.to_vec();
        let question = Question::new("Name").default(Some(self.name.clone().unwrap_or(suggested)));
        let free = move |name: &str| {
            if is_taken(name, &taken) { Err(format!("there is a device '{name}' already")) } else { Ok(()) }
        };
        self.online.terminal.ask(question.check(free)).await
    }

    /// A failure after the phone was paired: whatever the exit code, it says which device it is.
    pub(super) fn unnamed(&self, error: Error, device: &Received<Device>) -> Error {
        let kind = if error.kind == Kind::Unavailable { Kind::Unknown } else { error.kind };
        let shown = shown(device);
        let message = format!("{}; the phone is paired as device {shown}, but not named", error.message);
        let id = device.id.clone().unwrap_or_default();
        Error { kind, message, ..error }.fact("device_id", id).hint(self.by_hand(device))
    }

    /// How to do by hand what is left to do.
    pub(super) fn by_hand(&self, device: &Received<Device>) -> String {
        let flag = self.online.settings.profile_flag();
        let id = visible(device.id.as_deref().unwrap_or("DEVICE"));
        let tag = if self.keep_tag { String::new() } else { format!(" --unset-metadata {TAG}") };
        format!("name it: kustom{flag} devices update {id} --name NAME{tag}")
    }
}

fn is_taken(name: &str, taken: &[String]) -> bool {
    taken.iter().any(|other| other.to_lowercase() == name.to_lowercase())
}

/// The names of all devices but one.
async fn names(online: &Online<'_>, but: Option<&str>) -> Result<Vec<String>, Error> {
    let all: Vec<Received<Device>> = all_of(online.client.devices(None)).await?;
    Ok(all
        .iter()
        .filter(|device| but.is_none() || device.id.as_deref() != but)
        .filter_map(|device| device.name.clone())
        .collect())
}
