//! What an emulator begins with, written down by a person: `docs/emulator.md` describes the form.

use std::ops::Range;

use jiff::Timestamp;
use toml_edit::{Document, Item, TableLike, Value};
use uuid::Uuid;

use super::State;
use super::state::{Fixture, Store};
use crate::model::{Metadata, Platform};

/// What ids are made of where none is given: the same name gives the same id, each time and everywhere.
const IDS: Uuid = Uuid::from_u128(0x7d1c_58e0_92f4_4b6a_a3d7_4e05_8cb9_1f26);

const LOCATIONS: &str = "locations";
const DEVICES: &str = "devices";

/// A mistake in a seed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct SeedError {
    /// From one.
    pub line: usize,
    /// In characters, from one.
    pub column: usize,
    /// What is wrong there.
    pub what: String,
}

impl State {
    /// Reads a seed. Without `locations` it has those of [`State::seed`].
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn from_seed(text: &str) -> Result<Self, SeedError> {
        let reader = Reader { text };
        let document =
            Document::parse(text).map_err(|error| reader.mistake(error.span(), error.message()))?;
        for (name, item) in document.iter() {
            if name != LOCATIONS && name != DEVICES {
                let what = format!("there is no '{name}': a seed has {LOCATIONS} and {DEVICES}");
                return Err(reader.mistake(item.span(), what));
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
    fn mistake(&self, span: Option<Range<usize>>, what: impl Into<String>) -> SeedError {
        let offset = span.map_or(0, |span| span.start).min(self.text.len());
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        SeedError {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            what: what.into(),
        }
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
        let entries =
            entries.ok_or_else(|| self.mistake(item.span(), format!("write each as a table: [[{name}]]")))?;
        for entry in &entries {
            for (field, item) in entry.fields.iter() {
                if !known.contains(&field) {
                    let what = format!("there is no '{field}' in {name}: there are {}", known.join(", "));
                    return Err(self.mistake(item.span(), what));
                }
            }
        }
        Ok(entries)
    }

    fn text<'i>(&self, entry: &Entry<'i>, field: &str) -> Result<Option<&'i str>, SeedError> {
        let Some(item) = entry.fields.get(field) else { return Ok(None) };
        match item.as_str() {
            Some("") => Err(self.mistake(item.span(), format!("'{field}' must not be empty"))),
            Some(text) => Ok(Some(text)),
            None => Err(self.mistake(item.span(), format!("'{field}' must be a text in quotation marks"))),
        }
    }

    fn name<'i>(&self, entry: &Entry<'i>) -> Result<&'i str, SeedError> {
        self.text(entry, "name")?.ok_or_else(|| self.mistake(entry.span.clone(), "it has no 'name'"))
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
            Some(text) => Uuid::try_parse(text).map_err(|_| self.mistake(place(), "'id' must be a UUID"))?,
            None => Uuid::new_v5(&IDS, format!("{kind} {name}").as_bytes()),
        };
        if is_taken(id) {
            let what = format!("'{name}' has the id of one before it; give it an 'id' of its own");
            return Err(self.mistake(place(), what));
        }
        Ok(id)
    }

    fn locations(&self, item: &Item) -> Result<Vec<Store>, SeedError> {
        let known = ["id", "name", "street_address", "postal_code", "city", "country"];
        let mut stores: Vec<Store> = Vec::new();
        for entry in self.entries(LOCATIONS, item, &known)? {
            let name = self.name(&entry)?;
            let text = |field| self.text(&entry, field).map(|text| text.unwrap_or_default().to_owned());
            let id = self.id(&entry, ("location", name), |id| stores.iter().any(|store| store.id == id))?;
            stores.push(Store {
                id,
                name: name.to_owned(),
                street_address: text("street_address")?,
                postal_code: text("postal_code")?,
                city: text("city")?,
                country: text("country")?,
                created_at: State::seeded_at(),
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
                    let found =
                        state.location_named(wanted).map_err(|what| self.mistake(place("location"), what))?;
                    Some(found)
                }
                None => state.only_location(),
            };
            let platform = match self.text(&entry, "platform")? {
                Some(text) => match Platform::from(text.to_owned()) {
                    Platform::Other(_) => {
                        let what = "'platform' must be IOS, ANDROID or TERMINAL";
                        return Err(self.mistake(place("platform"), what));
                    }
                    known => known,
                },
                None => Platform::Terminal,
            };
            let offline = match entry.fields.get("offline") {
                Some(item) => item
                    .as_bool()
                    .ok_or_else(|| self.mistake(item.span(), "'offline' must be true or false"))?,
                None => false,
            };
            let metadata =
                entry.fields.get("metadata").map_or(Ok(Metadata::new()), |item| self.metadata(item))?;
            let created_at: Timestamp = State::seeded_at();
            let name = name.to_owned();
            state.add_device(Fixture { id, name, location_id, platform, metadata, offline, created_at });
        }
        Ok(())
    }

    fn metadata(&self, item: &Item) -> Result<Metadata, SeedError> {
        let what = "'metadata' must be a table of texts, such as { floor = \"1\" }";
        let table = item.as_table_like().ok_or_else(|| self.mistake(item.span(), what))?;
        let pair = |(key, value): (&str, &Item)| match value.as_str() {
            Some(text) => Ok((key.to_owned(), text.to_owned())),
            None => Err(self.mistake(value.span(), what)),
        };
        table.iter().map(pair).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::state::{GOTHENBURG, PageRequest};
    use proptest::prelude::*;

    const SEED: &str = r#"
[[locations]]
name = "Umeå"
country = "SE"

[[locations]]
id = "00000000-0000-4000-8000-000000000001"
name = "Luleå"
city = "Luleå"

[[devices]]
name = "Till 1"
location = "Umeå"
metadata = { floor = "1" }

[[devices]]
id = "00000000-0000-4000-8000-000000000002"
name = "Till 2"
location = "00000000-0000-4000-8000-000000000001"
platform = "IOS"
offline = true
"#;

    fn error(text: &str) -> String {
        State::from_seed(text).unwrap_err().to_string()
    }

    #[test]
    fn a_seed_is_what_the_emulator_begins_with() {
        let state = State::from_seed(SEED).unwrap();
        let shown = serde_json::to_value(&state).unwrap();
        assert_eq!(shown["locations"][0]["name"], "Umeå");
        assert_eq!(shown["devices"][0]["location_id"], shown["locations"][0]["id"]);
        assert_eq!(shown["devices"][0]["metadata"]["floor"], "1");
        assert_eq!(shown["devices"][1]["location_id"], shown["locations"][1]["id"]);
        assert_eq!(
            (&shown["devices"][1]["platform"], &shown["devices"][1]["offline"]),
            (&"IOS".into(), &true.into())
        );
        assert_eq!(State::from_seed(SEED), Ok(state.clone()), "ids do not depend on the moment");
        assert_eq!(State::read(&state.write()), Ok(state));
    }

    #[test]
    fn what_is_left_out_is_as_it_is_without_a_seed() {
        assert_eq!(State::from_seed(""), Ok(State::seed()));
        let state = State::from_seed("[[devices]]\nname = \"x\"\nlocation = \"Göteborg Haga\"").unwrap();
        let page = state.list_devices(Some(GOTHENBURG), PageRequest::default(), Timestamp::MAX);
        assert_eq!(page.total_elements, 1);
        let alone = State::from_seed("locations = [{ name = \"A\" }]\ndevices = [{ name = \"x\" }]").unwrap();
        assert_eq!(
            serde_json::to_value(&alone).unwrap()["devices"][0]["location_id"],
            serde_json::to_value(&alone).unwrap()["locations"][0]["id"]
        );
        assert_eq!(State::from_seed("locations = []"), Ok(State::with_locations(Vec::new())));
    }

    #[test]
    fn a_mistake_is_told_with_its_place() {
        for (text, expected) in [
            ("x = 1", "line 1, column 5: there is no 'x': a seed has locations and devices"),
            ("locations = 5", "line 1, column 13: write each as a table: [[locations]]"),
            ("[locations]\nname = \"x\"", "line 1, column 1: write each as a table: [[locations]]"),
            ("\n[[devices]]\n", "line 2, column 1: it has no 'name'"),
            ("[[devices]]\nname = 5", "line 2, column 8: 'name' must be a text in quotation marks"),
            ("[[devices]]\nname = \"\"", "line 2, column 8: 'name' must not be empty"),
            ("[[devices]]\nname = \"å\"\nid = \"x\"", "line 3, column 6: 'id' must be a UUID"),
            (
                "[[devices]]\nname = \"x\"\n[[devices]]\nname = \"x\"",
                "line 3, column 1: 'x' has the id of one before it; give it an 'id' of its own",
            ),
            (
                "[[devices]]\nname = \"x\"\nlocation = \"Nowhere\"",
                "line 3, column 12: there is no location 'Nowhere'",
            ),
            (
                "locations = [{ name = \"A\" }, { name = \"A\", id = \"00000000-0000-4000-8000-000000000001\" }]\n\
                 devices = [{ name = \"x\", location = \"A\" }]",
                "line 2, column 37: there are several locations 'A': name one by its id",
            ),
            (
                "[[devices]]\nname = \"x\"\nplatform = \"TOASTER\"",
                "line 3, column 12: 'platform' must be IOS, ANDROID or TERMINAL",
            ),
            ("[[devices]]\nname = \"x\"\noffline = 1", "line 3, column 11: 'offline' must be true or false"),
            (
                "[[devices]]\nname = \"x\"\nmetadata = { a = 1 }",
                "line 3, column 18: 'metadata' must be a table of texts, such as { floor = \"1\" }",
            ),
            (
                "[[devices]]\nname = \"x\"\nplattform = \"IOS\"",
                "line 3, column 13: there is no 'plattform' in devices: there are id, name, location, platform, \
                 metadata, offline",
            ),
        ] {
            assert_eq!(error(text), expected, "{text}");
        }
        assert!(error("[[devices]\nname").starts_with("line 1, column 1"), "{}", error("[[devices]\nname"));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "(\\PC|\n|\\[\\[devices\\]\\]\n|name = \"é\"\n|locations = ){0,24}") {
            let _ = State::from_seed(&text);
        }
    }
}
