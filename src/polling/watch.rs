//! Polling a session until it ends.

use std::time::Duration;

use super::MAX_RETRY_AFTER;
use crate::model::SessionStatus;

#[derive(Debug, Clone)]
pub(crate) struct Watch {
    interval: Duration,
    timeout: Option<Duration>,
    status: Option<SessionStatus>,
    is_failing: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Observation {
    Status(SessionStatus),
    /// A temporary failure, with the API's `Retry-After`.
    Failure(Option<Duration>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Transition {
    /// Whether the status is the first or differs from the previous one.
    pub is_new_status: bool,
    /// Set when polls start to fail (`true`) or succeed again (`false`).
    pub is_failing: Option<bool>,
    pub next: NextAction,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NextAction {
    /// Poll again after this time.
    Poll(Duration),
    Finished,
    /// The wait has ended, but the session is open.
    TimedOut,
}

impl Watch {
    pub(crate) const fn new(interval: Duration, timeout: Option<Duration>) -> Self {
        Self { interval, timeout, status: None, is_failing: false }
    }

    /// Applies the result of a poll, made `elapsed` after the wait began.
    pub(crate) fn observe(&mut self, elapsed: Duration, observation: Observation) -> Transition {
        let was_failing = self.is_failing;
        self.is_failing = matches!(observation, Observation::Failure(_));
        let is_failing = (self.is_failing != was_failing).then_some(self.is_failing);
        let (is_new_status, is_final, retry_after) = match observation {
            Observation::Failure(retry_after) => (false, false, retry_after.unwrap_or_default()),
            Observation::Status(status) => {
                let is_final = status.is_terminal();
                let previous = self.status.replace(status);
                (previous != self.status, is_final, Duration::ZERO)
            }
        };
        let delay = self.interval.max(retry_after.min(MAX_RETRY_AFTER));
        let next = match self.timeout.map(|timeout| timeout.saturating_sub(elapsed)) {
            _ if is_final => NextAction::Finished,
            None => NextAction::Poll(delay),
            Some(Duration::ZERO) => NextAction::TimedOut,
            // The last poll is exactly at the timeout.
            Some(remaining) => NextAction::Poll(delay.min(remaining)),
        };
        Transition { is_new_status, is_failing, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use SessionStatus::{Active, Cancelled, Created, Expired, Failed, Finalized};
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);
    const POLL: NextAction = NextAction::Poll(SECOND);
    const FAILURE: Observation = Observation::Failure(None);

    fn status(status: SessionStatus) -> Observation {
        Observation::Status(status)
    }

    #[test]
    fn only_changes_are_reported_and_a_final_status_ends_the_wait() {
        let mut watch = Watch::new(SECOND, None);
        let unknown = SessionStatus::Other("AUTHORIZING".into());
        for (observation, is_new_status, is_failing, next) in [
            (status(Created), true, None, POLL),
            (status(Created), false, None, POLL),
            (FAILURE, false, Some(true), POLL),
            (FAILURE, false, None, POLL),
            (status(Created), false, Some(false), POLL),
            (FAILURE, false, Some(true), POLL),
            (status(unknown), true, Some(false), POLL),
            (status(Active), true, None, POLL),
            (status(Finalized), true, None, NextAction::Finished),
        ] {
            let expected = Transition { is_new_status, is_failing, next };
            assert_eq!(watch.observe(SECOND, observation.clone()), expected, "{observation:?}");
        }
    }

    #[test]
    fn the_wait_ends_on_time_with_a_last_poll() {
        let mut watch = Watch::new(4 * SECOND, Some(10 * SECOND));
        assert_eq!(watch.observe(8 * SECOND, status(Created)).next, NextAction::Poll(2 * SECOND));
        assert_eq!(watch.observe(10 * SECOND, status(Created)).next, NextAction::TimedOut);
        assert_eq!(watch.observe(10 * SECOND, status(Expired)).next, NextAction::Finished);
    }

    #[test]
    fn a_retry_after_is_followed_within_limits() {
        for (timeout, elapsed, retry_after, delay) in [
            (Some(60 * SECOND), SECOND, 5 * SECOND, 5 * SECOND),
            (Some(60 * SECOND), 58 * SECOND, 5 * SECOND, 2 * SECOND),
            (None, SECOND, Duration::MAX, MAX_RETRY_AFTER),
        ] {
            let transition =
                Watch::new(SECOND, timeout).observe(elapsed, Observation::Failure(Some(retry_after)));
            assert_eq!(transition.next, NextAction::Poll(delay));
        }
    }

    proptest! {
        #[test]
        fn the_outcome_is_reported_whatever_happens_before(
            before in prop::collection::vec(0_usize..4, 0..40),
            end in 0_usize..4,
        ) {
            let mut watch = Watch::new(SECOND, None);
            let mut reported = None;
            let end = [Finalized, Cancelled, Expired, Failed][end].clone();
            let open = [Created, Active, SessionStatus::Other("NEW".into())];
            for index in before {
                let open = open.get(index).cloned();
                let observation = open.clone().map_or(FAILURE, status);
                let Transition { is_new_status, next, .. } = watch.observe(SECOND, observation);
                prop_assert_eq!(next, POLL);
                if is_new_status { reported.clone_from(&open); }
                if open.is_some() { prop_assert_eq!(&reported, &open); }
            }
            prop_assert_eq!(watch.observe(SECOND, status(end)).next, NextAction::Finished);
        }
    }
}
