//! Removes what the probe created.

use super::prober::{Prober, TAG};
use crate::api::EnrollmentFilter;
use crate::commands::resolve::fetch_all;
use crate::model::{Device, Enrollment, Resource};

impl Prober {
    /// Ends and deletes everything that this run or an earlier one created. Returns what could not be removed, with the
    /// reason.
    pub(super) async fn clean_up(&mut self) -> Vec<String> {
        let mut left = Vec::new();
        for id in self.sessions.ids() {
            if let Err(error) = self.end_session(id).await {
                left.push(format!("session {id}: {}", error.message));
            }
        }
        let devices: Result<Vec<Resource<Device>>, _> = fetch_all(self.client.devices(None)).await;
        let enrollments: Result<Vec<Resource<Enrollment>>, _> =
            fetch_all(self.client.enrollments(&EnrollmentFilter::default())).await;
        for error in [devices.as_ref().err(), enrollments.as_ref().err()].into_iter().flatten() {
            left.push(format!("what cannot be listed: {}", error.cause.message()));
        }
        let tagged =
            devices.unwrap_or_default().into_iter().filter(|device| device.metadata.contains_key(TAG));
        let mut devices: Vec<_> = self.devices.clone();
        devices.extend(tagged.filter_map(|device| device.id.clone()).filter(|id| !self.devices.contains(id)));
        for id in devices {
            match self.delete_device(&id).await {
                Ok(seen) if seen.is_success() || seen.status == 404 => {}
                Ok(seen) => left.push(format!("device {id}: the API responded with {}", seen.status)),
                Err(error) => left.push(format!("device {id}: {}", error.message)),
            }
        }
        let mut ids = std::mem::take(&mut self.enrollments);
        let tagged = enrollments.unwrap_or_default();
        let tagged = tagged.into_iter().filter(|enrollment| enrollment.metadata.contains_key(TAG));
        ids.extend(tagged.filter_map(|enrollment| enrollment.enrollment_id.clone()));
        ids.dedup();
        for id in ids {
            // The API may refuse to delete an enrollment that a device used, which does no harm.
            if let Err(error) = self.delete_enrollment(&id).await {
                left.push(format!("enrollment {id}: {}", error.message));
            }
        }
        left
    }
}
