//! How much is remembered. An emulator that runs for long, or under load, must not grow for ever.

use http::StatusCode;
use jiff::Timestamp;

use super::shelf::weight;
use super::{Rejection, State, enrollments};

/// About how many bytes of sessions, enrollments and devices are remembered.
pub const ROOM: usize = 32 * 1024 * 1024;

/// Why something new is refused.
const FULL: &str = "The emulator is full, and everything in it is still of use. End sessions, withdraw codes or \
                    deregister devices, or begin with a new state.";

impl State {
    /// About how many bytes it takes.
    pub fn weight(&self) -> usize {
        self.sessions.weight() + self.enrollments.weight() + self.devices.weight()
    }

    /// Makes sure that there is room for something of this weight. Where there is none, an eighth of what is there is
    /// forgotten, the oldest first: what nobody can see any more, then sessions that have ended, then enrollments
    /// whose code cannot be used any more. What is still of use is never forgotten.
    ///
    /// It is called when nothing else can be refused.
    pub(super) fn make_room(&mut self, needed: usize, now: Timestamp) -> Result<(), Rejection> {
        let Some(least) = (self.weight() + needed).checked_sub(self.room).filter(|least| *least > 0) else {
            return Ok(());
        };
        let sessions = self.sessions.iter().filter(|record| !record.is_open(now)).map(weight);
        let enrollments = self.enrollments.iter().filter(|record| !record.is_usable(now)).map(weight);
        let devices = self.devices.iter().filter(|record| !record.is_registered()).map(weight);
        if sessions.chain(enrollments).chain(devices).sum::<usize>() < least {
            return Err(Rejection::new(StatusCode::TOO_MANY_REQUESTS, FULL));
        }
        // Looking for what can go takes its time, so it is not done for every single thing.
        let target = self.weight().saturating_sub(least.max(self.room / 8));
        let surplus = |state: &Self| state.weight().saturating_sub(target);
        self.devices.forget(surplus(self), |record| !record.is_registered());
        self.enrollments.forget(surplus(self), enrollments::Record::is_withdrawn);
        self.sessions.forget(surplus(self), |record| !record.is_open(now));
        self.enrollments.forget(surplus(self), |record| !record.is_usable(now));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::state::invariant_tests::{TestClock, purchase, simulated};
    use crate::emulator::state::{EnrollmentFilter, NewEnrollment, NewSession, PageRequest, STOCKHOLM};
    use jiff::SignedDuration;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn new(device_id: Uuid) -> NewSession {
        NewSession { device_id, location_id: None, purchase: purchase(100) }
    }

    fn id(text: Option<String>) -> Uuid {
        text.unwrap().parse().unwrap()
    }

    #[test]
    fn the_oldest_ended_session_is_forgotten_and_no_open_one() {
        let (mut state, mut at) = (State { room: 20_000, ..State::seed() }, TestClock::start());
        let device = at.device(&mut state);
        let open = at.session(&mut state, device);
        let ended: Vec<_> = (0..100)
            .map(|_| {
                let session = at.session(&mut state, device);
                state.cancel_session(session, &mut at.moment()).unwrap();
                session
            })
            .collect();
        assert!(state.weight() <= 20_000);
        assert!(state.session(open, at.now).is_ok());
        let known: Vec<_> = ended.iter().map(|id| state.session(*id, at.now).is_ok()).collect();
        let first = known.iter().position(|known| *known).unwrap();
        assert!(first > 0 && known[first..].iter().all(|known| *known), "{known:?}");
        assert!(known.len() - first > 20, "more is forgotten than has to be: {known:?}");
    }

    #[test]
    fn when_everything_is_of_use_something_new_is_refused_and_nothing_is_lost() {
        let (mut state, mut at) = (State { room: 20_000, ..State::seed() }, TestClock::start());
        let device = at.device(&mut state);
        let refusal = loop {
            let before = state.clone();
            if let Err(refusal) = state.create_session(new(device), &mut at.moment()) {
                assert_eq!(state, before);
                break refusal;
            }
        };
        assert_eq!(refusal.status, StatusCode::TOO_MANY_REQUESTS);
        let full = state.clone();
        assert_eq!(
            state.create_simulated_device(simulated(&"x".repeat(4000)), &mut at.moment()),
            Err(refusal.clone())
        );
        assert_eq!(state, full);
        // Time alone makes room, because what has expired is of no use.
        at.advance(SignedDuration::from_mins(15));
        assert!(state.create_session(new(device), &mut at.moment()).is_ok());
    }

    #[test]
    fn what_nobody_can_see_goes_first() {
        let (mut state, mut at) = (State { room: 40_000, ..State::seed() }, TestClock::start());
        let device = at.device(&mut state);
        let session = at.session(&mut state, device);
        state.cancel_session(session, &mut at.moment()).unwrap();
        for number in 0..200 {
            let made = state.create_simulated_device(simulated("x"), &mut at.moment()).unwrap();
            state.deregister_device(id(made.id)).unwrap();
            let lifetime = SignedDuration::from_mins(1);
            let new = NewEnrollment { location_id: Some(STOCKHOLM), lifetime, metadata: [].into() };
            let code = state.create_enrollment(new, &mut at.moment()).unwrap();
            state.delete_enrollment(id(code.enrollment_id)).unwrap();
            // Each device leaves a used enrollment behind: those go after the session.
            if number < 20 {
                assert!(state.session(session, at.now).is_ok(), "{number}");
            }
        }
        assert!(state.weight() <= 40_000);
        let page = PageRequest { number: 0, size: 1000 };
        let left = state.list_enrollments(&EnrollmentFilter::default(), page, at.now);
        assert!(left.total_elements > 0);
        assert_eq!(state.list_devices(None, page, at.now).total_elements, 1);
    }

    proptest! {
        #[test]
        fn it_never_weighs_more_than_there_is_room(room in 3_000_usize..30_000, ends in proptest::collection::vec(any::<bool>(), 0..200)) {
            let (mut state, mut at) = (State { room, ..State::seed() }, TestClock::start());
            let device = at.device(&mut state);
            let mut open = Vec::new();
            for ends in ends {
                if let Ok(session) = state.create_session(new(device), &mut at.moment()) {
                    let session = id(session.session_id);
                    if ends {
                        state.cancel_session(session, &mut at.moment()).unwrap();
                    } else {
                        open.push(session);
                    }
                }
                prop_assert!(state.weight() <= room, "{}", state.weight());
            }
            for session in open {
                prop_assert!(state.session(session, at.now).is_ok(), "an open session is forgotten");
            }
        }
    }
}
