//! Pairing a phone: from a code to the device that used it.
//!
//! The API says of an enrollment only that its code was used, not by which phone. But an enrollment's metadata is
//! carried over to the device (documented), so a tag of its own finds the phone for certain, whoever else pairs one at
//! the same moment.

use std::time::Duration;

use jiff::Timestamp;

use super::MOST_PATIENCE;
use crate::model::EnrollmentStatus;

/// The metadata key of the tag.
pub(crate) const TAG: &str = "kustom_pairing";

/// How long after its end a code is still asked for: clocks differ, and a phone may have used it in the last moment.
const AFTER_THE_END: Duration = Duration::from_secs(15);

/// How long a phone that used a code may take to appear among the devices.
const TO_APPEAR: Duration = Duration::from_secs(60);

/// The same where it is only likely that one used it.
const TO_APPEAR_PERHAPS: Duration = Duration::from_secs(5);

/// How long a new enrollment may take to appear in the list, before the devices are looked at beside it.
const TO_BE_LISTED: Duration = Duration::from_secs(15);

/// The wait for one phone.
#[derive(Debug, Clone)]
pub(crate) struct Pairing {
    interval: Duration,
    lifetime: Duration,
    limit: Option<Duration>,
    phase: Phase,
    was_listed: bool,
    troubled: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nobody has used the code.
    Code,
    /// Somebody used it; the device is looked for since then.
    Phone(Duration),
    /// The enrollment has left the list. A device may tell why, and is looked for since then.
    Gone(Duration),
}

/// What a look saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// How the enrollment stands, or that it is not in the list.
    Enrollment(Option<EnrollmentStatus>),
    /// Whether a device carries the tag.
    Device(bool),
    /// A failure that may pass, and how long the API asks to be left alone.
    Trouble(Option<Duration>),
}

/// What a look made known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// Whether looks begin to fail (`Some(true)`) or work again (`Some(false)`).
    pub trouble: Option<bool>,
    /// What comes next.
    pub next: Next,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Look how the enrollment stands, after this time.
    Enrollment(Duration),
    /// Look for the device that carries the tag, after this time.
    Device(Duration),
    /// The device was found.
    Paired,
    /// The API says that the code can be used no more, and nobody has.
    Expired,
    /// The code's time is over by this clock. The API does not say so.
    Over,
    /// The enrollment has left the list, and no device carries its tag: somebody withdrew the code.
    Withdrawn,
    /// The code was used, but no device carries its tag.
    NoDevice,
    /// The wait has ended before the code did.
    TimeUp,
}

impl Pairing {
    /// A wait for a code of this lifetime that looks every `interval` and ends after `limit`, if there is one.
    pub(crate) const fn new(interval: Duration, lifetime: Duration, limit: Option<Duration>) -> Self {
        Self { interval, lifetime, limit, phase: Phase::Code, was_listed: false, troubled: false }
    }

    /// Takes in what a look saw, `elapsed` after the code was made.
    pub(crate) fn observe(&mut self, elapsed: Duration, seen: Seen) -> Step {
        let troubled = matches!(seen, Seen::Trouble(_));
        let trouble = (troubled != self.troubled).then_some(troubled);
        self.troubled = troubled;
        let next = match seen {
            Seen::Enrollment(status) => self.enrollment(elapsed, status.as_ref()),
            Seen::Device(found) => self.device(elapsed, found),
            Seen::Trouble(asked) => self.trouble(elapsed, asked.unwrap_or_default().min(MOST_PATIENCE)),
        };
        Step { trouble, next }
    }

    fn enrollment(&mut self, elapsed: Duration, status: Option<&EnrollmentStatus>) -> Next {
        match status {
            Some(EnrollmentStatus::Consumed) => {
                self.phase = Phase::Phone(elapsed);
                Next::Device(Duration::ZERO)
            }
            Some(EnrollmentStatus::Expired) => Next::Expired,
            Some(EnrollmentStatus::Cancelled) => self.gone(elapsed),
            // What was never listed has not left the list; then only the devices can tell.
            None if self.was_listed => self.gone(elapsed),
            None if elapsed < TO_BE_LISTED => self.again(elapsed, Duration::ZERO),
            None => Next::Device(Duration::ZERO),
            // A status that is new to us is waited through.
            Some(EnrollmentStatus::Pending | EnrollmentStatus::Other(_)) => {
                self.was_listed = true;
                self.again(elapsed, Duration::ZERO)
            }
        }
    }

    const fn gone(&mut self, elapsed: Duration) -> Next {
        self.phase = Phase::Gone(elapsed);
        Next::Device(Duration::ZERO)
    }

    fn device(&self, elapsed: Duration, found: bool) -> Next {
        if found {
            return Next::Paired;
        }
        match self.phase {
            Phase::Code => self.again(elapsed, Duration::ZERO),
            Phase::Phone(_) | Phase::Gone(_) => self.search(elapsed, Duration::ZERO),
        }
    }

    fn trouble(&self, elapsed: Duration, asked: Duration) -> Next {
        match self.phase {
            Phase::Code => self.again(elapsed, asked),
            Phase::Phone(_) | Phase::Gone(_) => self.search(elapsed, asked),
        }
    }

    /// Looks for a device that takes its time to appear, but not for ever.
    fn search(&self, elapsed: Duration, asked: Duration) -> Next {
        match self.phase {
            Phase::Phone(since) if elapsed.saturating_sub(since) >= TO_APPEAR => Next::NoDevice,
            Phase::Gone(since) if elapsed.saturating_sub(since) >= TO_APPEAR_PERHAPS => Next::Withdrawn,
            Phase::Code | Phase::Phone(_) | Phase::Gone(_) => Next::Device(self.interval.max(asked)),
        }
    }

    /// When to look at the enrollment again: also at the very end of the wait and of the code.
    fn again(&self, elapsed: Duration, asked: Duration) -> Next {
        if elapsed >= self.lifetime + AFTER_THE_END {
            return Next::Over;
        }
        let mut wait = self.interval.max(asked);
        if let Some(limit) = self.limit {
            let left = limit.saturating_sub(elapsed);
            if left.is_zero() {
                return Next::TimeUp;
            }
            wait = wait.min(left);
        }
        let ends = [self.lifetime, self.lifetime + AFTER_THE_END];
        if let Some(end) = ends.into_iter().find(|end| *end > elapsed) {
            wait = wait.min(end.saturating_sub(elapsed));
        }
        Next::Enrollment(wait)
    }
}

/// How much time a code has left, for a person who watches it run out: what the API says, if it can be true on this
/// machine's clock, or else what was asked for.
pub(crate) fn time_left(asked: Duration, expires_at: Option<Timestamp>, now: Timestamp) -> Duration {
    let told = expires_at.and_then(|at| Duration::try_from(at.duration_since(now)).ok());
    told.filter(|told| !told.is_zero() && *told <= asked).unwrap_or(asked)
}

/// A name for a new device: the first free till of its location.
pub(crate) fn suggested_name<'a>(location: Option<&str>, taken: impl IntoIterator<Item = &'a str>) -> String {
    let taken: Vec<String> = taken.into_iter().map(str::to_lowercase).collect();
    let till = match location.map(str::trim).filter(|location| !location.is_empty()) {
        Some(location) => format!("{location} till"),
        None => "Till".to_owned(),
    };
    let mut number = 1_usize;
    loop {
        let name = format!("{till} {number}");
        if !taken.contains(&name.to_lowercase()) {
            return name;
        }
        number += 1;
    }
}

#[cfg(test)]
#[path = "pairing_tests.rs"]
mod tests;
