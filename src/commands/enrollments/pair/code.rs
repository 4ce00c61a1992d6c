//! A code: how it is made, how it stands, and how it is withdrawn.

use std::pin::pin;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use tokio::time::Instant;
use uuid::Uuid;

use super::{Pair, interrupted};
use crate::api::{CarriedOut, EnrollmentFilter, Error as ApiError, NewEnrollment};
use crate::commands::enrollments::create::{told_lifetime, with_location_hint};
use crate::context::Interruption;
use crate::error::{Error, Kind};
use crate::flows::pairing::{TAG, lifetime};
use crate::model::{Device, Enrollment, Metadata, Received, Ttl};
use crate::text::visible;

/// How often, and how many times, an enrollment is looked for whose creation was not answered.
const LOOKS: (u32, Duration) = (4, Duration::from_millis(500));

/// Shorter lifetimes end at a time of day that is plain without its date.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A code that pairs a phone.
pub(super) struct Code {
    /// The enrollment.
    pub(super) id: Uuid,
    /// What is entered in the phone.
    pub(super) text: String,
    /// The tag of the enrollment, and of the device that uses the code.
    pub(super) tag: Uuid,
    /// The enrollment as it came.
    pub(super) enrollment: Received<Enrollment>,
    /// When it came.
    pub(super) made: Instant,
    /// How long it can be used from then on.
    pub(super) lifetime: Duration,
    /// The same by the clock.
    ends_at: Timestamp,
}

impl Code {
    fn new(enrollment: Received<Enrollment>, tag: Uuid, asked: Duration) -> Result<Self, Error> {
        let now = Timestamp::now();
        let lifetime = lifetime(asked, enrollment.expires_at, now);
        let ends_at = SignedDuration::try_from(lifetime).ok().and_then(|left| now.checked_add(left).ok());
        let id = enrollment.enrollment_id.as_deref().and_then(|id| id.parse().ok());
        let text = enrollment.enrollment_code.clone().filter(|code| !code.is_empty());
        let (Some(id), Some(text)) = (id, text) else {
            return Err(Error::new(Kind::Unknown, "the API made an enrollment without a code or an id"));
        };
        let ends_at = ends_at.unwrap_or(Timestamp::MAX);
        Ok(Self { id, text, tag, enrollment, made: Instant::now(), lifetime, ends_at })
    }

    /// The code, made safe to show.
    pub(super) fn shown(&self) -> String {
        visible(&self.text).into_owned()
    }

    /// When it ends, in local time: `16:40`, with the date where that could be another day's.
    pub(super) fn until(&self) -> String {
        let end = self.ends_at.to_zoned(TimeZone::system());
        end.strftime(if self.lifetime < DAY { "%H:%M" } else { "%Y-%m-%d %H:%M" }).to_string()
    }
}

/// What has become of a code that nobody needs any more.
pub(super) enum Fate {
    /// It pairs no phone.
    Withdrawn,
    /// A phone was faster.
    Used(Box<Received<Device>>),
    /// It could not be withdrawn, or was not meant to be.
    Valid,
}

impl Pair<'_> {
    /// Makes a code. Whatever goes wrong, none is left behind that nobody knows of.
    pub(super) async fn make(&self, interruption: &mut Interruption) -> Result<Code, Error> {
        let tag = Uuid::new_v4();
        let mut metadata = self.metadata.clone();
        metadata.insert(TAG.to_owned(), tag.to_string());
        let location_id = self.place.id.clone();
        let new = NewEnrollment { location_id, expires_in: self.expires_in, metadata };
        let made = tokio::select! {
            biased;
            made = self.online.client.create_enrollment(&new) => made,
            _ = interruption.come() => {
                if !self.online.is_something_under_way() {
                    return Err(interrupted());
                }
                return Err(tokio::select! {
                    biased;
                    error = self.unmake(tag) => error,
                    _ = interruption.come() => self.perhaps_made(tag, interrupted()),
                });
            }
        };
        match made {
            Ok(created) => {
                told_lifetime(&created, self.expires_in, self.online);
                let asked = created.instead.map_or(self.expires_in, Ttl::duration);
                Code::new(created.enrollment, tag, asked)
            }
            // The API may have made it, and only its answer is lost.
            Err(error) if error.carried_out == CarriedOut::Maybe => {
                let found = tokio::select! {
                    biased;
                    found = self.find_made(tag) => found,
                    _ = interruption.come() => None,
                };
                match found {
                    Some(enrollment) => Code::new(enrollment, tag, self.expires_in),
                    None => Err(self.perhaps_made(tag, Error::from(error))),
                }
            }
            Err(error) => Err(with_location_hint(error, self.place.id.is_some())),
        }
    }

    /// Withdraws a code whose creation was interrupted, if it was made.
    async fn unmake(&self, tag: Uuid) -> Error {
        let made = self.find_made(tag).await;
        let Some(id) = made.and_then(|made| made.enrollment_id.as_deref()?.parse().ok()) else {
            return self.perhaps_made(tag, interrupted());
        };
        match self.online.client.delete_enrollment(id).await {
            Ok(()) => {
                Error::new(Kind::Interrupted, "interrupted; the code that was being made was withdrawn")
            }
            Err(_) => self.perhaps_made(tag, interrupted()),
        }
    }

    /// The enrollment with this tag, once it is there.
    async fn find_made(&self, tag: Uuid) -> Option<Received<Enrollment>> {
        let (looks, interval) = LOOKS;
        for _ in 0..looks {
            let is_tagged = |enrollment: &Enrollment| enrollment.metadata.get(TAG) == Some(&tag.to_string());
            if let Ok(Some(found)) = self.find_enrollment(tag, is_tagged).await {
                return Some(found);
            }
            tokio::time::sleep(interval).await;
        }
        None
    }

    fn perhaps_made(&self, tag: Uuid, error: Error) -> Error {
        let flag = self.online.settings.profile_flag();
        let message = format!("{}; a code that nobody has seen may have been made", error.message);
        let mut unknown = Error { kind: Kind::Unknown, message, ..error };
        unknown.hints.clear();
        unknown
            .hint(format!("look for it: kustom{flag} enrollments list --metadata {TAG}={tag}"))
            .hint(format!("withdraw it: kustom{flag} enrollments delete ID"))
    }

    /// The enrollment of a code as it is now, if it is in the list.
    pub(super) async fn enrollment_of(&self, code: &Code) -> Result<Option<Received<Enrollment>>, ApiError> {
        let id = code.id.to_string();
        self.find_enrollment(code.tag, |enrollment| {
            enrollment.enrollment_id.as_deref().is_some_and(|other| other.eq_ignore_ascii_case(&id))
        })
        .await
    }

    async fn find_enrollment(
        &self,
        tag: Uuid,
        is_it: impl Fn(&Enrollment) -> bool,
    ) -> Result<Option<Received<Enrollment>>, ApiError> {
        let metadata = Metadata::from([(TAG.to_owned(), tag.to_string())]);
        let filter = EnrollmentFilter { location_id: None, metadata, include_consumed: Some(true) };
        let mut pages = pin!(self.online.client.enrollments(&filter).pages::<Enrollment>());
        while let Some(page) = pages.try_next().await? {
            if let Some(found) = page.content.into_iter().find(|enrollment| is_it(enrollment)) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The device that used a code, if there is one.
    pub(super) async fn device_of(&self, code: &Code) -> Result<Option<Received<Device>>, ApiError> {
        let tag = code.tag.to_string();
        let mut pages = pin!(self.online.client.devices(None).pages::<Device>());
        while let Some(page) = pages.try_next().await? {
            if let Some(found) =
                page.content.into_iter().find(|device| device.metadata.get(TAG) == Some(&tag))
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Withdraws a code. A phone may use it at the same moment, which is found out afterwards: then nothing can happen
    /// any more.
    pub(super) async fn withdraw(&self, code: &Code) -> Fate {
        let deleted = self.online.client.delete_enrollment(code.id).await;
        match deleted.map_err(|error| error.status()) {
            Ok(()) | Err(Some(404)) => match self.device_of(code).await {
                Ok(Some(device)) => Fate::Used(Box::new(device)),
                Ok(None) | Err(_) => Fate::Withdrawn,
            },
            Err(_) => Fate::Valid,
        }
    }
}
