//! The emulator's clock, which can be advanced, so that tests need not wait until a session or a code expires.

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{OpContext, Rejection, State};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Clock {
    pub now: Timestamp,
    /// How far the clock is ahead of the system's.
    pub ahead: SignedDuration,
}

impl State {
    /// Converts the system's time to the emulator's.
    pub fn time_at(&self, system: Timestamp) -> Timestamp {
        system.checked_add(self.clock_offset).unwrap_or(Timestamp::MAX)
    }

    pub fn clock(&self, now: Timestamp) -> Clock {
        Clock { now, ahead: self.clock_offset }
    }

    /// Advances the clock. It never goes back, so that a newer record never has an earlier time.
    pub fn advance_clock(&mut self, by: SignedDuration, context: &OpContext<'_>) -> Result<Clock, Rejection> {
        let reject = |message| Rejection::for_field(StatusCode::BAD_REQUEST, "advance", message);
        if !by.is_positive() {
            return Err(reject("must be longer than 0s: the clock only goes forward"));
        }
        let now = context.now.checked_add(by).ok();
        let (Some(now), Some(ahead)) = (now, self.clock_offset.checked_add(by)) else {
            return Err(reject("is too long: the calendar ends with the year 9999"));
        };
        self.clock_offset = ahead;
        Ok(Clock { now, ahead })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::state::invariant_tests::TestClock;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn advances_add_up(steps in proptest::collection::vec(1_i64..1_000_000, 0..8)) {
            let (mut state, mut clock) = (State::seed(), TestClock::start());
            for step in &steps {
                let context = OpContext { now: state.time_at(clock.now), ..clock.context() };
                let advanced = state.advance_clock(SignedDuration::from_secs(*step), &context).unwrap();
                prop_assert_eq!(advanced.now, state.time_at(clock.now));
                prop_assert_eq!(advanced, state.clock(advanced.now));
            }
            let all = SignedDuration::from_secs(steps.iter().sum());
            prop_assert_eq!(state.time_at(clock.now), clock.now + all);
            prop_assert_eq!(&State::read(&state.write()).unwrap(), &state);
        }
    }
}
