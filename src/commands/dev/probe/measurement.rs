//! The measurements of the probe, and their result. Pure.

use std::fmt;

use jiff::SignedDuration;
use uuid::Uuid;

/// The bounds of a duration that was measured: longer than the first, and at most the second, if that is known.
#[derive(Clone, Copy)]
pub(super) struct Measurement {
    pub(super) above: SignedDuration,
    pub(super) at_most: Option<SignedDuration>,
}

impl Measurement {
    /// Every duration is longer than the lower bound, also zero.
    pub(super) const UNKNOWN: Self = Self { above: SignedDuration::from_nanos(-1), at_most: None };

    /// The roundest duration within the bounds.
    pub(super) fn duration(self) -> Option<SignedDuration> {
        const UNITS: [i64; 6] = [3_600_000, 60_000, 1000, 100, 10, 1];
        let at_most = self.at_most?;
        let milliseconds = i64::try_from(at_most.as_millis()).unwrap_or(i64::MAX);
        let rounded = UNITS.map(|unit| SignedDuration::from_millis(milliseconds / unit * unit));
        Some(rounded.into_iter().find(|duration| *duration > self.above).unwrap_or(at_most))
    }
}

impl fmt::Display for Measurement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.duration() {
            Some(duration) => write!(formatter, "{duration:#}"),
            None => write!(formatter, "longer than {:#}", self.above),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roundest_duration_within_the_bounds_is_chosen() {
        for (above, at_most, expected) in [
            (-1, 2, "PT0S"),
            (899_700, 900_100, "PT15M"),
            (29_600, 30_020, "PT30S"),
            (3_599_000, 3_601_000, "PT1H"),
            (60_500, 61_000, "PT1M1S"),
            (1_420, 1_510, "PT1.5S"),
            (3, 4, "PT0.004S"),
        ] {
            let [above, at_most] = [above, at_most].map(SignedDuration::from_millis);
            let measured = Measurement { above, at_most: Some(at_most) };
            assert_eq!(measured.duration().unwrap().to_string(), expected);
        }
    }
}
