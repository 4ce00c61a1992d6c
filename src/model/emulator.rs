use jiff::Timestamp;
use serde::Deserialize;

use super::lenient::lenient;

lenient! {
    /// An injected fault.
    #[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
    pub struct Fault {
        pub id: Option<i64>,
        /// The fault as a rule, in the syntax of `kustom dev emulator fault add`.
        pub fault: Option<String>,
        /// Number of requests that matched the rule while it had hits left.
        pub matched: Option<i64>,
        /// Number of matching requests that it affected.
        pub hit: Option<i64>,
        /// Number of hits left, if there is a limit.
        pub left: Option<i64>,
    }

    #[derive(Debug, Clone, Default, PartialEq, Deserialize)]
    pub struct Clock {
        pub now: Option<Timestamp>,
        /// How far the clock is ahead of the system clock, as an ISO 8601 duration.
        pub ahead: Option<String>,
    }
}
