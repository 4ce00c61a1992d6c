//! The text of the profiles file: read by serde, changed by `toml_edit` so that comments and unknown keys stay.
//!
//! No error repeats a value of the file, because it may be a key.

use std::ops::Range;

use indexmap::IndexMap;
use serde::Deserialize;
use toml_edit::{DocumentMut, Item, RawString, Table, TableLike, Value};

use super::{LOCAL, Profile, check_name};
use crate::text::line_column;

const ACTIVE: &str = "active";
const PROFILES: &str = "profiles";

/// The first lines of a new file.
const HEADING: &str = "# Profiles of kustom. This file holds API keys: keep it private.\n\n";

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct DocumentError {
    pub line: usize,
    /// In characters, from one.
    pub column: usize,
    pub message: String,
}

impl DocumentError {
    fn new(text: &str, span: Option<Range<usize>>, message: String) -> Self {
        let (line, column) = line_column(text, span.map_or(0, |span| span.start));
        Self { line, column, message }
    }
}

#[derive(Deserialize)]
struct ProfilesFile {
    active: Option<String>,
    #[serde(default)]
    profiles: IndexMap<String, Profile>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Document {
    active: Option<String>,
    profiles: IndexMap<String, Profile>,
    unknown: Vec<String>,
    toml: DocumentMut,
}

impl Document {
    pub(crate) fn parse(text: &str) -> Result<Self, DocumentError> {
        let error_at = |span, message: &str| DocumentError::new(text, span, message.to_owned());
        let toml =
            toml_edit::Document::parse(text).map_err(|error| error_at(error.span(), error.message()))?;
        let ProfilesFile { active, profiles } =
            ProfilesFile::deserialize(toml_edit::de::Deserializer::from(toml.clone()))
                .map_err(|error| error_at(error.span(), &omit_value(error.message())))?;
        let is_unknown = |(key, _): &(&str, &Item)| ![ACTIVE, PROFILES].contains(key);
        let mut unknown: Vec<_> = toml.iter().filter(is_unknown).map(|(key, _)| key.to_owned()).collect();
        for (name, profile) in &profiles {
            let Some(item) = toml.get(PROFILES).and_then(|profiles| profiles.get(name)) else { continue };
            check_name(name).map_err(|error| error_at(item.span(), &error))?;
            if profile.api_key.is_some() && profile.api_key_command.is_some() {
                let span = item.get("api_key_command").and_then(Item::span);
                let message =
                    format!("the profile '{name}' has both 'api_key' and 'api_key_command'; keep one");
                return Err(error_at(span, &message));
            }
            let known = fields(profile).map(|(field, _)| field);
            let keys = item.as_table_like().into_iter().flat_map(TableLike::iter).map(|(key, _)| key);
            unknown.extend(
                keys.filter(|key| !known.contains(key)).map(|key| format!("{PROFILES}.{name}.{key}")),
            );
        }
        Ok(Self { active, profiles, unknown, toml: toml.into_mut() })
    }

    /// The name of the active profile.
    pub(crate) fn active(&self) -> Option<&str> {
        self.active.as_deref()
    }

    /// The profiles, in the order of the file.
    pub(crate) fn profiles(&self) -> impl Iterator<Item = (&str, &Profile)> {
        self.profiles.iter().map(|(name, profile)| (name.as_str(), profile))
    }

    /// The names that `--profile` accepts.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.profiles.keys().map(String::as_str).chain([LOCAL]).collect()
    }

    pub(crate) fn profile(&self, name: &str) -> Option<&Profile> {
        self.profiles.get(name)
    }

    /// Keys that this version does not know, as dotted paths. They may be typos.
    pub(crate) fn unknown(&self) -> &[String] {
        &self.unknown
    }

    /// Adds a profile or replaces the one with this name. Its unknown keys and comments stay.
    pub(crate) fn insert(&mut self, name: &str, profile: Profile) {
        if self.toml.is_empty() {
            // In a file without keys, comments are trailing text and would end up below the new profile.
            let comments = self.toml.trailing().as_str().unwrap_or_default().to_owned();
            self.toml.set_trailing("");
            self.toml.decor_mut().set_prefix(if comments.trim().is_empty() { HEADING } else { &comments });
        }
        let profiles = self.toml.entry(PROFILES).or_insert_with(implicit_table);
        if let Some(profiles) = profiles.as_table_like_mut() {
            let table = profiles.entry(name).or_insert_with(toml_edit::table);
            if let Some(table) = table.as_table_like_mut() {
                for (field, value) in fields(&profile) {
                    set(table, field, value);
                }
            }
        }
        self.profiles.insert(name.to_owned(), profile);
    }

    /// Gives a profile another name. Its comments stay. If it was active, it stays active.
    pub(crate) fn rename(&mut self, name: &str, new_name: &str) {
        let Some(profile) = self.profiles.shift_remove(name) else { return };
        if let Some(profiles) = self.toml.get_mut(PROFILES).and_then(Item::as_table_like_mut)
            && let Some(table) = profiles.remove(name)
        {
            profiles.insert(new_name, table);
        }
        self.profiles.insert(new_name.to_owned(), profile);
        if self.active.as_deref() == Some(name) {
            self.set_active(Some(new_name));
        }
    }

    /// Removes a profile. If it was active, no profile is active afterwards. Returns true if it existed.
    pub(crate) fn remove(&mut self, name: &str) -> bool {
        if let Some(profiles) = self.toml.get_mut(PROFILES).and_then(Item::as_table_like_mut) {
            profiles.remove(name);
        }
        if self.active.as_deref() == Some(name) {
            self.set_active(None);
        }
        self.profiles.shift_remove(name).is_some()
    }

    pub(crate) fn set_active(&mut self, name: Option<&str>) {
        self.active = name.map(str::to_owned);
        if name.is_none() {
            self.preserve_heading();
        }
        set(self.toml.as_table_mut(), ACTIVE, name.map(Value::from));
    }

    /// Comments above the removed line are usually the heading of the file, so they move to its top.
    fn preserve_heading(&mut self) {
        let above =
            self.toml.key(ACTIVE).and_then(|key| key.leaf_decor().prefix()?.as_str()).unwrap_or_default();
        if !above.trim().is_empty() {
            let top = self.toml.decor().prefix().and_then(RawString::as_str).unwrap_or_default();
            let heading = format!("{top}{above}");
            self.toml.decor_mut().set_prefix(heading);
        }
    }

    pub(crate) fn to_text(&self) -> String {
        self.toml.to_string()
    }
}

/// The keys of a profile and their values, in the order in which they are written.
fn fields(profile: &Profile) -> [(&'static str, Option<Value>); 14] {
    let text = |value: &Option<String>| value.as_ref().map(Value::from);
    [
        ("environment", Some(profile.environment.as_str().into())),
        ("api_key", profile.api_key.as_ref().map(|key| key.expose().into())),
        ("api_key_command", text(&profile.api_key_command)),
        ("username", text(&profile.username)),
        ("merchant_id", text(&profile.merchant_id)),
        ("location", text(&profile.location)),
        ("device", text(&profile.device)),
        ("currency", text(&profile.currency)),
        ("if_busy", profile.if_busy.map(|policy| policy.as_str().into())),
        ("base_url", text(&profile.base_url)),
        ("allow_http", text(&profile.allow_http)),
        ("ledger", text(&profile.ledger)),
        ("ledger_command", text(&profile.ledger_command)),
        ("completions", profile.completions.map(Value::from)),
    ]
}

/// serde's messages repeat the rejected value, as in `invalid type: string "kco_…", expected a boolean`.
fn omit_value(message: &str) -> String {
    match message.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None => message.to_owned(),
    }
}

/// `[profiles.x]` needs no `[profiles]` line of its own.
fn implicit_table() -> Item {
    let mut table = Table::new();
    table.set_implicit(true);
    Item::Table(table)
}

/// Sets or removes a value. The comments around a replaced value stay.
fn set(table: &mut dyn TableLike, field: &str, value: Option<Value>) {
    match (value, table.get_mut(field).and_then(Item::as_value_mut)) {
        (Some(mut value), Some(old)) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        (Some(value), None) => {
            table.insert(field, Item::Value(value));
        }
        (None, _) => {
            table.remove(field);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profiles::{Environment, KeySource};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_stored_profile_is_read_back(location in "\\PC{0,20}", command in ".{0,20}") {
            let mut document = Document::default();
            let mut profile = Profile::new(Environment::Local);
            profile.location = Some(location.clone());
            profile.set_key(KeySource::Command(command.clone()));
            document.insert("x", profile);
            let again = Document::parse(&document.to_text()).unwrap();
            let profile = again.profile("x").unwrap();
            prop_assert_eq!(profile.location.as_deref(), Some(location.as_str()));
            prop_assert!(matches!(profile.key(), Some(KeySource::Command(read)) if read == command));
        }
    }
}
