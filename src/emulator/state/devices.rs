//! Devices: simulated ones, and phones that used a code.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use super::enrollments::memory_size_for;
use super::shelf::{Kept, of_metadata, of_option, with_beside};
use super::{ListPage, OpContext, PageRequest, Rejection, State};
use crate::emulator::MERCHANT_ID;
use crate::model::{Credentials, Device, Metadata, Platform};

/// A phone that registers itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phone {
    /// The name it goes by until somebody gives it another.
    pub name: Option<String>,
    /// What it runs on.
    pub platform: Platform,
}

/// A device that is there from the beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedDevice {
    pub id: Uuid,
    pub name: String,
    /// Where it stands.
    pub location_id: Option<Uuid>,
    /// What it runs on.
    pub platform: Platform,
    pub metadata: Metadata,
    /// Whether it is off the network.
    pub offline: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What is asked for in a new simulated device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSimulatedDevice {
    pub name: String,
    /// Where it stands; left out, it stands at the only location or, where there are several, at none.
    pub location_id: Option<Uuid>,
    /// Its metadata, to which `simulated=true` is added (documented).
    pub metadata: Metadata,
}

/// What a device will be like. It replaces all that there was: what is left out is lost (observed).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceUpdate {
    pub name: Option<String>,
    /// Where it stands.
    pub location_id: Option<Uuid>,
    pub metadata: Metadata,
}

/// A device as its phone shows it. What the API tells of it lacks whether it is offline.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PosDevice {
    /// The device, as the API tells it.
    #[serde(flatten)]
    pub device: Device,
    /// Whether it is off the network.
    pub offline: bool,
}

/// A device as it is kept. Its credentials are not: they are told once and never asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) id: Uuid,
    hardware_id: Uuid,
    name: Option<String>,
    #[serde(deserialize_with = "platform")]
    platform: Platform,
    pub(super) location_id: Option<Uuid>,
    metadata: Metadata,
    created_at: Timestamp,
    pub(super) offline: bool,
    deregistered: bool,
}

fn platform<'de, D: Deserializer<'de>>(from: D) -> Result<Platform, D::Error> {
    String::deserialize(from).map(Platform::from)
}

impl Phone {
    /// About how many bytes it takes as a device with this metadata.
    pub(super) fn memory_size(&self, metadata: &Metadata) -> usize {
        with_beside::<Record>(of_option(self.name.as_ref()) + of_metadata(metadata))
    }
}

impl Kept for Record {
    fn id(&self) -> Uuid {
        self.id
    }

    fn beside(&self) -> usize {
        of_option(self.name.as_ref()) + of_metadata(&self.metadata)
    }
}

impl Record {
    pub(super) const fn is_registered(&self) -> bool {
        !self.deregistered
    }

    fn view(&self) -> Device {
        Device {
            id: Some(self.id.to_string()),
            hardware_id: Some(self.hardware_id.to_string()),
            merchant_id: Some(MERCHANT_ID.to_owned()),
            location_id: self.location_id.map(|id| id.to_string()),
            name: self.name.clone(),
            platform: Some(self.platform.clone()),
            metadata: self.metadata.clone(),
            created_at: Some(self.created_at),
            ..Device::default()
        }
    }
}

impl State {
    /// Creates an enrollment and registers a simulated device with it at once (documented). The answer holds
    /// the device's credentials.
    pub fn create_simulated_device(
        &mut self,
        new: NewSimulatedDevice,
        moment: &mut OpContext<'_>,
    ) -> Result<Device, Rejection> {
        self.check_location(new.location_id)?;
        let location_id = new.location_id.or_else(|| self.sole_location());
        let mut metadata = new.metadata;
        metadata.insert("simulated".to_owned(), "true".to_owned());
        let phone = Phone { name: Some(new.name), platform: Platform::Terminal };
        self.make_room(memory_size_for(&metadata) + phone.memory_size(&metadata), moment.now)?;
        self.record_consumed_enrollment(location_id, metadata.clone(), moment);
        Ok(self.register(phone, location_id, metadata, moment))
    }

    pub(super) fn register(
        &mut self,
        phone: Phone,
        location_id: Option<Uuid>,
        metadata: Metadata,
        moment: &mut OpContext<'_>,
    ) -> Device {
        let record = Record {
            id: moment.id(),
            hardware_id: moment.id(),
            name: phone.name,
            platform: phone.platform,
            location_id,
            metadata,
            created_at: moment.now,
            offline: false,
            deregistered: false,
        };
        let token = format!("emulated_{}{}", moment.id().simple(), moment.id().simple());
        let credentials = Credentials { bearer_token: Some(token), issued_at: Some(moment.now) };
        let view = Device { credentials: Some(credentials), ..record.view() };
        self.devices.push(record);
        view
    }

    /// Adds a device that is there from the beginning.
    pub(in crate::emulator) fn add_device(&mut self, fixture: SeedDevice) {
        let SeedDevice { id, name, location_id, platform, metadata, offline, created_at } = fixture;
        self.devices.push(Record {
            id,
            hardware_id: Uuid::new_v5(&id, b"hardware"),
            name: Some(name),
            platform,
            location_id,
            metadata,
            created_at,
            offline,
            deregistered: false,
        });
    }

    /// Whether there is, or was, a device of this id.
    pub(in crate::emulator) fn has_device(&self, id: Uuid) -> bool {
        self.devices.get(id).is_some()
    }

    /// The registered devices, of one location if asked; those that are new after a while, which a switch decides.
    pub fn list_devices(
        &self,
        location_id: Option<Uuid>,
        page: PageRequest,
        now: Timestamp,
    ) -> ListPage<Device> {
        let matching = self.devices.iter().filter(|record| {
            !record.deregistered
                && (location_id.is_none() || location_id == record.location_id)
                && self.is_listed(record.created_at, now)
        });
        ListPage::cut(matching, Record::view, page)
    }

    /// Replaces a device's name, metadata and location (observed).
    pub fn update_device(&mut self, id: Uuid, update: DeviceUpdate) -> Result<Device, Rejection> {
        self.registered(id)?;
        self.check_location(update.location_id)?;
        let needed = of_option(update.name.as_ref()) + of_metadata(&update.metadata);
        // What has expired by now does not matter here: the beginning of time is before all of it.
        self.make_room(needed, Timestamp::MIN)?;
        let updated = self.devices.change(id, |record| {
            record.name = update.name;
            record.location_id = update.location_id;
            record.metadata = update.metadata;
            record.view()
        });
        updated.ok_or_else(|| no_device(id))
    }

    /// Removes a device, which leaves the list. Its sessions stay; those that are open can be cancelled or
    /// expire, but not be paid.
    pub fn deregister_device(&mut self, id: Uuid) -> Result<(), Rejection> {
        self.registered_mut(id)?.deregistered = true;
        Ok(())
    }

    /// Takes a device off the network or puts it back. No operation of the API does this; a phone does.
    pub fn set_offline(&mut self, id: Uuid, offline: bool) -> Result<PosDevice, Rejection> {
        let record = self.registered_mut(id)?;
        record.offline = offline;
        Ok(PosDevice { device: record.view(), offline })
    }

    /// Whether what was made then is in the lists by now.
    pub(super) fn is_listed(&self, created_at: Timestamp, now: Timestamp) -> bool {
        let lag = self.switches.list_lag;
        lag.is_zero() || created_at.checked_add(lag).is_ok_and(|from| from <= now)
    }

    pub(super) fn registered(&self, id: Uuid) -> Result<&Record, Rejection> {
        self.devices.get(id).filter(|record| record.is_registered()).ok_or_else(|| no_device(id))
    }

    fn registered_mut(&mut self, id: Uuid) -> Result<&mut Record, Rejection> {
        self.devices.get_mut(id).filter(|record| record.is_registered()).ok_or_else(|| no_device(id))
    }
}

fn no_device(id: Uuid) -> Rejection {
    Rejection::not_found(format!("There is no device {id}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::state::invariant_tests::{TestClock, simulated};
    use crate::emulator::state::{EnrollmentFilter, GOTHENBURG, STOCKHOLM};
    use crate::model::EnrollmentStatus;

    fn devices(state: &State) -> Vec<Device> {
        state.list_devices(None, PageRequest::default(), Timestamp::MAX).content
    }

    #[test]
    fn a_simulated_device_is_marked_and_leaves_a_used_enrollment() {
        let (mut state, mut at) = (State::seed(), TestClock::start());
        let mut new = simulated("Till 1");
        new.metadata.insert("simulated".into(), "no".into());
        let device = state.create_simulated_device(new, &mut at.moment()).unwrap();
        assert_eq!(device.metadata.get("simulated").map(String::as_str), Some("true"));
        let used = state.list_enrollments(&EnrollmentFilter::default(), PageRequest::default(), at.now);
        assert_eq!(used.content.len(), 1);
        assert_eq!(used.content[0].status, Some(EnrollmentStatus::Consumed));
    }

    #[test]
    fn credentials_are_told_once() {
        let (mut state, mut at) = (State::seed(), TestClock::start());
        let made = state.create_simulated_device(simulated("Till 1"), &mut at.moment()).unwrap();
        let token = made.credentials.clone().and_then(|credentials| credentials.bearer_token).unwrap();
        assert_eq!(devices(&state), [Device { credentials: None, ..made }]);
        assert!(!String::from_utf8(state.write()).unwrap().contains(&token));
    }

    #[test]
    fn the_only_location_is_meant_when_none_is_named() {
        let mut at = TestClock::start();
        let nowhere = NewSimulatedDevice { location_id: None, ..simulated("x") };
        let device =
            State::seed_with_one_location().create_simulated_device(nowhere.clone(), &mut at.moment());
        assert_eq!(device.unwrap().location_id, Some(STOCKHOLM.to_string()));
        let device = State::seed().create_simulated_device(nowhere, &mut at.moment());
        assert_eq!(device.unwrap().location_id, None);
        let unknown = NewSimulatedDevice { location_id: Some(Uuid::nil()), ..simulated("x") };
        let refusal = State::seed().create_simulated_device(unknown, &mut at.moment()).unwrap_err();
        assert_eq!((refusal.status.as_u16(), refusal.errors.message("location_id").is_some()), (404, true));
    }

    #[test]
    fn an_update_replaces_everything() {
        let (mut state, mut at) = (State::seed(), TestClock::start());
        let id = at.device(&mut state);
        let update = DeviceUpdate { location_id: Some(GOTHENBURG), ..DeviceUpdate::default() };
        let device = state.update_device(id, update).unwrap();
        assert_eq!((device.name, device.metadata), (None, Metadata::new()));
        assert_eq!(device.location_id, Some(GOTHENBURG.to_string()));
        assert_eq!(
            state.list_devices(Some(STOCKHOLM), PageRequest::default(), Timestamp::MAX).total_elements,
            0
        );
        assert_eq!(
            state.list_devices(Some(GOTHENBURG), PageRequest::default(), Timestamp::MAX).total_elements,
            1
        );
    }

    #[test]
    fn a_refused_update_changes_nothing() {
        let (mut state, mut at) = (State::seed(), TestClock::start());
        let id = at.device(&mut state);
        let before = state.clone();
        let update = DeviceUpdate { location_id: Some(Uuid::nil()), ..DeviceUpdate::default() };
        assert_eq!(state.update_device(id, update).unwrap_err().status, 404);
        assert_eq!(state.update_device(Uuid::nil(), DeviceUpdate::default()).unwrap_err().status, 404);
        assert_eq!(state, before);
    }

    #[test]
    fn a_deregistered_device_is_gone() {
        let (mut state, mut at) = (State::seed(), TestClock::start());
        let id = at.device(&mut state);
        assert_eq!(state.deregister_device(id), Ok(()));
        assert_eq!(devices(&state), []);
        assert_eq!(state.deregister_device(id).unwrap_err().status, 404);
        assert_eq!(state.update_device(id, DeviceUpdate::default()).unwrap_err().status, 404);
    }
}
