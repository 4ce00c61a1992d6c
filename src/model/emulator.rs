use jiff::Timestamp;
use serde::Deserialize;

use super::lenient;

/// An injected fault.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Fault {
    #[serde(deserialize_with = "lenient::integer")]
    pub id: Option<i64>,
    /// The fault as a rule, in the syntax of `kustom dev emulator fault add`.
    #[serde(deserialize_with = "lenient::string")]
    pub fault: Option<String>,
    /// Number of requests that matched the rule while it had hits left.
    #[serde(deserialize_with = "lenient::integer")]
    pub matched: Option<i64>,
    /// Number of matching requests that it affected.
    #[serde(deserialize_with = "lenient::integer")]
    pub hit: Option<i64>,
    /// Number of hits left, if there is a limit.
    #[serde(deserialize_with = "lenient::integer")]
    pub left: Option<i64>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Clock {
    #[serde(deserialize_with = "lenient::timestamp")]
    pub now: Option<Timestamp>,
    /// How far the clock is ahead of the system clock, as an ISO 8601 duration.
    #[serde(deserialize_with = "lenient::string")]
    pub ahead: Option<String>,
}
