//! The text of the profiles file: read with the place of every mistake, changed with comments kept.
//!
//! No error repeats what stands in the file, because that may be a key.

use std::ops::Range;

use toml_edit::{DocumentMut, Item, RawString, Table, TableLike, Value};

use super::{Environment, KeySource, Profile, check_name};
use crate::secret::ApiKey;
use crate::text::line_column;

const ACTIVE: &str = "active";
const PROFILES: &str = "profiles";
const COMPLETIONS: &str = "completions";

/// What a new file begins with.
const HEADING: &str = "# Profiles of kustom. This file holds API keys: keep it private.\n\n";

/// Every key of a profile that is a text.
const FIELDS: [&str; 8] = [
    "environment",
    "api_key",
    "api_key_command",
    "username",
    "merchant_id",
    "location",
    "currency",
    "base_url",
];

/// A mistake in the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct DocumentError {
    pub line: usize,
    /// In characters, from one.
    pub column: usize,
    /// What is wrong there.
    pub what: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Document {
    active: Option<String>,
    profiles: Vec<(String, Profile)>,
    unknown: Vec<String>,
    toml: DocumentMut,
}

impl Document {
    /// The content of a file that does not exist yet.
    pub(crate) fn empty() -> Self {
        Self { active: None, profiles: Vec::new(), unknown: Vec::new(), toml: DocumentMut::new() }
    }

    /// Reads the file's text.
    pub(crate) fn parse(text: &str) -> Result<Self, DocumentError> {
        let reader = Reader { text };
        let toml = toml_edit::Document::parse(text)
            .map_err(|error| reader.error_at(error.span(), error.message().to_owned()))?;
        let mut document = Self::empty();
        for (name, item) in toml.iter() {
            match name {
                ACTIVE => document.active = Some(reader.text_of(name, item)?.to_owned()),
                PROFILES => document.profiles = reader.profiles(item, &mut document.unknown)?,
                other => document.unknown.push(other.to_owned()),
            }
        }
        document.toml = toml.into_mut();
        Ok(document)
    }

    /// The name of the profile that is used when none is asked for.
    pub(crate) fn active(&self) -> Option<&str> {
        self.active.as_deref()
    }

    /// The profiles, in the order of the file.
    pub(crate) fn profiles(&self) -> impl Iterator<Item = (&str, &Profile)> {
        self.profiles.iter().map(|(name, profile)| (name.as_str(), profile))
    }

    /// A profile by its name.
    pub(crate) fn profile(&self, name: &str) -> Option<&Profile> {
        self.profiles.iter().find(|(known, _)| known == name).map(|(_, profile)| profile)
    }

    /// The keys this version does not know, as dotted paths: perhaps a typing mistake.
    pub(crate) fn unknown(&self) -> &[String] {
        &self.unknown
    }

    /// Adds a profile or replaces the one of this name. Its unknown keys and comments stay.
    pub(crate) fn insert(&mut self, name: &str, profile: Profile) {
        let Profile { environment, key, username, merchant_id, location, currency, base_url, completions } =
            &profile;
        let (stored, command) = match key {
            Some(KeySource::Stored(key)) => (Some(key.expose()), None),
            Some(KeySource::Command(command)) => (None, Some(command.as_str())),
            None => (None, None),
        };
        let values = [
            Some(environment.as_str()),
            stored,
            command,
            username.as_deref(),
            merchant_id.as_deref(),
            location.as_deref(),
            currency.as_deref(),
            base_url.as_deref(),
        ];
        if self.toml.is_empty() {
            // The comments of a file that holds nothing else come after everything, unless they are moved.
            let comments = self.toml.trailing().as_str().unwrap_or_default().to_owned();
            self.toml.set_trailing("");
            self.toml.decor_mut().set_prefix(if comments.trim().is_empty() { HEADING } else { &comments });
        }
        let profiles = self.toml.entry(PROFILES).or_insert_with(implicit_table);
        if let Some(profiles) = profiles.as_table_like_mut() {
            let table = profiles.entry(name).or_insert_with(|| Item::Table(Table::new()));
            if let Some(table) = table.as_table_like_mut() {
                for (field, value) in FIELDS.into_iter().zip(values) {
                    set(table, field, value);
                }
                set(table, COMPLETIONS, *completions);
            }
        }
        match self.profiles.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = profile,
            None => self.profiles.push((name.to_owned(), profile)),
        }
    }

    /// Removes a profile; if it was the active one, none is afterwards. Whether there was one.
    pub(crate) fn remove(&mut self, name: &str) -> bool {
        let before = self.profiles.len();
        self.profiles.retain(|(known, _)| known != name);
        if let Some(profiles) = self.toml.get_mut(PROFILES).and_then(Item::as_table_like_mut) {
            profiles.remove(name);
        }
        if self.active.as_deref() == Some(name) {
            self.set_active(None);
        }
        self.profiles.len() < before
    }

    /// Makes a profile the one that is used when none is asked for.
    pub(crate) fn set_active(&mut self, name: Option<&str>) {
        self.active = name.map(str::to_owned);
        if name.is_none() {
            self.preserve_heading();
        }
        set(self.toml.as_table_mut(), ACTIVE, name);
    }

    /// What stands above the line, as a rule the heading of the whole file, must not go with it.
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

/// `[profiles.x]` needs no `[profiles]` line of its own.
fn implicit_table() -> Item {
    let mut table = Table::new();
    table.set_implicit(true);
    Item::Table(table)
}

/// Sets a value, keeping the comments around an old one, or takes it away.
fn set(table: &mut dyn TableLike, field: &str, value: Option<impl Into<Value>>) {
    match (value, table.get_mut(field).and_then(Item::as_value_mut)) {
        (Some(value), Some(old)) => {
            let decor = old.decor().clone();
            *old = value.into();
            *old.decor_mut() = decor;
        }
        (Some(value), None) => {
            table.insert(field, toml_edit::value(value));
        }
        (None, _) => {
            table.remove(field);
        }
    }
}

struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    fn error_at(&self, span: Option<Range<usize>>, what: String) -> DocumentError {
        let (line, column) = line_column(self.text, span.map_or(0, |span| span.start));
        DocumentError { line, column, what }
    }

    fn text_of<'i>(&self, name: &str, item: &'i Item) -> Result<&'i str, DocumentError> {
        item.as_str()
            .ok_or_else(|| self.error_at(item.span(), format!("'{name}' must be a text in quotation marks")))
    }

    fn profiles(
        &self,
        item: &Item,
        unknown: &mut Vec<String>,
    ) -> Result<Vec<(String, Profile)>, DocumentError> {
        let not_a_table =
            |name: &str, item: &Item| self.error_at(item.span(), format!("'{name}' must be a table"));
        let table = item.as_table_like().ok_or_else(|| not_a_table(PROFILES, item))?;
        let mut profiles = Vec::new();
        for (name, item) in table.iter() {
            let fields = item.as_table_like().ok_or_else(|| not_a_table(name, item))?;
            check_name(name).map_err(|error| self.error_at(item.span(), error.to_string()))?;
            profiles.push((name.to_owned(), self.profile(name, item, fields, unknown)?));
        }
        Ok(profiles)
    }

    fn profile(
        &self,
        name: &str,
        item: &Item,
        fields: &dyn TableLike,
        unknown: &mut Vec<String>,
    ) -> Result<Profile, DocumentError> {
        let mut texts: [Option<&str>; FIELDS.len()] = [None; FIELDS.len()];
        let mut completions = None;
        for (field, item) in fields.iter() {
            if field == COMPLETIONS {
                let value = item.as_bool().ok_or_else(|| {
                    self.error_at(item.span(), format!("'{COMPLETIONS}' must be true or false"))
                })?;
                completions = Some(value);
                continue;
            }
            match FIELDS.iter().position(|known| *known == field) {
                Some(index) => texts[index] = Some(self.text_of(field, item)?),
                None => unknown.push(format!("{PROFILES}.{name}.{field}")),
            }
        }
        let [environment, api_key, api_key_command, username, merchant_id, location, currency, base_url] =
            texts;
        let place = |field: &str| fields.get(field).and_then(Item::span);
        let Some(environment) = environment else {
            let what =
                format!("the profile '{name}' has no 'environment'; it is production, playground or local");
            return Err(self.error_at(item.span(), what));
        };
        let environment = Environment::find(environment).ok_or_else(|| {
            let what = "'environment' must be production, playground or local".to_owned();
            self.error_at(place("environment"), what)
        })?;
        let key = match (api_key, api_key_command) {
            (Some(_), Some(_)) => {
                let what = format!("the profile '{name}' has both 'api_key' and 'api_key_command'; keep one");
                return Err(self.error_at(place("api_key_command"), what));
            }
            (Some(text), None) => {
                let key = ApiKey::parse(text)
                    .map_err(|error| self.error_at(place("api_key"), format!("'api_key': {error}")))?;
                Some(KeySource::Stored(key))
            }
            (None, command) => command.map(|command| KeySource::Command(command.to_owned())),
        };
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Ok(Profile {
            environment,
            key,
            username: owned(username),
            merchant_id: owned(merchant_id),
            location: owned(location),
            currency: owned(currency),
            base_url: owned(base_url),
            completions,
        })
    }
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
