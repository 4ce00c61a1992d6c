//! Actions on a phone, one by one. `invariant_tests.rs` tests sequences of them, and `tests/emulator/pos.rs` the routes.

use jiff::SignedDuration;

use super::*;
use crate::emulator::state::CancelEnded;
use crate::emulator::state::invariant_tests::{TestClock, open_session, status};
use crate::model::SessionStatus;

type Action = fn(&mut State, Uuid, &mut OpContext<'_>) -> Result<Session, Rejection>;

const ALL_ACTIONS: [Action; 5] = [
    |state, id, context| state.choose_method(id, PaymentMethod::Swish, context).map(|paid| paid.session),
    |state, id, context| state.pay(id, None, context).map(|paid| paid.session),
    |state, id, context| state.decline(id, TapOutcome::LostCard, context).map(|paid| paid.session),
    |state, id, context| state.cancel_on_phone(id, context).map(|paid| paid.session),
    |state, id, context| state.simulate_tap(id, TapOutcome::Success, context),
];

#[test]
fn a_payment_finalizes_with_an_order() {
    for is_tap in [false, true] {
        let (mut state, mut clock, _, id) = open_session();
        clock.advance(SignedDuration::from_secs(3));
        let paid = if is_tap {
            state.simulate_tap(id, TapOutcome::Success, &mut clock.context()).unwrap()
        } else {
            state.pay(id, None, &mut clock.context()).unwrap().session
        };
        assert!(paid.order_id.is_some());
        assert_eq!(paid.purchase_completed_at, Some(clock.now));
        // An order does not expire with the session.
        clock.advance(state.options.session_lifetime);
        assert_eq!(state.session(id, clock.now), Ok(paid));
    }
}

#[test]
fn a_payment_uses_its_method_or_the_chosen_one_or_a_card() {
    use PaymentMethod::{Card, Klarna, Swish};
    for (chosen, requested, expected) in [
        (vec![], None, Card),
        (vec![], Some(Swish), Swish),
        (vec![Klarna], None, Klarna),
        (vec![Swish, Klarna], None, Klarna),
        (vec![Klarna], Some(Swish), Swish),
    ] {
        let (mut state, mut clock, _, id) = open_session();
        for method in &chosen {
            let active = state.choose_method(id, *method, &mut clock.context()).unwrap();
            assert_eq!((active.session.status, active.method), (Some(SessionStatus::Active), Some(*method)));
        }
        let paid = state.pay(id, requested, &mut clock.context()).unwrap();
        assert_eq!(paid.method, Some(expected), "{chosen:?}, {requested:?}");
    }
    let (mut state, mut clock, _, id) = open_session();
    state.choose_method(id, Swish, &mut clock.context()).unwrap();
    state.simulate_tap(id, TapOutcome::LostCard, &mut clock.context()).unwrap();
    let paid = state.pay(id, None, &mut clock.context()).unwrap();
    assert_eq!(paid.method, Some(Card), "a tap always uses a card");
}

#[test]
fn a_decline_leaves_the_session_where_the_option_says() {
    for (after_decline, expected, method) in [
        (AfterDecline::Active, SessionStatus::Active, Some(PaymentMethod::Vipps)),
        (AfterDecline::Created, SessionStatus::Created, None),
        (AfterDecline::Failed, SessionStatus::Failed, Some(PaymentMethod::Vipps)),
    ] {
        for outcome in TapOutcome::ALL.into_iter().filter(|outcome| *outcome != TapOutcome::Success) {
            let (mut state, mut clock, _, id) = open_session();
            state.options.status_after_decline = after_decline;
            state.choose_method(id, PaymentMethod::Vipps, &mut clock.context()).unwrap();
            let mut tapped = state.clone();
            let declined = state.decline(id, outcome, &mut clock.context()).unwrap();
            assert_eq!((&declined.session.order_id, declined.method), (&None, method));
            assert_eq!(declined.session.status, Some(expected.clone()));
            let tap = tapped.simulate_tap(id, outcome, &mut clock.context());
            assert_eq!(tap, Ok(declined.session), "a declined tap has the same result as a decline");
            let again = state.pay(id, None, &mut clock.context()).map(|paid| paid.session);
            let expected = if expected.is_terminal() { Err(409) } else { Ok(SessionStatus::Finalized) };
            assert_eq!(status(again), expected);
        }
    }
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
            let (mut state, mut clock, _, id) = open_session();
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
        let (mut state, mut clock, device, id) = open_session();
        state.set_offline(device, true).unwrap();
        assert_eq!(status(action(&mut state, id, &mut clock.context())), Err(409));
        state.set_offline(device, false).unwrap();
        assert!(action(&mut state.clone(), id, &mut clock.context()).is_ok());
        state.deregister_device(device).unwrap();
        assert_eq!(status(action(&mut state, id, &mut clock.context())), Err(409));
        // The session outlives its device.
        assert_eq!(status(state.cancel_session(id, &mut clock.context())), Ok(SessionStatus::Cancelled));
    }
}
