//! Actions on a phone, one by one. `invariant_tests.rs` tests sequences of them, and `tests/emulator/pos.rs` the routes.

use super::*;
use crate::emulator::state::invariant_tests::{open_session, status};
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
