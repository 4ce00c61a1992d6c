//! Actions on a phone, one by one. `invariant_tests.rs` tests sequences of them.

use jiff::SignedDuration;

use super::*;
use crate::emulator::state::CancelEnded;
use crate::emulator::state::invariant_tests::TestClock;
use crate::model::SessionStatus;

/// A device with one open session.
fn open() -> (State, TestClock, Uuid, Uuid) {
    let (mut state, mut clock) = (State::seed(), TestClock::start());
    let device = clock.device(&mut state);
    let session = clock.session(&mut state, device);
    (state, clock, device, session)
}

type Action = fn(&mut State, Uuid, &mut OpContext<'_>) -> Result<Session, Rejection>;

const ALL_ACTIONS: [Action; 5] = [
    |state, id, context| state.choose_method(id, PaymentMethod::Swish, context).map(|paid| paid.session),
    |state, id, context| state.pay(id, None, context).map(|paid| paid.session),
    |state, id, context| state.decline(id, TapOutcome::LostCard, context).map(|paid| paid.session),
    |state, id, context| state.cancel_on_phone(id, context).map(|paid| paid.session),
    |state, id, context| state.simulate_tap(id, TapOutcome::Success, context),
];

fn status(session: Result<Session, Rejection>) -> Result<SessionStatus, u16> {
    session.map(|session| session.status.unwrap()).map_err(|rejection| rejection.status.as_u16())
}

fn status_and_method(result: Result<PosSession, Rejection>) -> (SessionStatus, Option<PaymentMethod>) {
    let PosSession { session, method } = result.unwrap();
    (session.status.unwrap(), method)
}

fn declines() -> impl Iterator<Item = TapOutcome> {
    TapOutcome::ALL.into_iter().filter(|outcome| *outcome != TapOutcome::Success)
}

#[test]
fn a_payment_finalizes_with_an_order() {
    for tapped in [false, true] {
        let (mut state, mut clock, _, id) = open();
        clock.advance(SignedDuration::from_secs(3));
        let paid = if tapped {
            state.simulate_tap(id, TapOutcome::Success, &mut clock.context()).unwrap()
        } else {
            state.pay(id, None, &mut clock.context()).unwrap().session
        };
        assert_eq!(paid.status, Some(SessionStatus::Finalized));
        assert!(paid.order_id.is_some());
        assert_eq!(paid.purchase_completed_at, Some(clock.now));
        // An order does not expire with the session.
        clock.advance(state.options.session_lifetime);
        assert_eq!(state.session(id, clock.now), Ok(paid));
    }
}

#[test]
fn choosing_a_method_makes_a_session_active_and_choosing_again_replaces_it() {
    let (mut state, mut clock, _, id) = open();
    for method in PaymentMethod::ALL {
        let chosen = state.choose_method(id, method, &mut clock.context());
        assert_eq!(status_and_method(chosen), (SessionStatus::Active, Some(method)));
    }
    assert_eq!(status(state.session(id, clock.now)), Ok(SessionStatus::Active));
}

#[test]
fn a_payment_uses_its_method_or_the_chosen_one_or_a_card() {
    use PaymentMethod::{Card, Klarna, Swish};
    for (chosen, requested, expected) in [
        (None, None, Card),
        (None, Some(Swish), Swish),
        (Some(Klarna), None, Klarna),
        (Some(Klarna), Some(Swish), Swish),
    ] {
        let (mut state, mut clock, _, id) = open();
        if let Some(method) = chosen {
            state.choose_method(id, method, &mut clock.context()).unwrap();
        }
        let paid = state.pay(id, requested, &mut clock.context());
        assert_eq!(
            status_and_method(paid),
            (SessionStatus::Finalized, Some(expected)),
            "{chosen:?}, {requested:?}"
        );
    }
}

#[test]
fn a_tap_always_uses_a_card() {
    let (mut state, mut clock, _, id) = open();
    state.choose_method(id, PaymentMethod::Swish, &mut clock.context()).unwrap();
    state.simulate_tap(id, TapOutcome::LostCard, &mut clock.context()).unwrap();
    assert_eq!(status_and_method(state.pay(id, None, &mut clock.context())).1, Some(PaymentMethod::Card));
}

#[test]
fn a_decline_leaves_the_session_where_the_option_says() {
    for (after_decline, expected, method) in [
        (AfterDecline::Active, SessionStatus::Active, Some(PaymentMethod::Vipps)),
        (AfterDecline::Created, SessionStatus::Created, None),
        (AfterDecline::Failed, SessionStatus::Failed, Some(PaymentMethod::Vipps)),
    ] {
        for outcome in declines() {
            let (mut state, mut clock, _, id) = open();
            state.options.status_after_decline = after_decline;
            state.choose_method(id, PaymentMethod::Vipps, &mut clock.context()).unwrap();
            let mut tapped = state.clone();
            let declined = state.decline(id, outcome, &mut clock.context()).unwrap();
            assert_eq!((&declined.session.order_id, declined.method), (&None, method));
            assert_eq!(declined.session.status, Some(expected.clone()));
            let tap = tapped.simulate_tap(id, outcome, &mut clock.context());
            assert_eq!(tap, Ok(declined.session), "a declined tap has the same result as a decline");
            let again = state.pay(id, None, &mut clock.context()).map(|paid| paid.session);
            let may_try_again = !expected.is_terminal();
            assert_eq!(status(again), if may_try_again { Ok(SessionStatus::Finalized) } else { Err(409) });
        }
    }
}

#[test]
fn a_success_is_not_a_decline() {
    let (mut state, mut clock, _, id) = open();
    let rejection = state.decline(id, TapOutcome::Success, &mut clock.context()).unwrap_err();
    assert_eq!((rejection.status.as_u16(), rejection.errors.message("outcome").is_some()), (400, true));
    assert_eq!(status(state.session(id, clock.now)), Ok(SessionStatus::Created));
}

#[test]
fn the_clerk_can_cancel_before_and_after_a_method_is_chosen() {
    let (mut state, mut clock, device, id) = open();
    assert_eq!(
        status_and_method(state.cancel_on_phone(id, &mut clock.context())),
        (SessionStatus::Cancelled, None)
    );
    let id = clock.session(&mut state, device);
    state.choose_method(id, PaymentMethod::Swish, &mut clock.context()).unwrap();
    let cancelled = state.cancel_on_phone(id, &mut clock.context());
    assert_eq!(status_and_method(cancelled), (SessionStatus::Cancelled, Some(PaymentMethod::Swish)));
}

/// The option `cancel_ended` does not apply to phones.
#[test]
fn an_ended_session_rejects_all_actions() {
    for action in ALL_ACTIONS {
        let endings: [fn(&mut State, Uuid, &mut TestClock); 3] = [
            |state, id, clock| drop(state.pay(id, None, &mut clock.context()).unwrap()),
            |state, id, clock| drop(state.cancel_session(id, &mut clock.context()).unwrap()),
            |state, _, clock| clock.advance(state.options.session_lifetime),
        ];
        for end in endings {
            let (mut state, mut clock, _, id) = open();
            state.options.cancel_ended = CancelEnded::Answer;
            end(&mut state, id, &mut clock);
            let before = state.clone();
            assert_eq!(status(action(&mut state, id, &mut clock.context())), Err(409));
            assert_eq!(state, before);
        }
    }
}

#[test]
fn an_offline_or_deregistered_phone_rejects_all_actions() {
    for action in ALL_ACTIONS {
        let (mut state, mut clock, device, id) = open();
        state.set_offline(device, true).unwrap();
        assert_eq!(status(action(&mut state, id, &mut clock.context())), Err(409));
        state.set_offline(device, false).unwrap();
        assert!(action(&mut state.clone(), id, &mut clock.context()).is_ok());
        state.deregister_device(device).unwrap();
        assert_eq!(status(action(&mut state, id, &mut clock.context())), Err(409));
        assert_eq!(status(state.session(id, clock.now)), Ok(SessionStatus::Created));
    }
}

#[test]
fn an_unknown_session_is_404() {
    for action in ALL_ACTIONS {
        let (mut state, mut clock, ..) = open();
        assert_eq!(status(action(&mut state, Uuid::nil(), &mut clock.context())), Err(404));
    }
}

/// State files of early versions have no methods.
#[test]
fn a_state_without_methods_is_read() {
    let (mut state, mut clock, _, id) = open();
    state.choose_method(id, PaymentMethod::Swish, &mut clock.context()).unwrap();
    let mut file: serde_json::Value = serde_json::from_slice(&state.write()).unwrap();
    let method = file["sessions"][0].as_object_mut().unwrap().remove("method");
    assert_eq!(method, Some("SWISH".into()));
    let mut old = State::read(file.to_string().as_bytes()).unwrap();
    assert_eq!(old.session(id, clock.now), state.session(id, clock.now));
    let paid = old.pay(id, None, &mut clock.context());
    assert_eq!(status_and_method(paid), (SessionStatus::Finalized, Some(PaymentMethod::Card)));
}
