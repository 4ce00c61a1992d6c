//! Which attempts are needed, and how durably they are stored.

use jiff::Timestamp;
use uuid::Uuid;

use super::Intent;

/// Which attempts a transaction needs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lookup<'a> {
    Nothing,
    Attempt(Uuid),
    Session(&'a str),
    AttemptOrSession(Uuid, Option<&'a str>),
    /// Those with the same reference, and all that are unsettled.
    Related(&'a Intent),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Survives a power failure.
    Full,
    /// Survives the end of the process.
    Relaxed,
}

/// Attempts to list. An empty filter matches all of the account.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// The last known status of the session, in capitals.
    pub status: Option<String>,
    pub device_id: Option<String>,
    pub location_id: Option<String>,
    /// See [`Intent::reference`].
    pub reference: Option<String>,
    pub till: Option<String>,
    pub session_id: Option<String>,
    /// The beginning of the attempt's or the session's ID.
    pub id_prefix: Option<String>,
    /// Only attempts whose outcome is unknown.
    pub unknown: bool,
    /// Only attempts whose session was open when its status was last known.
    pub open: bool,
    pub matches_all_accounts: bool,
}
