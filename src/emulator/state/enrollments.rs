//! Enrollments: codes that pair a phone with the account, once.

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::shelf::{Kept, of_metadata, of_text, with_beside};
use super::{ListPage, OpContext, PageRequest, Phone, Rejection, State};
use crate::model::{Device, Enrollment, EnrollmentStatus, Metadata};

/// How long a code is valid when nothing is said (documented).
pub const DEFAULT_ENROLLMENT_LIFETIME: SignedDuration = SignedDuration::from_hours(2);

/// Codes that live longer than this are meant to be copied, not typed, and are UUIDs (observed).
const MAX_SHORT_CODE_LIFETIME: SignedDuration = SignedDuration::from_hours(2);

/// Upper-case letters and digits without those that look alike: I and 1, O and 0. 32, so that five bits choose.
const CODE_ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// What is asked for in a new enrollment.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEnrollment {
    /// Where the phone will stand; it can be left out if there is only one location.
    pub location_id: Option<Uuid>,
    /// How long the code is valid.
    pub lifetime: SignedDuration,
    /// Carried over to the device.
    pub metadata: Metadata,
}

/// Which enrollments are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrollmentFilter {
    /// Those of one location.
    pub location_id: Option<Uuid>,
    /// Those that have all of these pairs; none has two values for one key.
    pub metadata: Vec<(String, String)>,
    /// Whether the used ones are among them.
    pub include_consumed: bool,
}

impl Default for EnrollmentFilter {
    fn default() -> Self {
        Self { location_id: None, metadata: Vec::new(), include_consumed: true }
    }
}

/// An enrollment as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    id: Uuid,
    code: String,
    created_at: Timestamp,
    expires_at: Timestamp,
    stage: StoredStatus,
    location_id: Option<Uuid>,
    metadata: Metadata,
}

/// What happened to an enrollment. That it expired is not something that happened: it follows from the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredStatus {
    Pending,
    Consumed,
    Cancelled,
}

impl Record {
    fn new(
        location_id: Option<Uuid>,
        lifetime: SignedDuration,
        metadata: Metadata,
        moment: &mut OpContext<'_>,
    ) -> Self {
        let id = moment.id();
        let code = if lifetime > MAX_SHORT_CODE_LIFETIME {
            moment.id().to_string()
        } else {
            short_code(moment.id())
        };
        let (created_at, expires_at) = (moment.now, moment.deadline(lifetime));
        Self { id, code, created_at, expires_at, stage: StoredStatus::Pending, location_id, metadata }
    }

    fn status(&self, now: Timestamp) -> EnrollmentStatus {
        match self.stage {
            StoredStatus::Pending if self.expires_at <= now => EnrollmentStatus::Expired,
            StoredStatus::Pending => EnrollmentStatus::Pending,
            StoredStatus::Consumed => EnrollmentStatus::Consumed,
            StoredStatus::Cancelled => EnrollmentStatus::Cancelled,
        }
    }

    fn view(&self, now: Timestamp) -> Enrollment {
        Enrollment {
            enrollment_id: Some(self.id.to_string()),
            enrollment_code: Some(self.code.clone()),
            expires_at: Some(self.expires_at),
            status: Some(self.status(now)),
            location_id: self.location_id.map(|id| id.to_string()),
            metadata: self.metadata.clone(),
        }
    }

    /// Whether a phone could use its code.
    pub(super) fn is_usable(&self, now: Timestamp) -> bool {
        self.status(now) == EnrollmentStatus::Pending
    }

    /// Whether it is in no list any more, and cannot be withdrawn again.
    pub(super) fn is_withdrawn(&self) -> bool {
        self.stage == StoredStatus::Cancelled
    }

    fn matches(&self, filter: &EnrollmentFilter) -> bool {
        self.stage != StoredStatus::Cancelled
            && (filter.include_consumed || self.stage != StoredStatus::Consumed)
            && (filter.location_id.is_none() || filter.location_id == self.location_id)
            && filter.metadata.iter().all(|(key, value)| self.metadata.get(key) == Some(value))
    }
}

impl Kept for Record {
    fn id(&self) -> Uuid {
        self.id
    }

    fn beside(&self) -> usize {
        of_text(&self.code) + of_metadata(&self.metadata)
    }
}

/// About how many bytes an enrollment with this metadata takes.
pub(super) fn memory_size_for(metadata: &Metadata) -> usize {
    // The longest code is a UUID.
    with_beside::<Record>(64 + of_metadata(metadata))
}

/// Eight characters that can be read aloud.
fn short_code(id: Uuid) -> String {
    // Both halves, because each has bits that are the same in every random UUID.
    let (high, low) = id.as_u64_pair();
    let mut bits = high ^ low;
    let mut code = String::with_capacity(8);
    for _ in 0..8 {
        let symbol = usize::try_from(bits & 31).ok().and_then(|index| CODE_ALPHABET.get(index));
        code.push(char::from(symbol.copied().unwrap_or(b'A')));
        bits >>= 5;
    }
    code
}

impl State {
    /// Creates an enrollment code.
    pub fn create_enrollment(
        &mut self,
        new: NewEnrollment,
        moment: &mut OpContext<'_>,
    ) -> Result<Enrollment, Rejection> {
        self.check_location(new.location_id)?;
        let Some(location_id) = new.location_id.or_else(|| self.sole_location()) else {
            let message = format!("is required: there are {} locations", self.locations.len());
            return Err(Rejection::for_field(StatusCode::BAD_REQUEST, "location_id", &message));
        };
        self.make_room(memory_size_for(&new.metadata), moment.now)?;
        let record = Record::new(Some(location_id), new.lifetime, new.metadata, moment);
        let view = record.view(moment.now);
        self.enrollments.push(record);
        Ok(view)
    }

    /// The enrollments that were not cancelled; those that are new after a while, which a switch decides.
    pub fn list_enrollments(
        &self,
        filter: &EnrollmentFilter,
        page: PageRequest,
        now: Timestamp,
    ) -> ListPage<Enrollment> {
        let matching = self
            .enrollments
            .iter()
            .filter(|record| record.matches(filter) && self.is_listed(record.created_at, now));
        ListPage::cut(matching, |record| record.view(now), page)
    }

    /// Cancels an enrollment, which leaves the lists. A device that was registered with it stays.
    pub fn delete_enrollment(&mut self, id: Uuid) -> Result<(), Rejection> {
        let record = self
            .enrollments
            .get_mut(id)
            .filter(|record| record.stage != StoredStatus::Cancelled)
            .ok_or_else(|| Rejection::not_found(format!("There is no enrollment {id}.")))?;
        record.stage = StoredStatus::Cancelled;
        Ok(())
    }

    /// What a phone does with a code: it is registered, at the code's location and with its metadata
    /// (documented), and the code is used up. The answer holds the device's credentials.
    pub fn use_enrollment_code(
        &mut self,
        code: &str,
        phone: Phone,
        moment: &mut OpContext<'_>,
    ) -> Result<Device, Rejection> {
        let record = self
            .enrollments
            .iter()
            .rfind(|record| record.code == code && record.stage != StoredStatus::Cancelled)
            .ok_or_else(|| Rejection::not_found("There is no such enrollment code."))?;
        match record.status(moment.now) {
            EnrollmentStatus::Pending => {}
            EnrollmentStatus::Consumed => return Err(Rejection::conflict("This code was used before.")),
            _ => return Err(Rejection::conflict("This code has expired.")),
        }
        let (id, location_id, metadata) = (record.id, record.location_id, record.metadata.clone());
        self.make_room(phone.memory_size(&metadata), moment.now)?;
        if let Some(record) = self.enrollments.get_mut(id) {
            record.stage = StoredStatus::Consumed;
        }
        Ok(self.register(phone, location_id, metadata, moment))
    }

    /// Leaves behind the used enrollment of a device that is registered without a code of its own.
    pub(super) fn record_consumed_enrollment(
        &mut self,
        location_id: Option<Uuid>,
        metadata: Metadata,
        moment: &mut OpContext<'_>,
    ) {
        let record = Record::new(location_id, DEFAULT_ENROLLMENT_LIFETIME, metadata, moment);
        self.enrollments.push(Record { stage: StoredStatus::Consumed, ..record });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::state::invariant_tests::{TestClock, phone};
    use crate::emulator::state::{GOTHENBURG, STOCKHOLM};
    use crate::model::Platform;

    fn enrollment(location_id: Option<Uuid>) -> NewEnrollment {
        let metadata = [("till".to_owned(), "1".to_owned())].into();
        NewEnrollment { location_id, lifetime: DEFAULT_ENROLLMENT_LIFETIME, metadata }
    }

    fn listed(state: &State, filter: &EnrollmentFilter, at: &TestClock) -> Vec<EnrollmentStatus> {
        let page = state.list_enrollments(filter, PageRequest::default(), at.now);
        page.content.into_iter().filter_map(|enrollment| enrollment.status).collect()
    }

    #[test]
    fn a_code_is_easy_to_type_and_a_long_lived_one_is_a_uuid() {
        let (mut state, mut at) = (State::seed(), TestClock::start());
        let short = state.create_enrollment(enrollment(Some(STOCKHOLM)), &mut at.moment()).unwrap();
        let code = short.enrollment_code.unwrap();
        assert_eq!(code.len(), 8);
        assert!(code.bytes().all(|byte| CODE_ALPHABET.contains(&byte)), "{code}");
        let lifetime = DEFAULT_ENROLLMENT_LIFETIME + SignedDuration::from_millis(1);
        let long = NewEnrollment { lifetime, ..enrollment(Some(STOCKHOLM)) };
        let long = state.create_enrollment(long, &mut at.moment()).unwrap();
        assert!(Uuid::try_parse(&long.enrollment_code.unwrap()).is_ok());
    }

    #[test]
    fn codes_of_random_ids_differ() {
        let codes: std::collections::BTreeSet<_> = (0..1000).map(|_| short_code(Uuid::new_v4())).collect();
        assert_eq!(codes.len(), 1000);
    }

    #[test]
    fn the_location_can_be_left_out_only_where_there_is_one() {
        let mut at = TestClock::start();
        let refusal = State::seed().create_enrollment(enrollment(None), &mut at.moment()).unwrap_err();
        assert_eq!((refusal.status.as_u16(), refusal.errors.message("location_id").is_some()), (400, true));
        let made =
            State::seed_with_one_location().create_enrollment(enrollment(None), &mut at.moment()).unwrap();
        assert_eq!(made.location_id, Some(STOCKHOLM.to_string()));
        let refusal = State::seed().create_enrollment(enrollment(Some(Uuid::nil())), &mut at.moment());
        assert_eq!(refusal.unwrap_err().status, 404);
    }

    #[test]
    fn a_pending_code_expires_by_the_clock_alone() {
        let (mut state, mut at) = (State::seed(), TestClock::start());
        state.create_enrollment(enrollment(Some(STOCKHOLM)), &mut at.moment()).unwrap();
        let before = state.clone();
        at.advance(DEFAULT_ENROLLMENT_LIFETIME - SignedDuration::from_millis(1));
        assert_eq!(listed(&state, &EnrollmentFilter::default(), &at), [EnrollmentStatus::Pending]);
        at.advance(SignedDuration::from_millis(1));
        assert_eq!(listed(&state, &EnrollmentFilter::default(), &at), [EnrollmentStatus::Expired]);
        assert_eq!(state, before);
    }

    #[test]
    fn a_code_registers_one_phone_with_its_metadata_and_location() {
        let (mut state, mut at) = (State::seed(), TestClock::start());
        let made = state.create_enrollment(enrollment(Some(GOTHENBURG)), &mut at.moment()).unwrap();
        let code = made.enrollment_code.unwrap();
        let device = state.use_enrollment_code(&code, phone("Till 1"), &mut at.moment()).unwrap();
        assert_eq!(device.location_id, Some(GOTHENBURG.to_string()));
        assert_eq!(device.metadata.get("till").map(String::as_str), Some("1"));
        assert_eq!((device.name.as_deref(), device.platform), (Some("Till 1"), Some(Platform::Android)));
        assert!(device.credentials.is_some());
        assert_eq!(listed(&state, &EnrollmentFilter::default(), &at), [EnrollmentStatus::Consumed]);
        let unused = EnrollmentFilter { include_consumed: false, ..EnrollmentFilter::default() };
        assert_eq!(listed(&state, &unused, &at), []);

        let again = state.use_enrollment_code(&code, phone("Till 2"), &mut at.moment()).unwrap_err();
        assert_eq!(again.status, 409);
        assert_eq!(state.list_devices(None, PageRequest::default(), at.now).total_elements, 1);
        // A used code stays used when its time is over.
        at.advance(SignedDuration::from_hours(365 * 24));
        assert_eq!(listed(&state, &EnrollmentFilter::default(), &at), [EnrollmentStatus::Consumed]);
    }

    #[test]
    fn codes_that_expired_or_were_cancelled_register_nothing() {
        let (mut state, mut at) = (State::seed(), TestClock::start());
        let made = state.create_enrollment(enrollment(Some(STOCKHOLM)), &mut at.moment()).unwrap();
        let code = made.enrollment_code.unwrap();
        let mut cancelled = state.clone();
        let id = made.enrollment_id.unwrap().parse().unwrap();
        cancelled.delete_enrollment(id).unwrap();
        let refusal = cancelled.use_enrollment_code(&code, phone("x"), &mut at.moment()).unwrap_err();
        assert_eq!(refusal.status, 404);
        at.advance(DEFAULT_ENROLLMENT_LIFETIME);
        let refusal = state.use_enrollment_code(&code, phone("x"), &mut at.moment()).unwrap_err();
        assert_eq!(refusal.status, 409);
        assert_eq!(state.list_devices(None, PageRequest::default(), at.now).total_elements, 0);
    }

    #[test]
    fn a_cancelled_enrollment_leaves_the_lists_and_cannot_be_cancelled_again() {
        let (mut state, mut at) = (State::seed(), TestClock::start());
        let made = state.create_enrollment(enrollment(Some(STOCKHOLM)), &mut at.moment()).unwrap();
        let id = made.enrollment_id.unwrap().parse().unwrap();
        assert_eq!(state.delete_enrollment(id), Ok(()));
        assert_eq!(listed(&state, &EnrollmentFilter::default(), &at), []);
        assert_eq!(state.delete_enrollment(id).unwrap_err().status, 404);
    }

    #[test]
    fn all_pairs_of_a_filter_must_match() {
        let (mut state, mut at) = (State::seed(), TestClock::start());
        state.create_enrollment(enrollment(Some(STOCKHOLM)), &mut at.moment()).unwrap();
        let pairs = |pairs: &[(&str, &str)]| EnrollmentFilter {
            metadata: pairs.iter().map(|&(key, value)| (key.into(), value.into())).collect(),
            ..EnrollmentFilter::default()
        };
        assert_eq!(listed(&state, &pairs(&[("till", "1")]), &at).len(), 1);
        assert_eq!(listed(&state, &pairs(&[("till", "2")]), &at).len(), 0);
        assert_eq!(listed(&state, &pairs(&[("till", "1"), ("floor", "1")]), &at).len(), 0);
        let elsewhere = EnrollmentFilter { location_id: Some(GOTHENBURG), ..EnrollmentFilter::default() };
        assert_eq!(listed(&state, &elsewhere, &at).len(), 0);
    }
}
