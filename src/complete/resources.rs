//! What completions know of an account: names and IDs, and neither codes nor keys.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::api::{EnrollmentFilter, PagedRequest};
use crate::context::App;
use crate::model::Page;
use crate::settings::Account;

type Object = Map<String, Value>;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CachedResources {
    pub(super) devices: Vec<ResourceSummary>,
    pub(super) locations: Vec<ResourceSummary>,
    pub(super) enrollments: Vec<ResourceSummary>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ResourceSummary {
    pub(super) id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    /// The platform of a device, the address of a location, the status of an enrollment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) location_id: Option<String>,
}

/// Requests all lists at once. A list whose request fails or is late keeps its old content; `None` if all of them do.
pub(super) fn fetch(
    app: &App,
    account: Account,
    timeout: Duration,
    old: CachedResources,
) -> Option<CachedResources> {
    let context = app.connect_as(account).ok()?;
    let client = &context.client;
    let enrollments = EnrollmentFilter { include_consumed: Some(false), ..EnrollmentFilter::default() };
    let lists = app.block_on(async {
        Ok(tokio::join!(
            fetch_list(client.devices(None), timeout),
            fetch_list(client.locations(), timeout),
            fetch_list(client.enrollments(&enrollments), timeout),
        ))
    });
    let (devices, locations, enrollments) = match lists.ok()? {
        (None, None, None) => return None,
        lists => lists,
    };
    // The code of an enrollment, which pairs any phone, is not kept.
    Some(CachedResources {
        devices: summarize(devices, "id", &["platform"], old.devices),
        locations: summarize(locations, "id", &["street_address", "city"], old.locations),
        enrollments: summarize(enrollments, "enrollment_id", &["status"], old.enrollments),
    })
}

/// Fetches every page. The objects stay JSON, so that an unknown field or value does no harm.
async fn fetch_list(list: PagedRequest<'_>, timeout: Duration) -> Option<Vec<Object>> {
    let pages = list.pages().try_collect::<Vec<Page<Object>>>();
    let pages = tokio::time::timeout(timeout, pages).await.ok()?.ok()?;
    Some(pages.into_iter().flat_map(|page| page.content).map(|object| object.raw().clone()).collect())
}

fn summarize(
    list: Option<Vec<Object>>,
    id: &str,
    kind: &[&str],
    old: Vec<ResourceSummary>,
) -> Vec<ResourceSummary> {
    let Some(list) = list else { return old };
    let summarize_one = |object: &Object| {
        let text =
            |field: &str| object.get(field)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let kind: Vec<_> = kind.iter().filter_map(|field| text(field)).collect();
        let kind = Some(kind.join(", ")).filter(|kind| !kind.is_empty());
        Some(ResourceSummary { id: text(id)?, name: text("name"), kind, location_id: text("location_id") })
    };
    list.iter().filter_map(summarize_one).collect()
}
