//! The emulator's own clock, which can be ahead of the world's, so that nobody has to wait until something expires.

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{OpContext, Rejection, State};

/// What the clock shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Clock {
    /// The time it is for the emulator.
    pub now: Timestamp,
    /// How far that is ahead of the world's.
    pub ahead: SignedDuration,
}

impl State {
    /// The time it is for the emulator when the world has this one.
    pub fn time_at(&self, world: Timestamp) -> Timestamp {
        world.checked_add(self.ahead).unwrap_or(Timestamp::MAX)
    }

    /// What the clock shows.
    pub fn clock(&self, now: Timestamp) -> Clock {
        Clock { now, ahead: self.ahead }
    }

    /// Puts the clock forward. It is never put back: what is made later is never dated earlier.
    pub fn advance_clock(&mut self, by: SignedDuration, context: &OpContext<'_>) -> Result<Clock, Rejection> {
        let refusal = |message| Rejection::for_field(StatusCode::BAD_REQUEST, "advance", message);
        if !by.is_positive() {
            return Err(refusal("must be longer than nothing: the clock goes forward"));
        }
        let now = context.now.checked_add(by).ok();
        let (Some(now), Some(ahead)) = (now, self.ahead.checked_add(by)) else {
            return Err(refusal("is more than is left of the calendar, which ends with the year 9999"));
        };
        self.ahead = ahead;
        Ok(Clock { now, ahead })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::state::invariant_tests::TestClock;
    use proptest::prelude::*;

    #[test]
    fn the_clock_goes_forward_and_not_beyond_the_calendar() {
        let (mut state, mut clock) = (State::seed(), TestClock::start());
        let before = state.clone();
        for wrong in [SignedDuration::ZERO, SignedDuration::from_secs(-1), SignedDuration::MAX] {
            let refusal = state.advance_clock(wrong, &clock.context()).unwrap_err();
            assert_eq!((refusal.status.as_u16(), refusal.errors.message("advance").is_some()), (400, true));
        }
        assert_eq!(state, before);
    }

    proptest! {
        #[test]
        fn steps_add_up(steps in proptest::collection::vec(1_i64..1_000_000, 0..8)) {
            let (mut state, mut clock) = (State::seed(), TestClock::start());
            for step in &steps {
                let context = OpContext { now: state.time_at(clock.now), ..clock.context() };
                let shown = state.advance_clock(SignedDuration::from_secs(*step), &context).unwrap();
                prop_assert_eq!(shown.now, state.time_at(clock.now));
                prop_assert_eq!(shown, state.clock(shown.now));
            }
            let all = SignedDuration::from_secs(steps.iter().sum());
            prop_assert_eq!(state.time_at(clock.now), clock.now + all);
            prop_assert_eq!(&State::read(&state.write()).unwrap(), &state);
        }
    }
}
