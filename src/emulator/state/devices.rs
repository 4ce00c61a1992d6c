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

/// A device without its credentials, which no request needs.
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
    pub(super) deregistered: bool,
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
    fn new(
        id: Uuid,
        hardware_id: Uuid,
        phone: Phone,
        location_id: Option<Uuid>,
        metadata: Metadata,
        created_at: Timestamp,
    ) -> Self {
        let Phone { name, platform } = phone;
        let (offline, deregistered) = (false, false);
        Self { id, hardware_id, name, platform, location_id, metadata, created_at, offline, deregistered }
    }

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

    pub(super) fn to_pos_device(&self) -> PosDevice {
        PosDevice { device: self.to_device(), offline: self.offline }
    }
}

impl State {
    /// Creates an enrollment and registers a simulated device with it at once (documented).
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
        let (id, hardware_id) = (context.id(), context.id());
        let record = Record::new(id, hardware_id, phone, location_id, metadata, context.now);
        let token = format!("emulated_{}{}", context.id().simple(), context.id().simple());
        let credentials = Credentials { bearer_token: Some(token), issued_at: Some(context.now) };
        let device = Device { credentials: Some(credentials), ..record.to_device() };
        records::insert(&mut self.devices, record, self.max_records, context.now);
        device
    }

    /// Returns false if the ID exists already.
    pub(in crate::emulator) fn add_seed_device(
        &mut self,
        id: Uuid,
        phone: Phone,
        location_id: Option<Uuid>,
        metadata: Metadata,
        offline: bool,
    ) -> bool {
        let hardware_id = Uuid::new_v5(&id, b"hardware");
        let record = Record::new(id, hardware_id, phone, location_id, metadata, Self::seed_timestamp());
        self.devices.insert(id, Record { offline, ..record }).is_none()
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

    /// Removes a device from the list. Its open sessions can be canceled or expire, but not be paid.
    pub fn deregister_device(&mut self, id: Uuid) -> Result<(), Rejection> {
        self.registered_device_mut(id)?.deregistered = true;
        Ok(())
    }

    pub fn set_offline(&mut self, id: Uuid, offline: bool) -> Result<PosDevice, Rejection> {
        let record = self.registered_device_mut(id)?;
        record.offline = offline;
        Ok(record.to_pos_device())
    }

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
