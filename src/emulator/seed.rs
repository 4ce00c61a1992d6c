//! The seed file: the locations and devices that a new state has. `docs/emulator.md` describes its format.

use std::ops::Range;

use serde::de::{DeserializeOwned, Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};
use uuid::Uuid;

use super::State;
use super::state::{LocationRecord, Phone};
use crate::model::{Metadata, Platform};
use crate::text::line_column;

/// Namespace of the IDs that are derived from names, so that the same seed always has the same IDs.
const SEED_ID_NAMESPACE: Uuid = Uuid::from_u128(0x7d1c_58e0_92f4_4b6a_a3d7_4e05_8cb9_1f26);

/// A mistake in a seed file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct SeedError {
    pub line: usize,
    /// In characters, starting at 1.
    pub column: usize,
    pub message: String,
}

/// The file as a whole. Entries are deserialized one by one, so that a mistake in one does not hide others.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seed {
    locations: Option<Vec<IgnoredAny>>,
    #[serde(default)]
    #[allow(dead_code, reason = "a field of the file, whose entries are read one by one")]
    devices: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LocationEntry {
    id: Option<Uuid>,
    #[serde(deserialize_with = "non_empty_name")]
    name: String,
    #[serde(default)]
    street_address: String,
    #[serde(default)]
    postal_code: String,
    #[serde(default)]
    city: String,
    #[serde(default)]
    country: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeviceEntry {
    id: Option<Uuid>,
    #[serde(deserialize_with = "non_empty_name")]
    name: String,
    /// Name or ID.
    location: Option<Spanned<String>>,
    #[serde(default = "default_platform", deserialize_with = "known_platform")]
    platform: Platform,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    offline: bool,
}

fn non_empty_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() { Err(D::Error::custom("the name must not be empty")) } else { Ok(text) }
}

fn default_platform() -> Platform {
    Platform::Terminal
}

fn known_platform<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Platform, D::Error> {
    match Platform::from(String::deserialize(deserializer)?) {
        Platform::Other(name) => Err(D::Error::unknown_variant(&name, &["IOS", "ANDROID", "TERMINAL"])),
        platform => Ok(platform),
    }
}

impl State {
    /// Parses a seed. Without `locations` it has those of [`State::seed`]. Reports all mistakes, in the order of the file.
    pub fn from_seed(text: &str) -> Result<Self, Vec<SeedError>> {
        let mut parser = Parser { text, errors: Vec::new() };
        let state = parser.parse();
        let mut errors = parser.errors;
        errors.sort_by_key(|error| (error.line, error.column));
        state.filter(|_| errors.is_empty()).ok_or(errors)
    }
}

struct Parser<'a> {
    text: &'a str,
    errors: Vec<SeedError>,
}

impl Parser<'_> {
    fn report(&mut self, span: &Range<usize>, message: impl Into<String>) {
        let (line, column) = line_column(self.text, span.start);
        self.errors.push(SeedError { line, column, message: message.into() });
    }

    fn report_toml(&mut self, error: &toml::de::Error) {
        self.report(&error.span().unwrap_or_default(), error.message());
    }

    fn parse(&mut self) -> Option<State> {
        let table = DeTable::parse(self.text).map_err(|error| self.report_toml(&error)).ok()?;
        let seed = Seed::deserialize(toml::de::Deserializer::from(table.clone()));
        let has_locations = match seed {
            Ok(seed) => seed.locations.is_some(),
            Err(error) => {
                self.report_toml(&error);
                true
            }
        };
        let mut table = table.into_inner();
        let mut entries = |name: &str| match table.remove(name).map(Spanned::into_inner) {
            Some(DeValue::Array(entries)) => entries.into_iter().collect(),
            _ => Vec::new(),
        };
        let (locations, devices) = (entries("locations"), entries("devices"));
        let mut state = if has_locations { self.parse_locations(locations) } else { State::seed() };
        for entry in devices {
            self.parse_device(entry, &mut state);
        }
        Some(state)
    }

    fn parse_locations(&mut self, entries: Vec<Spanned<DeValue<'_>>>) -> State {
        let mut locations: Vec<LocationRecord> = Vec::new();
        for entry in entries {
            let span = entry.span();
            let Some(entry) = self.parse_entry::<LocationEntry>(entry) else { continue };
            let id = entry.id.unwrap_or_else(|| derive_id("location", &entry.name));
            if locations.iter().any(|location| location.id == id) {
                self.report(&span, duplicate_id(&entry.name));
                continue;
            }
            locations.push(LocationRecord {
                id,
                name: entry.name,
                street_address: entry.street_address,
                postal_code: entry.postal_code,
                city: entry.city,
                country: entry.country,
                created_at: State::seed_timestamp(),
            });
        }
        State::with_locations(locations)
    }

    fn parse_device(&mut self, entry: Spanned<DeValue<'_>>, state: &mut State) {
        let span = entry.span();
        let Some(entry) = self.parse_entry::<DeviceEntry>(entry) else { return };
        let id = entry.id.unwrap_or_else(|| derive_id("device", &entry.name));
        let location_id = match &entry.location {
            Some(name) => {
                let found = state.find_location(name.get_ref());
                found.map_err(|message| self.report(&name.span(), message)).ok()
            }
            None => state.sole_location(),
        };
        let phone = Phone { name: Some(entry.name.clone()), platform: entry.platform };
        if !state.add_seed_device(id, phone, location_id, entry.metadata, entry.offline) {
            self.report(&span, duplicate_id(&entry.name));
        }
    }

    /// Reads an entry. After a mistake in a field it goes on without the field, to find the mistakes in others.
    fn parse_entry<T: DeserializeOwned>(&mut self, entry: Spanned<DeValue<'_>>) -> Option<T> {
        let span = entry.span();
        let DeValue::Table(mut table) = entry.into_inner() else {
            self.report(&span, "an entry must be a table");
            return None;
        };
        let mut removed: Vec<String> = Vec::new();
        loop {
            let value = Spanned::new(span.clone(), DeValue::Table(table.clone()));
            let error = match T::deserialize(ValueDeserializer::from(value)) {
                Ok(entry) => return Some(entry).filter(|_| removed.is_empty()),
                Err(error) => error,
            };
            // A field that was removed is not missing.
            if removed.iter().any(|name| error.message() == format!("missing field `{name}`")) {
                return None;
            }
            self.report_toml(&error);
            let start = error.span().unwrap_or_default().start;
            let wrong = table
                .iter()
                .find(|(name, value)| name.span().contains(&start) || value.span().contains(&start));
            let name = wrong.map(|(name, _)| name.get_ref().clone().into_owned())?;
            table.remove(name.as_str());
            removed.push(name);
        }
    }
}

fn derive_id(kind: &str, name: &str) -> Uuid {
    Uuid::new_v5(&SEED_ID_NAMESPACE, format!("{kind} {name}").as_bytes())
}

fn duplicate_id(name: &str) -> String {
    format!("the ID of '{name}' is not unique: give it an 'id' of its own")
}

#[cfg(test)]
#[path = "seed_tests.rs"]
mod tests;
