//! A code: how it is made, how it stands, and how it is withdrawn.

use std::pin::pin;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::{Pair, interrupted};
use crate::api::{EnrollmentFilter, Error as ApiError, FailureCause, NewEnrollment, SideEffect};
use crate::commands::enrollments::create::{add_location_hint, warn_about_lifetime};
use crate::error::{Error, ErrorKind};
use crate::model::{Device, Enrollment, Metadata, Resource, Ttl};
use crate::polling::pairing::{TAG, time_left};
use crate::text::escape_control;

/// How long something is looked for that may be there or not.
const SEARCH_TIMEOUT: Duration = Duration::from_secs(3);

/// How often it is looked for.
const SEARCH_INTERVAL: Duration = Duration::from_millis(500);

/// How long a withdrawal may take. Whoever ends a program waits no longer than this.
const WITHDRAW_TIMEOUT: Duration = Duration::from_secs(10);

/// Shorter lifetimes end at a time of day that is plain without its date.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A code that pairs a phone.
pub(super) struct Code {
    pub(super) id: String,
    /// What is entered in the phone.
    text: String,
    /// The tag of the enrollment, and of the device that uses the code.
    tag: Uuid,
    /// The enrollment as it came.
    pub(super) enrollment: Resource<Enrollment>,
    /// When it came.
    pub(super) made: Instant,
    /// How long it can be used from then on, as it was asked for.
    pub(super) asked: Duration,
    /// The same for whoever watches it run out.
    pub(super) left: Duration,
}

impl Code {
    /// The code of an enrollment; `None` without a code or an id.
    fn new(enrollment: Resource<Enrollment>, tag: Uuid, asked: Duration) -> Option<Self> {
        let left = time_left(asked, enrollment.expires_at, Timestamp::now());
        let id = enrollment.enrollment_id.clone().filter(|id| !id.is_empty())?;
        let text = enrollment.enrollment_code.clone().filter(|code| !code.is_empty())?;
        Some(Self { id, text, tag, enrollment, made: Instant::now(), asked, left })
    }

    /// The code, made safe to show.
    pub(super) fn shown(&self) -> String {
        escape_control(&self.text).into_owned()
    }

    /// When it ends, in local time: `16:40`, with the date where that could be another day's.
    pub(super) fn until(&self) -> String {
        let left = SignedDuration::try_from(self.asked).unwrap_or(SignedDuration::MAX);
        let by_this_clock = || Timestamp::now().checked_add(left).unwrap_or(Timestamp::MAX);
        let end = self.enrollment.expires_at.unwrap_or_else(by_this_clock).to_zoned(TimeZone::system());
        end.strftime(if self.asked < DAY { "%H:%M" } else { "%Y-%m-%d %H:%M" }).to_string()
    }
}

/// What has become of a code that nobody needs any more.
pub(super) enum WithdrawOutcome {
    /// It pairs no phone.
    Withdrawn,
    /// A phone was faster.
    Used(Box<Resource<Device>>),
    /// It could not be withdrawn, or was not meant to be.
    Valid,
}

impl Pair<'_> {
    /// Makes a code. Whatever goes wrong, none is left behind that nobody knows of.
    pub(super) async fn create_code(&self) -> Result<Code, Error> {
        let tag = Uuid::new_v4();
        let mut metadata = self.metadata.clone();
        metadata.insert(TAG.to_owned(), tag.to_string());
        let location_id = self.place.id.clone();
        let new = NewEnrollment { location_id, expires_in: self.expires_in, metadata };
        match self.context.client.create_enrollment(&new).await {
            Ok(created) => {
                warn_about_lifetime(&created, self.expires_in, self.context);
                let asked = created.ttl.map_or(self.expires_in, Ttl::duration);
                self.code_from_enrollment(created.enrollment, tag, asked).await
            }
            Err(ApiError { why: FailureCause::Cancelled, carried_out: SideEffect::Possible, .. }) => {
                let withdrawn = self.context.abort.run_until_cancelled(self.withdraw_if_created(tag)).await;
                Err(withdrawn.unwrap_or_else(|| self.unknown_outcome_error(tag, interrupted())))
            }
            // The API may have made it, and only its answer is lost.
            Err(error) if error.carried_out == SideEffect::Possible => {
                let found = tokio::select! {
                    biased;
                    found = self.find_made(tag) => found,
                    () = self.context.cancel.cancelled() => None,
                };
                match found {
                    Some(enrollment) => self.code_from_enrollment(enrollment, tag, self.expires_in).await,
                    None => Err(self.unknown_outcome_error(tag, Error::from(error))),
                }
            }
            Err(error) => Err(add_location_hint(error, &new)),
        }
    }

    /// The code of what was made. What has none is of no use, and withdrawn.
    async fn code_from_enrollment(
        &self,
        enrollment: Resource<Enrollment>,
        tag: Uuid,
        asked: Duration,
    ) -> Result<Code, Error> {
        let id = enrollment.enrollment_id.clone().filter(|id| !id.is_empty());
        if let Some(code) = Code::new(enrollment, tag, asked) {
            return Ok(code);
        }
        let error =
            Error::new(ErrorKind::Unavailable, "the API made an enrollment without a code or without an id");
        let Some(id) = id else { return Err(self.unknown_outcome_error(tag, error)) };
        let withdrawn = tokio::select! {
            biased;
            withdrawn = self.is_withdrawn(&id) => withdrawn,
            () = self.context.cancel.cancelled() => false,
        };
        Err(if withdrawn { error } else { self.unknown_outcome_error(tag, error) })
    }

    /// Withdraws a code whose creation was interrupted, if it was made.
    async fn withdraw_if_created(&self, tag: Uuid) -> Error {
        let made = self.find_made(tag).await;
        match made.and_then(|made| made.enrollment_id.clone()) {
            Some(id) if self.is_withdrawn(&id).await => {
                Error::new(ErrorKind::Interrupted, "interrupted; the code that was being made was withdrawn")
            }
            _ => self.unknown_outcome_error(tag, interrupted()),
        }
    }

    /// Withdraws an enrollment that nobody has seen. Whether that worked.
    async fn is_withdrawn(&self, id: &str) -> bool {
        let deleted = timeout(WITHDRAW_TIMEOUT, self.cleanup.client.delete_enrollment(id));
        matches!(deleted.await, Ok(Ok(())))
    }

    /// The enrollment with this tag, once it is there.
    async fn find_made(&self, tag: Uuid) -> Option<Resource<Enrollment>> {
        let text = tag.to_string();
        search(async || {
            self.find_enrollment(tag, |enrollment| enrollment.metadata.get(TAG) == Some(&text)).await
        })
        .await
    }

    fn unknown_outcome_error(&self, tag: Uuid, error: Error) -> Error {
        let flag = self.context.settings.profile_flag();
        let message = format!("{}; a code that nobody has seen may have been made", error.message);
        let mut unknown = Error { kind: ErrorKind::Unknown, message, ..error };
        unknown.hints.clear();
        unknown
            .hint(format!("look for it: kustom{flag} enrollments list --metadata {TAG}={tag}"))
            .hint(format!("withdraw it: kustom{flag} enrollments delete ID"))
    }

    /// The enrollment of a code as it is now, if it is in the list.
    pub(super) async fn enrollment_of(&self, code: &Code) -> Result<Option<Resource<Enrollment>>, ApiError> {
        self.find_enrollment(code.tag, |enrollment| {
            enrollment.enrollment_id.as_deref().is_some_and(|other| other.eq_ignore_ascii_case(&code.id))
        })
        .await
    }

    async fn find_enrollment(
        &self,
        tag: Uuid,
        is_it: impl Fn(&Enrollment) -> bool,
    ) -> Result<Option<Resource<Enrollment>>, ApiError> {
        let metadata = Metadata::from([(TAG.to_owned(), tag.to_string())]);
        let filter = EnrollmentFilter { location_id: None, metadata, include_consumed: Some(true) };
        let mut pages = pin!(self.cleanup.client.enrollments(&filter).pages::<Enrollment>());
        while let Some(page) = pages.try_next().await? {
            if let Some(found) = page.content.into_iter().find(|enrollment| is_it(enrollment)) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The device that used a code, if there is one.
    pub(super) async fn device_of(&self, code: &Code) -> Result<Option<Resource<Device>>, ApiError> {
        let tag = code.tag.to_string();
        let mut pages = pin!(self.cleanup.client.devices(None).pages::<Device>());
        while let Some(page) = pages.try_next().await? {
            if let Some(found) =
                page.content.into_iter().find(|device| device.metadata.get(TAG) == Some(&tag))
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Withdraws a code, if that does not take too long. A phone may use it at the same moment, which is found out
    /// afterwards: then nothing can happen any more.
    pub(super) async fn withdraw(&self, code: &Code) -> WithdrawOutcome {
        timeout(WITHDRAW_TIMEOUT, self.withdrawn(code)).await.unwrap_or(WithdrawOutcome::Valid)
    }

    async fn withdrawn(&self, code: &Code) -> WithdrawOutcome {
        let deleted = self.cleanup.client.delete_enrollment(&code.id).await;
        let fate = match deleted.map_err(|error| error.status()) {
            Ok(()) => {
                let device = self.device_of(code).await.ok().flatten();
                return device
                    .map_or(WithdrawOutcome::Withdrawn, |device| WithdrawOutcome::Used(Box::new(device)));
            }
            Err(Some(404)) => WithdrawOutcome::Withdrawn,
            // The API may refuse it because a phone has used the code.
            Err(Some(400..=499)) => WithdrawOutcome::Valid,
            Err(_) => return WithdrawOutcome::Valid,
        };
        search(async || self.device_of(code).await)
            .await
            .map_or(fate, |device| WithdrawOutcome::Used(Box::new(device)))
    }
}

/// Looks for something that takes its time to appear, for a while. A failure to look is none to find.
async fn search<T, E>(look: impl AsyncFn() -> Result<Option<T>, E>) -> Option<T> {
    let searching = async {
        loop {
            if let Ok(Some(found)) = look().await {
                return found;
            }
            tokio::time::sleep(SEARCH_INTERVAL).await;
        }
    };
    timeout(SEARCH_TIMEOUT, searching).await.ok()
}
