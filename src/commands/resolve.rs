//! Resolves a device, a location or an enrollment by name, ID or ID prefix, or lets the user pick it from a list.

use futures_util::TryStreamExt as _;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::api::{EnrollmentFilter, Error as ApiError, PagedRequest};
use crate::context::ApiContext;
use crate::error::{Candidate, Error, ErrorKind};
use crate::model::{Device, Enrollment, EnrollmentStatus, Location, MIN_ID_PREFIX_LEN, Page, Resource};
use crate::output::{Cell, Choice, NameKind, View};
use crate::text::{escape_control, fold_text, natural_key, normalize_text, trim_text};

const MAX_EDIT_DISTANCE: usize = 2;

const SHORT_ID_LEN: usize = 8;

/// A resource that is referred to by its name or ID.
trait NamedResource: Clone {
    const NOUN: &'static str;
    const TITLE: &'static str;
    const NAME_KIND: Option<NameKind>;
    fn id(&self) -> Option<&str>;
    fn name(&self) -> Option<&str>;
    /// Distinguishes resources of the same name: its kind of reference, if any, and its text.
    fn place(&self) -> Cell;
    /// What else helps to recognize it in a list.
    fn detail(&self) -> Option<&str>;
}

impl NamedResource for Device {
    const NOUN: &'static str = "device";
    const TITLE: &'static str = "Device";
    const NAME_KIND: Option<NameKind> = Some(NameKind::Device);

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn place(&self) -> Cell {
        Cell::named(NameKind::Location, self.location_id.as_deref())
    }

    fn detail(&self) -> Option<&str> {
        None
    }
}

impl NamedResource for Location {
    const NOUN: &'static str = "location";
    const TITLE: &'static str = "Location";
    const NAME_KIND: Option<NameKind> = Some(NameKind::Location);

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn place(&self) -> Cell {
        Cell::optional(self.city.as_deref())
    }

    fn detail(&self) -> Option<&str> {
        None
    }
}

/// An enrollment has no name, so it is referred to by its ID. Its code is a secret.
impl NamedResource for Enrollment {
    const NOUN: &'static str = "enrollment";
    const TITLE: &'static str = "Enrollment";
    const NAME_KIND: Option<NameKind> = None;

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
    /// Lists all devices, since the API has no operation that returns one.
    pub(super) async fn find_device(&self, query: &str) -> Result<Resource<Device>, Error> {
        find(self.client.devices(None), query, self).await
    }

    /// Like [`Self::find_device`], but lets the user pick a device if none is given.
    pub(super) async fn resolve_or_select_device(
        &self,
        query: Option<&str>,
    ) -> Result<Resource<Device>, Error> {
        match query {
            Some(query) => self.find_device(query).await,
            None => choose(self.client.devices(None), self).await,
        }
    }

    /// The ID of a device. A complete ID is returned without a request.
    pub(super) async fn device_id(&self, query: &str) -> Result<String, Error> {
        match query.parse::<Uuid>() {
            Ok(id) => Ok(id.to_string()),
            Err(_) => id_of(&self.find_device(query).await?),
        }
    }

    #[allow(private_bounds, reason = "devices, locations and enrollments")]
    pub(super) async fn select_from<T: NamedResource + 'static>(
        &self,
        mut all: Vec<Resource<T>>,
    ) -> Result<Resource<T>, Error>
    where
        Resource<T>: View,
    {
        self.learn_names(&all).await;
        all.sort_by_cached_key(|item| natural_key(item.name().unwrap_or_default()));
        let choices: Vec<_> = all.iter().map(|item| to_choice::<T>(item, self)).collect();
        let index = self.output.select(T::TITLE, &choices).await?;
        all.into_iter().nth(index).ok_or_else(|| Error::new(ErrorKind::Bug, "a choice out of range"))
    }

    /// Finds an enrollment, or lets the user pick an unused one if none is given.
    pub(super) async fn resolve_or_select_enrollment(
        &self,
        query: Option<&str>,
    ) -> Result<Resource<Enrollment>, Error> {
        match query {
            Some(query) => find(self.client.enrollments(&EnrollmentFilter::default()), query, self).await,
            None => {
                let unused =
                    EnrollmentFilter { include_consumed: Some(false), ..EnrollmentFilter::default() };
                choose(self.client.enrollments(&unused), self).await
            }
        }
    }

    pub(super) async fn find_location(&self, query: &str) -> Result<Resource<Location>, Error> {
        find(self.client.locations(), query, self).await
    }

    /// The ID of a location. A complete ID is returned without a request.
    pub(super) async fn location_id(&self, query: &str) -> Result<String, Error> {
        match query.parse::<Uuid>() {
            Ok(id) => Ok(id.to_string()),
            Err(_) => id_of(&self.find_location(query).await?),
        }
    }

    /// Like [`Self::location_id`], but lets the user pick a location if none is given.
    pub(super) async fn location_id_or_choice(&self, query: Option<&str>) -> Result<String, Error> {
        match query {
            Some(query) => self.location_id(query).await,
            None => id_of(&choose::<Location>(self.client.locations(), self).await?),
        }
    }

    pub(super) async fn location_id_opt(&self, query: Option<&str>) -> Result<Option<String>, Error> {
        match query {
            Some(query) => self.location_id(query).await.map(Some),
            None => Ok(None),
        }
    }

    /// Like [`Self::location_id_opt`], with the profile's default location.
    pub(super) async fn location_id_or_default(&self, query: Option<&str>) -> Result<Option<String>, Error> {
        let default = self.account.location.as_ref().map(|location| location.value.as_str());
        self.location_id_opt(query.or(default)).await
    }
}

#[allow(private_bounds, reason = "devices, locations and enrollments")]
pub(super) fn id_of<T: NamedResource>(found: &Resource<T>) -> Result<String, Error> {
    let message = || format!("the API returned a {} without an ID", T::NOUN);
    found.id().map(str::to_owned).ok_or_else(|| Error::new(ErrorKind::Unavailable, message()))
}

async fn choose<T: NamedResource + DeserializeOwned + 'static>(
    list: PagedRequest<'_>,
    context: &ApiContext<'_>,
) -> Result<Resource<T>, Error>
where
    Resource<T>: View,
{
    let noun = T::NOUN;
    if !context.output.can_prompt() {
        let way = if T::NAME_KIND.is_some() { "a name or an ID" } else { "an ID" };
        return Err(Error::usage(format!("no {noun} is given"))
            .hint(format!("pass {way}; `kustom {noun}s list` lists them")));
    }
    let all: Vec<Resource<T>> = fetch_all(list).await?;
    learn(&all, context);
    if all.is_empty() {
        return Err(Error::new(ErrorKind::NotFound, format!("there are no {noun}s to choose from")));
    }
    context.select_from(all).await
}

fn to_choice<T: NamedResource>(item: &T, context: &ApiContext<'_>) -> Choice {
    let id = item.id().unwrap_or_default();
    let short_id = id.get(..SHORT_ID_LEN).unwrap_or(id);
    let place = context.output.name_of(&item.place());
    let details = [Some(place.as_str()), item.detail()].into_iter().flatten().filter(|text| !text.is_empty());
    let details = details.collect::<Vec<_>>().join("  ");
    match item.name() {
        None if T::NAME_KIND.is_none() => Choice::new(short_id, "").detail(&details),
        name => Choice::new(name.unwrap_or("(no name)"), short_id).detail(&details),
    }
}

/// Keeps the names, for output that refers to the resources.
fn learn<T: NamedResource>(all: &[Resource<T>], context: &ApiContext<'_>) {
    let Some(kind) = T::NAME_KIND else { return };
    for item in all {
        if let (Some(id), Some(name)) = (item.id(), item.name()) {
            context.output.learn_name(kind, id, name);
        }
    }
}

pub(super) async fn fetch_all<T: DeserializeOwned + 'static>(
    list: PagedRequest<'_>,
) -> Result<Vec<Resource<T>>, ApiError> {
    let pages: Vec<Page<T>> = list.pages().try_collect().await?;
    Ok(pages.into_iter().flat_map(|page| page.content).collect())
}

async fn find<T: NamedResource + DeserializeOwned + 'static>(
    list: PagedRequest<'_>,
    query: &str,
    context: &ApiContext<'_>,
) -> Result<Resource<T>, Error>
where
    Resource<T>: View,
{
    let all = fetch_all::<T>(list).await?;
    learn(&all, context);
    match resolve(&all, query).as_slice() {
        [] => Err(not_found(&all, query).hint(format!("list them with `kustom {}s list`", T::NOUN))),
        [item] => Ok(item.clone()),
        several => {
            context.learn_names(several).await;
            let candidate = |item: &Resource<T>| Candidate {
                id: item.id().unwrap_or_default().to_owned(),
                name: item.name().map(str::to_owned),
                about: Some(context.output.name_of(&item.place())).filter(|place| !place.is_empty()),
            };
            Err(Error::ambiguous(query, T::NOUN, several.iter().map(candidate).collect()))
        }
    }
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
    let normalize: [&dyn Fn(&str) -> bool; 3] = [
        &|own| normalize_text(own) == name,
        &|own| normalize_text(own).to_lowercase() == name.to_lowercase(),
        &|own| fold_text(own) == folded,
    ];
    let has_name =
        normalize.into_iter().find(|is_same| all.iter().any(|item| item.name().is_some_and(is_same)));
    let has_id_prefix = |item: &T| {
        query.len() >= MIN_ID_PREFIX_LEN
            && item.id().is_some_and(|id| id.to_ascii_lowercase().starts_with(&lower))
    };
    find(&|item| has_id_prefix(item) || has_name.is_some_and(|is_same| item.name().is_some_and(is_same)))
}

fn not_found<T: NamedResource>(all: &[Resource<T>], query: &str) -> Error {
    let (noun, query, lower) = (T::NOUN, trim_text(query), query.to_lowercase());
    let starts =
        |item: &&Resource<T>| item.id().is_some_and(|id| id.to_ascii_lowercase().starts_with(&lower));
    if !query.is_empty() && query.len() < MIN_ID_PREFIX_LEN && all.iter().any(|item| starts(&item)) {
        return Error::usage(format!(
            "'{}' is too short: an ID prefix has at least {MIN_ID_PREFIX_LEN} characters",
            escape_control(query)
        ));
    }
    let way = if T::NAME_KIND.is_some() { "name or ID" } else { "ID" };
    let message = format!("there is no {noun} with the {way} '{}'", escape_control(query));
    let error = Error::new(ErrorKind::NotFound, message);
    match suggest_name(all, &fold_text(query)) {
        Some(name) => error.hint(format!("did you mean '{}'?", escape_control(name))),
        None => error,
    }
}

/// Suggests the only name that contains the query, or else one that differs by a typo.
fn suggest_name<'a, T: NamedResource>(all: &'a [Resource<T>], lower: &str) -> Option<&'a str> {
    let names = || all.iter().filter_map(|item| item.name());
    let normalize = fold_text;
    let mut containing = names().filter(|name| !lower.is_empty() && normalize(name).contains(lower));
    match (containing.next(), containing.next()) {
        (Some(only), None) => Some(only),
        (None, _) if lower.chars().count() > 2 * MAX_EDIT_DISTANCE => {
            names().find(|name| strsim::osa_distance(&normalize(name), lower) <= MAX_EDIT_DISTANCE)
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
