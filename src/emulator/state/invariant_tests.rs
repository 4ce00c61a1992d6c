//! What holds whatever happens: any sequence of operations, at any times. And what the tests of the rules share.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::model::{CallbackType, Metadata, PaymentMethod, Platform, SessionStatus, TapOutcome};

/// A world for tests: a clock that is moved by hand and ids that count.
pub(super) struct TestClock {
    pub(super) now: Timestamp,
    pub(super) events: EventLog,
    ids: Box<dyn FnMut() -> Uuid>,
}

impl TestClock {
    pub(super) fn start() -> Self {
        let mut count: u128 = 0;
        let ids = Box::new(move || {
            count += 1;
            Uuid::from_u128(count)
        });
        Self { now: Timestamp::from_second(1_800_000_000).unwrap(), events: EventLog::default(), ids }
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
        let new = NewSession { device_id, location_id: None, purchase: purchase(24_950) };
        let session = state.create_session(new, &mut self.context()).unwrap();
        session.session_id.unwrap().parse().unwrap()
    }
}

pub(super) fn simulated(name: &str) -> NewSimulatedDevice {
    NewSimulatedDevice { name: name.to_owned(), location_id: Some(STOCKHOLM), metadata: Metadata::new() }
}

pub(super) fn phone(name: &str) -> Phone {
    Phone { name: Some(name.to_owned()), platform: Platform::Android }
}

pub(super) fn purchase(order_amount: i64) -> Purchase {
    Purchase {
        order_amount,
        order_tax_amount: None,
        purchase_currency: "SEK".to_owned(),
        purchase_started_at: None,
        merchant_reference1: None,
        merchant_reference2: None,
        merchant_data: None,
        order_items: Vec::new(),
    }
}

/// One thing that somebody does. The numbers choose among what exists.
#[derive(Debug, Clone)]
enum Step {
    Pass(u32),
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

fn step() -> impl Strategy<Value = Step> {
    let any_index = any::<usize>;
    let method = || proptest::sample::select(&PaymentMethod::ALL[..]);
    let outcome = || proptest::sample::select(&TapOutcome::ALL[..]);
    let maybe_method = proptest::option::of(method());
    prop_oneof![
        (0_u32..600).prop_map(Step::Pass),
        Just(Step::CreateDevice),
        any_index().prop_map(Step::Deregister),
        (any_index(), any::<bool>()).prop_map(|(index, offline)| Step::SetOffline(index, offline)),
        any_index().prop_map(Step::CreateSession),
        (any_index(), method()).prop_map(|(index, method)| Step::Choose(index, method)),
        (any_index(), maybe_method).prop_map(|(index, method)| Step::Pay(index, method)),
        (any_index(), outcome()).prop_map(|(index, outcome)| Step::Decline(index, outcome)),
        any_index().prop_map(Step::CancelOnPhone),
        (any_index(), outcome()).prop_map(|(index, outcome)| Step::Tap(index, outcome)),
        any_index().prop_map(Step::Cancel),
        (1_u32..20_000_000).prop_map(Step::CreateEnrollment),
        any_index().prop_map(Step::UseCode),
        any_index().prop_map(Step::DeleteEnrollment),
    ]
}

fn options() -> impl Strategy<Value = EmulatorOptions> {
    let after =
        prop_oneof![Just(AfterDecline::Active), Just(AfterDecline::Created), Just(AfterDecline::Failed)];
    let cancel = prop_oneof![Just(CancelEnded::Conflict), Just(CancelEnded::Answer)];
    (after, cancel, any::<bool>()).prop_map(|(status_after_decline, cancel_ended, one)| EmulatorOptions {
        status_after_decline,
        cancel_ended,
        one_open_session_per_device: one,
        ..EmulatorOptions::default()
    })
}

/// Does one step to something that exists, or to nothing. Tells whether it was refused.
fn apply(step: &Step, state: &mut State, clock: &mut TestClock) -> Result<(), Rejection> {
    let pick = |ids: Vec<Uuid>, index: usize| match ids.len() {
        0 => Uuid::nil(),
        length => ids[index % length],
    };
    let devices: Vec<_> = state.devices.keys().copied().collect();
    let page = PageRequest { number: 0, size: u32::MAX };
    let sessions: Vec<Uuid> = state.sessions.keys().copied().collect();
    let codes = state.list_enrollments(&EnrollmentFilter::default(), page, clock.now).content;
    match *step {
        Step::Pass(seconds) => {
            clock.advance(SignedDuration::from_secs(i64::from(seconds)));
            Ok(())
        }
        Step::CreateDevice => state.create_simulated_device(simulated("x"), &mut clock.context()).map(drop),
        Step::Deregister(index) => state.deregister_device(pick(devices, index)),
        Step::SetOffline(index, offline) => state.set_offline(pick(devices, index), offline).map(drop),
        Step::CreateSession(index) => {
            let device_id = pick(devices, index);
            let new = NewSession { device_id, location_id: None, purchase: purchase(100) };
            state.create_session(new, &mut clock.context()).map(drop)
        }
        Step::Choose(index, method) => {
            state.choose_method(pick(sessions, index), method, &mut clock.context()).map(drop)
        }
        Step::Pay(index, method) => state.pay(pick(sessions, index), method, &mut clock.context()).map(drop),
        Step::Decline(index, outcome) => {
            state.decline(pick(sessions, index), outcome, &mut clock.context()).map(drop)
        }
        Step::CancelOnPhone(index) => {
            state.cancel_on_phone(pick(sessions, index), &mut clock.context()).map(drop)
        }
        Step::Tap(index, outcome) => {
            state.simulate_tap(pick(sessions, index), outcome, &mut clock.context()).map(drop)
        }
        Step::Cancel(index) => state.cancel_session(pick(sessions, index), &mut clock.context()).map(drop),
        Step::CreateEnrollment(milliseconds) => {
            let lifetime = SignedDuration::from_millis(i64::from(milliseconds));
            let new = NewEnrollment { location_id: Some(GOTHENBURG), lifetime, metadata: Metadata::new() };
            state.create_enrollment(new, &mut clock.context()).map(drop)
        }
        Step::UseCode(index) => {
            let code = codes.get(index % codes.len().max(1)).and_then(|found| found.enrollment_code.clone());
            state.use_enrollment_code(&code.unwrap_or_default(), phone("x"), &mut clock.context()).map(drop)
        }
        Step::DeleteEnrollment(index) => {
            let id = codes.get(index % codes.len().max(1)).and_then(|found| found.enrollment_id.clone());
            state.delete_enrollment(id.map_or(Uuid::nil(), |id| id.parse().unwrap()))
        }
    }
}

/// Every session by its id, as the API shows it.
fn sessions(state: &State, now: Timestamp) -> BTreeMap<String, crate::model::Session> {
    state.sessions.iter().map(|(id, record)| (id.to_string(), record.to_session(now))).collect()
}

proptest! {
    #[test]
    fn laws_hold_for_any_sequence(options in options(), steps in proptest::collection::vec(step(), 0..60)) {
        let (mut state, mut clock) = (State::seed(), TestClock::start());
        state.options = options;
        let mut told = Vec::new();
        for step in steps {
            let (before, shown) = (state.clone(), sessions(&state, clock.now));
            let taken = apply(&step, &mut state, &mut clock);
            if taken.is_err() {
                prop_assert_eq!(&state, &before, "a refusal changed something");
            }
            told.extend(clock.events.drain());
            let shown_after = sessions(&state, clock.now);
            for (id, session) in &shown {
                if session.status.as_ref().unwrap().is_terminal() {
                    prop_assert_eq!(Some(session), shown_after.get(id), "an ended session changed");
                }
                prop_assert!(shown_after.contains_key(id), "a session was lost");
            }
            for session in shown_after.values() {
                let paid = session.status == Some(SessionStatus::Finalized);
                prop_assert_eq!(session.order_id.is_some(), paid, "an order without a payment, or the reverse");
                prop_assert_eq!(session.purchase_completed_at.is_some(), paid);
            }
            for record in state.sessions.values() {
                match record.status(clock.now) {
                    SessionStatus::Created => prop_assert_eq!(record.method, None, "nobody has chosen yet"),
                    SessionStatus::Active | SessionStatus::Finalized => {
                        prop_assert!(record.method.is_some(), "nobody has chosen, and it can be paid");
                    }
                    _ => {}
                }
            }
            prop_assert_eq!(&State::read(&state.write()).unwrap(), &state, "a file does not keep the state");
            if state.options.one_open_session_per_device {
                let open = shown_after.values().filter(|session| !session.status.as_ref().unwrap().is_terminal());
                let mut devices: Vec<_> = open.filter_map(|session| session.device_id.clone()).collect();
                let all = devices.len();
                devices.sort_unstable();
                devices.dedup();
                prop_assert_eq!(devices.len(), all, "a device has two open sessions");
            }
            // What was told is what is seen.
            for (id, session) in &shown_after {
                let kinds = kinds_of(&told, id);
                prop_assert!(kinds.starts_with(&[CallbackType::SessionCreated]));
                let count = |kind: &CallbackType| kinds.iter().filter(|told| *told == kind).count();
                let is = |status: SessionStatus| usize::from(session.status == Some(status));
                prop_assert_eq!(count(&CallbackType::SessionCreated), 1);
                prop_assert_eq!(count(&CallbackType::SessionFinalized), is(SessionStatus::Finalized));
                prop_assert_eq!(count(&CallbackType::SessionCancelled), is(SessionStatus::Cancelled));
                let ended = is(SessionStatus::Finalized) + is(SessionStatus::Cancelled) == 1;
                let says_so = matches!(
                    kinds.last(),
                    Some(CallbackType::SessionFinalized | CallbackType::SessionCancelled)
                );
                prop_assert_eq!(says_so, ended, "an end is the last that is told");
            }
        }
        let mut ids: Vec<_> = told.iter().map(|event| event.id).collect();
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(ids.len(), told.len(), "two events have the same id");
    }
}

/// What was told of a session, in its order.
fn kinds_of(told: &[Event], session: &str) -> Vec<CallbackType> {
    let of_session = told.iter().filter(|event| event.session_id.to_string() == session);
    of_session.map(|event| event.kind.clone()).collect()
}
