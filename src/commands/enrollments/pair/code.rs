//! An enrollment code: creating it, finding the phone that used it, and withdrawing it.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::Pair;
use crate::api::{EnrollmentFilter, Error as ApiError, NewEnrollment, SideEffect, withdraw_request};
use crate::commands::enrollments::create::warn_about_lifetime;
use crate::commands::resolve::fetch_all;
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind};
use crate::model::{Device, Enrollment, EnrollmentStatus, Metadata, Resource, Ttl};
use crate::polling::pairing::TAG;
use crate::text::escape_control;

const WITHDRAW_TIMEOUT: Duration = Duration::from_secs(10);

/// After the API refused to withdraw a code, the device that used it may appear a little later.
const DEVICE_TIMEOUT: Duration = Duration::from_secs(3);
const DEVICE_INTERVAL: Duration = Duration::from_millis(500);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How the phone that used a code is recognized.
enum Identity {
    /// By metadata of the enrollment, which the API copies to the device.
    Tag(String),
    /// A code that was created without a tag: by being none of the devices that there were.
    NewDevice { known: Vec<String> },
}

pub(super) struct Code {
    /// Counts the phones of this run, from 1.
    pub(super) number: u32,
    pub(super) enrollment_id: String,
    text: String,
    identity: Identity,
    pub(super) enrollment: Resource<Enrollment>,
    pub(super) created_at: Instant,
    pub(super) lifetime: Duration,
}

impl Code {
    fn new(
        number: u32,
        identity: Identity,
        enrollment: Resource<Enrollment>,
        lifetime: Duration,
    ) -> Option<Self> {
        let enrollment_id = enrollment.enrollment_id.clone().filter(|id| !id.is_empty())?;
        let text = enrollment.enrollment_code.clone().filter(|code| !code.is_empty())?;
        Some(Self { number, enrollment_id, text, identity, enrollment, created_at: Instant::now(), lifetime })
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
                let identity = Identity::Tag(tag.to_string());
                Code::new(number, identity, created.enrollment, lifetime).ok_or_else(|| {
                    let message = "the API returned an enrollment without an ID or without a code";
                    self.unknown_code_error(tag, Error::new(ErrorKind::Unknown, message))
                })
            }
            Err(error) if error.side_effect == SideEffect::Possible => {
                Err(self.unknown_code_error(tag, Error::from(error)))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn unknown_code_error(&self, tag: Uuid, error: Error) -> Error {
        Error { kind: ErrorKind::Unknown, hints: Vec::new(), ..error }
            .append("; a code may have been created")
            .hint(format!("look for it: kustom enrollments list --metadata {TAG}={tag}"))
            .hint("withdraw it: kustom enrollments delete ID")
    }

    /// The API has no request for a single enrollment, so it is looked up in the list.
    pub(super) async fn find_enrollment(
        &self,
        code: &Code,
    ) -> Result<Option<Resource<Enrollment>>, ApiError> {
        let metadata = match &code.identity {
            Identity::Tag(tag) => Metadata::from([(TAG.to_owned(), tag.clone())]),
            Identity::NewDevice { .. } => Metadata::new(),
        };
        let filter = EnrollmentFilter { location_id: None, metadata, include_consumed: Some(true) };
        let enrollments: Vec<Resource<Enrollment>> =
            fetch_all(self.cleanup.client.enrollments(&filter)).await?;
        Ok(enrollments.into_iter().find(|enrollment| {
            enrollment.enrollment_id.as_deref().is_some_and(|id| id.eq_ignore_ascii_case(&code.enrollment_id))
        }))
    }

    /// The device that used the code.
    pub(super) async fn find_device(&self, code: &Code) -> Result<Option<Resource<Device>>, ApiError> {
        let devices: Vec<Resource<Device>> = fetch_all(self.cleanup.client.devices(None)).await?;
        Ok(match &code.identity {
            Identity::Tag(tag) => devices.into_iter().find(|device| device.metadata.get(TAG) == Some(tag)),
            Identity::NewDevice { known } => {
                let Enrollment { location_id, metadata, .. } = &*code.enrollment;
                let is_new = |device: &Resource<Device>| {
                    let id = device.id.as_deref().unwrap_or_default();
                    !known.iter().any(|known| known == id)
                        && (location_id.is_none() || device.location_id == *location_id)
                        && device.metadata == *metadata
                };
                let new: Vec<_> = devices.into_iter().filter(is_new).collect();
                // Of several, none is known to be the right one.
                <[Resource<Device>; 1]>::try_from(new).ok().map(|[device]| device)
            }
        })
    }

    /// Finds a code that exists, by itself or by the ID of its enrollment, to wait for its phone.
    pub(super) async fn resume_code(query: &str, context: &ApiContext<'_>) -> Result<Code, Error> {
        let all = fetch_all(context.client.enrollments(&EnrollmentFilter::default())).await?;
        let is_code = |enrollment: &&Resource<Enrollment>| {
            enrollment.enrollment_code.as_deref().is_some_and(|code| code.eq_ignore_ascii_case(query.trim()))
        };
        let enrollment = match all.iter().find(is_code) {
            Some(enrollment) => enrollment.clone(),
            None => context.find::<Enrollment>(query).await.map_err(|mut error| {
                // The argument may be a code, which is a secret.
                if error.kind == ErrorKind::NotFound {
                    "there is no enrollment with this code or ID".clone_into(&mut error.message);
                }
                error
            })?,
        };
        let refused = |reason: &str| {
            let id = enrollment.enrollment_id.as_deref().unwrap_or_default();
            Err(Error::new(ErrorKind::Refused, format!("the code of enrollment {id} {reason}")))
        };
        let is_consumed = enrollment.status == Some(EnrollmentStatus::Consumed);
        let identity = match enrollment.metadata.get(TAG) {
            Some(tag) => Identity::Tag(tag.clone()),
            None if is_consumed => return refused("was already used"),
            None => {
                let devices: Vec<Resource<Device>> = fetch_all(context.client.devices(None)).await?;
                Identity::NewDevice {
                    known: devices.into_iter().filter_map(|device| device.id.clone()).collect(),
                }
            }
        };
        if enrollment.status == Some(EnrollmentStatus::Expired) {
            return refused("has expired");
        }
        let lifetime =
            enrollment.expires_at.map_or(DAY, |at| at.duration_since(Timestamp::now()).unsigned_abs());
        Code::new(1, identity, enrollment, lifetime).ok_or_else(|| {
            Error::new(
                ErrorKind::Unavailable,
                "the API returned an enrollment without an ID or without a code",
            )
        })
    }

    /// Withdraws the code. A second interruption aborts that.
    pub(super) async fn withdraw(&self, code: &Code) -> WithdrawOutcome {
        let withdrawing = timeout(WITHDRAW_TIMEOUT, self.withdraw_and_find_device(code));
        // After a choice at a prompt, the first interruption is still to come.
        let is_interrupted = self.context.cancel.is_cancelled();
        let stop = if is_interrupted { &self.context.abort } else { &self.context.cancel };
        match stop.run_until_cancelled(withdrawing).await {
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
