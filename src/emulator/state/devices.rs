//! Devices: simulated ones, and phones that were paired with an enrollment code.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use super::records::{self, check_capacity};
use super::{ListPage, OpContext, PageRequest, Rejection, State};
use crate::emulator::MERCHANT_ID;
use crate::model::{Credentials, Device, Metadata, Platform};

/// A phone that registers itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phone {
    pub name: Option<String>,
    pub platform: Platform,
}

/// A device of the initial state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedDevice {
    pub id: Uuid,
    pub name: String,
    pub location_id: Option<Uuid>,
    pub platform: Platform,
    pub metadata: Metadata,
    pub offline: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSimulatedDevice {
    pub name: String,
    /// Without a location, the device gets the only location or, if there are several, none.
    pub location_id: Option<Uuid>,
    /// `simulated=true` is added (documented).
    pub metadata: Metadata,
}

/// The new values of a device. A field that is omitted is cleared (observed).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceUpdate {
    pub name: Option<String>,
    pub location_id: Option<Uuid>,
    pub metadata: Metadata,
}

/// A device with its connection status, which the API does not show.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PosDevice {
    #[serde(flatten)]
    pub device: Device,
    pub offline: bool,
}

/// A device as it is stored. Its credentials are only part of the response that creates them, and no request
/// needs them, so they are not stored.
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

fn platform<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Platform, D::Error> {
    String::deserialize(deserializer).map(Platform::from)
}

impl records::Record for Record {
    fn id(&self) -> Uuid {
        self.id
    }

    fn is_final(&self, _: Timestamp) -> bool {
        self.deregistered
    }
}

impl Record {
    fn to_device(&self) -> Device {
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
    /// Creates an enrollment and registers a simulated device with it at once (documented). The device has its
    /// credentials.
    pub fn create_simulated_device(
        &mut self,
        new: NewSimulatedDevice,
        context: &mut OpContext<'_>,
    ) -> Result<Device, Rejection> {
        self.check_location(new.location_id)?;
        let location_id = new.location_id.or_else(|| self.sole_location());
        let mut metadata = new.metadata;
        metadata.insert("simulated".to_owned(), "true".to_owned());
        let phone = Phone { name: Some(new.name), platform: Platform::Terminal };
        check_capacity(&self.enrollments, self.max_records, context.now)?;
        check_capacity(&self.devices, self.max_records, context.now)?;
        self.record_consumed_enrollment(location_id, metadata.clone(), context);
        Ok(self.register_device(phone, location_id, metadata, context))
    }

    pub(super) fn register_device(
        &mut self,
        phone: Phone,
        location_id: Option<Uuid>,
        metadata: Metadata,
        context: &mut OpContext<'_>,
    ) -> Device {
        let record = Record {
            id: context.id(),
            hardware_id: context.id(),
            name: phone.name,
            platform: phone.platform,
            location_id,
            metadata,
            created_at: context.now,
            offline: false,
            deregistered: false,
        };
        let token = format!("emulated_{}{}", context.id().simple(), context.id().simple());
        let credentials = Credentials { bearer_token: Some(token), issued_at: Some(context.now) };
        let device = Device { credentials: Some(credentials), ..record.to_device() };
        records::insert(&mut self.devices, record, self.max_records, context.now);
        device
    }

    pub(in crate::emulator) fn add_seed_device(&mut self, device: SeedDevice) {
        let SeedDevice { id, name, location_id, platform, metadata, offline } = device;
        let record = Record {
            id,
            hardware_id: Uuid::new_v5(&id, b"hardware"),
            name: Some(name),
            platform,
            location_id,
            metadata,
            created_at: Self::seed_timestamp(),
            offline,
            deregistered: false,
        };
        self.devices.insert(id, record);
    }

    pub(in crate::emulator) fn has_device(&self, id: Uuid) -> bool {
        self.devices.contains_key(&id)
    }

    /// Lists the registered devices. New devices appear after the time of the option `list_lag`.
    pub fn list_devices(
        &self,
        location_id: Option<Uuid>,
        page: PageRequest,
        now: Timestamp,
    ) -> ListPage<Device> {
        let matching = self.devices.values().filter(|record| {
            !record.deregistered
                && (location_id.is_none() || location_id == record.location_id)
                && self.is_listed(record.created_at, now)
        });
        ListPage::slice(matching, Record::to_device, page)
    }

    /// Replaces the name, metadata and location of a device (observed).
    pub fn update_device(&mut self, id: Uuid, update: DeviceUpdate) -> Result<Device, Rejection> {
        self.registered_device(id)?;
        self.check_location(update.location_id)?;
        let record = self.registered_device_mut(id)?;
        record.name = update.name;
        record.location_id = update.location_id;
        record.metadata = update.metadata;
        Ok(record.to_device())
    }

    /// Removes a device from the list. Its open sessions can be cancelled or expire, but not be paid.
    pub fn deregister_device(&mut self, id: Uuid) -> Result<(), Rejection> {
        self.registered_device_mut(id)?.deregistered = true;
        Ok(())
    }

    pub fn set_offline(&mut self, id: Uuid, offline: bool) -> Result<PosDevice, Rejection> {
        let record = self.registered_device_mut(id)?;
        record.offline = offline;
        Ok(PosDevice { device: record.to_device(), offline })
    }

    /// Whether a record that was created at this time is in the lists.
    pub(super) fn is_listed(&self, created_at: Timestamp, now: Timestamp) -> bool {
        let lag = self.options.list_lag;
        lag.is_zero() || created_at.checked_add(lag).is_ok_and(|from| from <= now)
    }

    pub(super) fn registered_device(&self, id: Uuid) -> Result<&Record, Rejection> {
        self.devices.get(&id).filter(|record| !record.deregistered).ok_or_else(|| no_device(id))
    }

    fn registered_device_mut(&mut self, id: Uuid) -> Result<&mut Record, Rejection> {
        self.devices.get_mut(&id).filter(|record| !record.deregistered).ok_or_else(|| no_device(id))
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
        let (mut state, mut clock) = (State::seed(), TestClock::start());
        let mut new = simulated("Till 1");
        new.metadata.insert("simulated".into(), "no".into());
        let device = state.create_simulated_device(new, &mut clock.context()).unwrap();
        assert_eq!(device.metadata.get("simulated").map(String::as_str), Some("true"));
        let used = state.list_enrollments(&EnrollmentFilter::default(), PageRequest::default(), clock.now);
        assert_eq!(used.content.len(), 1);
        assert_eq!(used.content[0].status, Some(EnrollmentStatus::Consumed));
    }

    #[test]
    fn credentials_are_only_in_the_first_response() {
        let (mut state, mut clock) = (State::seed(), TestClock::start());
        let made = state.create_simulated_device(simulated("Till 1"), &mut clock.context()).unwrap();
        let token = made.credentials.clone().and_then(|credentials| credentials.bearer_token).unwrap();
        assert_eq!(devices(&state), [Device { credentials: None, ..made }]);
        assert!(!String::from_utf8(state.write()).unwrap().contains(&token));
    }

    #[test]
    fn the_only_location_is_meant_when_none_is_named() {
        let mut clock = TestClock::start();
        let nowhere = NewSimulatedDevice { location_id: None, ..simulated("x") };
        let device =
            State::seed_with_one_location().create_simulated_device(nowhere.clone(), &mut clock.context());
        assert_eq!(device.unwrap().location_id, Some(STOCKHOLM.to_string()));
        let device = State::seed().create_simulated_device(nowhere, &mut clock.context());
        assert_eq!(device.unwrap().location_id, None);
        let unknown = NewSimulatedDevice { location_id: Some(Uuid::nil()), ..simulated("x") };
        let rejection = State::seed().create_simulated_device(unknown, &mut clock.context()).unwrap_err();
        assert_eq!(
            (rejection.status.as_u16(), rejection.errors.message("location_id").is_some()),
            (404, true)
        );
    }

    #[test]
    fn an_update_replaces_everything() {
        let (mut state, mut clock) = (State::seed(), TestClock::start());
        let id = clock.device(&mut state);
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
        let (mut state, mut clock) = (State::seed(), TestClock::start());
        let id = clock.device(&mut state);
        let before = state.clone();
        let update = DeviceUpdate { location_id: Some(Uuid::nil()), ..DeviceUpdate::default() };
        assert_eq!(state.update_device(id, update).unwrap_err().status, 404);
        assert_eq!(state.update_device(Uuid::nil(), DeviceUpdate::default()).unwrap_err().status, 404);
        assert_eq!(state, before);
    }

    #[test]
    fn a_deregistered_device_is_gone() {
        let (mut state, mut clock) = (State::seed(), TestClock::start());
        let id = clock.device(&mut state);
        assert_eq!(state.deregister_device(id), Ok(()));
        assert_eq!(devices(&state), []);
        assert_eq!(state.deregister_device(id).unwrap_err().status, 404);
        assert_eq!(state.update_device(id, DeviceUpdate::default()).unwrap_err().status, 404);
    }
}
