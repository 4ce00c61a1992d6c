//! `--columns`: the columns that the user selects, by the name of a field or by the title of a column.

use serde_json::{Map, Value};

use super::names::{NameKind, Names};
use super::view::{Column, View};
use crate::error::Error;
use crate::text::escape_control;

/// A column that `--columns` selects.
pub(super) enum Selected<T: ?Sized + 'static> {
    /// A field of the object, such as `metadata.till`.
    Field(String),
    /// The name of the location or device that the object refers to.
    Name(NameKind, String),
    /// A column of the table, by its title.
    Column(&'static Column<T>),
}

/// Finds the selected columns of a view. Fails if there is no such column.
pub(super) fn select<T: View>(names: &[String]) -> Result<Vec<Selected<T>>, Error> {
    names.iter().map(|name| select_one(name)).collect()
}

fn select_one<T: View>(name: &str) -> Result<Selected<T>, Error> {
    let fields = T::CSV_FIELDS;
    let (first, rest) = name.split_once('.').unwrap_or((name, ""));
    let is_field = fields.contains(&first);
    if !is_field {
        let kind = match first {
            "location" => Some(NameKind::Location),
            "device" => Some(NameKind::Device),
            _ => None,
        };
        if let (Some(kind), "" | "name") = (kind, rest)
            && (fields.is_empty() || fields.contains(&kind.field()))
        {
            return Ok(Selected::Name(kind, name.to_owned()));
        }
        let has_title = |column: &&Column<T>| {
            !column.title.is_empty() && column.title.to_lowercase().replace(' ', "_") == name.to_lowercase()
        };
        if let Some(column) = T::COLUMNS.iter().find(has_title) {
            return Ok(Selected::Column(column));
        }
    }
    if is_field || fields.is_empty() {
        return Ok(Selected::Field(name.to_owned()));
    }
    let mut known: Vec<_> = fields.iter().map(|field| (*field).to_owned()).collect();
    let references = [NameKind::Location, NameKind::Device].into_iter();
    let references = references.filter(|kind| fields.contains(&kind.field()));
    known.extend(references.map(|kind| kind.field().replace("_id", ".name")));
    Err(Error::usage(format!("--columns: a {} has no column '{name}'", T::NOUN))
        .hint(format!("choose from {}", known.join(", "))))
}

impl<T> Selected<T> {
    /// The title in a table.
    pub(super) fn title(&self) -> String {
        match self {
            Self::Field(name) | Self::Name(_, name) => escape_control(name).to_uppercase(),
            Self::Column(column) => column.title.to_owned(),
        }
    }

    /// The name in the header of CSV.
    pub(super) fn field_name(&self) -> String {
        match self {
            Self::Field(name) | Self::Name(_, name) => name.clone(),
            Self::Column(column) => column.title.to_lowercase().replace(' ', "_"),
        }
    }

    /// The value of the column in an item, which is also given as an object.
    pub(super) fn value(&self, item: &T, object: &Map<String, Value>, names: &Names) -> Value {
        match self {
            Self::Field(path) => find_value(object, path).cloned().unwrap_or_default(),
            Self::Name(kind, _) => match object.get(kind.field()).and_then(Value::as_str) {
                Some(id) => names.get(*kind, id).unwrap_or_else(|| id.to_owned()).into(),
                None => Value::Null,
            },
            Self::Column(column) => (column.cell)(item).resolve(names).text.into(),
        }
    }
}

/// The value at a path such as `metadata.till`. A key may itself contain dots.
fn find_value<'a>(object: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(value) = object.get(path) {
        return Some(value);
    }
    path.match_indices('.')
        .find_map(|(at, _)| find_value(object.get(&path[..at])?.as_object()?, &path[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_leads_to_a_value_and_keys_may_contain_dots() {
        let Value::Object(object) = json!({"a": {"b": 1, "c.d": {"e": 2}}, "x.y": 3}) else { unreachable!() };
        let find = |path| find_value(&object, path).cloned();
        assert_eq!(find("a.b"), Some(json!(1)));
        assert_eq!(find("a.c.d.e"), Some(json!(2)));
        assert_eq!(find("x.y"), Some(json!(3)));
        assert_eq!(find("a.x"), None);
    }
}
