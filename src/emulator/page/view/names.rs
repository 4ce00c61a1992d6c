//! What people call the things that a request or a callback names by their IDs.

use std::collections::HashMap;

use serde_json::Value;

use super::{Content, money, text};
use crate::emulator::RequestRecord;
use crate::page::{safe, short_id};

pub(super) struct Names(HashMap<String, String>);

impl Names {
    pub(super) fn new(content: &Content<'_>) -> Self {
        let mut names = Self(HashMap::new());
        let phones = content.phones.as_array().map(Vec::as_slice).unwrap_or_default();
        for phone in phones {
            names.add(text(phone, "id"), safe(text(phone, "name")));
            names.add(text(phone, "location_id"), safe(text(phone, "location")));
        }
        for request in content.requests.iter().filter(|request| request.is_success()) {
            if let Some(response) = &request.response {
                names.add(text(response, "enrollment_id"), "enrollment".to_owned());
                let created = request.body.as_ref().filter(|_| request.path == "/ipp/v1/sessions");
                names.add_session(text(response, "session_id"), created.unwrap_or(response));
            }
        }
        for session in phones.iter().filter_map(|phone| phone["sessions"].as_array()).flatten() {
            names.add_session(text(session, "session_id"), session);
            names.add_session(text(session, "order_id"), session);
        }
        names
    }

    fn add(&mut self, id: &str, name: String) {
        if !id.is_empty() && !name.is_empty() {
            self.0.insert(id.to_owned(), name);
        }
    }

    fn add_session(&mut self, id: &str, session: &Value) {
        if !session["order_amount"].is_i64() {
            return;
        }
        let (amount, currency) = money(session, &session["order_amount"]);
        let device = self.0.get(text(session, "device_id")).cloned();
        let reference = Some(safe(text(session, "merchant_reference1"))).filter(|name| !name.is_empty());
        let parts = [device, reference, Some(format!("{amount} {currency}"))];
        self.add(id, parts.into_iter().flatten().collect::<Vec<_>>().join(" · "));
    }

    fn find<'a>(&self, mut ids: impl Iterator<Item = &'a str>) -> Option<&str> {
        ids.find_map(|id| self.0.get(id)).map(String::as_str)
    }

    pub(super) fn of_request(&self, request: &RequestRecord) -> Option<&str> {
        let (body, response) = (&request.body, &request.response);
        let fields = [(response, "session_id"), (response, "id"), (body, "device_id"), (body, "location_id")];
        let ids = fields.iter().filter_map(|(value, name)| value.as_ref()?[*name].as_str());
        self.find(request.path.split('/').chain(ids))
    }

    /// The session of a callback or, for an order, the session that it was.
    pub(super) fn of_callback(&self, payload: &Value) -> Option<&str> {
        self.find(["session_id", "order_id"].into_iter().map(|name| text(&payload["data"], name)))
    }
}

/// A path with its IDs as their beginnings.
pub(super) fn short_ids(path: &str) -> String {
    path.split('/').map(short_id).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_in_a_path_are_shortened() {
        let path = "/ipp/v1/sessions/08268fe8-dc25-4d60-b752-7ea5d92b7d27/cancel";
        assert_eq!(short_ids(path), "/ipp/v1/sessions/08268fe8…/cancel");
        assert_eq!(short_ids("/ipp/v1/devices"), "/ipp/v1/devices");
    }
}
