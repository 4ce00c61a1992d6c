//! Delays between the attempts of a request.

use std::time::Duration;

use jiff::Timestamp;

pub(super) const MAX_ATTEMPTS: u32 = 4;

/// A longer `Retry-After` is reported instead of waited for.
pub(super) const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);

const BASE_DELAY: Duration = Duration::from_millis(200);

/// The delay after this attempt (from 1): it doubles, and `jitter` (0 to 1) takes off up to half of it, so that many
/// clients do not retry at the same moment.
pub(super) fn backoff(attempt: u32, jitter: f64) -> Duration {
    let delay = BASE_DELAY * 2_u32.saturating_pow(attempt.saturating_sub(1)).min(64);
    delay.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

/// Parses a `Retry-After` header: seconds, or an HTTP date.
pub(super) fn parse_retry_after(header: &str, now: Timestamp) -> Option<Duration> {
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
    fn the_delay_doubles_within_its_jitter() {
        assert_eq!(backoff(1, 0.0), BASE_DELAY / 2);
        assert_eq!(backoff(1, 1.0), BASE_DELAY);
        assert_eq!(backoff(3, 1.0), BASE_DELAY * 4);
        assert_eq!(backoff(u32::MAX, 1.0), BASE_DELAY * 64);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let parse = |header| parse_retry_after(header, now).map(|delay| delay.as_secs());
        assert_eq!(["3", "soon", "-1"].map(parse), [Some(3), None, None]);
        assert_eq!(parse("Sun, 22 Nov 2026 10:00:05 GMT"), Some(5));
        assert_eq!(parse("Sun, 22 Nov 2026 09:00:00 GMT"), Some(0));
    }
}
