//! An emulator of the In-Person Payments API: stateful, in this process, without an account or a network.
//!
//! [`state`] has the rules as a pure value, and `routes` serves them over HTTP. The state is in memory in an
//! [`Emulator`], or in a file with a [`FileEmulator`]; a [`Server`] offers either to other programs.
//! `docs/emulator.md` describes the behavior for users.

mod callbacks;
mod events;
mod faults;
mod file_backend;
mod history;
mod own_client;
mod page;
mod phone_rules;
mod request_log;
mod routes;
mod seed;
mod server;
pub mod state;

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use uuid::Uuid;

pub use callbacks::Callbacks;
pub use events::EventQueue;
pub use faults::{Effect, Fault, FaultAction, FaultStatus, FaultTable, Faults};
pub use file_backend::{FileEmulator, StateFileError};
pub use history::{History, RecordedAttempt};
pub use phone_rules::{PhoneRule, PhoneRules};
pub use request_log::{RequestOutcome, RequestRecord};
pub use seed::SeedError;
pub use server::{Server, ServerEvent};
pub use state::{EmulatorOptions, Event, OpContext, State};

/// API key of the built-in account. Only emulators accept it, so it is not a secret.
pub const API_KEY: &str = crate::secret::EMULATOR_KEY;

/// Username that belongs to the key, in the documented form `<merchant id>-<suffix>`.
pub const USERNAME: &str = "EMULATED-1";

pub const MERCHANT_ID: &str = "EMULATED";

/// A running emulator. Clones share its state.
#[derive(Clone)]
pub struct Emulator {
    inner: Arc<Mutex<Inner>>,
    events: EventQueue,
    setup: Arc<Setup>,
}

/// How an emulator was started.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// The state that a reset returns to [default: that of a new emulator].
    pub initial: Option<State>,
    /// Rejects what would otherwise be ignored.
    pub is_strict: bool,
    /// How the phones play by themselves.
    pub phone_rules: PhoneRules,
    /// What the emulator's own routes require of a client, where others can reach them.
    pub token: Option<String>,
    /// Whether events are sent to an application.
    pub has_callbacks: bool,
    /// The faults that a [`Server`] injects [default: there is no server].
    pub faults: Option<Faults>,
    /// The requests and callbacks that a [`Server`] records [default: there is no server].
    pub history: Option<History>,
}

struct Inner {
    state: State,
    now: Box<dyn Fn() -> Timestamp + Send>,
    ids: Box<dyn FnMut() -> Uuid + Send>,
}

impl Emulator {
    pub fn new(state: State) -> Self {
        Self::with_clock_and_ids(state, Timestamp::now, Uuid::new_v4)
    }

    /// `ids` must return a different ID each time.
    pub fn with_clock_and_ids(
        mut state: State,
        now: impl Fn() -> Timestamp + Send + 'static,
        ids: impl FnMut() -> Uuid + Send + 'static,
    ) -> Self {
        state.ensure_instance();
        let inner = Inner { state, now: Box::new(now), ids: Box::new(ids) };
        let (faults, history) = (Some(Faults::default()), Some(History::default()));
        let setup = Arc::new(Setup { faults, history, ..Setup::default() });
        Self { inner: Arc::new(Mutex::new(inner)), events: EventQueue::default(), setup }
    }

    pub fn with_setup(self, setup: Setup) -> Self {
        Self { setup: Arc::new(setup), ..self }
    }

    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// The API as a service, for a server or for requests made in this process.
    pub fn router(&self) -> axum::Router {
        routes::router(self)
    }

    pub fn state(&self) -> State {
        self.with_state(|state, _| state.clone())
    }

    /// Calls `operation` while holding the lock on the state, so it must not use this emulator.
    pub fn with_state<R>(&self, operation: impl FnOnce(&mut State, &mut OpContext<'_>) -> R) -> R {
        // A panic in one request must not make all later ones fail.
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let Inner { state, now, ids } = &mut *inner;
        // Read the clock under the lock, so that a newer record never has an earlier time.
        let now = state.time_at(now());
        let mut events = Vec::new();
        let result = operation(state, &mut OpContext { now, ids: &mut **ids, events: &mut events });
        self.events.add(events);
        result
    }

    /// The events of its sessions, each of which is consumed once.
    pub fn events(&self) -> EventQueue {
        self.events.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::state::PageRequest;
    use crate::emulator::state::invariant_tests::{new_session, simulated};

    #[test]
    fn clones_share_the_state_and_lose_no_changes() {
        let emulator = Emulator::new(State::seed());
        std::thread::scope(|scope| {
            for _ in 0..200 {
                scope.spawn(|| {
                    let created = |state: &mut State, context: &mut OpContext<'_>| {
                        state.create_simulated_device(simulated("x"), context)
                    };
                    emulator.clone().with_state(created).unwrap();
                });
            }
        });
        let page = emulator.state().list_devices(None, PageRequest::default(), Timestamp::MAX);
        assert_eq!(page.total_elements, 200);
    }

    #[test]
    fn a_panic_does_not_break_the_emulator() {
        let emulator = Emulator::new(State::seed());
        let (other, before) = (emulator.clone(), emulator.state());
        let panicked = std::thread::spawn(move || other.with_state(|_, _| panic!("on purpose"))).join();
        assert!(panicked.is_err());
        assert_eq!(emulator.state(), before);
    }

    #[tokio::test]
    async fn an_event_is_awaited_and_consumed_once() {
        let emulator = Emulator::new(State::seed());
        let events = emulator.events();
        let create = async {
            tokio::task::yield_now().await;
            emulator.with_state(|state, context| {
                let device = state.create_simulated_device(simulated("x"), context).unwrap();
                state.create_session(new_session(device.id.unwrap().parse().unwrap()), context).unwrap();
            });
        };
        let (received, ()) = tokio::join!(events.recv(), create);
        assert_eq!(received.len(), 1);
        assert_eq!(events.drain(), []);
        let waiting = tokio::time::timeout(std::time::Duration::from_millis(1), events.recv());
        assert!(waiting.await.is_err(), "an event is received only once");
    }
}
