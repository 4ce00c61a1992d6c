//! Waiting for a session to end.

use std::time::Duration;

use crate::model::SessionStatus;

/// The wait for one session.
#[derive(Debug, Clone)]
pub struct Watch {
    interval: Duration,
    limit: Option<Duration>,
    last: Option<SessionStatus>,
    troubled: bool,
}

/// What a poll saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// The session's status.
    Status(SessionStatus),
    /// A failure that may pass, and how long the API asks to be left alone.
    Trouble(Option<Duration>),
}

/// What is worth telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Nothing new.
    Nothing,
    /// The status is another one, or the first one.
    Status(SessionStatus),
    /// Polls fail, from now on.
    Trouble,
    /// Polls work again, and the status is this one, new or not.
    Recovered(SessionStatus),
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Poll again after this time.
    Poll(Duration),
    /// The session has ended.
    Ended(SessionStatus),
    /// The wait has ended; the session has not.
    TimeUp,
}

impl Watch {
    /// A wait that polls every `interval` and ends after `limit`, if there is one.
    #[must_use]
    pub const fn new(interval: Duration, limit: Option<Duration>) -> Self {
        Self { interval, limit, last: None, troubled: false }
    }

    /// Whether the last poll failed.
    #[must_use]
    pub const fn is_troubled(&self) -> bool {
        self.troubled
    }

    /// Takes in what a poll saw, `elapsed` after the wait began.
    pub fn observe(&mut self, elapsed: Duration, seen: Seen) -> (News, Next) {
        let (news, asked) = match seen {
            Seen::Trouble(asked) => {
                let news = if self.troubled { News::Nothing } else { News::Trouble };
                self.troubled = true;
                (news, asked.unwrap_or_default())
            }
            Seen::Status(status) => {
                let changed = self.last.as_ref() != Some(&status);
                let news = match (std::mem::take(&mut self.troubled), changed) {
                    (true, _) => News::Recovered(status.clone()),
                    (false, true) => News::Status(status.clone()),
                    (false, false) => News::Nothing,
                };
                self.last = Some(status.clone());
                if status.is_terminal() {
                    return (news, Next::Ended(status));
                }
                (news, Duration::ZERO)
            }
        };
        let wait = self.interval.max(asked);
        let next = match self.limit.map(|limit| limit.saturating_sub(elapsed)) {
            None => Next::Poll(wait),
            Some(Duration::ZERO) => Next::TimeUp,
            // The last poll is at the very end of the wait, however the intervals fall.
            Some(left) => Next::Poll(wait.min(left)),
        };
        (news, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use SessionStatus::{Active, Cancelled, Created, Expired, Failed, Finalized};
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn status(status: SessionStatus) -> Seen {
        Seen::Status(status)
    }

    #[test]
    fn only_changes_are_news_and_a_terminal_status_ends_it() {
        let mut watch = Watch::new(SECOND, None);
        let poll = Next::Poll(SECOND);
        assert_eq!(watch.observe(SECOND, status(Created)), (News::Status(Created), poll.clone()));
        assert_eq!(watch.observe(SECOND, status(Created)), (News::Nothing, poll.clone()));
        assert_eq!(watch.observe(SECOND, status(Active)), (News::Status(Active), poll));
        assert_eq!(
            watch.observe(SECOND, status(Finalized)),
            (News::Status(Finalized), Next::Ended(Finalized))
        );
    }

    #[test]
    fn a_passing_failure_is_told_once_and_is_not_an_outcome() {
        let mut watch = Watch::new(SECOND, None);
        let poll = || Next::Poll(SECOND);
        watch.observe(SECOND, status(Created));
        assert_eq!(watch.observe(SECOND, Seen::Trouble(None)), (News::Trouble, poll()));
        assert_eq!(watch.observe(SECOND, Seen::Trouble(None)), (News::Nothing, poll()));
        assert_eq!(watch.observe(SECOND, status(Created)), (News::Recovered(Created), poll()));
        assert_eq!(watch.observe(SECOND, status(Created)), (News::Nothing, poll()));
    }

    #[test]
    fn a_status_that_is_new_to_us_is_waited_through() {
        let mut watch = Watch::new(SECOND, None);
        let unheard = SessionStatus::Other("AUTHORIZING".into());
        assert_eq!(
            watch.observe(SECOND, status(unheard.clone())),
            (News::Status(unheard), Next::Poll(SECOND))
        );
    }

    #[test]
    fn the_wait_ends_on_time_with_a_last_look() {
        let mut watch = Watch::new(4 * SECOND, Some(10 * SECOND));
        assert_eq!(watch.observe(8 * SECOND, status(Created)).1, Next::Poll(2 * SECOND));
        assert_eq!(watch.observe(10 * SECOND, status(Created)).1, Next::TimeUp);
        assert_eq!(watch.observe(10 * SECOND, status(Expired)).1, Next::Ended(Expired));
    }

    #[test]
    fn an_api_that_asks_for_patience_gets_it() {
        let mut watch = Watch::new(SECOND, Some(60 * SECOND));
        assert_eq!(watch.observe(SECOND, Seen::Trouble(Some(5 * SECOND))).1, Next::Poll(5 * SECOND));
        assert_eq!(watch.observe(58 * SECOND, Seen::Trouble(Some(5 * SECOND))).1, Next::Poll(2 * SECOND));
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
                let seen = open.get(seen).map_or(Seen::Trouble(None), |open| status(open.clone()));
                let (news, next) = watch.observe(SECOND, seen.clone());
                prop_assert!(matches!(next, Next::Poll(_)));
                if let News::Status(status) | News::Recovered(status) = news { shown = Some(status); }
                if let Seen::Status(status) = seen { prop_assert_eq!(shown.as_ref(), Some(&status)); }
            }
            prop_assert_eq!(watch.observe(SECOND, status(end.clone())).1, Next::Ended(end));
        }
    }
}
