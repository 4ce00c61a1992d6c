//! Resolves a device or a location by name, ID or ID prefix, or lets the user pick it from a list.

use futures_util::TryStreamExt as _;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::api::{Error as ApiError, PagedRequest};
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind};
use crate::model::{Device, Location, Page, Resource};
use crate::output::Choice;
use crate::settings::Settings;
use crate::text::{escape_control, pluralize};

const MIN_ID_PREFIX_LEN: usize = 4;

const MAX_EDIT_DISTANCE: usize = 2;

const SHORT_ID_LEN: usize = 8;

trait NamedResource {
    const NOUN: &'static str;
    const TITLE: &'static str;
    fn id(&self) -> Option<&str>;
    fn name(&self) -> Option<&str>;
    /// Distinguishes resources of the same name.
    fn place(&self) -> Option<&str>;
}

impl NamedResource for Device {
    const NOUN: &'static str = "device";
    const TITLE: &'static str = "Device";

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn place(&self) -> Option<&str> {
        self.location_id.as_deref()
    }
}

impl NamedResource for Location {
    const NOUN: &'static str = "location";
    const TITLE: &'static str = "Location";

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn place(&self) -> Option<&str> {
        self.city.as_deref()
    }
}

impl ApiContext<'_> {
    /// Finds a device in the list, since the API has no operation that reads one device.
    pub(super) async fn find_device(&self, wanted: &str) -> Result<Resource<Device>, Error> {
        find(self.client.devices(None), wanted, self.settings).await
    }

    /// Like [`Self::find_device`], but lets the user pick a device if none is given.
    pub(super) async fn resolve_or_select_device(
        &self,
        wanted: Option<&str>,
    ) -> Result<Resource<Device>, Error> {
        match wanted {
            Some(wanted) => self.find_device(wanted).await,
            None => choose(self.client.devices(None), self).await,
        }
    }

    /// The ID of a device. A complete ID is returned without a request.
    pub(super) async fn device_id(&self, wanted: &str) -> Result<String, Error> {
        match wanted.parse::<Uuid>() {
            Ok(id) => Ok(id.to_string()),
            Err(_) => id_of(&self.find_device(wanted).await?),
        }
    }

    #[allow(private_bounds, reason = "only what can be found can be chosen")]
    pub(super) async fn select_from<T: NamedResource>(
        &self,
        mut all: Vec<Resource<T>>,
    ) -> Result<Resource<T>, Error> {
        all.sort_by_key(|item| item.name().unwrap_or_default().to_lowercase());
        let offers: Vec<_> = all.iter().map(|item| to_choice::<T>(item)).collect();
        let place = self.output.select(T::TITLE, &offers).await?;
        all.into_iter().nth(place).ok_or_else(|| Error::new(ErrorKind::Bug, "a choice out of range"))
    }

    pub(super) async fn find_location(&self, wanted: &str) -> Result<Resource<Location>, Error> {
        find(self.client.locations(), wanted, self.settings).await
    }

    /// The ID of a location. A complete ID is returned without a request.
    pub(super) async fn location_id(&self, wanted: &str) -> Result<String, Error> {
        match wanted.parse::<Uuid>() {
            Ok(id) => Ok(id.to_string()),
            Err(_) => id_of(&self.find_location(wanted).await?),
        }
    }

    /// Like [`Self::location_id`], but lets the user pick a location if none is given.
    pub(super) async fn location_id_or_choice(&self, wanted: Option<&str>) -> Result<String, Error> {
        match wanted {
            Some(wanted) => self.location_id(wanted).await,
            None => id_of(&choose::<Location>(self.client.locations(), self).await?),
        }
    }

    pub(super) async fn location_id_opt(&self, wanted: Option<&str>) -> Result<Option<String>, Error> {
        match wanted {
            Some(wanted) => self.location_id(wanted).await.map(Some),
            None => Ok(None),
        }
    }

    /// Like [`Self::location_id_opt`], with the profile's default location.
    pub(super) async fn location_id_or_default(&self, wanted: Option<&str>) -> Result<Option<String>, Error> {
        let default = self.account.location.as_ref().map(|location| location.value.as_str());
        self.location_id_opt(wanted.or(default)).await
    }
}

#[allow(private_bounds, reason = "only what can be found has an id to ask for")]
pub(super) fn id_of<T: NamedResource>(found: &Resource<T>) -> Result<String, Error> {
    found.id().map(str::to_owned).ok_or_else(|| {
        Error::new(ErrorKind::Unavailable, format!("the API gave a {} without an id", T::NOUN))
    })
}

async fn choose<T: NamedResource + DeserializeOwned + 'static>(
    list: PagedRequest<'_>,
    context: &ApiContext<'_>,
) -> Result<Resource<T>, Error> {
    let noun = T::NOUN;
    let flag = context.settings.profile_flag();
    if !context.output.can_prompt() {
        return Err(Error::usage(format!("no {noun} is given"))
            .hint(format!("name one; `kustom{flag} {noun}s list` shows them")));
    }
    let all: Vec<Resource<T>> = fetch_all(list).await?;
    if all.is_empty() {
        return Err(Error::new(ErrorKind::NotFound, format!("there are no {noun}s to choose from")));
    }
    context.select_from(all).await
}

fn to_choice<T: NamedResource>(item: &T) -> Choice {
    let id = item.id().unwrap_or_default();
    Choice::new(item.name().unwrap_or("(no name)"), id.get(..SHORT_ID_LEN).unwrap_or(id))
}

pub(super) async fn fetch_all<T: DeserializeOwned + 'static>(
    list: PagedRequest<'_>,
) -> Result<Vec<Resource<T>>, ApiError> {
    let pages: Vec<Page<T>> = list.pages().try_collect().await?;
    Ok(pages.into_iter().flat_map(|page| page.content).collect())
}

async fn find<T: NamedResource + DeserializeOwned + 'static>(
    list: PagedRequest<'_>,
    wanted: &str,
    settings: &Settings,
) -> Result<Resource<T>, Error> {
    let all = fetch_all(list).await?;
    resolve(all, wanted).map_err(|error| match error.kind {
        ErrorKind::NotFound => {
            let flag = settings.profile_flag();
            error.hint(format!("list them with `kustom{flag} {}s list`", T::NOUN))
        }
        _ => error,
    })
}

/// Finds the resource by ID, name, name ignoring case, or ID prefix. The first of these that matches anything decides.
fn resolve<T: NamedResource>(all: Vec<Resource<T>>, wanted: &str) -> Result<Resource<T>, Error> {
    let lower = wanted.to_lowercase();
    let rules: [&dyn Fn(&T) -> bool; 4] = [
        &|item| item.id().is_some_and(|id| id.eq_ignore_ascii_case(wanted)),
        &|item| item.name() == Some(wanted),
        &|item| item.name().is_some_and(|name| name.to_lowercase() == lower),
        &|item| {
            wanted.len() >= MIN_ID_PREFIX_LEN
                && item.id().is_some_and(|id| id.to_ascii_lowercase().starts_with(&lower))
        },
    ];
    let noun = T::NOUN;
    for names in rules {
        let found: Vec<usize> =
            all.iter().enumerate().filter(|(_, item)| names(item)).map(|(index, _)| index).collect();
        match found.as_slice() {
            [] => {}
            [index] => {
                let index = *index;
                return all
                    .into_iter()
                    .nth(index)
                    .ok_or_else(|| Error::new(ErrorKind::Bug, "an index out of range"));
            }
            several => {
                let candidates: Vec<_> = several.iter().map(|index| describe::<T>(&all[*index])).collect();
                let candidates = candidates.join("\n  ");
                let number = pluralize(several.len(), noun);
                let message = format!(
                    "'{}' could be {number}; nothing was done\n  {candidates}",
                    escape_control(wanted)
                );
                return Err(Error::usage(message).hint(format!("name the {noun} by its id")));
            }
        }
    }
    let missing = format!("there is no {noun} with the name or id '{}'", escape_control(wanted));
    let missing = Error::new(ErrorKind::NotFound, missing);
    Err(match suggest_name(&all, &lower) {
        Some(name) => missing.hint(format!("did you mean '{}'?", escape_control(name))),
        None => missing,
    })
}

/// Suggests the only name that contains the query, or else one that differs by a typo.
fn suggest_name<'a, T: NamedResource>(all: &'a [Resource<T>], lower: &str) -> Option<&'a str> {
    let names = || all.iter().filter_map(|item| item.name());
    let mut with_it = names().filter(|name| !lower.is_empty() && name.to_lowercase().contains(lower));
    let by_slip =
        || names().find(|name| strsim::osa_distance(&name.to_lowercase(), lower) <= MAX_EDIT_DISTANCE);
    match (with_it.next(), with_it.next()) {
        (Some(only), None) => Some(only),
        (None, _) if lower.chars().count() > 2 * MAX_EDIT_DISTANCE => by_slip(),
        _ => None,
    }
}

fn describe<T: NamedResource>(item: &T) -> String {
    let parts = [item.id(), item.name(), item.place()];
    let shown: Vec<_> = parts.into_iter().flatten().map(escape_control).collect();
    shown.join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn devices() -> Vec<Resource<Device>> {
        [
            json!({"id": "aaaa1111", "name": "Till 1", "location_id": "north"}),
            json!({"id": "aaaa2222", "name": "Till 2"}),
            json!({"id": "bbbb3333", "name": "till 2"}),
            json!({"id": "cccc4444", "name": "Bar", "location_id": "north"}),
            json!({"id": "dddd5555", "name": "Bar", "location_id": "south"}),
            json!({"id": "eeee6666", "name": "aaaa"}),
        ]
        .into_iter()
        .map(|device| Resource::from_json(device).unwrap())
        .collect()
    }

    fn picked(wanted: &str) -> Result<String, Error> {
        resolve(devices(), wanted).map(|device| device.id.clone().unwrap())
    }

    #[test]
    fn a_name_an_id_or_the_beginning_of_an_id_will_do() {
        assert_eq!(picked("Till 1").unwrap(), "aaaa1111");
        assert_eq!(picked("TILL 1").unwrap(), "aaaa1111");
        assert_eq!(picked("till 2").unwrap(), "bbbb3333", "the exact name goes before the other case");
        assert_eq!(picked("AAAA2222").unwrap(), "aaaa2222");
        assert_eq!(picked("bbbb").unwrap(), "bbbb3333");
        assert_eq!(picked("aaaa").unwrap(), "eeee6666", "a name goes before the beginning of an id");
    }

    #[test]
    fn what_could_be_several_lists_them_and_does_nothing() {
        let error = picked("Bar").unwrap_err();
        assert_eq!(error.kind, ErrorKind::Usage);
        assert_eq!(
            error.message,
            "'Bar' could be 2 devices; nothing was done\n  cccc4444  Bar  north\n  dddd5555  Bar  south"
        );
        assert_eq!(picked("TILL 2").unwrap_err().kind, ErrorKind::Usage);
    }

    #[test]
    fn what_names_nothing_is_not_found() {
        assert_eq!(
            picked("bbb").unwrap_err().kind,
            ErrorKind::NotFound,
            "too short for the beginning of an id"
        );
        assert_eq!(picked("nobody").unwrap_err().hints, [""; 0]);
        assert_eq!(picked("ill 1").unwrap_err().hints, ["did you mean 'Till 1'?"]);
        assert_eq!(picked("Tlil 1").unwrap_err().hints, ["did you mean 'Till 1'?"]);
        assert_eq!(picked("til").unwrap_err().hints, [""; 0], "it could be several");
        assert_eq!(picked("\u{1b}").unwrap_err().message, "there is no device with the name or id '\\u{1b}'");
    }
}
