//! Probes lists and reads.

use http::Method;
use uuid::Uuid;

use super::operations::{GET_SESSION, LIST_DEVICES, LIST_LOCATIONS};
use super::prober::{Prober, parse, seen};
use crate::api::Request;
use crate::error::Error;

impl Prober {
    pub(super) async fn find_location(&mut self) -> Result<Option<String>, Error> {
        let response = self.get(LIST_LOCATIONS, "/ipp/v1/locations", &[("page_size", "1")]).await?;
        let page = parse(&response);
        let items = page["content"].as_array().or(page.as_array());
        Ok(items.and_then(|items| items.first()?["id"].as_str().map(str::to_owned)))
    }

    pub(super) async fn probe_lists(&mut self) -> Result<(), Error> {
        let devices = Request::new(Method::GET, "/ipp/v1/devices").query("page_size", "1");
        let response =
            self.exchange(&self.client.clone().without_merchant_id(), LIST_DEVICES.api, &devices).await?;
        self.note(LIST_DEVICES, &response);
        self.seen.list_without_merchant_id = Some(seen(&response));
        for (name, value) in [
            ("page_size", "0"),
            ("page_size", "100"),
            ("page_size", "101"),
            ("page_number", "-1"),
            ("page_number", "9999"),
        ] {
            let response = self.get(LIST_DEVICES, "/ipp/v1/devices", &[(name, value)]).await?;
            self.seen.pages.push((format!("{name} {value}"), response.status));
        }
        let mut statuses = Vec::new();
        for id in [Uuid::new_v4().to_string(), "no-uuid".to_owned()] {
            statuses.push(self.get(GET_SESSION, &format!("/ipp/v1/sessions/{id}"), &[]).await?.status);
        }
        self.seen.unknown_id = statuses.first().copied().zip(statuses.last().copied());
        Ok(())
    }
}
