//! Invariants of any sequence of operations at any time, and the helpers that the tests of the state share.

use std::collections::{BTreeMap, BTreeSet};

use clap::ValueEnum as _;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::model::{CallbackType, Metadata, PaymentMethod, Platform, Session, SessionStatus, TapOutcome};

pub(super) struct TestClock {
    pub(super) now: Timestamp,
    pub(super) events: Vec<Event>,
    ids: Box<dyn FnMut() -> Uuid>,
}

impl TestClock {
    pub(super) fn start() -> Self {
        let mut count: u128 = 0;
        let ids = Box::new(move || {
            count += 1;
            Uuid::from_u128(count)
        });
        Self { now: Timestamp::from_second(1_800_000_000).unwrap(), events: Vec::new(), ids }
    }

    pub(super) fn context(&mut self) -> OpContext<'_> {
        OpContext { now: self.now, ids: &mut *self.ids, events: &mut self.events }
    }

    pub(super) fn advance(&mut self, duration: SignedDuration) {
        self.now += duration;
    }

    pub(super) fn device(&mut self, state: &mut State) -> Uuid {
        let device = state.create_simulated_device(simulated("Till 1"), &mut self.context()).unwrap();
        device.id.unwrap().parse().unwrap()
    }

    pub(super) fn session(&mut self, state: &mut State, device_id: Uuid) -> Uuid {
        let session = state.create_session(new_session(device_id), &mut self.context()).unwrap();
        session.session_id.unwrap().parse().unwrap()
    }
}

/// A device in Stockholm with one open session, and their IDs.
pub(super) fn open_session() -> (State, TestClock, Uuid, Uuid) {
    let (mut state, mut clock) = (State::seed(), TestClock::start());
    let device = clock.device(&mut state);
    let session = clock.session(&mut state, device);
    (state, clock, device, session)
}

pub(super) fn status(session: Result<Session, Rejection>) -> Result<SessionStatus, u16> {
    session.map(|session| session.status.unwrap()).map_err(|rejection| rejection.status.as_u16())
}

pub(in crate::emulator) fn new_session(device_id: Uuid) -> NewSession {
    NewSession { device_id, location_id: None, purchase: purchase(24_950) }
}

pub(in crate::emulator) fn simulated(name: &str) -> NewSimulatedDevice {
    NewSimulatedDevice { name: name.to_owned(), location_id: Some(STOCKHOLM), metadata: Metadata::new() }
}

pub(super) fn phone(name: &str) -> Phone {
    Phone { name: Some(name.to_owned()), platform: Platform::Android }
}

pub(super) fn purchase(order_amount: i64) -> Purchase {
    Purchase { order_amount, purchase_currency: "SEK".to_owned(), ..Purchase::default() }
}

/// An operation. The numbers select existing records.
#[derive(Debug, Clone)]
enum Operation {
    AdvanceClock(u32),
    CreateDevice,
    Deregister(usize),
    SetOffline(usize, bool),
    CreateSession(usize),
    Choose(usize, PaymentMethod),
    Pay(usize, Option<PaymentMethod>),
    Decline(usize, TapOutcome),
    CancelOnPhone(usize),
    Tap(usize, TapOutcome),
    Cancel(usize),
    CreateEnrollment(u32),
    UseCode(usize),
    DeleteEnrollment(usize),
}

fn operation() -> impl Strategy<Value = Operation> {
    let any_index = any::<usize>;
    let method = || proptest::sample::select(&PaymentMethod::ALL[..]);
    let outcome = || proptest::sample::select(&TapOutcome::ALL[..]);
    let maybe_method = proptest::option::of(method());
    prop_oneof![
        (0_u32..600).prop_map(Operation::AdvanceClock),
        Just(Operation::CreateDevice),
        any_index().prop_map(Operation::Deregister),
        (any_index(), any::<bool>()).prop_map(|(index, offline)| Operation::SetOffline(index, offline)),
        any_index().prop_map(Operation::CreateSession),
        (any_index(), method()).prop_map(|(index, method)| Operation::Choose(index, method)),
        (any_index(), maybe_method).prop_map(|(index, method)| Operation::Pay(index, method)),
        (any_index(), outcome()).prop_map(|(index, outcome)| Operation::Decline(index, outcome)),
        any_index().prop_map(Operation::CancelOnPhone),
        (any_index(), outcome()).prop_map(|(index, outcome)| Operation::Tap(index, outcome)),
        any_index().prop_map(Operation::Cancel),
        (1_u32..20_000_000).prop_map(Operation::CreateEnrollment),
        any_index().prop_map(Operation::UseCode),
        any_index().prop_map(Operation::DeleteEnrollment),
    ]
}

fn options() -> impl Strategy<Value = EmulatorOptions> {
    let after = proptest::sample::select(AfterDecline::value_variants());
    let cancel = proptest::sample::select(CancelEnded::value_variants());
    (after, cancel, any::<bool>()).prop_map(|(status_after_decline, cancel_ended, one)| EmulatorOptions {
        status_after_decline,
        cancel_ended,
        one_open_session_per_device: one,
        ..EmulatorOptions::default()
    })
}

/// Applies an operation to an existing record, or to an unknown one if there is none.
fn apply(operation: &Operation, state: &mut State, clock: &mut TestClock) -> Result<(), Rejection> {
    let pick = |ids: Vec<Uuid>, index: usize| match ids.len() {
        0 => Uuid::nil(),
        length => ids[index % length],
    };
    let devices: Vec<_> = state.devices.keys().copied().collect();
    let page = PageRequest { number: 0, size: u32::MAX };
    let sessions: Vec<Uuid> = state.sessions.keys().copied().collect();
    let codes = state.list_enrollments(&EnrollmentFilter::default(), page, clock.now).content;
    match *operation {
        Operation::AdvanceClock(seconds) => {
            clock.advance(SignedDuration::from_secs(i64::from(seconds)));
            Ok(())
        }
        Operation::CreateDevice => {
            state.create_simulated_device(simulated("x"), &mut clock.context()).map(drop)
        }
        Operation::Deregister(index) => state.deregister_device(pick(devices, index)),
        Operation::SetOffline(index, offline) => state.set_offline(pick(devices, index), offline).map(drop),
        Operation::CreateSession(index) => {
            state.create_session(new_session(pick(devices, index)), &mut clock.context()).map(drop)
        }
        Operation::Choose(index, method) => {
            state.choose_method(pick(sessions, index), method, &mut clock.context()).map(drop)
        }
        Operation::Pay(index, method) => {
            state.pay(pick(sessions, index), method, &mut clock.context()).map(drop)
        }
        Operation::Decline(index, outcome) => {
            state.decline(pick(sessions, index), outcome, &mut clock.context()).map(drop)
        }
        Operation::CancelOnPhone(index) => {
            state.cancel_on_phone(pick(sessions, index), &mut clock.context()).map(drop)
        }
        Operation::Tap(index, outcome) => {
            state.simulate_tap(pick(sessions, index), outcome, &mut clock.context()).map(drop)
        }
        Operation::Cancel(index) => {
            state.cancel_session(pick(sessions, index), &mut clock.context()).map(drop)
        }
        Operation::CreateEnrollment(milliseconds) => {
            let lifetime = SignedDuration::from_millis(i64::from(milliseconds));
            let new = NewEnrollment { location_id: Some(GOTHENBURG), lifetime, metadata: Metadata::new() };
            state.create_enrollment(new, &mut clock.context()).map(drop)
        }
        Operation::UseCode(index) => {
            let code = codes.get(index % codes.len().max(1)).and_then(|found| found.enrollment_code.clone());
            state.use_enrollment_code(&code.unwrap_or_default(), phone("x"), &mut clock.context()).map(drop)
        }
        Operation::DeleteEnrollment(index) => {
            let id = codes.get(index % codes.len().max(1)).and_then(|found| found.enrollment_id.clone());
            state.delete_enrollment(id.map_or(Uuid::nil(), |id| id.parse().unwrap()))
        }
    }
}

fn sessions(state: &State, now: Timestamp) -> BTreeMap<String, Session> {
    state.sessions.iter().map(|(id, record)| (id.to_string(), record.to_session(now))).collect()
}

proptest! {
    #[test]
    fn invariants_hold_for_any_sequence(options in options(), operations in proptest::collection::vec(operation(), 0..60)) {
        let (mut state, mut clock) = (State::seed(), TestClock::start());
        state.options = options;
        let mut events = Vec::new();
        for operation in operations {
            let (before, sessions_before) = (state.clone(), sessions(&state, clock.now));
            let result = apply(&operation, &mut state, &mut clock);
            if result.is_err() {
                prop_assert_eq!(&state, &before, "a rejection changed the state");
                prop_assert_eq!(&clock.events, &[], "a rejection has events");
            }
            events.append(&mut clock.events);
            let sessions_after = sessions(&state, clock.now);
            for (id, session) in &sessions_before {
                if session.status.as_ref().unwrap().is_terminal() {
                    prop_assert_eq!(Some(session), sessions_after.get(id), "an ended session changed");
                }
                prop_assert!(sessions_after.contains_key(id), "a session was lost");
            }
            for session in sessions_after.values() {
                let paid = session.status == Some(SessionStatus::Finalized);
                prop_assert_eq!(session.order_id.is_some(), paid, "an order without a payment, or the reverse");
                prop_assert_eq!(session.purchase_completed_at.is_some(), paid);
            }
            for record in state.sessions.values() {
                match record.status(clock.now) {
                    SessionStatus::Created => prop_assert_eq!(record.method, None, "a CREATED session has a method"),
                    SessionStatus::Active | SessionStatus::Finalized => {
                        prop_assert!(record.method.is_some(), "an ACTIVE session has no method");
                    }
                    _ => {}
                }
            }
            prop_assert_eq!(&State::read(&state.write()).unwrap(), &state, "the state file has a different state");
            if state.options.one_open_session_per_device {
                let open = sessions_after.values().filter(|session| !session.status.as_ref().unwrap().is_terminal());
                let devices: Vec<_> = open.filter_map(|session| session.device_id.clone()).collect();
                let distinct: BTreeSet<_> = devices.iter().collect();
                prop_assert_eq!(distinct.len(), devices.len(), "a device has two open sessions");
            }
            // The events match the status.
            for (id, session) in &sessions_after {
                let orders = events.iter().filter(|event| event.kind == CallbackType::OrderCreated);
                let of_session = |event: &&Event| event.session_id.to_string() == *id;
                let order_count = usize::from(session.status == Some(SessionStatus::Finalized));
                prop_assert_eq!(orders.filter(of_session).count(), order_count);
                let of_session = events.iter().filter(of_session).filter(|event| !event.kind.is_about_order());
                let kinds: Vec<_> = of_session.map(|event| event.kind.clone()).collect();
                prop_assert!(kinds.starts_with(&[CallbackType::SessionCreated]));
                let count = |kind: &CallbackType| kinds.iter().filter(|other| *other == kind).count();
                let is = |status: SessionStatus| usize::from(session.status == Some(status));
                prop_assert_eq!(count(&CallbackType::SessionCreated), 1);
                prop_assert_eq!(count(&CallbackType::SessionFinalized), is(SessionStatus::Finalized));
                prop_assert_eq!(count(&CallbackType::SessionCancelled), is(SessionStatus::Cancelled));
                let ended = is(SessionStatus::Finalized) + is(SessionStatus::Cancelled) == 1;
                let last_is_end = matches!(
                    kinds.last(),
                    Some(CallbackType::SessionFinalized | CallbackType::SessionCancelled)
                );
                prop_assert_eq!(last_is_end, ended, "the last event is the end of the session");
            }
        }
        let ids: BTreeSet<_> = events.iter().map(|event| event.id).collect();
        prop_assert_eq!(ids.len(), events.len(), "two events have the same id");
    }
}
