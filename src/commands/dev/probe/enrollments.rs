//! Probes enrollments.

use jiff::Timestamp;
use serde_json::json;

use super::observations::Seen;
use super::operations::{CREATE_ENROLLMENT, DELETE_ENROLLMENT, LIST_ENROLLMENTS};
use super::prober::{Prober, TAG, parse, seen};
use crate::api;
use crate::error::Error;
use crate::model::Ttl;

impl Prober {
    pub(super) async fn probe_enrollments(&mut self, location_id: &str) -> Result<(), Error> {
        let mut expiries: Vec<Option<Timestamp>> = Vec::new();
        for (field, value) in
            [("expires_in", json!(3_600_000)), ("ttl", json!(Ttl::SeventyTwoHours.as_str()))]
        {
            let body = json!({"location_id": location_id, "metadata": {TAG: "1"}, field: value});
            let response = self.post(CREATE_ENROLLMENT, "/ipp/v1/enrollments", &body).await?;
            let enrollment = parse(&response);
            if response.is_success() {
                self.enrollments.extend(enrollment["enrollment_id"].as_str().map(str::to_owned));
            }
            expiries.push(enrollment["expires_at"].as_str().and_then(|at| at.parse().ok()));
            if field == "ttl" {
                self.seen.ttl = Some(seen(&response));
            } else {
                self.seen.requires_ttl = enrollment["errors"].get("ttl").is_some();
                self.seen.expires_in = Some(seen(&response));
            }
        }
        if let [Some(first), Some(second)] = expiries.as_slice() {
            self.seen.ttl_difference = Some(second.duration_since(*first));
        }
        self.get(LIST_ENROLLMENTS, "/ipp/v1/enrollments", &[("page_size", "1")]).await?;
        Ok(())
    }

    pub(super) async fn delete_enrollment(&mut self, id: &str) -> Result<Seen, Error> {
        Ok(seen(&self.send(DELETE_ENROLLMENT, &api::withdraw_request(id)).await?))
    }
}
