//! Resolves a device or a location by name, ID or ID prefix, or lets the user pick it from a list.

use futures_util::TryStreamExt as _;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::api::{Client, Error as ApiError, PagedRequest};
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind};
use crate::model::{Device, Location, MIN_ID_PREFIX_LEN, Page, Resource};
use crate::output::Choice;
use crate::text::{escape_control, normalize_text, pluralize, trim_text};

const MAX_EDIT_DISTANCE: usize = 2;

const SHORT_ID_LEN: usize = 8;

pub(super) trait NamedResource: Clone + DeserializeOwned + 'static {
    const NOUN: &'static str;
    const TITLE: &'static str;
    /// Lists all of them, since the API has no look-up by name.
    fn list(client: &Client) -> PagedRequest<'_>;
    fn id(&self) -> Option<&str>;
    fn name(&self) -> Option<&str>;
    /// Distinguishes resources of the same name.
    fn place(&self) -> Option<&str>;
}

impl NamedResource for Device {
    const NOUN: &'static str = "device";
    const TITLE: &'static str = "Device";

    fn list(client: &Client) -> PagedRequest<'_> {
        client.devices(None)
    }

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

    fn list(client: &Client) -> PagedRequest<'_> {
        client.locations()
    }

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
    pub(super) async fn find<T: NamedResource>(&self, query: &str) -> Result<Resource<T>, Error> {
        let all = fetch_all(T::list(&self.client)).await?;
        resolve(&all, query).map_err(|error| match error.kind {
            ErrorKind::NotFound => {
                let flag = self.settings.profile_flag();
                error.hint(format!("list them with `kustom{flag} {}s list`", T::NOUN))
            }
            _ => error,
        })
    }

    /// Like [`Self::find`], but lets the user pick one from a list if `query` is `None`.
    pub(super) async fn find_or_select<T: NamedResource>(
        &self,
        query: Option<&str>,
    ) -> Result<Resource<T>, Error> {
        let Some(query) = query else {
            let (noun, flag) = (T::NOUN, self.settings.profile_flag());
            if !self.output.can_prompt() {
                return Err(Error::usage(format!("no {noun} is given"))
                    .hint(format!("pass a name or an ID; `kustom{flag} {noun}s list` lists them")));
            }
            let all = fetch_all(T::list(&self.client)).await?;
            if all.is_empty() {
                let message = format!("there are no {noun}s to choose from");
                return Err(Error::new(ErrorKind::NotFound, message));
            }
            return self.select_from(all).await;
        };
        self.find(query).await
    }

    pub(super) async fn select_from<T: NamedResource>(
        &self,
        mut all: Vec<Resource<T>>,
    ) -> Result<Resource<T>, Error> {
        all.sort_by_key(|item| item.name().unwrap_or_default().to_lowercase());
        let choices: Vec<_> = all.iter().map(|item| to_choice::<T>(item)).collect();
        let index = self.output.select(T::TITLE, &choices).await?;
        all.into_iter().nth(index).ok_or_else(|| Error::new(ErrorKind::Bug, "a choice out of range"))
    }

    /// The ID of a device or a location. A complete ID is returned without a request.
    pub(super) async fn find_id<T: NamedResource>(&self, query: &str) -> Result<String, Error> {
        match query.parse::<Uuid>() {
            Ok(id) => Ok(id.to_string()),
            Err(_) => id_of(&self.find::<T>(query).await?),
        }
    }

    /// Like [`Self::find_id`], but lets the user pick one from a list if `query` is `None`.
    pub(super) async fn find_or_select_id<T: NamedResource>(
        &self,
        query: Option<&str>,
    ) -> Result<String, Error> {
        match query {
            Some(query) => self.find_id::<T>(query).await,
            None => id_of(&self.find_or_select::<T>(None).await?),
        }
    }

    pub(super) async fn location_id_opt(&self, query: Option<&str>) -> Result<Option<String>, Error> {
        match query {
            Some(query) => self.find_id::<Location>(query).await.map(Some),
            None => Ok(None),
        }
    }

    /// Like [`Self::location_id_opt`], with the profile's default location.
    pub(super) async fn location_id_or_default(&self, query: Option<&str>) -> Result<Option<String>, Error> {
        let default = self.account.location.as_ref().map(|location| location.value.as_str());
        self.location_id_opt(query.or(default)).await
    }
}

pub(super) fn id_of<T: NamedResource>(found: &Resource<T>) -> Result<String, Error> {
    let message = || format!("the API returned a {} without an ID", T::NOUN);
    found.id().map(str::to_owned).ok_or_else(|| Error::new(ErrorKind::Unavailable, message()))
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

/// Finds the resource by its complete ID, or else by name or ID prefix. A name that matches exactly is preferred over one
/// that differs in case, but a name that is also the ID prefix of another resource is ambiguous. Names that look the same
/// are the same.
fn resolve<T: NamedResource>(all: &[Resource<T>], query: &str) -> Result<Resource<T>, Error> {
    let query = trim_text(query);
    let (name, lower) = (normalize_text(query), normalize_text(query).to_lowercase());
    let has_id = |item: &&Resource<T>| item.id().is_some_and(|id| id.eq_ignore_ascii_case(query));
    let has_name = |item: &&Resource<T>| item.name().is_some_and(|own| normalize_text(own) == name);
    let has_name_ignoring_case =
        |item: &&Resource<T>| item.name().is_some_and(|own| normalize_text(own).to_lowercase() == lower);
    let has_id_prefix = |item: &&Resource<T>| {
        query.len() >= MIN_ID_PREFIX_LEN
            && item.id().is_some_and(|id| id.to_ascii_lowercase().starts_with(&lower))
    };
    let mut found: Vec<_> = all.iter().filter(has_id).collect();
    if found.is_empty() {
        let any_exact = all.iter().any(|item| has_name(&item));
        let is_match = |item: &&Resource<T>| {
            has_id_prefix(item) || if any_exact { has_name(item) } else { has_name_ignoring_case(item) }
        };
        found = all.iter().filter(is_match).collect();
    }
    let noun = T::NOUN;
    match found.as_slice() {
        [] => {}
        [item] => return Ok((*item).clone()),
        several => {
            let candidates: Vec<_> = several.iter().map(|item| describe::<T>(item)).collect();
            let candidates = candidates.join("\n  ");
            let (query, number) = (escape_control(query), pluralize(several.len(), noun));
            let message = format!("'{query}' is ambiguous: it matches {number}\n  {candidates}");
            return Err(Error::usage(message).hint(format!("use the ID of the {noun}")));
        }
    }
    let message = format!("there is no {noun} with the name or ID '{}'", escape_control(query));
    let error = Error::new(ErrorKind::NotFound, message);
    Err(match suggest_name(all, &lower) {
        Some(name) => error.hint(format!("did you mean '{}'?", escape_control(name))),
        None => error,
    })
}

/// Suggests the only name that contains the query, or else one that differs by a typo.
fn suggest_name<'a, T: NamedResource>(all: &'a [Resource<T>], lower: &str) -> Option<&'a str> {
    let names = || all.iter().filter_map(|item| item.name());
    let normalize = |name: &str| normalize_text(name).to_lowercase();
    let mut containing = names().filter(|name| !lower.is_empty() && normalize(name).contains(lower));
    match (containing.next(), containing.next()) {
        (Some(only), None) => Some(only),
        (None, _) if lower.chars().count() > 2 * MAX_EDIT_DISTANCE => {
            names().find(|name| strsim::osa_distance(&normalize(name), lower) <= MAX_EDIT_DISTANCE)
        }
        _ => None,
    }
}

fn describe<T: NamedResource>(item: &T) -> String {
    let parts = [item.id(), item.name(), item.place()];
    parts.into_iter().flatten().map(escape_control).collect::<Vec<_>>().join("  ")
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
            json!({"id": "ffff7777", "name": "Kafé"}),
        ]
        .into_iter()
        .map(|device| Resource::from_json(device).unwrap())
        .collect()
    }

    fn find_id(query: &str) -> Result<String, Error> {
        resolve(&devices(), query).map(|device| device.id.clone().unwrap())
    }

    #[test]
    fn a_name_an_id_or_an_id_prefix_finds_a_device() {
        for (query, id) in [
            ("Till 1", "aaaa1111"),
            ("TILL 1", "aaaa1111"),
            ("till 2", "bbbb3333"),
            ("AAAA2222", "aaaa2222"),
            ("bbbb", "bbbb3333"),
            (" Till\u{a0}1\r\n", "aaaa1111"),
            ("Kafe\u{301}", "ffff7777"),
            ("KAFE\u{301}", "ffff7777"),
            ("eeee6666", "eeee6666"),
        ] {
            assert_eq!(find_id(query).unwrap(), id, "{query}");
        }
    }

    #[test]
    fn an_ambiguous_name_lists_the_candidates() {
        let error = find_id("Bar").unwrap_err();
        assert_eq!(error.kind, ErrorKind::Usage);
        insta::assert_snapshot!(error.message, @r"
        'Bar' is ambiguous: it matches 2 devices
          cccc4444  Bar  north
          dddd5555  Bar  south
        ");
        assert_eq!(find_id("TILL 2").unwrap_err().kind, ErrorKind::Usage);
        insta::assert_snapshot!(find_id("aaaa").unwrap_err().message, @r"
        'aaaa' is ambiguous: it matches 3 devices
          aaaa1111  Till 1  north
          aaaa2222  Till 2
          eeee6666  aaaa
        ");
    }

    #[test]
    fn a_similar_name_is_suggested() {
        for (query, hints) in [
            ("bbb", &[][..]),
            ("nobody", &[]),
            ("ill 1", &["did you mean 'Till 1'?"]),
            ("Tlil 1", &["did you mean 'Till 1'?"]),
            ("til", &[]),
        ] {
            let error = find_id(query).unwrap_err();
            assert_eq!(error.kind, ErrorKind::NotFound, "{query}");
            assert_eq!(error.hints, hints, "{query}");
        }
        let message = find_id("\u{1b}").unwrap_err().message;
        assert_eq!(message, "there is no device with the name or ID '\\u{1b}'");
    }
}
