//! The events of each action. `invariant_tests.rs` tests sequences of them.

use std::mem::take;

use jiff::SignedDuration;

use super::*;
use crate::emulator::events::{EventQueue, MAX_QUEUED_EVENTS};
use crate::emulator::state::invariant_tests::{TestClock, open_session};
use crate::emulator::state::{AfterDecline, CancelEnded, State};
use crate::model::PaymentMethod::{Card, Swish};

use CallbackType::{
    CaptureCreated, OrderCreated, PaymentFailed, SessionActivated, SessionCancelled, SessionCreated,
    SessionFinalized,
};

/// A session whose creation event was consumed.
fn open() -> (State, TestClock, Uuid) {
    let (state, mut clock, _, session) = open_session();
    assert_eq!(kinds(&mut clock), [SessionCreated], "devices have no events");
    (state, clock, session)
}

fn kinds(clock: &mut TestClock) -> Vec<CallbackType> {
    take(&mut clock.events).into_iter().map(|event| event.kind).collect()
}

#[test]
fn a_payment_event_has_its_order_and_follows_the_activation() {
    for chosen in [false, true] {
        let (mut state, mut clock, id) = open();
        if chosen {
            state.choose_method(id, Card, &mut clock.context()).unwrap();
            state.choose_method(id, Swish, &mut clock.context()).unwrap();
            assert_eq!(kinds(&mut clock), [SessionActivated], "only the first choice has an event");
        }
        clock.advance(SignedDuration::from_nanos(1_500_000_001));
        let paid = state.simulate_tap(id, TapOutcome::Success, &mut clock.context()).unwrap();
        let mut events = take(&mut clock.events);
        let captured = events.pop().unwrap();
        let ordered = events.pop().unwrap();
        assert_eq!((ordered.kind.clone(), captured.kind), (OrderCreated, CaptureCreated));
        let data = serde_json::to_value(ordered.to_callback().data).unwrap();
        assert_eq!(data, serde_json::json!({"order_id": paid.order_id}), "it names no session");
        let finalized = events.pop().unwrap();
        let Event { id: event, at: when, kind, session_id, order_id, failure_reason, .. } = finalized;
        assert_eq!((kind, session_id, when, failure_reason), (SessionFinalized, id, clock.now, None));
        assert_eq!(order_id.map(|id| id.to_string()), paid.order_id);
        assert_ne!(Some(event), order_id);
        let before: Vec<_> = events.into_iter().map(|event| (event.kind, event.order_id)).collect();
        assert_eq!(before, if chosen { vec![] } else { vec![(SessionActivated, None)] });
    }
}

#[test]
fn a_decline_event_has_its_reason() {
    for (after_decline, again) in [
        (AfterDecline::Active, vec![SessionFinalized, OrderCreated, CaptureCreated]),
        // The clerk chooses again.
        (AfterDecline::Created, vec![SessionActivated, SessionFinalized, OrderCreated, CaptureCreated]),
        // There is no event type for FAILED.
        (AfterDecline::Failed, vec![]),
    ] {
        let (mut state, mut clock, id) = open();
        state.options.status_after_decline = after_decline;
        state.decline(id, TapOutcome::InsufficientFunds, &mut clock.context()).unwrap();
        let events: Vec<_> =
            take(&mut clock.events).into_iter().map(|event| (event.kind, event.failure_reason)).collect();
        let failed = (PaymentFailed, Some(TapOutcome::InsufficientFunds));
        assert_eq!(events, [(SessionActivated, None), failed]);
        assert_eq!(state.pay(id, None, &mut clock.context()).is_ok(), !again.is_empty());
        assert_eq!(kinds(&mut clock), again);
    }
}

#[test]
fn a_cancellation_has_one_event_and_an_expiry_or_a_rejection_none() {
    for on_phone in [false, true] {
        let (mut state, mut clock, id) = open();
        state.options.cancel_ended = CancelEnded::Answer;
        if on_phone {
            state.cancel_on_phone(id, &mut clock.context()).unwrap();
        } else {
            state.cancel_session(id, &mut clock.context()).unwrap();
        }
        assert_eq!(kinds(&mut clock), [SessionCancelled]);
        state.cancel_session(id, &mut clock.context()).unwrap();
        assert_eq!(kinds(&mut clock), [], "nothing happened");
    }
    let (mut state, mut clock, id) = open();
    clock.advance(state.options.session_lifetime);
    assert!(state.cancel_session(id, &mut clock.context()).is_err());
    assert!(state.pay(id, None, &mut clock.context()).is_err());
    assert!(state.choose_method(id, Card, &mut clock.context()).is_err());
    assert!(state.simulate_tap(id, TapOutcome::LostCard, &mut clock.context()).is_err());
    assert_eq!(kinds(&mut clock), []);
}

#[test]
fn the_body_is_the_documented_one() {
    let event = Event {
        id: Uuid::from_u128(0xe),
        at: "2026-11-22T10:00:00.5Z".parse().unwrap(),
        kind: PaymentFailed,
        session_id: Uuid::from_u128(1),
        order_id: None,
        failure_reason: Some(TapOutcome::LostCard),
        capture_id: None,
        refund_id: None,
    };
    assert_eq!(
        serde_json::to_value(event.to_callback()).unwrap(),
        serde_json::json!({
            "id": "kevt_0000000000000000000000000000000e",
            "merchant_id": "EMULATED",
            "timestamp": "2026-11-22T10:00:00.500000000Z",
            "type": "ipp.payment.failed",
            "data": {
                "session_id": "00000000-0000-0000-0000-000000000001",
                "order_id": null,
                "failure_reason": "LOST_CARD",
            },
        })
    );
}

#[test]
fn without_a_consumer_the_newest_events_are_kept() {
    let (mut state, mut clock, device, _) = open_session();
    let sessions: Vec<_> = (0..MAX_QUEUED_EVENTS + 3).map(|_| clock.session(&mut state, device)).collect();
    let queue = EventQueue::default();
    queue.add(clock.events);
    let events: Vec<_> = queue.drain().into_iter().map(|event| event.session_id).collect();
    assert_eq!(events, sessions[3..]);
}
