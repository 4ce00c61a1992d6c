//! Measures durations: on an emulator by advancing its clock, elsewhere in real time.

use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use uuid::Uuid;

use super::orders::UsedKey;
use super::prober::Prober;
use crate::error::{Error, ErrorKind};
use crate::model::SessionStatus;

/// The bounds are narrowed to this width, or until requests take too long for that.
const PRECISION: SignedDuration = SignedDuration::from_millis(400);

const MAX_STEPS: u32 = 60;

/// An emulator's clock is advanced by about a year at most.
pub(super) const MAX_ADVANCE: SignedDuration = SignedDuration::from_hours(366 * 24);

/// The bounds of a duration that was measured: longer than the first, and at most the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) above: SignedDuration,
    pub(super) at_most: SignedDuration,
}

impl Bounds {
    fn width(self) -> SignedDuration {
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
    const fn interval_and_limit(self) -> (Duration, Duration) {
        match self {
            Self::SessionLifetime => (Duration::from_secs(10), Duration::from_secs(2 * 60 * 60)),
            Self::ListLag | Self::OrderLag | Self::KeyMemory(_) => {
                (Duration::from_secs(1), Duration::from_secs(30))
            }
        }
    }
}

/// An object that is observed until it changes by itself.
enum Sample {
    /// Until it expires.
    Session(Uuid),
    /// Until it is listed.
    Device(String),
    /// Until it can be read.
    Order(Uuid),
    /// Until it is forgotten.
    Key(UsedKey),
}

impl Prober {
    /// Measures a duration, and records it as a fact.
    pub(super) async fn measure(
        &mut self,
        fact: &'static str,
        subject: Subject,
    ) -> Result<Measurement, Error> {
        let measured = if self.is_emulator {
            self.measure_by_clock(subject).await?
        } else {
            self.measure_in_real_time(subject).await?
        };
        self.seen.record_measurement(fact, measured);
        Ok(measured)
    }

    async fn create_sample(&mut self, subject: Subject) -> Result<Sample, Error> {
        let refused = |message: String| Error::new(ErrorKind::Refused, message);
        match subject {
            Subject::SessionLifetime => self.open_session().await.map(Sample::Session),
            Subject::ListLag => {
                let (created, id) = self.create_device(None).await?;
                let message =
                    format!("the API responded with {} to a second simulated device", created.status);
                id.map(Sample::Device).ok_or_else(|| refused(message))
            }
            Subject::OrderLag => {
                let order = self.pay().await?;
                order.map(Sample::Order).ok_or_else(|| refused("a session was not paid".to_owned()))
            }
            Subject::KeyMemory(order) => {
                let key = self.use_key(order).await?;
                key.map(Sample::Key).ok_or_else(|| refused("the API refused a refund".to_owned()))
            }
        }
    }

    async fn is_over(&mut self, sample: &Sample) -> Result<bool, Error> {
        match sample {
            Sample::Session(id) => Ok(self.status(*id).await? == SessionStatus::Expired.as_str()),
            Sample::Device(id) => self.is_listed(id).await,
            Sample::Order(id) => Ok(self.read_order(*id).await?.is_some()),
            Sample::Key(key) => Ok(self.is_forgotten(key).await? == Some(true)),
        }
    }

    async fn remove_sample(&mut self, sample: Sample) -> Result<(), Error> {
        match sample {
            Sample::Session(id) => self.end_session(id).await,
            Sample::Device(id) => self.delete_device(&id).await.map(drop),
            // The API deletes neither.
            Sample::Order(_) | Sample::Key(_) => Ok(()),
        }
    }

    async fn now(&self) -> Result<Timestamp, Error> {
        let clock = self.client.clock().await?;
        clock.now.ok_or_else(|| Error::new(ErrorKind::Unavailable, "the emulator's clock shows no time"))
    }

    /// Doubles the age of a sample until it is over, and then halves the interval with a new sample for each step.
    async fn measure_by_clock(&mut self, subject: Subject) -> Result<Measurement, Error> {
        let zero = SignedDuration::ZERO;
        let (mut above, mut at_most) = (zero, None);
        let mut sample = self.create_sample(subject).await?;
        if self.is_over(&sample).await? {
            self.remove_sample(sample).await?;
            return Ok(Measurement::Immediate);
        }
        let mut created = self.now().await?;
        let mut earliest = created - SignedDuration::from_secs(1);
        let mut age = SignedDuration::from_secs(1);
        for _ in 0..MAX_STEPS {
            let reached = created + age;
            let advance = reached.duration_since(self.now().await?);
            if advance > zero {
                self.client.advance_clock(advance).await?;
            }
            let before = self.now().await?;
            let is_over = self.is_over(&sample).await?;
            let after = self.now().await?;
            if is_over {
                let bound = after.duration_since(earliest);
                at_most = Some(at_most.map_or(bound, |known: SignedDuration| known.min(bound)));
            } else {
                above = above.max(before.duration_since(created));
            }
            match at_most {
                None if age >= MAX_ADVANCE => {
                    self.remove_sample(sample).await?;
                    return Ok(Measurement::LongerThan(above));
                }
                // The same sample ages on.
                None => age *= 2,
                Some(at_most) => {
                    let bounds = Bounds { above, at_most };
                    self.remove_sample(sample).await?;
                    if bounds.width() <= PRECISION {
                        return Ok(Measurement::Within(bounds));
                    }
                    age = above + bounds.width() / 2;
                    earliest = self.now().await?;
                    sample = self.create_sample(subject).await?;
                    created = self.now().await?;
                }
            }
        }
        self.remove_sample(sample).await?;
        Ok(at_most
            .map_or(Measurement::LongerThan(above), |at_most| Measurement::Within(Bounds { above, at_most })))
    }

    async fn measure_in_real_time(&mut self, subject: Subject) -> Result<Measurement, Error> {
        let (interval, limit) = subject.interval_and_limit();
        let earliest = Instant::now();
        let sample = self.create_sample(subject).await?;
        let created = Instant::now();
        let mut above = SignedDuration::ZERO;
        let measured = loop {
            let before = signed(created.elapsed());
            if self.is_over(&sample).await? {
                let is_first = above.is_zero();
                let at_most = signed(earliest.elapsed());
                break if is_first {
                    Measurement::Immediate
                } else {
                    Measurement::Within(Bounds { above, at_most })
                };
            }
            above = before.max(SignedDuration::from_nanos(1));
            if created.elapsed() >= limit {
                break Measurement::LongerThan(signed(limit));
            }
            if self.cancel.run_until_cancelled(tokio::time::sleep(interval)).await.is_none() {
                return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
            }
        };
        self.remove_sample(sample).await?;
        Ok(measured)
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
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
