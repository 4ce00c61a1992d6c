//! Refunds of an order, and orders of early versions. `tests/emulator/orders.rs` tests the operations over HTTP.

use proptest::prelude::*;

use super::*;
use crate::emulator::state::invariant_tests::{TestClock, open_session};

/// A paid order of 200.00 SEK.
fn paid() -> (State, TestClock, Uuid) {
    let (mut state, mut clock, _, session) = open_session();
    let paid = state.simulate_tap(session, crate::model::TapOutcome::Success, &mut clock.context()).unwrap();
    (state, clock, paid.order_id.unwrap().parse().unwrap())
}

fn amount(amount: i64) -> NewMovement {
    NewMovement { amount, ..NewMovement::default() }
}

fn refund(
    state: &mut State,
    clock: &mut TestClock,
    order: Uuid,
    minor: i64,
    key: Option<&str>,
) -> Result<OrderChange, (u16, Option<&'static str>)> {
    let operation = OrderOperation::Refund(amount(minor));
    let change = state.change_order(order, operation, key, &mut clock.context());
    change.map_err(|rejection| (rejection.status.as_u16(), rejection.code))
}

#[test]
fn a_key_refunds_once_and_what_is_left_is_the_limit() {
    let (mut state, mut clock, id) = paid();
    let total = state.order(id, clock.now).unwrap().captured_amount.unwrap();
    let first = refund(&mut state, &mut clock, id, 100, Some("a")).unwrap();
    assert_eq!(refund(&mut state, &mut clock, id, 5, Some("a")), Ok(first), "only the key counts");
    let release = state.change_order(id, OrderOperation::Release, Some("a"), &mut clock.context());
    assert_eq!(release.unwrap_err().code, Some("NOT_ALLOWED"), "the key of a refund is new to a release");
    assert_eq!(state.order(id, clock.now).unwrap().refunded_amount, Some(100));
    let before = state.clone();
    let refused = Err((403, Some("REFUND_NOT_ALLOWED")));
    assert_eq!(refund(&mut state, &mut clock, id, total - 99, Some("b")), refused);
    assert_eq!(state, before, "a refusal changes nothing");
    assert!(refund(&mut state, &mut clock, id, total - 100, Some("b")).is_ok());
    assert_eq!(state.order(id, clock.now).unwrap().status, Some(OrderStatus::Closed));
    assert_eq!(refund(&mut state, &mut clock, id, 0, None), refused);
    clock.advance(state.options.idempotency_memory);
    assert_eq!(refund(&mut state, &mut clock, id, 1, Some("a")), refused, "the key is forgotten");
}

#[test]
fn a_state_of_an_early_version_gets_its_orders() {
    let (state, clock, id) = paid();
    let mut early: serde_json::Value = serde_json::from_slice(&state.write()).unwrap();
    early.as_object_mut().unwrap().remove("orders");
    let read = State::read(early.to_string().as_bytes()).unwrap();
    let order = read.order(id, clock.now).unwrap();
    assert_eq!((order.status, order.captured_amount), (Some(OrderStatus::Captured), order.order_amount));
    assert_eq!(State::read(&state.write()).unwrap(), state);
}

proptest! {
    #[test]
    fn refunds_never_exceed_what_was_captured(amounts in proptest::collection::vec((0_i64..30_000, 0_u8..4), 0..40)) {
        let (mut state, mut clock, id) = paid();
        for (minor, key) in amounts {
            let key = key.to_string();
            let _ = refund(&mut state, &mut clock, id, minor, (key != "0").then_some(&key));
            let order = state.order(id, clock.now).unwrap();
            prop_assert!(order.refunded_amount <= order.captured_amount);
            let sum: i64 = order.refunds.iter().filter_map(|refund| refund.refunded_amount).sum();
            prop_assert_eq!(Some(sum), order.refunded_amount);
        }
    }
}
