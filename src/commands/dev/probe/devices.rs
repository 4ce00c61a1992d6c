//! Probes devices, and what is deleted at the end.

use serde_json::json;

use super::facts::Seen;
use super::prober::{Prober, TAG, parse, seen};
use crate::api;
use crate::commands::resolve::fetch_all;
use crate::error::Error;
use crate::model::{Device, Resource};

const NAME: &str = "kustom probe";

impl Prober {
    pub(super) async fn create_device(
        &mut self,
        location_id: Option<&str>,
    ) -> Result<(Seen, Option<String>), Error> {
        let mut body = json!({"name": NAME, "metadata": {TAG: "1"}});
        if let Some(id) = location_id {
            body["location_id"] = id.into();
        }
        let response = self.post("/ipp/v1/dev/devices", &body).await?;
        let device = parse(&response);
        // The guide calls it `device_id`.
        let id = device["id"].as_str().or(device["device_id"].as_str()).map(str::to_owned);
        let id = id.filter(|_| response.is_success());
        self.devices.extend(id.clone());
        Ok((seen(&response), id))
    }

    /// Only an emulator has a phone that can lose its connection.
    pub(super) async fn probe_offline_device(&mut self) -> Result<(), Error> {
        if !self.is_emulator {
            return Ok(());
        }
        let device_id = self.device_id.clone();
        self.client.pos_set_offline(&device_id, true).await?;
        let created = self.create_session(json!({})).await;
        self.client.pos_set_offline(&device_id, false).await?;
        let (created, id) = created?;
        let option = if created.is_success() { "accept" } else { "conflict" };
        self.seen.record_option("new session on an offline device", created.status, option);
        match id {
            Some(id) => self.end_session(id).await,
            None => Ok(()),
        }
    }

    pub(super) async fn is_listed(&self, device_id: &str) -> Result<bool, Error> {
        let devices: Vec<Resource<Device>> = fetch_all(self.client.devices(None)).await?;
        Ok(devices.iter().any(|device| device.id.as_deref() == Some(device_id)))
    }

    pub(super) async fn delete_device(&mut self, id: &str) -> Result<Seen, Error> {
        let response = self.send(&api::deregister_request(id)).await?;
        self.devices.retain(|device| device != id);
        Ok(seen(&response))
    }

    pub(super) async fn probe_deletions(&mut self) -> Result<(), Error> {
        while let Some(id) = self.enrollments.last().cloned() {
            let response = self.delete_enrollment(&id).await?;
            self.seen.record("deletion of an enrollment", response.describe());
            self.enrollments.pop();
        }
        let device_id = self.device_id.clone();
        let deleted = self.delete_device(&device_id).await?;
        self.seen.record_deletion(deleted);
        let deleted_again = self.delete_device(&device_id).await?;
        self.seen.record("deletion of a deleted device", deleted_again.status);
        Ok(())
    }
}
