//! Enrollments: codes, each of which pairs one phone with the account.

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::records::{self, check_capacity};
use super::{ListPage, OpContext, PageRequest, Phone, Rejection, State};
use crate::model::{Device, Enrollment, EnrollmentStatus, Metadata};

/// The documented default.
pub const DEFAULT_ENROLLMENT_LIFETIME: SignedDuration = SignedDuration::from_hours(2);

/// Codes with a longer lifetime are UUIDs, because they are copied and not typed (observed).
const MAX_SHORT_CODE_LIFETIME: SignedDuration = SignedDuration::from_hours(2);

/// The 32 upper-case letters and digits other than I, 1, O and 0, which are easily confused.
const CODE_ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

#[derive(Debug, Clone, PartialEq)]
pub struct NewEnrollment {
    /// Optional if there is only one location.
    pub location_id: Option<Uuid>,
    pub lifetime: SignedDuration,
    /// Copied to the device.
    pub metadata: Metadata,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnrollmentFilter {
    pub location_id: Option<Uuid>,
    pub metadata: Vec<(String, String)>,
    pub exclude_consumed: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    id: Uuid,
    code: String,
    created_at: Timestamp,
    expires_at: Timestamp,
    #[serde(rename = "stage")]
    status: StoredStatus,
    location_id: Option<Uuid>,
    metadata: Metadata,
}

/// EXPIRED is not stored: it follows from the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredStatus {
    Pending,
    Consumed,
    Cancelled,
}

impl records::Record for Record {
    fn id(&self) -> Uuid {
        self.id
    }

    fn is_final(&self, now: Timestamp) -> bool {
        self.status(now) != EnrollmentStatus::Pending
    }
}

impl Record {
    fn new(
        location_id: Option<Uuid>,
        lifetime: SignedDuration,
        metadata: Metadata,
        context: &mut OpContext<'_>,
    ) -> Self {
        let id = context.id();
        let code = if lifetime > MAX_SHORT_CODE_LIFETIME {
            context.id().to_string()
        } else {
            short_code(context.id())
        };
        let (created_at, expires_at) = (context.now, context.deadline(lifetime));
        Self { id, code, created_at, expires_at, status: StoredStatus::Pending, location_id, metadata }
    }

    fn status(&self, now: Timestamp) -> EnrollmentStatus {
        match self.status {
            StoredStatus::Pending if self.expires_at <= now => EnrollmentStatus::Expired,
            StoredStatus::Pending => EnrollmentStatus::Pending,
            StoredStatus::Consumed => EnrollmentStatus::Consumed,
            StoredStatus::Cancelled => EnrollmentStatus::Cancelled,
        }
    }

    fn to_enrollment(&self, now: Timestamp) -> Enrollment {
        Enrollment {
            enrollment_id: Some(self.id.to_string()),
            enrollment_code: Some(self.code.clone()),
            expires_at: Some(self.expires_at),
            status: Some(self.status(now)),
            location_id: self.location_id.map(|id| id.to_string()),
            metadata: self.metadata.clone(),
        }
    }

    fn matches(&self, filter: &EnrollmentFilter) -> bool {
        self.status != StoredStatus::Cancelled
            && (!filter.exclude_consumed || self.status != StoredStatus::Consumed)
            && (filter.location_id.is_none() || filter.location_id == self.location_id)
            && filter.metadata.iter().all(|(key, value)| self.metadata.get(key) == Some(value))
    }
}

/// A code of eight characters, which can be read aloud and typed.
fn short_code(id: Uuid) -> String {
    // In this half of a random UUID, the only bits that are not random are the highest two.
    let symbols = id.as_bytes()[8..].iter().map(|byte| CODE_ALPHABET[usize::from(byte & 31)]);
    symbols.map(char::from).collect()
}

impl State {
    pub fn create_enrollment(
        &mut self,
        new: NewEnrollment,
        context: &mut OpContext<'_>,
    ) -> Result<Enrollment, Rejection> {
        self.check_location(new.location_id)?;
        let Some(location_id) = new.location_id.or_else(|| self.sole_location()) else {
            let message = format!("is required: there are {} locations", self.locations.len());
            return Err(Rejection::for_field(StatusCode::BAD_REQUEST, "location_id", &message));
        };
        check_capacity(&self.enrollments, self.max_records, context.now)?;
        let record = Record::new(Some(location_id), new.lifetime, new.metadata, context);
        let enrollment = record.to_enrollment(context.now);
        records::insert(&mut self.enrollments, record, self.max_records, context.now);
        Ok(enrollment)
    }

    /// Lists the enrollments that were not canceled. New ones appear after the time of the option `list_lag`.
    pub fn list_enrollments(
        &self,
        filter: &EnrollmentFilter,
        page: PageRequest,
        now: Timestamp,
    ) -> ListPage<Enrollment> {
        let matching = self
            .enrollments
            .values()
            .filter(|record| record.matches(filter) && self.is_listed(record.created_at, now));
        ListPage::slice(matching, |record| record.to_enrollment(now), page)
    }

    /// Cancels an enrollment and removes it from the lists. A device that was registered with it stays.
    pub fn delete_enrollment(&mut self, id: Uuid) -> Result<(), Rejection> {
        let record = self
            .enrollments
            .get_mut(&id)
            .filter(|record| record.status != StoredStatus::Cancelled)
            .ok_or_else(|| Rejection::not_found(format!("There is no enrollment {id}.")))?;
        record.status = StoredStatus::Cancelled;
        Ok(())
    }

    /// Registers a phone at the code's location and with its metadata (documented), which consumes the code.
    pub fn use_enrollment_code(
        &mut self,
        code: &str,
        phone: Phone,
        context: &mut OpContext<'_>,
    ) -> Result<Device, Rejection> {
        let record = self
            .enrollments
            .values_mut()
            .rfind(|record| record.code == code && record.status != StoredStatus::Cancelled)
            .ok_or_else(|| Rejection::not_found("There is no such enrollment code."))?;
        match record.status(context.now) {
            EnrollmentStatus::Pending => {}
            EnrollmentStatus::Consumed => return Err(Rejection::conflict("This code was used before.")),
            _ => return Err(Rejection::conflict("This code has expired.")),
        }
        check_capacity(&self.devices, self.max_records, context.now)?;
        record.status = StoredStatus::Consumed;
        let (location_id, metadata) = (record.location_id, record.metadata.clone());
        Ok(self.register_device(phone, location_id, metadata, context))
    }

    /// Adds the consumed enrollment of a device that is registered without a code of its own.
    pub(super) fn record_consumed_enrollment(
        &mut self,
        location_id: Option<Uuid>,
        metadata: Metadata,
        context: &mut OpContext<'_>,
    ) {
        let mut record = Record::new(location_id, DEFAULT_ENROLLMENT_LIFETIME, metadata, context);
        record.status = StoredStatus::Consumed;
        records::insert(&mut self.enrollments, record, self.max_records, context.now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::state::invariant_tests::{TestClock, phone, simulated};
    use crate::emulator::state::{NewSimulatedDevice, STOCKHOLM};

    fn enrollment(location_id: Option<Uuid>) -> NewEnrollment {
        let metadata = [("till".to_owned(), "1".to_owned())].into();
        NewEnrollment { location_id, lifetime: DEFAULT_ENROLLMENT_LIFETIME, metadata }
    }

    fn statuses(state: &State, filter: &EnrollmentFilter, clock: &TestClock) -> Vec<EnrollmentStatus> {
        let page = state.list_enrollments(filter, PageRequest::default(), clock.now);
        page.content.into_iter().filter_map(|enrollment| enrollment.status).collect()
    }

    #[test]
    fn codes_differ_and_are_easy_to_type_unless_they_are_valid_for_long() {
        let codes: std::collections::BTreeSet<_> = (0..1000).map(|_| short_code(Uuid::new_v4())).collect();
        assert_eq!(codes.len(), 1000);
        for code in codes {
            assert!(code.len() == 8 && code.bytes().all(|byte| CODE_ALPHABET.contains(&byte)), "{code}");
        }
        let (mut state, mut clock) = (State::seed(), TestClock::start());
        for (more, length) in [(SignedDuration::ZERO, 8), (SignedDuration::from_millis(1), 36)] {
            let lifetime = DEFAULT_ENROLLMENT_LIFETIME + more;
            let new = NewEnrollment { lifetime, ..enrollment(Some(STOCKHOLM)) };
            let code = state.create_enrollment(new, &mut clock.context()).unwrap().enrollment_code.unwrap();
            assert_eq!((code.len(), Uuid::try_parse(&code).is_ok()), (length, length == 36));
        }
    }

    #[test]
    fn the_location_can_be_omitted_only_if_there_is_one() {
        let mut clock = TestClock::start();
        let only = Some(STOCKHOLM.to_string());
        for (mut state, location_id, expected) in [
            (State::seed(), None, (Err(400), Ok(None))),
            (State::seed(), Some(Uuid::nil()), (Err(404), Err(404))),
            (State::seed_with_one_location(), None, (Ok(only.clone()), Ok(only))),
        ] {
            let created = state.create_enrollment(enrollment(location_id), &mut clock.context());
            let new = NewSimulatedDevice { location_id, ..simulated("x") };
            let device = state.create_simulated_device(new, &mut clock.context());
            let created = created.map(|created| created.location_id).map_err(|error| error.status.as_u16());
            let device = device.map(|device| device.location_id).map_err(|error| error.status.as_u16());
            assert_eq!((created, device), expected);
        }
    }

    #[test]
    fn an_expired_or_cancelled_code_registers_nothing() {
        let (mut state, mut clock) = (State::seed(), TestClock::start());
        let created = state.create_enrollment(enrollment(Some(STOCKHOLM)), &mut clock.context()).unwrap();
        let code = created.enrollment_code.unwrap();
        let id = created.enrollment_id.unwrap().parse().unwrap();
        let mut cancelled = state.clone();
        assert_eq!(cancelled.delete_enrollment(id), Ok(()));
        assert_eq!(cancelled.delete_enrollment(id).unwrap_err().status, 404);
        assert_eq!(statuses(&cancelled, &EnrollmentFilter::default(), &clock), []);
        clock.advance(DEFAULT_ENROLLMENT_LIFETIME);
        assert_eq!(statuses(&state, &EnrollmentFilter::default(), &clock), [EnrollmentStatus::Expired]);
        for (state, expected) in [(&mut cancelled, 404), (&mut state, 409)] {
            let before = state.clone();
            let rejection = state.use_enrollment_code(&code, phone("x"), &mut clock.context()).unwrap_err();
            assert_eq!((rejection.status.as_u16(), &*state), (expected, &before));
        }
    }
}
