//! Deliveries to a local endpoint whose responses the tests choose.

use std::cell::RefCell;
use std::future::IntoFuture as _;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;

use super::*;
use crate::callback_poster::CallbackEndpoint;
use crate::emulator::{Emulator, State};
use crate::model::{Callback, CallbackType, TapOutcome};
use crate::secret::CallbackSecret;
use crate::webhooks::Verifier;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const QUICK: Backoff = Backoff { first: Duration::from_millis(1), max: Duration::from_millis(4) };

/// The IDs and bodies of verified deliveries.
type Inbox = Arc<Mutex<Vec<(String, Callback)>>>;

fn secrets() -> [CallbackSecret; 1] {
    [CallbackSecret::parse(SECRET).unwrap()]
}

/// Starts an endpoint that responds to verified deliveries with the status that `respond` returns.
async fn endpoint(respond: impl Fn(&Callback, usize) -> u16 + Send + Sync + 'static) -> (String, Inbox) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/callbacks?token=7", listener.local_addr().unwrap());
    let (inbox, respond) = (Inbox::default(), Arc::new(respond));
    let received = Arc::clone(&inbox);
    let router = Router::new().fallback(move |headers: HeaderMap, body: Bytes| {
        let (inbox, respond) = (Arc::clone(&received), Arc::clone(&respond));
        async move {
            let verifier = Verifier::new(&secrets()).unwrap();
            let Ok(delivery) = verifier.verify(&headers, &body, Timestamp::now()) else {
                return StatusCode::UNAUTHORIZED;
            };
            assert_eq!(headers["content-type"], "application/json");
            let callback: Callback = serde_json::from_slice(&body).unwrap();
            let mut inbox = inbox.lock().unwrap();
            inbox.push((delivery, callback.clone()));
            let status = respond(&callback, inbox.len());
            StatusCode::from_u16(status).unwrap()
        }
    });
    tokio::spawn(axum::serve(listener, router).into_future());
    (url, inbox)
}

fn callbacks(url: &str) -> Callbacks {
    let endpoint = CallbackEndpoint::new(url, Duration::from_secs(20)).unwrap();
    Callbacks::new(CallbackPoster::new(endpoint, &secrets()).unwrap()).with_backoff(QUICK)
}

/// Returns an emulator with a device, and a function that creates a session on it.
fn shop() -> (Emulator, impl Fn() -> Uuid) {
    let emulator = Emulator::new(State::seed());
    let device = emulator.with_state(|state, context| {
        let new = super::super::state::NewSimulatedDevice {
            name: "x".into(),
            location_id: None,
            metadata: std::collections::BTreeMap::new(),
        };
        state.create_simulated_device(new, context).unwrap().id.unwrap().parse().unwrap()
    });
    let shop = emulator.clone();
    let create = move || {
        shop.with_state(|state, context| {
            let purchase =
                serde_json::json!({"order_amount": 1, "purchase_currency": "SEK", "order_items": []});
            let purchase = serde_json::from_value(purchase).unwrap();
            let new = super::super::state::NewSession { device_id: device, location_id: None, purchase };
            state.create_session(new, context).unwrap().session_id.unwrap().parse().unwrap()
        })
    };
    (emulator, create)
}

fn pay(emulator: &Emulator, session: Uuid) {
    emulator.with_state(|state, context| state.pay(session, None, context)).unwrap();
}

/// Delivers until the condition is true.
async fn until(callbacks: Callbacks, events: EventQueue, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        () = callbacks.deliver(events, std::future::pending()) => panic!("the delivery stopped"),
        done = tokio::time::timeout(Duration::from_secs(60), waiting) => done.expect("the condition was never true"),
    }
}

fn kinds(inbox: &Inbox, session: Uuid) -> Vec<CallbackType> {
    let inbox = inbox.lock().unwrap();
    let session = session.to_string();
    let of_session = inbox.iter().filter(|(_, callback)| callback.session_id() == Some(&*session));
    of_session.map(|(_, callback)| callback.known_type().unwrap()).collect()
}

use CallbackType::{PaymentFailed, SessionActivated, SessionCreated, SessionFinalized};

#[tokio::test]
async fn events_are_delivered_once_and_in_order() {
    let (url, inbox) = endpoint(|_, _| 204).await;
    let (emulator, create) = shop();
    let sessions: Vec<_> = (0..50).map(|_| create()).collect();
    for session in &sessions {
        emulator.with_state(|state, context| state.decline(*session, TapOutcome::LostCard, context)).unwrap();
        pay(&emulator, *session);
    }
    until(callbacks(&url), emulator.events(), || inbox.lock().unwrap().len() == 200).await;
    for session in sessions {
        let expected = [SessionCreated, SessionActivated, PaymentFailed, SessionFinalized];
        assert_eq!(kinds(&inbox, session), expected);
    }
    for (id, callback) in &*inbox.lock().unwrap() {
        assert_eq!(Some(id), callback.id.as_ref(), "a delivery has the ID of its event");
    }
}

#[tokio::test]
async fn a_failed_delivery_is_retried_before_later_events_of_its_session_only() {
    let (emulator, create) = shop();
    let (stuck, other) = (create(), create());
    let text = stuck.to_string();
    // The first event of one session fails until all events of the other were delivered.
    let (url, inbox) = endpoint(move |callback, count| {
        let is_first = callback.known_type() == Some(SessionCreated);
        if callback.session_id() == Some(&*text) && is_first && count < 8 { 500 } else { 200 }
    })
    .await;
    pay(&emulator, stuck);
    pay(&emulator, other);
    let observed = Rc::new(RefCell::new(Vec::new()));
    let attempts = Rc::clone(&observed);
    let callbacks = callbacks(&url).with_observer(move |delivered| {
        let DeliveryAttempt { event, attempt, outcome, retry_in } = delivered;
        if event.session_id == stuck {
            let outcome = outcome.as_ref().copied().unwrap();
            attempts.borrow_mut().push((event.kind.clone(), *attempt, outcome, *retry_in));
        }
    });
    let undelivered = callbacks.pending_count();
    let is_through = |session| kinds(&inbox, session).contains(&SessionFinalized);
    until(callbacks, emulator.events(), || is_through(stuck) && is_through(other)).await;
    assert_eq!(kinds(&inbox, other), [SessionCreated, SessionActivated, SessionFinalized]);
    let kinds = kinds(&inbox, stuck);
    let again = kinds.len() - 3;
    assert!(again >= 2, "{kinds:?}");
    assert_eq!(kinds[again..], [SessionCreated, SessionActivated, SessionFinalized]);
    assert!(kinds[..again].iter().all(|kind| *kind == SessionCreated), "{kinds:?}");
    let ids: Vec<_> = {
        let inbox = inbox.lock().unwrap();
        inbox
            .iter()
            .filter(|(_, callback)| callback.session_id() == Some(&*stuck.to_string()))
            .map(|(id, _)| id.clone())
            .collect()
    };
    assert!(ids[..=again].iter().all(|id| *id == ids[0]), "a retry has the same ID");
    let observed = observed.borrow();
    let first = [(500, Some(1)), (500, Some(2)), (500, Some(4))];
    for (number, (status, wait)) in (1..).zip(first).take(again.min(3)) {
        let wait = wait.map(Duration::from_millis);
        assert_eq!(observed[number as usize - 1], (SessionCreated, number, status, wait));
    }
    assert_eq!(observed[again], (SessionCreated, u32::try_from(again).unwrap() + 1, 200, None));
    assert!(undelivered.get() <= 1);
}

#[tokio::test]
async fn an_unreachable_endpoint_is_retried() {
    // Nothing listens on a port that was just closed.
    let address = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (emulator, create) = shop();
    let session = create();
    pay(&emulator, session);
    let observed = Rc::new(RefCell::new(Vec::new()));
    let attempts = Rc::clone(&observed);
    let callbacks = callbacks(&format!("http://{address}/")).with_observer(move |delivered| {
        assert_eq!(delivered.event.kind, SessionCreated, "a later event was sent first");
        attempts.borrow_mut().push(delivered.outcome.clone());
    });
    let undelivered = callbacks.pending_count();
    until(callbacks, emulator.events(), || observed.borrow().len() >= 5).await;
    assert!(
        observed
            .borrow()
            .iter()
            .all(|outcome| *outcome == Err("cannot connect to 127.0.0.1 (Connection refused)".to_owned()))
    );
    assert_eq!(undelivered.get(), 3);
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_not_an_acknowledgment() {
    let (url, inbox) = endpoint(|_, count| if count < 3 { 307 } else { 299 }).await;
    let (emulator, create) = shop();
    let session = create();
    until(callbacks(&url), emulator.events(), || inbox.lock().unwrap().len() == 3).await;
    assert_eq!(kinds(&inbox, session), [SessionCreated, SessionCreated, SessionCreated]);
}

#[tokio::test]
async fn after_a_stop_all_events_are_still_delivered() {
    let (url, inbox) = endpoint(|_, count| if count == 2 { 503 } else { 200 }).await;
    let (emulator, create) = shop();
    let session = create();
    pay(&emulator, session);
    let callbacks = callbacks(&url);
    let undelivered = callbacks.pending_count();
    let stop = std::future::ready(());
    tokio::time::timeout(Duration::from_secs(60), callbacks.deliver(emulator.events(), stop)).await.unwrap();
    assert_eq!(
        kinds(&inbox, session),
        [SessionCreated, SessionActivated, SessionActivated, SessionFinalized]
    );
    assert_eq!((undelivered.get(), emulator.drain_events()), (0, vec![]));
}

#[test]
fn the_delay_doubles_up_to_a_maximum() {
    let backoff = Backoff::default();
    let wait = |attempt| backoff.delay_after(attempt).as_millis();
    assert_eq!([1, 2, 3, 6, 7, u32::MAX].map(wait), [500, 1000, 2000, 16_000, 30_000, 30_000]);
}
