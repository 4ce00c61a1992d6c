//! What an emulator tells beside the API. Nothing of this is Kustom's.

use jiff::Timestamp;
use serde::Deserialize;

use super::lenient;

/// What an emulator's clock shows.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Clock {
    /// The time it is for the emulator.
    #[serde(deserialize_with = "lenient::instant")]
    pub now: Option<Timestamp>,
    /// How far that is ahead of the world's, as an ISO 8601 duration.
    #[serde(deserialize_with = "lenient::text")]
    pub ahead: Option<String>,
}
