use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::emulator::state::invariant_tests::{TestClock, open_session};
use crate::emulator::state::{PayoutFilter, TransactionFilter};
use crate::model::TransactionType;

/// A paid order of 200.00 SEK.
fn paid(options: impl FnOnce(&mut State)) -> (State, TestClock, Uuid) {
    let (mut state, mut clock, _, session) = open_session();
    options(&mut state);
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
fn a_paid_session_has_a_captured_order() {
    let (state, clock, id) = paid(|_| {});
    let order = state.order(id, clock.now).unwrap();
    assert_eq!(order.status, Some(OrderStatus::Captured));
    assert_eq!(order.captured_amount, order.order_amount);
    assert_eq!((order.refunded_amount, order.captures.len()), (Some(0), 1));
    assert_eq!(state.order(Uuid::nil(), clock.now).unwrap_err().code, Some("NO_SUCH_ORDER"));
}

#[test]
fn a_key_refunds_once_and_what_is_left_is_the_limit() {
    let (mut state, mut clock, id) = paid(|_| {});
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
fn captures_cancellations_and_releases_depend_on_what_is_captured() {
    let change = |state: &mut State, clock: &mut TestClock, id, operation| {
        let change = state.change_order(id, operation, None, &mut clock.context());
        change.map(|_| ()).map_err(|rejection| (rejection.status.as_u16(), rejection.code.unwrap()))
    };
    let (mut state, mut clock, id) = paid(|_| {});
    for (operation, code) in [
        (OrderOperation::Capture(amount(1)), "CAPTURE_NOT_ALLOWED"),
        (OrderOperation::Cancel, "CANCEL_NOT_ALLOWED"),
        (OrderOperation::Release, "NOT_ALLOWED"),
    ] {
        assert_eq!(change(&mut state, &mut clock, id, operation), Err((403, code)));
    }
    let (mut state, mut clock, id) = paid(|state| state.options.order_capture = OrderCapture::Manual);
    let status = |state: &State, clock: &TestClock| state.order(id, clock.now).unwrap().status.unwrap();
    assert_eq!(status(&state, &clock), OrderStatus::Authorized);
    assert_eq!(refund(&mut state, &mut clock, id, 1, None), Err((403, Some("REFUND_NOT_ALLOWED"))));
    let mut cancelled = state.clone();
    assert_eq!(change(&mut cancelled, &mut clock, id, OrderOperation::Cancel), Ok(()));
    assert_eq!(status(&cancelled, &clock), OrderStatus::Cancelled);
    assert_eq!(change(&mut state, &mut clock, id, OrderOperation::Capture(amount(100))), Ok(()));
    assert_eq!(status(&state, &clock), OrderStatus::PartCaptured);
    assert_eq!(change(&mut state, &mut clock, id, OrderOperation::Release), Ok(()));
    assert_eq!(status(&state, &clock), OrderStatus::Captured);
}

#[test]
fn a_sale_is_paid_out_after_the_delay() {
    let (mut state, mut clock, id) = paid(|_| {});
    refund(&mut state, &mut clock, id, 100, None).unwrap();
    let (payouts, transactions) = (PayoutFilter::default(), TransactionFilter::default());
    assert_eq!(state.list_payouts(&payouts, clock.now), []);
    assert_eq!(state.list_transactions(&transactions, clock.now), []);
    clock.advance(state.options.payout_delay + SignedDuration::from_hours(24));
    let paid_out = state.list_payouts(&payouts, clock.now);
    assert_eq!(paid_out.len(), 1);
    let totals = paid_out[0].totals.clone().unwrap();
    let [sale, returned, fee, settled] =
        [totals.sale_amount, totals.return_amount, totals.fee_amount, totals.settlement_amount]
            .map(Option::unwrap);
    assert_eq!((returned, fee, settled), (100, sale / 100, sale - 100 - sale / 100));
    let kinds: Vec<_> = state
        .list_transactions(&transactions, clock.now)
        .into_iter()
        .map(|entry| entry.kind.unwrap())
        .collect();
    assert_eq!(kinds, [TransactionType::Sale, TransactionType::Fee, TransactionType::Return]);
    let reference = paid_out[0].payment_reference.clone().unwrap();
    assert_eq!(state.payout(&reference, clock.now).as_ref(), Ok(&paid_out[0]));
    assert_eq!(state.payout("x", clock.now).unwrap_err().status, 404);
}

#[test]
fn a_state_of_an_early_version_gets_its_orders() {
    let (state, clock, id) = paid(|_| {});
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
        let (mut state, mut clock, id) = paid(|_| {});
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
