//! An emulator of the In-Person Payments API: stateful, in this process, without an account or a network.
//!
//! Three layers, each knowing only the one below it: [`state`] is the rules, a pure value; `routes` is HTTP on
//! top of them; this file and `local` decide where a state lives, in memory behind an [`Emulator`] or in a file
//! behind a [`LocalEmulator`]. A [`Server`] offers either to other programs. What it does and why is told to people in `docs/emulator.md`.

mod callbacks;
mod events;
mod faults;
mod file_backend;
mod request_log;
mod routes;
mod seed;
mod server;
pub mod state;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use uuid::Uuid;

pub use callbacks::{Backoff, Callbacks, DeliveryAttempt};
pub use events::EventQueue;
pub use faults::{Effect, Fault, FaultAction, FaultError, FaultStatus, FaultTable, Faults, Hit};
pub use file_backend::{FileEmulator, StateFileError};
pub use request_log::{RequestOutcome, RequestRecord};
pub use seed::SeedError;
pub use server::{Server, ServerEvent};
pub use state::{EmulatorOptions, Event, EventLog, OpContext, State, StateError};

/// The key of the built-in account. It opens nothing but emulators, so it is no secret.
pub const API_KEY: &str = "kco_test_api_emulator";

/// The username that was "issued" with the key, in the documented form `<merchant id>-<suffix>`.
pub const USERNAME: &str = "EMULATED-1";

/// The built-in account's merchant.
pub const MERCHANT_ID: &str = "EMULATED";

/// A running account: a state, a clock and a source of ids. Clones are handles on the same one.
#[derive(Clone)]
pub struct Emulator {
    world: Arc<Shared>,
    /// None where no server makes them happen.
    faults: Option<Faults>,
}

struct Shared {
    now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    events: EventQueue,
    inner: Mutex<Inner>,
}

struct Inner {
    state: State,
    ids: Box<dyn FnMut() -> Uuid + Send>,
}

impl Emulator {
    /// An emulator in the real world: the system's clock and random ids.
    pub fn new(state: State) -> Self {
        Self::with_clock_and_ids(state, Timestamp::now, Uuid::new_v4)
    }

    /// An emulator in a world of the caller's: `ids` must give a different id each time.
    pub fn with_clock_and_ids(
        state: State,
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
        ids: impl FnMut() -> Uuid + Send + 'static,
    ) -> Self {
        let inner = Mutex::new(Inner { state, ids: Box::new(ids) });
        let world = Shared { now: Box::new(now), events: EventQueue::default(), inner };
        Self { world: Arc::new(world), faults: Some(Faults::default()) }
    }

    /// The same emulator with these faults, or with none that could ever happen.
    pub fn with_faults(self, faults: Option<Faults>) -> Self {
        Self { faults, ..self }
    }

    /// What goes wrong when a [`Server`] offers this emulator. The [router](Self::router) alone makes nothing go wrong.
    pub const fn faults(&self) -> Option<&Faults> {
        self.faults.as_ref()
    }

    /// The API as a service, for a server or for requests made in this process.
    pub fn router(&self) -> axum::Router {
        routes::router(self)
    }

    /// A snapshot of the state.
    pub fn state(&self) -> State {
        self.with_state(|state, _| state.clone())
    }

    /// Applies a rule, or changes a switch, while nobody else looks. The closure must not use this emulator.
    pub fn with_state<R>(&self, change: impl FnOnce(&mut State, &mut OpContext<'_>) -> R) -> R {
        // A rule that panicked is a bug, but one that the other requests need not suffer from.
        let mut inner = self.world.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let Inner { state, ids } = &mut *inner;
        // The clock is read under the lock, so that what is made later is never dated earlier.
        let now = state.time_at((self.world.now)());
        self.world.events.with(|events| change(state, &mut OpContext { now, ids: &mut **ids, events }))
    }

    /// What happens to its sessions, for whoever tells others of it.
    pub fn events(&self) -> EventQueue {
        self.world.events.clone()
    }

    /// Takes what happened to sessions since the last time, as [`Events::drain`] does.
    pub fn drain_events(&self) -> Vec<Event> {
        self.world.events.drain()
    }
}

/// Serves an emulator until `stop` is done, then lets the open requests finish.
pub async fn serve(
    listener: tokio::net::TcpListener,
    emulator: Emulator,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    Server::new(listener, &emulator).serve(stop).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::state::{NewSimulatedDevice, PageRequest};

    #[test]
    fn clones_are_the_same_account_and_lose_nothing() {
        let emulator = Emulator::new(State::seed());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                let emulator = emulator.clone();
                scope.spawn(move || {
                    for _ in 0..25 {
                        let new = NewSimulatedDevice {
                            name: "x".into(),
                            location_id: None,
                            metadata: std::collections::BTreeMap::new(),
                        };
                        emulator
                            .with_state(|state, context| state.create_simulated_device(new, context))
                            .unwrap();
                    }
                });
            }
        });
        assert_eq!(
            emulator.state().list_devices(None, PageRequest::default(), Timestamp::MAX).total_elements,
            200
        );
    }

    #[test]
    fn a_rule_that_panics_does_not_take_the_emulator_along() {
        let emulator = Emulator::new(State::seed());
        let other = emulator.clone();
        let panicked = std::thread::spawn(move || other.with_state(|_, _| panic!("on purpose"))).join();
        assert!(panicked.is_err());
        assert_eq!(emulator.state(), State::seed());
    }

    #[tokio::test]
    async fn an_event_is_taken_once_and_waited_for() {
        let emulator = Emulator::new(State::seed());
        let (events, clone) = (emulator.events(), emulator.clone());
        let happen = async move {
            tokio::task::yield_now().await;
            clone.with_state(|state, context| {
                let new = NewSimulatedDevice {
                    name: "x".into(),
                    location_id: None,
                    metadata: std::collections::BTreeMap::new(),
                };
                let device = state.create_simulated_device(new, context).unwrap().id.unwrap();
                let purchase = serde_json::from_value(serde_json::json!({
                    "order_amount": 1, "purchase_currency": "SEK", "order_items": [],
                }));
                let new = state::NewSession {
                    device_id: device.parse().unwrap(),
                    location_id: None,
                    purchase: purchase.unwrap(),
                };
                state.create_session(new, context).unwrap();
            });
        };
        let (told, ()) = tokio::join!(events.recv(), happen);
        assert_eq!(told.len(), 1);
        assert_eq!((events.drain(), emulator.drain_events()), (vec![], vec![]));
        let waiting = tokio::time::timeout(std::time::Duration::from_millis(1), events.recv());
        assert!(waiting.await.is_err(), "what was taken does not come again");
    }
}
