//! The measurements of the probe, and their result. Pure.

use std::fmt;
use std::time::Duration;

use jiff::SignedDuration;
use uuid::Uuid;

/// The bounds of a duration that was measured: longer than the first, and at most the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) above: SignedDuration,
    pub(super) at_most: SignedDuration,
}

impl Bounds {
    pub(super) fn width(self) -> SignedDuration {
        self.at_most - self.above
    }

    /// The roundest duration within the bounds.
    fn roundest(self) -> SignedDuration {
        const UNITS: [i64; 6] = [3_600_000, 60_000, 1000, 100, 10, 1];
        let at_most = i64::try_from(self.at_most.as_millis()).unwrap_or(i64::MAX);
        let rounded = UNITS.map(|unit| SignedDuration::from_millis(at_most / unit * unit));
        rounded.into_iter().find(|duration| *duration > self.above).unwrap_or(self.at_most)
    }
}

/// The result of measuring how long something takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measurement {
    /// It was so from the beginning.
    Immediate,
    Within(Bounds),
    LongerThan(SignedDuration),
}

impl Measurement {
    pub(super) fn duration(self) -> Option<SignedDuration> {
        match self {
            Self::Immediate => Some(SignedDuration::ZERO),
            Self::Within(bounds) => Some(bounds.roundest()),
            Self::LongerThan(_) => None,
        }
    }
}

impl fmt::Display for Measurement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Immediate => write!(formatter, "{:#}", SignedDuration::ZERO),
            Self::Within(bounds) => write!(formatter, "{:#}", bounds.roundest()),
            Self::LongerThan(limit) => write!(formatter, "longer than {limit:#}"),
        }
    }
}

/// The subject of a measurement.
#[derive(Clone, Copy)]
pub(super) enum Subject {
    SessionLifetime,
    ListLag,
    OrderLag,
    /// How long the key of a refund of this order is remembered.
    KeyMemory(Uuid),
}

impl Subject {
    /// How often and how long it is observed in real time.
    pub(super) const fn interval_and_limit(self) -> (Duration, Duration) {
        match self {
            Self::SessionLifetime => (Duration::from_secs(10), Duration::from_secs(2 * 60 * 60)),
            Self::ListLag | Self::OrderLag | Self::KeyMemory(_) => {
                (Duration::from_secs(1), Duration::from_secs(30))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roundest_duration_within_the_bounds_is_chosen() {
        for (above, at_most, expected) in [
            (899_700, 900_100, "PT15M"),
            (29_600, 30_020, "PT30S"),
            (3_599_000, 3_601_000, "PT1H"),
            (60_500, 61_000, "PT1M1S"),
            (1_420, 1_510, "PT1.5S"),
            (3, 4, "PT0.004S"),
        ] {
            let [above, at_most] = [above, at_most].map(SignedDuration::from_millis);
            assert_eq!(Bounds { above, at_most }.roundest().to_string(), expected);
        }
    }
}
