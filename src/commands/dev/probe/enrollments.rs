//! Probes enrollments.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::facts::Seen;
use super::prober::{Prober, TAG, parse, seen};
use crate::api;
use crate::error::Error;
use crate::model::Ttl;

impl Prober {
    pub(super) async fn probe_enrollments(&mut self, location_id: &str) -> Result<(), Error> {
        let (expires_in, first) = self.create_enrollment(location_id, "expires_in", json!(3_600_000)).await?;
        let seventy_two_hours = json!(Ttl::SeventyTwoHours.as_str());
        let (ttl, second) = self.create_enrollment(location_id, "ttl", seventy_two_hours).await?;
        let requires_ttl = first["errors"].get("ttl").is_some();
        let lifetime = match (expires_at(&first), expires_at(&second)) {
            _ if !expires_in.is_success() => {
                (requires_ttl && ttl.is_success()).then_some(("ttl only", "ttl_only"))
            }
            (Some(first), Some(second)) if second.duration_since(first) > SignedDuration::from_hours(24) => {
                Some(("expires_in and ttl", "both"))
            }
            (Some(_), Some(_)) => Some(("expires_in only", "expires_in_only")),
            _ => None,
        };
        let fact = "lifetime of an enrollment code";
        match lifetime {
            Some((words, value)) => self.seen.record_option(fact, words, value),
            None => self.seen.record(fact, format!("{} for expires_in", expires_in.status)),
        }
        self.get("/ipp/v1/enrollments", &[("page_size", "1")]).await?;
        Ok(())
    }

    /// Creates an enrollment with this field, and returns the body of the response too.
    async fn create_enrollment(
        &mut self,
        location_id: &str,
        field: &str,
        value: Value,
    ) -> Result<(Seen, Value), Error> {
        let body = json!({"location_id": location_id, "metadata": {TAG: "1"}, field: value});
        let response = self.post("/ipp/v1/enrollments", &body).await?;
        let enrollment = parse(&response);
        if response.is_success() {
            self.enrollments.extend(enrollment["enrollment_id"].as_str().map(str::to_owned));
        }
        Ok((seen(&response), enrollment))
    }

    pub(super) async fn delete_enrollment(&mut self, id: &str) -> Result<Seen, Error> {
        Ok(seen(&self.send(&api::withdraw_request(id)).await?))
    }
}

fn expires_at(enrollment: &Value) -> Option<Timestamp> {
    enrollment["expires_at"].as_str()?.parse().ok()
}
