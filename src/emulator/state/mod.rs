//! The rules of the emulated API as a pure value: no clock, no randomness, no files, no network.
//!
//! Every operation is a method of [`State`]. It gets the time and new IDs from an [`OpContext`], to which it also
//! adds the [`Event`]s of sessions. A [`Rejection`] means that nothing was changed. Expiry is computed from the time
//! and never stored, so reading changes nothing.

mod clock;
mod devices;
mod enrollments;
mod events;
#[cfg(test)]
pub(in crate::emulator) mod invariant_tests;
mod locations;
mod options;
mod order_totals;
mod orders;
mod page;
mod phones;
mod pos;
mod records;
mod rejection;
mod sessions;
mod settlements;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use records::{MAX_RECORDS, Records};

pub use clock::Clock;
pub use devices::{DeviceUpdate, NewSimulatedDevice, Phone, PosDevice};
pub use enrollments::{DEFAULT_ENROLLMENT_LIFETIME, EnrollmentFilter, NewEnrollment};
pub use events::Event;
pub use locations::LocationRecord;
pub use options::{
    AfterDecline, CancelEnded, CurrencyCase, DeleteStatus, EmulatorOptions, EnrollmentDialect, FullyRefunded,
    MerchantIdNeed, OfflineDevice, OptionInfo, OrderCapture, OrderReferences, PayoutFee, RefundHeaders,
    SettlementsEnvelope, TapAnswer, TransactionSigns,
};
pub use order_totals::Purchase;
pub use orders::{NewMovement, OrderChange, OrderOperation};
pub use page::{ListPage, PageRequest};
pub use phones::PhoneView;
pub use pos::PosSession;
pub use rejection::{FieldErrors, Rejection};
pub use sessions::NewSession;
pub use settlements::{PayoutFilter, TransactionFilter};

pub const VERSION: u64 = 1;

pub const STOCKHOLM: Uuid = Uuid::from_u128(0x51e2_a9c4_7b0d_4f63_9d18_3ac5_f0e7_2b41);

pub const GOTHENBURG: Uuid = Uuid::from_u128(0xb7f0_3d5e_1c86_4a29_8e47_60d9_a1c3_5f02);

pub struct OpContext<'a> {
    pub now: Timestamp,
    /// Generates unique IDs. Codes and tokens are derived from them too.
    pub ids: &'a mut dyn FnMut() -> Uuid,
    pub events: &'a mut Vec<Event>,
}

impl OpContext<'_> {
    fn id(&mut self) -> Uuid {
        (self.ids)()
    }

    /// Adds a duration to the current time, up to the latest time that can be represented.
    fn deadline(&self, duration: SignedDuration) -> Timestamp {
        self.now.checked_add(duration.max(SignedDuration::ZERO)).unwrap_or(Timestamp::MAX)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    version: u64,
    #[serde(rename = "switches", serialize_with = "options::serialize_stored")]
    pub options: EmulatorOptions,
    /// How far the emulator's clock is ahead of the system's. State files of early versions lack it.
    #[serde(default, rename = "ahead", skip_serializing_if = "SignedDuration::is_zero")]
    clock_offset: SignedDuration,
    /// Tells this state from every other one, also from an earlier one at the same address. Nil until it is needed.
    #[serde(default, skip_serializing_if = "Uuid::is_nil")]
    instance: Uuid,
    locations: Vec<LocationRecord>,
    #[serde(with = "records")]
    enrollments: Records<enrollments::Record>,
    #[serde(with = "records")]
    devices: Records<devices::Record>,
    #[serde(with = "records")]
    sessions: Records<sessions::Record>,
    /// State files of early versions have no orders.
    #[serde(
        default,
        deserialize_with = "orders::deserialize",
        serialize_with = "orders::serialize",
        skip_serializing_if = "orders::has_none_to_store"
    )]
    orders: Records<orders::Record>,
    #[serde(default, skip_serializing_if = "orders::UsedKeys::is_empty")]
    used_keys: orders::UsedKeys,
    #[serde(skip, default = "max_records")]
    max_records: usize,
}

const fn max_records() -> usize {
    MAX_RECORDS
}

impl State {
    pub fn with_locations(locations: Vec<LocationRecord>) -> Self {
        Self {
            version: VERSION,
            options: EmulatorOptions::default(),
            clock_offset: SignedDuration::ZERO,
            instance: Uuid::nil(),
            locations,
            enrollments: Records::default(),
            devices: Records::default(),
            sessions: Records::default(),
            orders: Records::default(),
            used_keys: orders::UsedKeys::default(),
            max_records: MAX_RECORDS,
        }
    }

    /// The state of a new emulator: two locations and no devices.
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

    /// The creation time of everything in a seed: 2026-01-01T00:00:00Z.
    pub(in crate::emulator) fn seed_timestamp() -> Timestamp {
        Timestamp::from_second(1_767_225_600).unwrap_or_default()
    }

    /// The seed with only one location, for which requests can omit `location_id`.
    pub fn seed_with_one_location() -> Self {
        let mut state = Self::seed();
        state.locations.truncate(1);
        state
    }

    pub const fn instance(&self) -> Uuid {
        self.instance
    }

    /// Gives a state without an instance ID a new one. Returns true if the state has changed.
    pub(in crate::emulator) fn ensure_instance(&mut self) -> bool {
        let is_missing = self.instance.is_nil();
        if is_missing {
            self.instance = Uuid::new_v4();
        }
        is_missing
    }

    /// Reads a state file. The error is the reason.
    pub fn read(text: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Header {
            version: Option<serde_json::Value>,
        }
        // Report a different version before fields that are missing because of it.
        let header: Header = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let found = header.version.map_or_else(|| "none".to_owned(), |version| version.to_string());
        if found != VERSION.to_string() {
            return Err(format!("it has version {found}, and this program reads version {VERSION}"));
        }
        let mut state: Self = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        state.add_missing_orders();
        Ok(state)
    }

    pub fn write(&self) -> Vec<u8> {
        // Serialization cannot fail: all keys are strings, and there are no floats.
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_its_position_or_the_version() {
        for (text, expected) in [
            ("", "EOF while parsing a value at line 1 column 0"),
            ("{\n  \"version\": 1,\n  oops", "key must be a string at line 3 column 3"),
            (r#"{"version":1}"#, "missing field `switches` at line 1 column 13"),
            (r#"{"version":2}"#, "it has version 2, and this program reads version 1"),
            (r#"{"version":"x"}"#, r#"it has version "x", and this program reads version 1"#),
            ("{}", "it has version none, and this program reads version 1"),
        ] {
            assert_eq!(State::read(text.as_bytes()).unwrap_err(), expected);
        }
    }
}
