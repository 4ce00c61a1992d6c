//! What an emulator begins with, written down by a person: `docs/emulator.md` describes the form.

use std::ops::Range;

use jiff::Timestamp;
use toml_edit::{Document, Item, TableLike, Value};
use uuid::Uuid;

use super::State;
use super::state::{LocationRecord, SeedDevice};
use crate::model::{Metadata, Platform};
use crate::text::line_column;

/// What ids are made of where none is given: the same name gives the same id, each time and everywhere.
const SEED_ID_NAMESPACE: Uuid = Uuid::from_u128(0x7d1c_58e0_92f4_4b6a_a3d7_4e05_8cb9_1f26);

const LOCATIONS: &str = "locations";
const DEVICES: &str = "devices";

/// A mistake in a seed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct SeedError {
    pub line: usize,
    /// In characters, from one.
    pub column: usize,
    /// What is wrong there.
    pub what: String,
}

impl State {
    /// Reads a seed. Without `locations` it has those of [`State::seed`].
    pub fn from_seed(text: &str) -> Result<Self, SeedError> {
        let reader = Reader { text };
        let document =
            Document::parse(text).map_err(|error| reader.error_at(error.span(), error.message()))?;
        for (name, item) in document.iter() {
            if name != LOCATIONS && name != DEVICES {
                let what = format!("there is no '{name}': a seed has {LOCATIONS} and {DEVICES}");
                return Err(reader.error_at(item.span(), what));
            }
        }
        let mut state = match document.get(LOCATIONS) {
            Some(item) => Self::with_locations(reader.locations(item)?),
            None => Self::seed(),
        };
        if let Some(item) = document.get(DEVICES) {
            reader.devices(item, &mut state)?;
        }
        Ok(state)
    }
}

struct Reader<'a> {
    text: &'a str,
}

/// A table of a list, and where it is.
struct Entry<'a> {
    fields: &'a dyn TableLike,
    span: Option<Range<usize>>,
}

impl Reader<'_> {
    fn error_at(&self, span: Option<Range<usize>>, what: impl Into<String>) -> SeedError {
        let (line, column) = line_column(self.text, span.map_or(0, |span| span.start));
        SeedError { line, column, what: what.into() }
    }

    /// The tables of a list, each of which has these fields at most.
    fn entries<'i>(&self, name: &str, item: &'i Item, known: &[&str]) -> Result<Vec<Entry<'i>>, SeedError> {
        let entries: Option<Vec<Entry<'i>>> = match item {
            Item::ArrayOfTables(tables) => {
                Some(tables.iter().map(|table| Entry { fields: table, span: table.span() }).collect())
            }
            Item::Value(Value::Array(values)) => values
                .iter()
                .map(|value| {
                    let fields = value.as_inline_table()?;
                    Some(Entry { fields, span: value.span() })
                })
                .collect(),
            _ => None,
        };
        let entries = entries
            .ok_or_else(|| self.error_at(item.span(), format!("write each as a table: [[{name}]]")))?;
        for entry in &entries {
            for (field, item) in entry.fields.iter() {
                if !known.contains(&field) {
                    let what = format!("there is no '{field}' in {name}: there are {}", known.join(", "));
                    return Err(self.error_at(item.span(), what));
                }
            }
        }
        Ok(entries)
    }

    fn text<'i>(&self, entry: &Entry<'i>, field: &str) -> Result<Option<&'i str>, SeedError> {
        let Some(item) = entry.fields.get(field) else { return Ok(None) };
        match item.as_str() {
            Some("") => Err(self.error_at(item.span(), format!("'{field}' must not be empty"))),
            Some(text) => Ok(Some(text)),
            None => Err(self.error_at(item.span(), format!("'{field}' must be a text in quotation marks"))),
        }
    }

    fn name<'i>(&self, entry: &Entry<'i>) -> Result<&'i str, SeedError> {
        self.text(entry, "name")?.ok_or_else(|| self.error_at(entry.span.clone(), "it has no 'name'"))
    }

    /// The id that is given, or the one that the name makes; `is_taken` knows those of before.
    fn id(
        &self,
        entry: &Entry<'_>,
        (kind, name): (&str, &str),
        is_taken: impl Fn(Uuid) -> bool,
    ) -> Result<Uuid, SeedError> {
        let place = || entry.fields.get("id").and_then(Item::span).or_else(|| entry.span.clone());
        let id = match self.text(entry, "id")? {
            Some(text) => Uuid::try_parse(text).map_err(|_| self.error_at(place(), "'id' must be a UUID"))?,
            None => Uuid::new_v5(&SEED_ID_NAMESPACE, format!("{kind} {name}").as_bytes()),
        };
        if is_taken(id) {
            let what = format!("'{name}' has the id of one before it; give it an 'id' of its own");
            return Err(self.error_at(place(), what));
        }
        Ok(id)
    }

    fn locations(&self, item: &Item) -> Result<Vec<LocationRecord>, SeedError> {
        let known = ["id", "name", "street_address", "postal_code", "city", "country"];
        let mut stores: Vec<LocationRecord> = Vec::new();
        for entry in self.entries(LOCATIONS, item, &known)? {
            let name = self.name(&entry)?;
            let text = |field| self.text(&entry, field).map(|text| text.unwrap_or_default().to_owned());
            let id = self.id(&entry, ("location", name), |id| stores.iter().any(|store| store.id == id))?;
            stores.push(LocationRecord {
                id,
                name: name.to_owned(),
                street_address: text("street_address")?,
                postal_code: text("postal_code")?,
                city: text("city")?,
                country: text("country")?,
                created_at: State::seed_timestamp(),
            });
        }
        Ok(stores)
    }

    fn devices(&self, item: &Item, state: &mut State) -> Result<(), SeedError> {
        let known = ["id", "name", "location", "platform", "metadata", "offline"];
        for entry in self.entries(DEVICES, item, &known)? {
            let place = |field| entry.fields.get(field).and_then(Item::span);
            let name = self.name(&entry)?;
            let id = self.id(&entry, ("device", name), |id| state.has_device(id))?;
            let location_id = match self.text(&entry, "location")? {
                Some(wanted) => {
                    let found = state
                        .location_named(wanted)
                        .map_err(|what| self.error_at(place("location"), what))?;
                    Some(found)
                }
                None => state.sole_location(),
            };
            let platform = match self.text(&entry, "platform")? {
                Some(text) => match Platform::from(text.to_owned()) {
                    Platform::Other(_) => {
                        let what = "'platform' must be IOS, ANDROID or TERMINAL";
                        return Err(self.error_at(place("platform"), what));
                    }
                    known => known,
                },
                None => Platform::Terminal,
            };
            let offline = match entry.fields.get("offline") {
                Some(item) => item
                    .as_bool()
                    .ok_or_else(|| self.error_at(item.span(), "'offline' must be true or false"))?,
                None => false,
            };
            let metadata =
                entry.fields.get("metadata").map_or(Ok(Metadata::new()), |item| self.metadata(item))?;
            let created_at: Timestamp = State::seed_timestamp();
            let name = name.to_owned();
            state.add_seed_device(SeedDevice {
                id,
                name,
                location_id,
                platform,
                metadata,
                offline,
                created_at,
            });
        }
        Ok(())
    }

    fn metadata(&self, item: &Item) -> Result<Metadata, SeedError> {
        let what = "'metadata' must be a table of texts, such as { floor = \"1\" }";
        let table = item.as_table_like().ok_or_else(|| self.error_at(item.span(), what))?;
        let pair = |(key, value): (&str, &Item)| match value.as_str() {
            Some(text) => Ok((key.to_owned(), text.to_owned())),
            None => Err(self.error_at(value.span(), what)),
        };
        table.iter().map(pair).collect()
    }
}

#[cfg(test)]
#[path = "seed_tests.rs"]
mod tests;
