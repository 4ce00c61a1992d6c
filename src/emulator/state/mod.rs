//! The rules, as a pure value: no clock, no randomness, no file, no network.
//!
//! [`State`] is everything the emulated API remembers. Each operation is a method on it: what it needs to know
//! of the world comes in as a [`Moment`], what happened to a session goes out through it as an [`Event`], what is
//! refused comes out as a [`Refusal`], and a refusal has changed nothing. Whether something has expired follows from
//! the context it is looked at, so that reading never has to write anything back.

mod clock;
mod devices;
mod enrollments;
mod events;
#[cfg(test)]
mod invariant_tests;
mod locations;
mod options;
mod order_totals;
mod page;
mod pos;
mod records;
mod rejection;
mod sessions;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use records::{MAX_RECORDS, Records};

pub use clock::Clock;
pub use devices::{DeviceUpdate, NewSimulatedDevice, Phone, PosDevice, SeedDevice};
pub use enrollments::{DEFAULT_ENROLLMENT_LIFETIME, EnrollmentFilter, NewEnrollment};
pub use events::{Event, EventLog, MAX_QUEUED_EVENTS};
pub use locations::LocationRecord;
pub use options::{
    AfterDecline, CancelEnded, DeleteStatus, EmulatorOptions, EnrollmentDialect, MerchantIdNeed,
    OfflineDevice, OptionInfo, TapAnswer,
};
pub use page::{ListPage, PageRequest};
pub use pos::PosSession;
pub use rejection::{FieldErrors, Rejection};
pub use sessions::{NewSession, Purchase};

/// The form of the state that this version reads and writes.
pub const VERSION: u64 = 1;

/// The seed's first location.
pub const STOCKHOLM: Uuid = Uuid::from_u128(0x51e2_a9c4_7b0d_4f63_9d18_3ac5_f0e7_2b41);

/// The seed's second location.
pub const GOTHENBURG: Uuid = Uuid::from_u128(0xb7f0_3d5e_1c86_4a29_8e47_60d9_a1c3_5f02);

/// What a rule may know of the world, and whom it tells what happened.
pub struct OpContext<'a> {
    /// The time it is.
    pub now: Timestamp,
    /// Where new ids come from: a different one each time. Codes and tokens are made from them too.
    pub ids: &'a mut dyn FnMut() -> Uuid,
    /// Where what happens to sessions is noted.
    pub events: &'a mut EventLog,
}

impl OpContext<'_> {
    fn id(&mut self) -> Uuid {
        (self.ids)()
    }

    /// A later time; one beyond the end of the calendar is the end of the calendar.
    fn deadline(&self, duration: SignedDuration) -> Timestamp {
        self.now.checked_add(duration.max(SignedDuration::ZERO)).unwrap_or(Timestamp::MAX)
    }
}

/// Everything the emulated API remembers, in the order it was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    version: u64,
    #[serde(rename = "switches")]
    pub options: EmulatorOptions,
    /// How far its clock is ahead of the world's. Files of before do not have it.
    #[serde(default, skip_serializing_if = "SignedDuration::is_zero")]
    ahead: SignedDuration,
    locations: Vec<LocationRecord>,
    #[serde(with = "records")]
    enrollments: Records<enrollments::Record>,
    #[serde(with = "records")]
    devices: Records<devices::Record>,
    #[serde(with = "records")]
    sessions: Records<sessions::Record>,
    /// Maximum number of enrollments, of devices and of sessions.
    #[serde(skip, default = "max_records")]
    max_records: usize,
}

const fn max_records() -> usize {
    MAX_RECORDS
}

/// Why a text is not a state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// Not JSON, or not the fields of a state.
    #[error("line {line}, column {column}: {reason}")]
    Form {
        line: usize,
        /// From one; zero at the very beginning.
        column: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A state, but of another version of the emulator.
    #[error("it has version {found}, and this program reads version {VERSION}")]
    Version {
        /// The version as it stands there, or `none`.
        found: String,
    },
}

impl From<serde_json::Error> for StateError {
    fn from(error: serde_json::Error) -> Self {
        let text = error.to_string();
        // serde_json ends its messages with the place, which has fields of its own here.
        let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason).to_owned();
        Self::Form { line: error.line(), column: error.column(), reason }
    }
}

impl State {
    /// A new account with these locations and nothing else.
    pub fn with_locations(locations: Vec<LocationRecord>) -> Self {
        Self {
            version: VERSION,
            options: EmulatorOptions::default(),
            ahead: SignedDuration::ZERO,
            locations,
            enrollments: Records::default(),
            devices: Records::default(),
            sessions: Records::default(),
            max_records: MAX_RECORDS,
        }
    }

    /// What a new emulator begins with: two locations, no devices. Always the same.
    pub fn seed() -> Self {
        let created_at = Self::seed_timestamp();
        let store = |id, name: &str, street: &str, postal_code: &str, city: &str| LocationRecord {
            id,
            name: name.to_owned(),
            street_address: street.to_owned(),
            postal_code: postal_code.to_owned(),
            city: city.to_owned(),
            country: "SE".to_owned(),
            created_at,
        };
        Self::with_locations(vec![
            store(STOCKHOLM, "Stockholm City", "Drottninggatan 999", "111 60", "Stockholm"),
            store(GOTHENBURG, "Göteborg Haga", "Haga Nygata 999", "413 01", "Göteborg"),
        ])
    }

    /// When what a state begins with was made, 2026-01-01T00:00:00Z: a time that is the same for everybody.
    pub(super) fn seed_timestamp() -> Timestamp {
        Timestamp::from_second(1_767_225_600).unwrap_or_default()
    }

    /// The seed with the first of its locations alone, where `location_id` can be left out.
    pub fn seed_with_one_location() -> Self {
        let mut state = Self::seed();
        state.locations.truncate(1);
        state
    }

    /// Reads what [`State::write`] wrote.
    pub fn read(text: &[u8]) -> Result<Self, StateError> {
        #[derive(Deserialize)]
        struct Header {
            version: Option<serde_json::Value>,
        }
        if let Ok(text) = std::str::from_utf8(text)
            && let Ok(state) = serde_json::from_str::<Self>(text)
            && state.version == VERSION
        {
            return Ok(state);
        }
        // The version comes first: what another version wrote may not have this one's fields.
        let header: Header = serde_json::from_slice(text)?;
        match header.version {
            Some(version) if version.as_u64() == Some(VERSION) => Ok(serde_json::from_slice(text)?),
            Some(version) => Err(StateError::Version { found: version.to_string() }),
            None => Err(StateError::Version { found: "none".to_owned() }),
        }
    }

    /// The state as JSON for a file, laid out for people.
    pub fn write(&self) -> Vec<u8> {
        // Nothing in a state can fail to be JSON: all keys are strings and no number is a float.
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let state = State::seed();
        assert_eq!(State::read(&state.write()), Ok(state));
    }

    #[test]
    fn a_damaged_state_says_where() {
        let error = |text: &str| State::read(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(error(""), "line 1, column 0: EOF while parsing a value");
        assert!(error("{\n  \"version\": 1,\n  oops").starts_with("line 3, column 3: "));
        assert!(error(r#"{"version":1}"#).contains("missing field `switches`"));
        assert!(error("[]").contains("line 1"));
    }

    #[test]
    fn another_version_says_so_whatever_else_it_holds() {
        let error = |text: &str| State::read(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(error(r#"{"version":2}"#), "it has version 2, and this program reads version 1");
        assert_eq!(error(r#"{"version":"x"}"#), r#"it has version "x", and this program reads version 1"#);
        assert_eq!(error("{}"), "it has version none, and this program reads version 1");
    }

    #[test]
    fn a_truncated_file_is_never_read_as_something_else() {
        let text = State::seed().write();
        for length in 0..text.len() - 2 {
            assert!(State::read(&text[..length]).is_err(), "{length} bytes");
        }
    }
}
