//! Locations. The API has no way to change them, so they are what the state began with.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{FieldErrors, ListPage, PageRequest, Rejection, State};
use crate::emulator::MERCHANT_ID;
use crate::model::Location;

/// A store of the emulated merchant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocationRecord {
    pub id: Uuid,
    pub name: String,
    /// Street and number.
    pub street_address: String,
    pub postal_code: String,
    pub city: String,
    /// Country, ISO 3166-1 alpha-2.
    pub country: String,
    /// When it was made.
    pub created_at: Timestamp,
}

impl LocationRecord {
    fn view(&self) -> Location {
        // What a seed leaves out is not told.
        let told = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Location {
            id: Some(self.id.to_string()),
            merchant_id: Some(MERCHANT_ID.to_owned()),
            name: told(&self.name),
            street_address: told(&self.street_address),
            street_address2: None,
            postal_code: told(&self.postal_code),
            city: told(&self.city),
            country: told(&self.country),
            created_at: Some(self.created_at),
            updated_at: Some(self.created_at),
        }
    }
}

impl State {
    pub fn list_locations(&self, page: PageRequest) -> ListPage<Location> {
        ListPage::slice(self.locations.iter(), LocationRecord::view, page)
    }

    /// One location.
    pub fn location(&self, id: Uuid) -> Result<Location, Rejection> {
        self.locations
            .iter()
            .find(|store| store.id == id)
            .map(LocationRecord::view)
            .ok_or_else(|| Rejection::not_found(format!("There is no location {id}.")))
    }

    /// Refuses a location, named in a request's `location_id`, that does not exist: 404, with the field named
    /// because the request may be about something else that does exist.
    pub(super) fn check_location(&self, id: Option<Uuid>) -> Result<(), Rejection> {
        match id.map(|id| self.location(id)) {
            Some(Err(refusal)) => {
                let mut errors = FieldErrors::default();
                errors.add("location_id", "is not a location of this merchant");
                Err(Rejection { errors, ..refusal })
            }
            _ => Ok(()),
        }
    }

    /// The location that a person means by its name or its id.
    pub(in crate::emulator) fn location_named(&self, wanted: &str) -> Result<Uuid, String> {
        let id = Uuid::try_parse(wanted).ok();
        let mut found = self.locations.iter().filter(|store| Some(store.id) == id || store.name == wanted);
        match (found.next(), found.next()) {
            (Some(store), None) => Ok(store.id),
            (None, _) => Err(format!("there is no location '{wanted}'")),
            (Some(_), Some(_)) => Err(format!("there are several locations '{wanted}': name one by its id")),
        }
    }

    /// The location that is meant when none is named: the only one, if there is only one (observed).
    pub(in crate::emulator) fn sole_location(&self) -> Option<Uuid> {
        match self.locations.as_slice() {
            [store] => Some(store.id),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::state::{GOTHENBURG, STOCKHOLM};

    #[test]
    fn the_seed_has_two_locations() {
        let page = State::seed().list_locations(PageRequest::default());
        let ids: Vec<_> = page.content.into_iter().filter_map(|location| location.id).collect();
        assert_eq!(ids, [STOCKHOLM.to_string(), GOTHENBURG.to_string()]);
        assert_eq!(State::seed().location(GOTHENBURG).unwrap().country.as_deref(), Some("SE"));
    }

    #[test]
    fn a_location_that_does_not_exist_is_404() {
        assert_eq!(State::seed().location(Uuid::nil()).unwrap_err().status, 404);
    }
}
