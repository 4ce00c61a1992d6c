//! Operations on sessions, one by one. `invariant_tests.rs` tests sequences of them, and `tests/emulator` the routes.

use jiff::SignedDuration;

use super::*;
use crate::emulator::state::invariant_tests::{TestClock, new_session, open_session, status};

#[test]
fn a_device_can_have_several_open_sessions_unless_the_option_is_set() {
    let (mut state, mut clock, device, session) = open_session();
    let create = |state: &mut State, clock: &mut TestClock, device| {
        status(state.create_session(new_session(device), &mut clock.context()))
    };
    assert!(create(&mut state, &mut clock, device).is_ok());
    state.options.one_open_session_per_device = true;
    assert_eq!(create(&mut state, &mut clock, device), Err(409));
    let other = clock.device(&mut state);
    assert!(create(&mut state, &mut clock, other).is_ok());
    // Canceled and expired sessions do not count.
    state.cancel_session(session, &mut clock.context()).unwrap();
    assert_eq!(create(&mut state, &mut clock, device), Err(409));
    clock.advance(state.options.session_lifetime);
    assert!(create(&mut state, &mut clock, device).is_ok());
}

/// Choosing a payment method does not extend the lifetime.
#[test]
fn an_open_session_expires_by_the_clock_alone() {
    let (mut state, mut clock, _, id) = open_session();
    state.choose_method(id, PaymentMethod::Card, &mut clock.context()).unwrap();
    let before = state.clone();
    clock.advance(SignedDuration::from_mins(15) - SignedDuration::from_nanos(1));
    assert_eq!(status(state.session(id, clock.now)), Ok(SessionStatus::Active));
    clock.advance(SignedDuration::from_nanos(1));
    assert_eq!(status(state.session(id, clock.now)), Ok(SessionStatus::Expired));
    assert_eq!(status(state.cancel_session(id, &mut clock.context())), Err(409));
    assert_eq!(state, before);
}

#[test]
fn the_lifetime_is_an_option_and_does_not_overflow() {
    let (mut state, mut clock, device, _) = open_session();
    for (lifetime, expected) in [
        (SignedDuration::MAX, SessionStatus::Created),
        (SignedDuration::from_secs(1), SessionStatus::Created),
        (SignedDuration::MIN, SessionStatus::Expired),
    ] {
        state.options.session_lifetime = lifetime;
        let id = clock.session(&mut state, device);
        assert_eq!(status(state.session(id, clock.now)), Ok(expected), "{lifetime}");
    }
}
