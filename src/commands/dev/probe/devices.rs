//! Probes lists and devices, and what is deleted at the end.

use http::Method;
use serde_json::json;
use uuid::Uuid;

use super::prober::{Prober, TAG, describe, parse};
use crate::api::{self, Request, Response};
use crate::commands::resolve::fetch_all;
use crate::error::Error;
use crate::model::{Device, Resource};

const NAME: &str = "kustom probe";

impl Prober {
    pub(super) async fn create_device(
        &mut self,
        location_id: Option<&str>,
    ) -> Result<(Response, Option<String>), Error> {
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
        Ok((response, id))
    }

    pub(super) async fn find_location(&mut self) -> Result<Option<String>, Error> {
        let response = self.get("/ipp/v1/locations", &[("page_size", "1")]).await?;
        let page = parse(&response);
        let items = page["content"].as_array().or(page.as_array());
        Ok(items.and_then(|items| items.first()?["id"].as_str().map(str::to_owned)))
    }

    pub(super) async fn probe_lists(&mut self) -> Result<(), Error> {
        let devices = Request::new(Method::GET, "/ipp/v1/devices").query("page_size", "1");
        let response = self.exchange(&self.client.clone().without_merchant_id(), &devices).await?;
        self.note(&devices, &response)?;
        self.seen.record_option(
            "list of devices without x-merchant-id",
            response.status,
            if response.is_success() { "optional" } else { "required" },
        );
        let mut pages = Vec::new();
        for (name, value) in [
            ("page_size", "0"),
            ("page_size", "100"),
            ("page_size", "101"),
            ("page_number", "-1"),
            ("page_number", "9999"),
        ] {
            let response = self.get("/ipp/v1/devices", &[(name, value)]).await?;
            pages.push((format!("{name} {value}"), response.status));
        }
        self.seen.record_cases("bounds of pages", &pages);
        let unknown = self.get(&format!("/ipp/v1/sessions/{}", Uuid::new_v4()), &[]).await?;
        let malformed = self.get("/ipp/v1/sessions/no-uuid", &[]).await?;
        let statuses = format!("{} and {}", unknown.status, malformed.status);
        self.seen.record("an unknown ID, and one that is not a UUID", statuses);
        Ok(())
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

    pub(super) async fn delete_device(&mut self, id: &str) -> Result<Response, Error> {
        let response = self.send(&api::deregister_request(id)).await?;
        self.devices.remove(id);
        Ok(response)
    }

    pub(super) async fn probe_deletions(&mut self) -> Result<(), Error> {
        for id in self.enrollments.clone() {
            let response = self.delete_enrollment(&id).await?;
            self.seen.record("deletion of an enrollment", describe(&response));
        }
        let device_id = self.device_id.clone();
        let deleted = self.delete_device(&device_id).await?;
        let fact = "deletion of a device";
        self.seen.record(fact, describe(&deleted));
        match deleted.status {
            204 => self.seen.set_option(fact, "no_content"),
            200 => self.seen.set_option(fact, "ok"),
            _ => {}
        }
        let deleted_again = self.delete_device(&device_id).await?;
        self.seen.record("deletion of a deleted device", deleted_again.status);
        Ok(())
    }
}
