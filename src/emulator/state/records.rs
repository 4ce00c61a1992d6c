//! The records of one kind, in the order in which they were created, and how many of them are kept.

use http::StatusCode;
use indexmap::IndexMap;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::Rejection;

pub(super) type Records<R> = IndexMap<Uuid, R>;

/// Maximum number of sessions, of enrollments and of devices.
pub(super) const MAX_RECORDS: usize = 100_000;

pub(super) trait Record {
    fn id(&self) -> Uuid;

    /// Whether the record is final, so that it may be removed to make room for a new one.
    fn is_final(&self, now: Timestamp) -> bool;
}

/// Rejects a new record where all existing ones are still in use.
pub(super) fn check_capacity<R: Record>(
    records: &Records<R>,
    max: usize,
    now: Timestamp,
) -> Result<(), Rejection> {
    if records.len() < max || records.values().any(|record| record.is_final(now)) {
        return Ok(());
    }
    let detail = "The emulator is full, and all of its records are still in use. Cancel sessions, delete enrollments or \
                  deregister devices, or start with a new state.";
    Err(Rejection::new(StatusCode::TOO_MANY_REQUESTS, detail))
}

/// Adds a record, for which [`check_capacity`] found room.
pub(super) fn insert<R: Record>(records: &mut Records<R>, record: R, max: usize, now: Timestamp) {
    if records.len() >= max {
        // Removing several at once keeps the cost of a single insertion low.
        let mut surplus = max / 8 + 1;
        records.retain(|_, record| {
            let remove = surplus > 0 && record.is_final(now);
            surplus -= usize::from(remove);
            !remove
        });
    }
    records.insert(record.id(), record);
}

/// The state file has the records as an array.
pub(super) fn serialize<R: Serialize, S: Serializer>(
    records: &Records<R>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(records.values())
}

pub(super) fn deserialize<'de, R: Record + Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Records<R>, D::Error> {
    let records = Vec::<R>::deserialize(deserializer)?;
    Ok(records.into_iter().map(|record| (record.id(), record)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::state::invariant_tests::{TestClock, new_session, simulated};
    use crate::emulator::state::{PageRequest, State};
    use jiff::SignedDuration;
    use proptest::prelude::*;

    #[test]
    fn a_new_record_is_rejected_when_all_are_in_use() {
        let (mut state, mut clock) = (State { max_records: 20, ..State::seed() }, TestClock::start());
        let device = clock.device(&mut state);
        for _ in 0..20 {
            clock.session(&mut state, device);
        }
        let full = state.clone();
        let rejection = state.create_session(new_session(device), &mut clock.context()).unwrap_err();
        assert_eq!((rejection.status, &state), (StatusCode::TOO_MANY_REQUESTS, &full));
        // An expired session makes room.
        clock.advance(SignedDuration::from_mins(15));
        assert!(state.create_session(new_session(device), &mut clock.context()).is_ok());
    }

    #[test]
    fn a_device_that_does_not_fit_leaves_no_enrollment() {
        let (mut state, mut clock) = (State { max_records: 5, ..State::seed() }, TestClock::start());
        let devices: Vec<_> = (0..5).map(|_| clock.device(&mut state)).collect();
        let full = state.clone();
        let rejection = state.create_simulated_device(simulated("x"), &mut clock.context()).unwrap_err();
        assert_eq!((rejection.status, &state), (StatusCode::TOO_MANY_REQUESTS, &full));
        state.deregister_device(devices[0]).unwrap();
        let device = state.create_simulated_device(simulated("x"), &mut clock.context()).unwrap();
        let listed = state.list_devices(None, PageRequest::default(), clock.now).content;
        assert_eq!(listed.last().map(|device| &device.id), Some(&device.id));
    }

    proptest! {
        #[test]
        fn only_the_oldest_final_records_are_removed(
            max in 1_usize..50,
            cancels in proptest::collection::vec(any::<bool>(), 0..200),
        ) {
            let (mut state, mut clock) = (State { max_records: max, ..State::seed() }, TestClock::start());
            let device = clock.device(&mut state);
            let (mut open, mut cancelled) = (Vec::new(), Vec::new());
            for cancel in cancels {
                if let Ok(session) = state.create_session(new_session(device), &mut clock.context()) {
                    let session = session.session_id.unwrap().parse().unwrap();
                    if cancel {
                        state.cancel_session(session, &mut clock.context()).unwrap();
                        cancelled.push(session);
                    } else {
                        open.push(session);
                    }
                }
                prop_assert!(state.sessions.len() <= max, "{}", state.sessions.len());
            }
            prop_assert!(open.iter().all(|id| state.sessions.contains_key(id)), "an open session was removed");
            let is_kept: Vec<_> = cancelled.iter().map(|id| state.sessions.contains_key(id)).collect();
            prop_assert!(is_kept.is_sorted(), "a newer session was removed: {is_kept:?}");
            let surplus = max / 8 + 1;
            prop_assert!(is_kept.iter().all(|kept| *kept) || state.sessions.len() + surplus > max, "{is_kept:?}");
        }
    }
}
