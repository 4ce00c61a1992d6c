//! Resolves a device, a location or an enrollment by name, ID or ID prefix, or lets the user pick it from a list.

use futures_util::{StreamExt as _, TryStreamExt as _};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::api::{Client, EnrollmentFilter, Error as ApiError, PagedRequest};
use crate::context::ApiContext;
use crate::error::{Candidate, Error, ErrorKind};
use crate::model::{Device, Enrollment, EnrollmentStatus, Location, MIN_ID_PREFIX_LEN, Page, Resource};
use crate::output::{Cell, Choice, NameKind};
use crate::text::{capitalize, fold_text, natural_key, normalize_text, trim_text};

/// A page has up to 100 elements.
const MAX_LOOKUP_PAGES: usize = 1000;

const MAX_EDIT_DISTANCE: usize = 2;

const SHORT_ID_LEN: usize = 8;

/// A resource that is referred to by its name or ID.
pub(super) trait NamedResource: Clone + DeserializeOwned + 'static {
    const NOUN: &'static str;
    const NAME_KIND: Option<NameKind>;
    /// Lists all of them, since the API has no look-up by name.
    fn list(client: &Client) -> PagedRequest<'_>;
    /// Lists those that a user can pick from.
    fn list_choices(client: &Client) -> PagedRequest<'_> {
        Self::list(client)
    }
    fn id(&self) -> Option<&str>;
    fn name(&self) -> Option<&str>;
    /// Distinguishes resources of the same name: its kind of reference, if any, and its text.
    fn place(&self) -> Cell;
    /// What else helps to recognize it in a list.
    fn detail(&self) -> Option<&str> {
        None
    }
}

impl NamedResource for Device {
    const NOUN: &'static str = "device";
    const NAME_KIND: Option<NameKind> = Some(NameKind::Device);

    fn list(client: &Client) -> PagedRequest<'_> {
        client.devices(None)
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn place(&self) -> Cell {
        Cell::named(NameKind::Location, self.location_id.as_deref())
    }
}

impl NamedResource for Location {
    const NOUN: &'static str = "location";
    const NAME_KIND: Option<NameKind> = Some(NameKind::Location);

    fn list(client: &Client) -> PagedRequest<'_> {
        client.locations()
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn place(&self) -> Cell {
        Cell::optional(self.city.as_deref())
    }
}

/// An enrollment has no name, so it is referred to by its ID. Its code is a secret.
impl NamedResource for Enrollment {
    const NOUN: &'static str = "enrollment";
    const NAME_KIND: Option<NameKind> = None;

    fn list(client: &Client) -> PagedRequest<'_> {
        client.enrollments(&EnrollmentFilter::default())
    }

    /// A phone can still use these.
    fn list_choices(client: &Client) -> PagedRequest<'_> {
        client.enrollments(&EnrollmentFilter { include_consumed: Some(false), ..EnrollmentFilter::default() })
    }

    fn id(&self) -> Option<&str> {
        self.enrollment_id.as_deref()
    }

    fn name(&self) -> Option<&str> {
        None
    }

    fn place(&self) -> Cell {
        Cell::named(NameKind::Location, self.location_id.as_deref())
    }

    fn detail(&self) -> Option<&str> {
        self.status.as_ref().map(EnrollmentStatus::as_str)
    }
}

impl ApiContext<'_> {
    pub(super) async fn find<T: NamedResource>(&self, query: &str) -> Result<Resource<T>, Error> {
        let all = fetch_for_lookup::<T>(T::list(&self.client)).await?;
        self.learn_resources(&all);
        match resolve(&all, query).as_slice() {
            [] => Err(not_found(&all, query).hint(format!("list them with `kustom {}s list`", T::NOUN))),
            [item] => Ok(item.clone()),
            several => {
                self.learn_places(several).await;
                let candidate = |item: &Resource<T>| Candidate {
                    id: item.id().unwrap_or_default().to_owned(),
                    name: item.name().map(str::to_owned),
                    about: Some(self.output.name_of(&item.place())).filter(|place| !place.is_empty()),
                };
                Err(Error::ambiguous(query, T::NOUN, several.iter().map(candidate).collect()))
            }
        }
    }

    /// Fails if nothing is named, and the user cannot pick from a list.
    pub(super) fn ensure_named<T: NamedResource>(&self, is_named: bool) -> Result<(), Error> {
        if is_named || self.output.can_prompt() {
            return Ok(());
        }
        let noun = T::NOUN;
        let way = if T::NAME_KIND.is_some() { "a name or an ID" } else { "an ID" };
        Err(Error::usage(format!("no {noun} is given"))
            .hint(format!("pass {way}; `kustom {noun}s list` lists them")))
    }

    /// Like [`Self::find`], but lets the user pick one from a list if `query` is `None`.
    pub(super) async fn find_or_select<T: NamedResource>(
        &self,
        query: Option<&str>,
    ) -> Result<Resource<T>, Error> {
        if let Some(query) = query {
            return self.find(query).await;
        }
        self.ensure_named::<T>(false)?;
        let all = fetch_for_lookup(T::list_choices(&self.client)).await?;
        self.learn_resources(&all);
        if all.is_empty() {
            let message = format!("there are no {}s to choose from", T::NOUN);
            return Err(Error::new(ErrorKind::NotFound, message));
        }
        self.select_from(all).await
    }

    pub(super) async fn select_from<T: NamedResource>(
        &self,
        mut all: Vec<Resource<T>>,
    ) -> Result<Resource<T>, Error> {
        self.learn_places(&all).await;
        all.sort_by_cached_key(|item| natural_key(item.name().unwrap_or_default()));
        let choices = all.into_iter().map(|item| (self.to_choice(&item), item)).collect();
        self.output.select(&capitalize(T::NOUN), choices).await
    }

    fn to_choice<T: NamedResource>(&self, item: &Resource<T>) -> Choice {
        let id = item.id().unwrap_or_default();
        let short_id = id.get(..SHORT_ID_LEN).unwrap_or(id);
        let place = self.output.name_of(&item.place());
        let details = [Some(place.as_str()), item.detail()].into_iter().flatten();
        let details: Vec<_> = details.filter(|text| !text.is_empty()).collect();
        match item.name() {
            None if T::NAME_KIND.is_none() => Choice::new(short_id, "").detail(&details.join("  ")),
            name => Choice::new(name.unwrap_or("(no name)"), short_id).detail(&details.join("  ")),
        }
    }

    /// Keeps the names, for output that refers to the resources.
    pub(super) fn learn_resources<T: NamedResource>(&self, all: &[Resource<T>]) {
        let Some(kind) = T::NAME_KIND else { return };
        for item in all {
            if let (Some(id), Some(name)) = (item.id(), item.name()) {
                self.output.learn_name(kind, id, name);
            }
        }
    }

    async fn learn_places<T: NamedResource>(&self, all: &[Resource<T>]) {
        self.learn_unknown(|| self.output.unknown_kinds(all.iter().map(|item| item.place()))).await;
    }

    /// The ID of a resource. A complete ID is returned without a request.
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
        let Some(query) = query else { return Ok(None) };
        self.find_id::<Location>(query).await.map(Some)
    }

    /// Like [`Self::location_id_opt`], with the profile's default location. Without one, the user picks one of several.
    pub(super) async fn location_id_or_prompt(&self, query: Option<&str>) -> Result<Option<String>, Error> {
        let default = self.account.location.as_ref().map(|location| location.value.as_str());
        let query = query.or(default);
        if query.is_some() || !self.output.can_prompt() {
            return self.location_id_opt(query).await;
        }
        let locations = fetch_all(Location::list(&self.client)).await?;
        self.learn_resources(&locations);
        match locations.as_slice() {
            [] => Ok(None),
            [only] => id_of(only).map(Some),
            _ => id_of(&self.select_from::<Location>(locations).await?).map(Some),
        }
    }
}

pub(super) fn id_of<T: NamedResource>(found: &Resource<T>) -> Result<String, Error> {
    let message = || format!("the API returned a {} without an ID", T::NOUN);
    found.id().map(str::to_owned).ok_or_else(|| Error::new(ErrorKind::Unavailable, message()))
}

pub(super) async fn fetch_all<T: DeserializeOwned + 'static>(
    list: PagedRequest<'_>,
) -> Result<Vec<Resource<T>>, ApiError> {
    let pages: Vec<Page<T>> = list.pages().try_collect().await?;
    Ok(pages.into_iter().flat_map(|page| page.content).collect())
}

/// Fetches a list to find a name in it. A server whose pages never end is not read for ever.
async fn fetch_for_lookup<T: DeserializeOwned + 'static>(
    list: PagedRequest<'_>,
) -> Result<Vec<Resource<T>>, Error> {
    let pages: Vec<Page<T>> = list.pages().take(MAX_LOOKUP_PAGES).try_collect().await?;
    if pages.len() == MAX_LOOKUP_PAGES {
        let message = format!("the list has {MAX_LOOKUP_PAGES} pages or more, too many to find a name in it");
        return Err(Error::new(ErrorKind::Unavailable, message).hint("use the complete ID"));
    }
    Ok(pages.into_iter().flat_map(|page| page.content).collect())
}

/// Finds the resource by its complete ID, or else by name or ID prefix. A name that matches exactly is preferred over one
/// that differs in case or diacritics, but a name that is also the ID prefix of another resource is ambiguous. Names that
/// look the same are the same. Several results mean that the query is ambiguous.
fn resolve<T: NamedResource>(all: &[Resource<T>], query: &str) -> Vec<Resource<T>> {
    let query = trim_text(query);
    let (name, lower, folded) = (normalize_text(query), query.to_lowercase(), fold_text(query));
    let find = |is_match: &dyn Fn(&T) -> bool| -> Vec<Resource<T>> {
        all.iter().filter(|item| is_match(item)).cloned().collect()
    };
    let with_id = find(&|item| item.id().is_some_and(|id| id.eq_ignore_ascii_case(query)));
    if !with_id.is_empty() {
        return with_id;
    }
    // From the most exact to the least.
    let matchers: [&dyn Fn(&str) -> bool; 3] = [
        &|own| normalize_text(own) == name,
        &|own| normalize_text(own).to_lowercase() == name.to_lowercase(),
        &|own| fold_text(own) == folded,
    ];
    let matcher =
        matchers.into_iter().find(|is_same| all.iter().any(|item| item.name().is_some_and(is_same)));
    let has_id_prefix = |item: &T| {
        query.len() >= MIN_ID_PREFIX_LEN
            && item.id().is_some_and(|id| id.to_ascii_lowercase().starts_with(&lower))
    };
    find(&|item| has_id_prefix(item) || matcher.is_some_and(|is_same| item.name().is_some_and(is_same)))
}

pub(super) fn too_short(query: &str) -> String {
    format!("'{query}' is too short: an ID prefix has at least {MIN_ID_PREFIX_LEN} characters")
}

fn not_found<T: NamedResource>(all: &[Resource<T>], query: &str) -> Error {
    let (noun, query, lower) = (T::NOUN, trim_text(query), query.to_lowercase());
    let starts = |item: &Resource<T>| item.id().is_some_and(|id| id.to_ascii_lowercase().starts_with(&lower));
    if !query.is_empty() && query.len() < MIN_ID_PREFIX_LEN && all.iter().any(starts) {
        return Error::usage(too_short(query));
    }
    let way = if T::NAME_KIND.is_some() { "name or ID" } else { "ID" };
    let message = format!("there is no {noun} with the {way} '{query}'");
    let error = Error::new(ErrorKind::NotFound, message);
    match suggest_name(all, &fold_text(query)) {
        Some(name) => error.hint(format!("did you mean '{name}'?")),
        None => error,
    }
}

/// Suggests the only name that contains the query, or else one that differs by a typo.
fn suggest_name<'a, T: NamedResource>(all: &'a [Resource<T>], lower: &str) -> Option<&'a str> {
    let names = || all.iter().filter_map(|item| item.name());
    let mut containing = names().filter(|name| !lower.is_empty() && fold_text(name).contains(lower));
    match (containing.next(), containing.next()) {
        (Some(only), None) => Some(only),
        (None, _) if lower.chars().count() > 2 * MAX_EDIT_DISTANCE => {
            names().find(|name| strsim::osa_distance(&fold_text(name), lower) <= MAX_EDIT_DISTANCE)
        }
        _ => None,
    }
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

    fn find_ids(query: &str) -> Vec<String> {
        resolve(&devices(), query).iter().map(|device| device.id.clone().unwrap()).collect()
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
            ("kafe", "ffff7777"),
            ("eeee6666", "eeee6666"),
        ] {
            assert_eq!(find_ids(query), [id], "{query}");
        }
    }

    #[test]
    fn an_ambiguous_name_has_several_candidates() {
        assert_eq!(find_ids("Bar"), ["cccc4444", "dddd5555"]);
        assert_eq!(find_ids("TILL 2"), ["aaaa2222", "bbbb3333"]);
        assert_eq!(find_ids("aaaa"), ["aaaa1111", "aaaa2222", "eeee6666"]);
    }

    #[test]
    fn what_does_not_exist_is_not_found_and_a_similar_name_is_suggested() {
        for (query, hints) in [
            ("xyz", &[][..]),
            ("nobody", &[]),
            ("ill 1", &["did you mean 'Till 1'?"]),
            ("Tlil 1", &["did you mean 'Till 1'?"]),
            ("kaf", &["did you mean 'Kafé'?"]),
            ("til", &[]),
        ] {
            assert_eq!(find_ids(query), [""; 0], "{query}");
            let error = not_found(&devices(), query);
            assert_eq!(error.kind, ErrorKind::NotFound, "{query}");
            assert_eq!(error.hints, hints, "{query}");
        }
        let message = not_found(&devices(), "\u{1b}").message;
        assert_eq!(message, "there is no device with the name or ID '\\u{1b}'");
        let short = not_found(&devices(), "bbb");
        assert_eq!(short.kind, ErrorKind::Usage);
        assert_eq!(short.message, "'bbb' is too short: an ID prefix has at least 4 characters");
    }
}
