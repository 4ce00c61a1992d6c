//! An enrollment code: creating it, finding the phone that used it, and withdrawing it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::Pair;
use crate::api::{EnrollmentFilter, Error as ApiError, NewEnrollment, SideEffect, withdraw_request};
use crate::commands::enrollments::create::{add_location_hint, warn_about_lifetime};
use crate::commands::resolve::fetch_all;
use crate::error::{Error, ErrorKind};
use crate::model::{Device, Enrollment, Metadata, Resource, Ttl};
use crate::polling::pairing::TAG;
use crate::text::escape_control;

const WITHDRAW_TIMEOUT: Duration = Duration::from_secs(10);

/// After the API refused to withdraw a code, the device that used it may appear a little later.
const DEVICE_TIMEOUT: Duration = Duration::from_secs(3);
const DEVICE_INTERVAL: Duration = Duration::from_millis(500);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) struct Code {
    /// Counts the phones of this run, from 1.
    pub(super) number: u32,
    pub(super) enrollment_id: String,
    text: String,
    /// Metadata of the enrollment, which the API copies to the device.
    tag: Uuid,
    pub(super) enrollment: Resource<Enrollment>,
    pub(super) created_at: Instant,
    pub(super) lifetime: Duration,
}

impl Code {
    fn new(number: u32, tag: Uuid, enrollment: Resource<Enrollment>, lifetime: Duration) -> Option<Self> {
        let enrollment_id = enrollment.enrollment_id.clone().filter(|id| !id.is_empty())?;
        let text = enrollment.enrollment_code.clone().filter(|code| !code.is_empty())?;
        Some(Self { number, enrollment_id, text, tag, enrollment, created_at: Instant::now(), lifetime })
    }

    /// The code with control characters escaped.
    pub(super) fn escaped(&self) -> String {
        escape_control(&self.text).into_owned()
    }

    /// The end of the code's life in local time, with the date only if that may be another day.
    pub(super) fn format_expiry(&self) -> String {
        let lifetime = SignedDuration::try_from(self.lifetime).unwrap_or(SignedDuration::MAX);
        let computed = || Timestamp::now().checked_add(lifetime).unwrap_or(Timestamp::MAX);
        let expiry = self.enrollment.expires_at.unwrap_or_else(computed).to_zoned(TimeZone::system());
        expiry.strftime(if self.lifetime < DAY { "%H:%M" } else { "%Y-%m-%d %H:%M" }).to_string()
    }
}

pub(super) enum WithdrawOutcome {
    Withdrawn,
    /// A phone used the code before it could be withdrawn.
    Used(Box<Resource<Device>>),
    /// The code may still be valid.
    Failed,
}

impl Pair<'_> {
    pub(super) async fn create_code(&self, number: u32) -> Result<Code, Error> {
        let tag = Uuid::new_v4();
        let mut metadata = self.metadata.clone();
        metadata.insert(TAG.to_owned(), tag.to_string());
        let new =
            NewEnrollment { location_id: self.location.id.clone(), expires_in: self.expires_in, metadata };
        match self.context.client.create_enrollment(&new).await {
            Ok(created) => {
                warn_about_lifetime(&created, self.expires_in, self.context);
                let lifetime = created.ttl.map_or(self.expires_in, Ttl::duration);
                Code::new(number, tag, created.enrollment, lifetime).ok_or_else(|| {
                    let message = "the API returned an enrollment without an ID or without a code";
                    self.unknown_code_error(tag, Error::new(ErrorKind::Unknown, message))
                })
            }
            Err(error) if error.side_effect == SideEffect::Possible => {
                Err(self.unknown_code_error(tag, Error::from(error)))
            }
            Err(error) => Err(add_location_hint(error, &new)),
        }
    }

    fn unknown_code_error(&self, tag: Uuid, error: Error) -> Error {
        let flag = self.context.settings.profile_flag();
        let message = format!("{}; a code may have been created", error.message);
        Error { kind: ErrorKind::Unknown, message, hints: Vec::new(), ..error }
            .hint(format!("look for it: kustom{flag} enrollments list --metadata {TAG}={tag}"))
            .hint(format!("withdraw it: kustom{flag} enrollments delete ID"))
    }

    /// The API has no request for a single enrollment, so it is looked up in the list.
    pub(super) async fn find_enrollment(
        &self,
        code: &Code,
    ) -> Result<Option<Resource<Enrollment>>, ApiError> {
        let metadata = Metadata::from([(TAG.to_owned(), code.tag.to_string())]);
        let filter = EnrollmentFilter { location_id: None, metadata, include_consumed: Some(true) };
        let enrollments: Vec<Resource<Enrollment>> =
            fetch_all(self.cleanup.client.enrollments(&filter)).await?;
        Ok(enrollments.into_iter().find(|enrollment| {
            enrollment.enrollment_id.as_deref().is_some_and(|id| id.eq_ignore_ascii_case(&code.enrollment_id))
        }))
    }

    /// The device that used the code.
    pub(super) async fn find_device(&self, code: &Code) -> Result<Option<Resource<Device>>, ApiError> {
        let tag = code.tag.to_string();
        let devices: Vec<Resource<Device>> = fetch_all(self.cleanup.client.devices(None)).await?;
        Ok(devices.into_iter().find(|device| device.metadata.get(TAG) == Some(&tag)))
    }

    /// Withdraws the code. A second interruption aborts that.
    pub(super) async fn withdraw(&self, code: &Code) -> WithdrawOutcome {
        let withdrawing = timeout(WITHDRAW_TIMEOUT, self.withdraw_and_find_device(code));
        match self.context.abort.run_until_cancelled(withdrawing).await {
            Some(Ok(outcome)) => outcome,
            Some(Err(_)) | None => WithdrawOutcome::Failed,
        }
    }

    async fn withdraw_and_find_device(&self, code: &Code) -> WithdrawOutcome {
        let deleted = self.cleanup.client.delete(&withdraw_request(&code.enrollment_id)).await;
        let (outcome, device_timeout) = match deleted.map_err(|error| error.status()) {
            Ok(()) => (WithdrawOutcome::Withdrawn, Duration::ZERO),
            Err(Some(404)) => (WithdrawOutcome::Withdrawn, DEVICE_TIMEOUT),
            // The API may refuse to withdraw a code that a phone used.
            Err(Some(400..=499)) => (WithdrawOutcome::Failed, DEVICE_TIMEOUT),
            Err(_) => return WithdrawOutcome::Failed,
        };
        // A phone may have used the code just before it was withdrawn.
        let deadline = Instant::now() + device_timeout;
        loop {
            if let Ok(Some(device)) = self.find_device(code).await {
                return WithdrawOutcome::Used(Box::new(device));
            }
            if Instant::now() >= deadline {
                return outcome;
            }
            tokio::time::sleep(DEVICE_INTERVAL).await;
        }
    }
}
