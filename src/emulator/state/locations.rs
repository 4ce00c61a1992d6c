//! Locations. The API cannot change them, so they are those of the initial state.

use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ListPage, PageRequest, Rejection, State};
use crate::emulator::MERCHANT_ID;
use crate::model::Location;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocationRecord {
    pub id: Uuid,
    pub name: String,
    pub street_address: String,
    pub postal_code: String,
    pub city: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    pub created_at: Timestamp,
}

impl LocationRecord {
    fn to_location(&self) -> Location {
        let non_empty = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Location {
            id: Some(self.id.to_string()),
            merchant_id: Some(MERCHANT_ID.to_owned()),
            name: non_empty(&self.name),
            street_address: non_empty(&self.street_address),
            street_address2: None,
            postal_code: non_empty(&self.postal_code),
            city: non_empty(&self.city),
            country: non_empty(&self.country),
            created_at: Some(self.created_at),
            updated_at: Some(self.created_at),
        }
    }
}

impl State {
    pub fn list_locations(&self, page: PageRequest) -> ListPage<Location> {
        ListPage::slice(self.locations.iter(), LocationRecord::to_location, page)
    }

    pub fn location(&self, id: Uuid) -> Result<Location, Rejection> {
        self.locations
            .iter()
            .find(|location| location.id == id)
            .map(LocationRecord::to_location)
            .ok_or_else(|| Rejection::not_found(format!("There is no location {id}.")))
    }

    /// The 404 has the name of the field, because the request may be about another resource, which does exist.
    pub(super) fn check_location(&self, id: Option<Uuid>) -> Result<(), Rejection> {
        if id.is_none_or(|id| self.location(id).is_ok()) {
            return Ok(());
        }
        let message = "is not a location of this merchant";
        Err(Rejection::for_field(StatusCode::NOT_FOUND, "location_id", message))
    }

    pub(in crate::emulator) fn find_location(&self, name_or_id: &str) -> Result<Uuid, String> {
        let id = Uuid::try_parse(name_or_id).ok();
        let matches = |location: &&LocationRecord| Some(location.id) == id || location.name == name_or_id;
        let found: Vec<_> = self.locations.iter().filter(matches).collect();
        match found[..] {
            [location] => Ok(location.id),
            [] => Err(format!("there is no location '{name_or_id}'")),
            _ => Err(format!(
                "'{name_or_id}' is ambiguous: it matches {} locations, so use an ID",
                found.len()
            )),
        }
    }

    /// The default of a request without a location: the only one, if there is only one (observed).
    pub(in crate::emulator) fn sole_location(&self) -> Option<Uuid> {
        match self.locations.as_slice() {
            [location] => Some(location.id),
            _ => None,
        }
    }
}
