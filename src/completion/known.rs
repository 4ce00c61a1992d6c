//! What is known of an account: enough to name its things, and no code or key among it.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::api::{EnrollmentFilter, Fetch};
use crate::context::Context;
use crate::model::{Device, Enrollment, Location, Page, Received};
use crate::settings::Account;

/// The things of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    pub(super) devices: Vec<Thing>,
    pub(super) locations: Vec<Thing>,
    pub(super) enrollments: Vec<Thing>,
}

/// Something with an id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Thing {
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

impl Known {
    /// Asks for everything at once. What is refused, or not there in time, is not known; `None` where nothing is.
    pub(super) fn ask(context: &Context, account: Account, patience: Duration) -> Option<Self> {
        let online = context.connect_as(account).ok()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().ok()?;
        let client = &online.client;
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
        Some(Self {
            devices: devices.iter().flatten().filter_map(|device| of_device(device)).collect(),
            locations: locations.iter().flatten().filter_map(|location| of_location(location)).collect(),
            enrollments: enrollments.iter().flatten().filter_map(|item| of_enrollment(item)).collect(),
        })
    }
}

/// Everything in a list, if it comes in time.
async fn all<T: DeserializeOwned + 'static>(list: Fetch<'_>, patience: Duration) -> Option<Vec<Received<T>>> {
    let pages = list.pages().try_collect::<Vec<Page<T>>>();
    let pages = tokio::time::timeout(patience, pages).await.ok()?.ok()?;
    Some(pages.into_iter().flat_map(|page| page.content).collect())
}

fn of_device(device: &Device) -> Option<Thing> {
    let kind = device.platform.as_ref().map(|platform| platform.as_str().to_owned());
    let Device { id, name, location_id, .. } = device;
    Some(Thing { id: id.clone()?, name: name.clone(), kind, location_id: location_id.clone() })
}

fn of_location(location: &Location) -> Option<Thing> {
    let Location { id, name, city, street_address, .. } = location;
    let parts: Vec<_> = [street_address, city].into_iter().flatten().map(String::as_str).collect();
    let kind = Some(parts.join(", ")).filter(|kind| !kind.is_empty());
    Some(Thing { id: id.clone()?, name: name.clone(), kind, location_id: None })
}

/// The code is left behind here: it pairs any phone.
fn of_enrollment(enrollment: &Enrollment) -> Option<Thing> {
    let Enrollment { enrollment_id, status, location_id, .. } = enrollment;
    let kind = status.as_ref().map(|status| status.as_str().to_owned());
    Some(Thing { id: enrollment_id.clone()?, name: None, kind, location_id: location_id.clone() })
}
