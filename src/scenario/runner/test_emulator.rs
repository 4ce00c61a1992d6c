//! An emulator for one scenario, with a clock that only the scenario advances.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::api::{BaseUrl, Client, Credentials, Observer};
use crate::emulator::{API_KEY, Emulator, EmulatorOptions, MERCHANT_ID, State};
use crate::model::CallbackType;
use crate::secret::ApiKey;

/// 2026-01-02T12:00:00Z, which is after the timestamps of the seed.
const START_TIME: i64 = 1_767_355_200;

/// Never connected to: the transport calls the emulator in this process.
const BASE_URL: &str = "http://localhost";

/// An emulator and its clock. IDs are derived from a counter, so every run of a scenario has the same ones.
pub(crate) struct TestEmulator {
    pub(super) emulator: Emulator,
    now: Arc<Mutex<Timestamp>>,
}

impl TestEmulator {
    pub(crate) fn new(options: EmulatorOptions) -> Self {
        let now = Arc::new(Mutex::new(Timestamp::from_second(START_TIME).unwrap_or_default()));
        let mut state = State::seed();
        state.options = options;
        let (clock, mut count) = (Arc::clone(&now), 0_u64);
        let read_clock = move || *clock.lock().unwrap_or_else(PoisonError::into_inner);
        let create_id = move || {
            count += 1;
            Uuid::new_v5(&Uuid::NAMESPACE_OID, &count.to_be_bytes())
        };
        Self { emulator: Emulator::with_clock_and_ids(state, read_clock, create_id), now }
    }

    pub(super) fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn advance(&self, by: Duration) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        *now = now.checked_add(by).unwrap_or(Timestamp::MAX);
    }

    /// The types of the callbacks since the last call.
    pub(super) fn take_callbacks(&self) -> Vec<CallbackType> {
        self.emulator.events().drain().into_iter().map(|event| event.kind).collect()
    }

    /// A client for the built-in account. Returns `None` only if that account's constants are invalid.
    pub(crate) fn client(&self, observer: Observer) -> Option<Client> {
        let key = ApiKey::parse(API_KEY).ok()?;
        let merchant_id = Some(MERCHANT_ID.to_owned());
        let transport = Box::new(self.emulator.router());
        let credentials = Credentials { key, username: None, merchant_id };
        Client::new(transport, BaseUrl::parse(BASE_URL).ok()?, &credentials, observer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_advances_and_stops_at_the_maximum() {
        let emulator = TestEmulator::new(EmulatorOptions::default());
        emulator.advance(Duration::from_secs(90));
        assert_eq!(emulator.now().to_string(), "2026-01-02T12:01:30Z");
        emulator.advance(Duration::MAX);
        assert_eq!(emulator.now(), Timestamp::MAX);
    }
}
