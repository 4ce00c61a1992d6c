//! When to poll next. Pure.

use std::time::Duration;

/// Upper bound for the API's `Retry-After`, so that no response stalls a wait.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);

/// Returns the time until the next poll, or `None` at the timeout. The last poll is exactly at the timeout.
pub(crate) fn next_poll(
    interval: Duration,
    retry_after: Option<Duration>,
    elapsed: Duration,
    timeout: Option<Duration>,
) -> Option<Duration> {
    let delay = interval.max(retry_after.unwrap_or_default().min(MAX_RETRY_AFTER));
    match timeout.map(|timeout| timeout.saturating_sub(elapsed)) {
        None => Some(delay),
        Some(Duration::ZERO) => None,
        Some(remaining) => Some(delay.min(remaining)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_poll_is_at_the_timeout_and_a_retry_after_is_followed_within_limits() {
        for (interval, retry_after, elapsed, timeout, expected) in [
            (4, None, 8, None, Some(4)),
            (4, None, 8, Some(10), Some(2)),
            (4, None, 10, Some(10), None),
            (4, None, 11, Some(10), None),
            (1, Some(5), 1, Some(60), Some(5)),
            (1, Some(5), 58, Some(60), Some(2)),
            (1, Some(u64::MAX), 1, None, Some(30)),
        ] {
            let seconds = Duration::from_secs;
            let delay = next_poll(
                seconds(interval),
                retry_after.map(seconds),
                seconds(elapsed),
                timeout.map(seconds),
            );
            assert_eq!(delay, expected.map(seconds), "after {elapsed} s of {timeout:?}");
        }
    }
}
