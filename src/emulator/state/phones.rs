//! The phones as they are shown: each device with its sessions.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::{PosDevice, PosSession, State, devices};

/// Maximum number of sessions that a phone has here.
const MAX_SESSIONS: usize = 5;

/// A device, with its newest sessions first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhoneView {
    #[serde(flatten)]
    pub device: PosDevice,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Number of open sessions.
    pub open: usize,
    pub sessions: Vec<PosSession>,
}

impl State {
    /// The registered devices, the oldest first.
    pub fn phones(&self, now: Timestamp) -> Vec<PhoneView> {
        let mut sessions: HashMap<Uuid, (usize, Vec<PosSession>)> = HashMap::new();
        for record in self.sessions.values().rev() {
            let (open, list) = sessions.entry(record.device_id).or_default();
            *open += usize::from(record.is_open(now));
            if list.len() < MAX_SESSIONS {
                list.push(record.to_pos_session(now));
            }
        }
        let view = |record: &devices::Record| {
            let (open, sessions) = sessions.remove(&record.id).unwrap_or_default();
            let location = self.locations.iter().find(|location| Some(location.id) == record.location_id);
            let location = location.map(|location| location.name.clone());
            PhoneView { device: record.to_pos_device(), location, open, sessions }
        };
        self.devices.values().filter(|record| !record.deregistered).map(view).collect()
    }

    /// All sessions, the oldest first.
    pub fn all_sessions(&self, now: Timestamp) -> Vec<PosSession> {
        self.sessions.values().map(|record| record.to_pos_session(now)).collect()
    }
}
