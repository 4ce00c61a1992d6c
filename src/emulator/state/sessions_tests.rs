//! Operations on sessions, one by one. `invariant_tests.rs` tests sequences of them.

use jiff::SignedDuration;

use super::*;
use crate::emulator::state::invariant_tests::{TestClock, purchase};
use crate::emulator::state::{GOTHENBURG, STOCKHOLM};
use crate::model::TapOutcome;

/// A device in Stockholm with one open session.
fn open() -> (State, TestClock, Uuid, Uuid) {
    let (mut state, mut clock) = (State::seed(), TestClock::start());
    let device = clock.device(&mut state);
    let session = clock.session(&mut state, device);
    (state, clock, device, session)
}

fn new(device_id: Uuid) -> NewSession {
    NewSession { device_id, location_id: None, purchase: purchase(24_950) }
}

fn status(session: Result<Session, Rejection>) -> Result<SessionStatus, u16> {
    session.map(|session| session.status.unwrap()).map_err(|rejection| rejection.status.as_u16())
}

#[test]
fn a_new_session_has_the_requested_values() {
    let (mut state, mut clock) = (State::seed(), TestClock::start());
    let device_id = clock.device(&mut state);
    let requested = Purchase { merchant_reference1: Some("order 1".into()), ..purchase(24_950) };
    let session =
        state.create_session(NewSession { purchase: requested, ..new(device_id) }, &mut clock.context());
    let session = session.unwrap();
    assert_eq!(session.status, Some(SessionStatus::Created));
    assert_eq!((session.order_amount, session.purchase_currency.as_deref()), (Some(24_950), Some("SEK")));
    assert_eq!(session.merchant_reference1.as_deref(), Some("order 1"));
    assert_eq!((session.order_id.clone(), session.purchase_completed_at), (None, None));
    let id = session.session_id.as_ref().unwrap().parse().unwrap();
    assert_eq!(state.session(id, clock.now), Ok(session));
}

#[test]
fn an_unknown_or_offline_device_or_a_different_location_is_rejected() {
    let (mut state, mut clock, device, _) = open();
    let before = state.clone();
    assert_eq!(status(state.create_session(new(Uuid::nil()), &mut clock.context())), Err(404));
    let at_location = |location_id| NewSession { location_id: Some(location_id), ..new(device) };
    assert_eq!(status(state.create_session(at_location(GOTHENBURG), &mut clock.context())), Err(404));
    let rejection = state.create_session(at_location(Uuid::nil()), &mut clock.context()).unwrap_err();
    assert_eq!((rejection.status.as_u16(), rejection.errors.message("location_id").is_some()), (404, true));
    assert_eq!(state, before);
    assert!(state.create_session(at_location(STOCKHOLM), &mut clock.context()).is_ok());
    state.set_offline(device, true).unwrap();
    assert_eq!(status(state.create_session(new(device), &mut clock.context())), Err(409));
}

#[test]
fn sums_are_checked_if_the_option_is_set() {
    let (mut state, mut clock, device_id, _) = open();
    let mut requested = new(device_id);
    requested.purchase.order_items = vec![OrderItem {
        unit_price: Some(1),
        total_amount: Some(1),
        total_tax_amount: Some(0),
        ..OrderItem::default()
    }];
    assert_eq!(status(state.create_session(requested.clone(), &mut clock.context())), Err(400));
    state.options.strict_sums = false;
    assert_eq!(status(state.create_session(requested, &mut clock.context())), Ok(SessionStatus::Created));
}

#[test]
fn a_device_can_have_several_open_sessions_unless_the_option_is_set() {
    let (mut state, mut clock, device, session) = open();
    assert!(state.create_session(new(device), &mut clock.context()).is_ok());
    state.options.one_open_session_per_device = true;
    assert_eq!(status(state.create_session(new(device), &mut clock.context())), Err(409));
    let other = clock.device(&mut state);
    assert!(state.create_session(new(other), &mut clock.context()).is_ok());
    // Cancelled and expired sessions do not count.
    state.cancel_session(session, &mut clock.context()).unwrap();
    assert_eq!(status(state.create_session(new(device), &mut clock.context())), Err(409));
    clock.advance(state.options.session_lifetime);
    assert!(state.create_session(new(device), &mut clock.context()).is_ok());
}

#[test]
fn cancelling_an_ended_session_depends_on_the_option() {
    let (mut state, mut clock, _, id) = open();
    assert_eq!(status(state.cancel_session(id, &mut clock.context())), Ok(SessionStatus::Cancelled));
    assert_eq!(status(state.cancel_session(id, &mut clock.context())), Err(409));
    state.options.cancel_ended = CancelEnded::Answer;
    assert_eq!(status(state.cancel_session(id, &mut clock.context())), Ok(SessionStatus::Cancelled));
    // A payment must not become a cancellation.
    let (mut state, mut clock, _, id) = open();
    state.options.cancel_ended = CancelEnded::Answer;
    state.simulate_tap(id, TapOutcome::Success, &mut clock.context()).unwrap();
    assert_eq!(status(state.cancel_session(id, &mut clock.context())), Ok(SessionStatus::Finalized));
}

#[test]
fn an_open_session_expires_by_the_clock_alone() {
    let (mut state, mut clock, _, id) = open();
    let before = state.clone();
    clock.advance(SignedDuration::from_mins(15) - SignedDuration::from_nanos(1));
    assert_eq!(status(state.session(id, clock.now)), Ok(SessionStatus::Created));
    clock.advance(SignedDuration::from_nanos(1));
    assert_eq!(status(state.session(id, clock.now)), Ok(SessionStatus::Expired));
    assert_eq!(status(state.simulate_tap(id, TapOutcome::Success, &mut clock.context())), Err(409));
    assert_eq!(status(state.cancel_session(id, &mut clock.context())), Err(409));
    assert_eq!(state, before);
}

#[test]
fn the_lifetime_is_an_option_and_choosing_a_method_does_not_extend_it() {
    let (mut state, mut clock) = (State::seed(), TestClock::start());
    state.options.session_lifetime = SignedDuration::from_secs(10);
    let device = clock.device(&mut state);
    let id = clock.session(&mut state, device);
    clock.advance(SignedDuration::from_secs(9));
    state.choose_method(id, PaymentMethod::Card, &mut clock.context()).unwrap();
    clock.advance(SignedDuration::from_secs(1));
    assert_eq!(status(state.session(id, clock.now)), Ok(SessionStatus::Expired));
}

#[test]
fn the_longest_lifetime_does_not_overflow() {
    let (mut state, mut clock) = (State::seed(), TestClock::start());
    let device = clock.device(&mut state);
    state.options.session_lifetime = SignedDuration::MAX;
    let id = clock.session(&mut state, device);
    assert_eq!(status(state.session(id, clock.now)), Ok(SessionStatus::Created));
    state.options.session_lifetime = SignedDuration::MIN;
    let id = clock.session(&mut state, device);
    assert_eq!(status(state.session(id, clock.now)), Ok(SessionStatus::Expired));
}

#[test]
fn a_session_outlives_its_device_but_cannot_be_paid() {
    let (mut state, mut clock, device, id) = open();
    state.deregister_device(device).unwrap();
    assert_eq!(status(state.session(id, clock.now)), Ok(SessionStatus::Created));
    assert_eq!(status(state.simulate_tap(id, TapOutcome::Success, &mut clock.context())), Err(409));
    assert_eq!(status(state.cancel_session(id, &mut clock.context())), Ok(SessionStatus::Cancelled));
}
