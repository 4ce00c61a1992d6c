//! An emulator for one scenario, with a clock that only the scenario moves.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::api::{BaseUrl, Client, Credentials, InProcessTransport, Observer, Transport};
use crate::emulator::{API_KEY, Emulator, EmulatorOptions, MERCHANT_ID, State};
use crate::model::CallbackType;
use crate::secret::ApiKey;

/// The time at which every scenario begins: 2026-01-02T12:00:00Z, after the seed was made.
const START_TIME: i64 = 1_767_355_200;

/// The base URL of what no request leaves by.
const BASE_URL: &str = "http://localhost";

/// An emulator and its clock. Two of them are the same to the last id, so that a scenario always goes the same way.
pub(crate) struct TestEmulator {
    emulator: Emulator,
    clock: Clock,
}

#[derive(Clone)]
struct Clock(Arc<Mutex<Timestamp>>);

impl Clock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        *now = now.checked_add(by).unwrap_or(Timestamp::MAX);
    }
}

impl TestEmulator {
    /// A new account on an emulator that behaves like this.
    pub(crate) fn new(switches: EmulatorOptions) -> Self {
        let clock = Clock(Arc::new(Mutex::new(Timestamp::from_second(START_TIME).unwrap_or_default())));
        let mut state = State::seed();
        state.options = switches;
        let (time, mut made) = (clock.clone(), 0_u64);
        let ids = move || {
            made += 1;
            Uuid::new_v5(&Uuid::NAMESPACE_OID, &made.to_be_bytes())
        };
        Self { emulator: Emulator::with_clock_and_ids(state, move || time.now(), ids), clock }
    }

    pub(crate) const fn emulator(&self) -> &Emulator {
        &self.emulator
    }

    /// The time it is there.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Lets time pass.
    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// What was told in callbacks since the last time.
    pub(super) fn callbacks(&self) -> Vec<CallbackType> {
        self.emulator.drain_events().into_iter().map(|event| event.kind).collect()
    }

    /// What carries requests there.
    pub(crate) fn transport(&self) -> InProcessTransport {
        InProcessTransport::new(self.emulator.router())
    }

    /// A client of the built-in account, over this transport. `None` only if the built-in account could not be one.
    pub(crate) fn client(transport: Box<dyn Transport>, observer: Observer) -> Option<Client> {
        let key = ApiKey::parse(API_KEY).ok()?;
        let merchant_id = Some(MERCHANT_ID.to_owned());
        Client::new(
            transport,
            BaseUrl::parse(BASE_URL).ok()?,
            &Credentials { key, username: None, merchant_id },
            observer,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_moves_when_it_is_told_to_and_stops_at_the_end_of_time() {
        let world = TestEmulator::new(EmulatorOptions::default());
        assert_eq!(world.now().to_string(), "2026-01-02T12:00:00Z");
        world.advance(Duration::from_secs(90));
        assert_eq!(world.now().to_string(), "2026-01-02T12:01:30Z");
        world.advance(Duration::MAX);
        assert_eq!(world.now(), Timestamp::MAX);
    }
}
