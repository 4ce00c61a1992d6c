//! What is known of an account: enough to name its things, and no code or key among it.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::api::{EnrollmentFilter, PagedRequest};
use crate::context::App;
use crate::model::Page;
use crate::settings::Account;

/// A thing as it came.
type Object = Map<String, Value>;

/// The things of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CachedResources {
    pub(super) devices: Vec<ResourceSummary>,
    pub(super) locations: Vec<ResourceSummary>,
    pub(super) enrollments: Vec<ResourceSummary>,
}

/// Something with an id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ResourceSummary {
    pub(super) id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    /// What it is: a platform, a status, a city.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<String>,
    /// The location that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) location_id: Option<String>,
}

/// Asks for everything at once. What is refused, or not there in time, stays as it was known; `None` where nothing came.
pub(super) fn fetch(
    app: &App,
    account: Account,
    patience: Duration,
    before: CachedResources,
) -> Option<CachedResources> {
    let context = app.connect_as(account).ok()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().ok()?;
    let client = &context.client;
    let enrollments = EnrollmentFilter { include_consumed: Some(false), ..EnrollmentFilter::default() };
    let asked = runtime.block_on(async {
        tokio::join!(
            all(client.devices(None), patience),
            all(client.locations(), patience),
            all(client.enrollments(&enrollments), patience),
        )
    });
    runtime.shutdown_background();
    let (devices, locations, enrollments) = match asked {
        (None, None, None) => return None,
        (devices, locations, enrollments) => (devices, locations, enrollments),
    };
    Some(CachedResources {
        devices: things(devices, of_device, before.devices),
        locations: things(locations, of_location, before.locations),
        enrollments: things(enrollments, of_enrollment, before.enrollments),
    })
}

fn things(
    list: Option<Vec<Object>>,
    read: fn(&Object) -> Option<ResourceSummary>,
    before: Vec<ResourceSummary>,
) -> Vec<ResourceSummary> {
    list.map_or(before, |list| list.iter().filter_map(read).collect())
}

/// Everything in a list, if it comes in time. Objects of every kind are read alike, which is all that is needed of them.
async fn all(list: PagedRequest<'_>, patience: Duration) -> Option<Vec<Object>> {
    let pages = list.pages().try_collect::<Vec<Page<Object>>>();
    let pages = tokio::time::timeout(patience, pages).await.ok()?.ok()?;
    Some(pages.into_iter().flat_map(|page| page.content).map(|object| object.raw().clone()).collect())
}

/// The text of a field, unless it is empty.
fn text(object: &Object, field: &str) -> Option<String> {
    object.get(field)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn of_device(device: &Object) -> Option<ResourceSummary> {
    let text = |field| text(device, field);
    Some(ResourceSummary {
        id: text("id")?,
        name: text("name"),
        kind: text("platform"),
        location_id: text("location_id"),
    })
}

fn of_location(location: &Object) -> Option<ResourceSummary> {
    let text = |field| text(location, field);
    let parts: Vec<_> = [text("street_address"), text("city")].into_iter().flatten().collect();
    let kind = Some(parts.join(", ")).filter(|kind| !kind.is_empty());
    Some(ResourceSummary { id: text("id")?, name: text("name"), kind, location_id: None })
}

/// The code is left behind here: it pairs any phone.
fn of_enrollment(enrollment: &Object) -> Option<ResourceSummary> {
    let text = |field| text(enrollment, field);
    let (kind, location_id) = (text("status"), text("location_id"));
    Some(ResourceSummary { id: text("enrollment_id")?, name: None, kind, location_id })
}
