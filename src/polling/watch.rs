//! Polling a session until it ends.

use std::time::Duration;

use super::MAX_RETRY_AFTER;
use crate::model::SessionStatus;

#[derive(Debug, Clone)]
pub(crate) struct Watch {
    interval: Duration,
    limit: Option<Duration>,
    last: Option<SessionStatus>,
    troubled: bool,
}

/// Result of a poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Observation {
    Status(SessionStatus),
    /// A temporary failure, and the delay in its `Retry-After` header.
    Failure(Option<Duration>),
}

/// Consequences of a poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Transition {
    /// The status, if it is the first or differs from the previous one.
    pub changed: Option<SessionStatus>,
    /// `Some(true)` if polls begin to fail, `Some(false)` if they work again.
    pub trouble: Option<bool>,
    pub next: NextAction,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NextAction {
    /// Poll again after this delay.
    Poll(Duration),
    Finished(SessionStatus),
    /// The wait has ended, but the session is open.
    TimedOut,
}

impl Watch {
    /// Polls every `interval`, until `limit` if there is one.
    pub(crate) const fn new(interval: Duration, limit: Option<Duration>) -> Self {
        Self { interval, limit, last: None, troubled: false }
    }

    /// Records the result of a poll, `elapsed` after the wait began.
    pub(crate) fn observe(&mut self, elapsed: Duration, seen: Observation) -> Transition {
        let troubled = matches!(seen, Observation::Failure(_));
        let trouble = (troubled != self.troubled).then_some(troubled);
        self.troubled = troubled;
        let (changed, asked) = match seen {
            Observation::Failure(asked) => (None, asked.unwrap_or_default().min(MAX_RETRY_AFTER)),
            Observation::Status(status) => {
                let changed = (self.last.as_ref() != Some(&status)).then(|| status.clone());
                self.last = Some(status.clone());
                if status.is_terminal() {
                    return Transition { changed, trouble, next: NextAction::Finished(status) };
                }
                (changed, Duration::ZERO)
            }
        };
        let wait = self.interval.max(asked);
        let next = match self.limit.map(|limit| limit.saturating_sub(elapsed)) {
            None => NextAction::Poll(wait),
            Some(Duration::ZERO) => NextAction::TimedOut,
            // The last poll is at the very end of the wait, even if no interval ends there.
            Some(left) => NextAction::Poll(wait.min(left)),
        };
        Transition { changed, trouble, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use SessionStatus::{Active, Cancelled, Created, Expired, Failed, Finalized};
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn status(status: SessionStatus) -> Observation {
        Observation::Status(status)
    }

    fn step(changed: Option<SessionStatus>, trouble: Option<bool>, next: NextAction) -> Transition {
        Transition { changed, trouble, next }
    }

    #[test]
    fn only_changes_are_news_and_a_terminal_status_ends_it() {
        let mut watch = Watch::new(SECOND, None);
        let poll = NextAction::Poll(SECOND);
        assert_eq!(watch.observe(SECOND, status(Created)), step(Some(Created), None, poll.clone()));
        assert_eq!(watch.observe(SECOND, status(Created)), step(None, None, poll.clone()));
        assert_eq!(watch.observe(SECOND, status(Active)), step(Some(Active), None, poll));
        let ended = NextAction::Finished(Finalized);
        assert_eq!(watch.observe(SECOND, status(Finalized)), step(Some(Finalized), None, ended));
    }

    #[test]
    fn a_passing_failure_is_told_once_and_is_not_an_outcome() {
        let mut watch = Watch::new(SECOND, None);
        let poll = || NextAction::Poll(SECOND);
        watch.observe(SECOND, status(Created));
        assert_eq!(watch.observe(SECOND, Observation::Failure(None)), step(None, Some(true), poll()));
        assert_eq!(watch.observe(SECOND, Observation::Failure(None)), step(None, None, poll()));
        assert_eq!(watch.observe(SECOND, status(Created)), step(None, Some(false), poll()));
        assert_eq!(watch.observe(SECOND, Observation::Failure(None)), step(None, Some(true), poll()));
        assert_eq!(watch.observe(SECOND, status(Active)), step(Some(Active), Some(false), poll()));
    }

    #[test]
    fn a_status_that_is_new_to_us_is_waited_through() {
        let mut watch = Watch::new(SECOND, None);
        let unheard = SessionStatus::Other("AUTHORIZING".into());
        assert_eq!(
            watch.observe(SECOND, status(unheard.clone())),
            step(Some(unheard), None, NextAction::Poll(SECOND))
        );
    }

    #[test]
    fn the_wait_ends_on_time_with_a_last_look() {
        let mut watch = Watch::new(4 * SECOND, Some(10 * SECOND));
        assert_eq!(watch.observe(8 * SECOND, status(Created)).next, NextAction::Poll(2 * SECOND));
        assert_eq!(watch.observe(10 * SECOND, status(Created)).next, NextAction::TimedOut);
        assert_eq!(watch.observe(10 * SECOND, status(Expired)).next, NextAction::Finished(Expired));
    }

    #[test]
    fn an_api_that_asks_for_patience_gets_it() {
        let mut watch = Watch::new(SECOND, Some(60 * SECOND));
        assert_eq!(
            watch.observe(SECOND, Observation::Failure(Some(5 * SECOND))).next,
            NextAction::Poll(5 * SECOND)
        );
        assert_eq!(
            watch.observe(58 * SECOND, Observation::Failure(Some(5 * SECOND))).next,
            NextAction::Poll(2 * SECOND)
        );
        let mut endless = Watch::new(SECOND, None);
        assert_eq!(
            endless.observe(SECOND, Observation::Failure(Some(Duration::MAX))).next,
            NextAction::Poll(MAX_RETRY_AFTER)
        );
    }

    proptest! {
        #[test]
        fn the_true_outcome_is_reported_whatever_happens_before(
            before in prop::collection::vec(0_usize..4, 0..40),
            end in 0_usize..4,
        ) {
            let mut watch = Watch::new(SECOND, None);
            let mut shown = None;
            let end = [Finalized, Cancelled, Expired, Failed][end].clone();
            let open = [Created, Active, SessionStatus::Other("NEW".into())];
            for seen in before {
                let seen = open.get(seen).map_or(Observation::Failure(None), |open| status(open.clone()));
                let Transition { changed, trouble: _, next } = watch.observe(SECOND, seen.clone());
                prop_assert!(matches!(next, NextAction::Poll(_)));
                if changed.is_some() { shown = changed; }
                if let Observation::Status(status) = seen { prop_assert_eq!(shown.as_ref(), Some(&status)); }
            }
            prop_assert_eq!(watch.observe(SECOND, status(end.clone())).next, NextAction::Finished(end));
        }
    }
}
