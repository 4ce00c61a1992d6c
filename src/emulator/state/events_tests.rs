//! The events of each action. `invariant_tests.rs` tests sequences of them.

use std::mem::take;

use super::*;
use crate::emulator::events::{EventQueue, MAX_QUEUED_EVENTS};
use crate::emulator::state::invariant_tests::{TestClock, open_session};
use crate::emulator::state::{AfterDecline, State};
use crate::model::PaymentMethod::{Card, Swish};

use CallbackType::{
    CaptureCreated, OrderCreated, PaymentFailed, SessionActivated, SessionCreated, SessionFinalized,
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
fn only_the_first_choice_of_a_method_is_an_activation() {
    let (mut state, mut clock, id) = open();
    for (method, events) in [(Card, vec![SessionActivated]), (Swish, vec![])] {
        state.choose_method(id, method, &mut clock.context()).unwrap();
        assert_eq!(kinds(&mut clock), events);
    }
    state.simulate_tap(id, TapOutcome::Success, &mut clock.context()).unwrap();
    assert_eq!(kinds(&mut clock), [SessionFinalized, OrderCreated, CaptureCreated]);
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
fn without_a_consumer_the_newest_events_are_kept() {
    let (mut state, mut clock, device, _) = open_session();
    let sessions: Vec<_> = (0..MAX_QUEUED_EVENTS + 3).map(|_| clock.session(&mut state, device)).collect();
    let queue = EventQueue::default();
    queue.add(clock.events);
    let events: Vec<_> = queue.drain().into_iter().map(|event| event.session_id).collect();
    assert_eq!(events, sessions[3..]);
}
