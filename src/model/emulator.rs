//! What an emulator tells beside the API. Nothing of this is Kustom's.

use jiff::Timestamp;
use serde::Deserialize;

use super::lenient;

/// Something that goes wrong on an emulator on purpose.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Fault {
    /// What it is known by.
    #[serde(deserialize_with = "lenient::integer")]
    pub id: Option<i64>,
    /// As it is written.
    #[serde(deserialize_with = "lenient::string")]
    pub fault: Option<String>,
    /// How many requests it was about while it had a time left.
    #[serde(deserialize_with = "lenient::integer")]
    pub matched: Option<i64>,
    /// How many of them it has hit.
    #[serde(deserialize_with = "lenient::integer")]
    pub hit: Option<i64>,
    /// How many it can hit yet, if there is a limit.
    #[serde(deserialize_with = "lenient::integer")]
    pub left: Option<i64>,
}

/// What an emulator's clock shows.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Clock {
    /// The time it is for the emulator.
    #[serde(deserialize_with = "lenient::timestamp")]
    pub now: Option<Timestamp>,
    /// How far that is ahead of the world's, as an ISO 8601 duration.
    #[serde(deserialize_with = "lenient::string")]
    pub ahead: Option<String>,
}
