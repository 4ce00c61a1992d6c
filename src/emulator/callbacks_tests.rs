//! Deliveries to a local endpoint whose responses the tests choose.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::future::IntoFuture as _;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;

use super::*;
use crate::callback_poster::CallbackEndpoint;
use crate::emulator::history::CallbackStatus;
use crate::emulator::state::invariant_tests::{new_session, simulated};
use crate::emulator::{Emulator, State};
use crate::model::{Callback, CallbackType, TapOutcome};
use crate::secret::CallbackSecret;
use crate::webhooks::SigningKeys;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

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
            let keys = SigningKeys::new(&secrets()).unwrap();
            let Ok(delivery) = keys.verify(&headers, &body, Timestamp::now()) else {
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
    callbacks_to(&[url])
}

fn callbacks_to(urls: &[&str]) -> Callbacks {
    let poster = |url: &&str| {
        let endpoint = CallbackEndpoint::new(url, Duration::from_secs(20), None).unwrap();
        CallbackPoster::new(endpoint, &secrets()).unwrap()
    };
    let posters = urls.iter().map(poster).collect();
    Callbacks { retry_delay: Duration::from_millis(1), ..Callbacks::new(posters) }
}

/// Returns an emulator with a device, and a function that creates a session on it.
fn emulator_with_device() -> (Emulator, impl Fn() -> Uuid) {
    let emulator = Emulator::new(State::seed());
    let device = emulator.with_state(|state, context| {
        state.create_simulated_device(simulated("x"), context).unwrap().id.unwrap().parse().unwrap()
    });
    let clone = emulator.clone();
    let create = move || {
        let session = clone.with_state(|state, context| state.create_session(new_session(device), context));
        session.unwrap().session_id.unwrap().parse().unwrap()
    };
    (emulator, create)
}

fn pay(emulator: &Emulator, session: Uuid) {
    emulator.with_state(|state, context| state.pay(session, None, context)).unwrap();
}

async fn deliver_until(callbacks: Callbacks, events: EventQueue, condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        () = callbacks.deliver(events, std::future::pending()) => panic!("the delivery stopped"),
        result = tokio::time::timeout(Duration::from_secs(60), waiting) => result.expect("the condition was never true"),
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
    let (emulator, create) = emulator_with_device();
    let sessions: Vec<_> = (0..50).map(|_| create()).collect();
    for session in &sessions {
        emulator.with_state(|state, context| state.decline(*session, TapOutcome::LostCard, context)).unwrap();
        pay(&emulator, *session);
    }
    deliver_until(callbacks(&url), emulator.events(), || inbox.lock().unwrap().len() == 300).await;
    for session in sessions {
        let expected = [SessionCreated, SessionActivated, PaymentFailed, SessionFinalized];
        assert_eq!(kinds(&inbox, session), expected);
    }
    for (id, callback) in &*inbox.lock().unwrap() {
        assert_eq!(Some(id), callback.id.as_ref(), "a delivery has the ID of its event");
    }
}

#[tokio::test]
async fn each_destination_gets_every_event_whatever_the_others_respond() {
    let (broken, failed) = endpoint(|_, count| if count > 3 { 200 } else { 500 }).await;
    let (url, inbox) = endpoint(|_, _| 200).await;
    let (emulator, create) = emulator_with_device();
    let session = create();
    pay(&emulator, session);
    let history = History::default();
    let callbacks = callbacks_to(&[&broken, &url]).with_history(history.clone());
    let is_complete = || {
        let callbacks = history.callbacks();
        callbacks.len() == 5
            && callbacks.iter().all(|callback| callback.status == CallbackStatus::Acknowledged)
    };
    deliver_until(callbacks, emulator.events(), is_complete).await;
    assert_eq!(kinds(&inbox, session), [SessionCreated, SessionActivated, SessionFinalized]);
    let retried = [SessionCreated, SessionCreated, SessionCreated, SessionCreated, SessionActivated];
    assert_eq!(kinds(&failed, session)[..5], retried);
    let created = &history.callbacks()[0].attempts;
    assert_eq!(created.iter().filter(|attempt| broken.starts_with(&attempt.to)).count(), 4);
    assert_eq!(created.iter().filter(|attempt| url.starts_with(&attempt.to)).count(), 1);
}

#[tokio::test]
async fn a_failed_delivery_is_retried_before_later_events_of_its_session_only() {
    let (emulator, create) = emulator_with_device();
    let (stuck, other) = (create(), create());
    let text = stuck.to_string();
    // The first event of one session fails until all events of the other were delivered.
    let (url, inbox) = endpoint(move |callback, count| {
        let is_first = callback.known_type() == Some(SessionCreated);
        if callback.session_id() == Some(&*text) && is_first && count < 10 { 500 } else { 200 }
    })
    .await;
    pay(&emulator, stuck);
    pay(&emulator, other);
    let observed = Rc::new(RefCell::new(Vec::new()));
    let attempts = Rc::clone(&observed);
    let callbacks = callbacks(&url).with_observer(move |event, attempt, recorded| {
        if event.session_id == stuck {
            let status = recorded.status.unwrap();
            attempts.borrow_mut().push((event.kind.clone(), attempt, status, recorded.retry_in_ms));
        }
    });
    let pending = callbacks.pending_count();
    let is_delivered = |session| kinds(&inbox, session).contains(&SessionFinalized);
    deliver_until(callbacks, emulator.events(), || is_delivered(stuck) && is_delivered(other)).await;
    assert_eq!(kinds(&inbox, other), [SessionCreated, SessionActivated, SessionFinalized]);
    let kinds = kinds(&inbox, stuck);
    let again = kinds.len() - 3;
    assert!(again >= 2 && kinds[..again].iter().all(|kind| *kind == SessionCreated), "{kinds:?}");
    assert_eq!(kinds[again..], [SessionCreated, SessionActivated, SessionFinalized]);
    let created: BTreeSet<_> = {
        let inbox = inbox.lock().unwrap();
        let created = inbox.iter().filter(|(_, callback)| callback.known_type() == Some(SessionCreated));
        created.map(|(id, _)| id.clone()).collect()
    };
    assert_eq!(created.len(), 2, "a retry has the same ID");
    let observed = observed.borrow();
    for (index, (attempt, delay)) in [(1, 1), (2, 2), (3, 4)].into_iter().enumerate().take(again) {
        assert_eq!(observed[index], (SessionCreated, attempt, 500, Some(delay)));
    }
    assert_eq!(observed[again], (SessionCreated, u32::try_from(again).unwrap() + 1, 200, None));
    assert!(pending.get() <= 5, "only the events about orders are left");
}

#[tokio::test]
async fn an_unreachable_endpoint_is_retried() {
    // Nothing listens on a port that was just closed.
    let address = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (emulator, create) = emulator_with_device();
    let session = create();
    pay(&emulator, session);
    let observed = Rc::new(RefCell::new(Vec::new()));
    let attempts = Rc::clone(&observed);
    let callbacks = callbacks(&format!("http://{address}/")).with_observer(move |event, _, recorded| {
        assert_eq!(event.kind, SessionCreated, "a later event was sent first");
        attempts.borrow_mut().push((recorded.status, recorded.error.clone()));
    });
    let pending = callbacks.pending_count();
    deliver_until(callbacks, emulator.events(), || observed.borrow().len() >= 5).await;
    let expected = (None, Some("127.0.0.1 refused the connection".to_owned()));
    assert!(observed.borrow().iter().all(|outcome| *outcome == expected));
    assert_eq!(pending.get(), 5);
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_not_an_acknowledgment() {
    let (url, inbox) = endpoint(|_, count| if count < 3 { 307 } else { 299 }).await;
    let (emulator, create) = emulator_with_device();
    let session = create();
    deliver_until(callbacks(&url), emulator.events(), || inbox.lock().unwrap().len() == 3).await;
    assert_eq!(kinds(&inbox, session), [SessionCreated, SessionCreated, SessionCreated]);
}

#[tokio::test]
async fn after_a_stop_all_events_are_still_delivered() {
    let (url, inbox) = endpoint(|_, count| if count == 2 { 503 } else { 200 }).await;
    let (emulator, create) = emulator_with_device();
    let session = create();
    pay(&emulator, session);
    let callbacks = callbacks(&url);
    let pending = callbacks.pending_count();
    let stop = std::future::ready(());
    tokio::time::timeout(Duration::from_secs(60), callbacks.deliver(emulator.events(), stop)).await.unwrap();
    assert_eq!(
        kinds(&inbox, session),
        [SessionCreated, SessionActivated, SessionActivated, SessionFinalized]
    );
    assert_eq!((pending.get(), emulator.events().drain()), (0, vec![]));
}
