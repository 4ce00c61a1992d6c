//! The seed file: the locations and devices that a new state has. `docs/emulator.md` describes its format.

use std::ops::Range;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use toml::Spanned;
use uuid::Uuid;

use super::State;
use super::state::{LocationRecord, Phone};
use crate::model::{Metadata, Platform};
use crate::text::line_column;

/// Namespace of the IDs that are derived from names, so that the same seed always has the same IDs.
const SEED_ID_NAMESPACE: Uuid = Uuid::from_u128(0x7d1c_58e0_92f4_4b6a_a3d7_4e05_8cb9_1f26);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct SeedError {
    pub line: usize,
    /// In characters, starting at 1.
    pub column: usize,
    pub message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seed {
    locations: Option<Vec<Spanned<LocationEntry>>>,
    #[serde(default)]
    devices: Vec<Spanned<DeviceEntry>>,
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
    /// Parses a seed. Without `locations` it has those of [`State::seed`].
    pub fn from_seed(text: &str) -> Result<Self, SeedError> {
        let error_at = |span: Range<usize>, message: String| {
            let (line, column) = line_column(text, span.start);
            SeedError { line, column, message }
        };
        let seed: Seed = toml::from_str(text)
            .map_err(|error| error_at(error.span().unwrap_or_default(), error.message().to_owned()))?;
        let mut state = Self::seed();
        if let Some(entries) = seed.locations {
            let mut locations: Vec<LocationRecord> = Vec::new();
            for entry in entries {
                let (span, entry) = (entry.span(), entry.into_inner());
                let id = entry.id.unwrap_or_else(|| derive_id("location", &entry.name));
                if locations.iter().any(|location| location.id == id) {
                    return Err(error_at(span, duplicate_id(&entry.name)));
                }
                locations.push(LocationRecord {
                    id,
                    name: entry.name,
                    street_address: entry.street_address,
                    postal_code: entry.postal_code,
                    city: entry.city,
                    country: entry.country,
                    created_at: Self::seed_timestamp(),
                });
            }
            state = Self::with_locations(locations);
        }
        for entry in seed.devices {
            let (span, entry) = (entry.span(), entry.into_inner());
            let id = entry.id.unwrap_or_else(|| derive_id("device", &entry.name));
            let location_id = match entry.location {
                Some(name) => Some(
                    state.find_location(name.get_ref()).map_err(|message| error_at(name.span(), message))?,
                ),
                None => state.sole_location(),
            };
            let phone = Phone { name: Some(entry.name.clone()), platform: entry.platform };
            if !state.add_seed_device(id, phone, location_id, entry.metadata, entry.offline) {
                return Err(error_at(span, duplicate_id(&entry.name)));
            }
        }
        Ok(state)
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
