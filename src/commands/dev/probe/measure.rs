//! Measures durations: on an emulator by advancing its clock, elsewhere in real time.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use uuid::Uuid;

use super::measurement::{Bounds, Measurement, Subject};
use super::orders::UsedKey;
use super::prober::Prober;
use crate::error::{Error, ErrorKind};
use crate::model::SessionStatus;

/// The bounds are narrowed to this width, or until requests take too long for that.
const PRECISION: SignedDuration = SignedDuration::from_millis(400);

const MAX_STEPS: u32 = 60;

/// An emulator's clock is advanced by about a year at most.
pub(super) const MAX_ADVANCE: SignedDuration = SignedDuration::from_hours(366 * 24);

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
