//! How the ledger stores an attempt or a change of an order: as JSON with a checksum, and with columns by which it is found.

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::hash::checksum;

/// The value of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Param {
    Text(Option<String>),
    Integer(Option<i64>),
}

impl From<&str> for Param {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<i64> for Param {
    fn from(number: i64) -> Self {
        Self::Integer(Some(number))
    }
}

pub(crate) trait Record: Serialize + DeserializeOwned {
    /// What one is called in messages.
    const NOUN: &'static str;
    const TABLE: &'static str;
    /// The columns in addition to the time, the record and its checksum.
    const COLUMNS: &'static [&'static str];

    fn id(&self) -> Uuid;

    fn at(&self) -> Timestamp;

    /// The values of [`Self::COLUMNS`].
    fn values(&self) -> Vec<Param>;

    /// The record as it is stored.
    fn to_record(&self) -> String {
        // Serialization cannot fail: all keys are strings, and there are no floats.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a stored record. `None` if it is not what was stored.
    fn from_record(record: &str, stored_checksum: &str) -> Option<Self> {
        if checksum(record) != stored_checksum {
            return None;
        }
        serde_json::from_str(record).ok()
    }
}

/// A stored record.
#[derive(Debug)]
pub(crate) struct Row<R> {
    /// The position in the ledger.
    pub seq: i64,
    /// `None` if it is damaged.
    pub record: Option<R>,
}

impl<R: Record> Row<R> {
    pub(super) fn new(seq: i64, record: Option<&str>, checksum: Option<&str>) -> Self {
        let record = record.zip(checksum).and_then(|(record, checksum)| R::from_record(record, checksum));
        Self { seq, record }
    }
}
