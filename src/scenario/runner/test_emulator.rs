//! An emulator for one scenario, with a clock that only the scenario advances.

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

/// IDs are derived from a counter, so every run of a scenario has the same ones.
pub(crate) struct TestEmulator(Emulator);

impl TestEmulator {
    pub(crate) fn new(options: EmulatorOptions) -> Self {
        let mut state = State::seed();
        state.options = options;
        let start = || Timestamp::from_second(START_TIME).unwrap_or_default();
        let mut count = 0_u64;
        let create_id = move || {
            count += 1;
            Uuid::new_v5(&Uuid::NAMESPACE_OID, &count.to_be_bytes())
        };
        Self(Emulator::with_clock_and_ids(state, start, create_id))
    }

    pub(super) fn now(&self) -> Timestamp {
        self.0.with_state(|_, context| context.now)
    }

    pub(super) fn advance(&self, by: Duration) {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        // At the end of the calendar, the clock stops.
        let _ = self.0.with_state(|state, context| state.advance_clock(by, context));
    }

    /// The types of the callbacks since the last call.
    pub(super) fn take_callbacks(&self) -> Vec<CallbackType> {
        self.0.events().drain().into_iter().map(|event| event.kind).collect()
    }

    /// A client for the built-in account. Returns `None` only if that account's constants are invalid.
    pub(crate) fn client(&self, observer: Observer) -> Option<Client> {
        let key = ApiKey::parse(API_KEY).ok()?;
        let merchant_id = Some(MERCHANT_ID.to_owned());
        let transport = Box::new(self.0.router());
        let credentials = Credentials { key, username: None, merchant_id };
        Client::new(transport, BaseUrl::parse(BASE_URL).ok()?, &credentials, observer)
    }
}
