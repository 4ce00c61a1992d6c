//! Probes lists and reads.

use http::Method;
use uuid::Uuid;

use super::prober::{Prober, parse};
use crate::api::Request;
use crate::error::Error;

impl Prober {
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
}
