//! An emulator of the In-Person Payments API: stateful, in this process, without an account or a network.
//!
//! [`state`] has the rules as a pure value, and `routes` serves them over HTTP. The state is in memory in an
//! [`Emulator`], or in a file with a [`FileEmulator`]; a [`Server`] offers either to other programs.
//! `docs/emulator.md` describes the behavior for users.

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

/// API key of the built-in account. Only emulators accept it, so it is not a secret.
pub const API_KEY: &str = "kco_test_api_emulator";

/// Username that belongs to the key, in the documented form `<merchant id>-<suffix>`.
pub const USERNAME: &str = "EMULATED-1";

/// Merchant ID of the built-in account.
pub const MERCHANT_ID: &str = "EMULATED";

/// A running emulator. Clones share its state.
#[derive(Clone)]
pub struct Emulator {
    shared: Arc<Shared>,
    /// None where there is no server to inject them.
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
    /// Creates an emulator with the system's clock and random IDs.
    pub fn new(state: State) -> Self {
        Self::with_clock_and_ids(state, Timestamp::now, Uuid::new_v4)
    }

    /// `ids` must return a different ID each time.
    pub fn with_clock_and_ids(
        state: State,
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
        ids: impl FnMut() -> Uuid + Send + 'static,
    ) -> Self {
        let inner = Mutex::new(Inner { state, ids: Box::new(ids) });
        let shared = Shared { now: Box::new(now), events: EventQueue::default(), inner };
        Self { shared: Arc::new(shared), faults: Some(Faults::default()) }
    }

    pub fn with_faults(self, faults: Option<Faults>) -> Self {
        Self { faults, ..self }
    }

    /// The faults that a [`Server`] injects. The [router](Self::router) injects none.
    pub const fn faults(&self) -> Option<&Faults> {
        self.faults.as_ref()
    }

    /// The API as a service, for a server or for requests made in this process.
    pub fn router(&self) -> axum::Router {
        routes::router(self)
    }

    /// Returns a copy of the state.
    pub fn state(&self) -> State {
        self.with_state(|state, _| state.clone())
    }

    /// Calls `operation` while holding the lock on the state, so it must not use this emulator.
    pub fn with_state<R>(&self, operation: impl FnOnce(&mut State, &mut OpContext<'_>) -> R) -> R {
        // A panic in one request must not make all later ones fail.
        let mut inner = self.shared.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let Inner { state, ids } = &mut *inner;
        // Read the clock under the lock, so that a newer record never has an earlier time.
        let now = state.time_at((self.shared.now)());
        self.shared.events.with(|events| operation(state, &mut OpContext { now, ids: &mut **ids, events }))
    }

    /// The events of its sessions, each of which is consumed once.
    pub fn events(&self) -> EventQueue {
        self.shared.events.clone()
    }

    pub fn drain_events(&self) -> Vec<Event> {
        self.shared.events.drain()
    }
}

/// Serves an emulator until `stop` completes, then waits for open requests.
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
    fn clones_share_the_state_and_lose_no_changes() {
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
    fn a_panic_does_not_break_the_emulator() {
        let emulator = Emulator::new(State::seed());
        let other = emulator.clone();
        let panicked = std::thread::spawn(move || other.with_state(|_, _| panic!("on purpose"))).join();
        assert!(panicked.is_err());
        assert_eq!(emulator.state(), State::seed());
    }

    #[tokio::test]
    async fn an_event_is_awaited_and_consumed_once() {
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
        let (received, ()) = tokio::join!(events.recv(), happen);
        assert_eq!(received.len(), 1);
        assert_eq!((events.drain(), emulator.drain_events()), (vec![], vec![]));
        let waiting = tokio::time::timeout(std::time::Duration::from_millis(1), events.recv());
        assert!(waiting.await.is_err(), "an event is received only once");
    }
}
