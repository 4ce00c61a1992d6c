//! Delays between retries. The caller waits.

use std::time::Duration;

use jiff::Timestamp;

pub(super) const MAX_ATTEMPTS: u32 = 4;

/// A longer `Retry-After` is reported to the user instead of waited for.
pub(super) const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);

const BASE_DELAY: Duration = Duration::from_millis(200);

/// The delay after the given attempt (from 1). It doubles with each attempt; `jitter` (0 to 1) takes off up to half, so
/// that many clients do not retry at the same moment.
pub(super) fn backoff(attempt: u32, jitter: f64) -> Duration {
    let whole = BASE_DELAY * 2_u32.saturating_pow(attempt.saturating_sub(1)).min(64);
    whole.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

/// Parses a `Retry-After` header: seconds, or an HTTP date.
pub(super) fn retry_after(header: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = header.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(header.trim()).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_within_its_jitter() {
        assert_eq!(backoff(1, 0.0), Duration::from_millis(100));
        assert_eq!(backoff(1, 1.0), Duration::from_millis(200));
        assert_eq!(backoff(3, 1.0), Duration::from_millis(800));
        assert_eq!(backoff(u32::MAX, 1.0), BASE_DELAY * 64);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        assert_eq!(retry_after("3", now), Some(Duration::from_secs(3)));
        assert_eq!(retry_after("Sun, 22 Nov 2026 10:00:05 GMT", now), Some(Duration::from_secs(5)));
        assert_eq!(retry_after("Sun, 22 Nov 2026 09:00:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("soon", now), None);
        assert_eq!(retry_after("-1", now), None);
    }
}
