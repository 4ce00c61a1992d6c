//! The deliveries that were processed, so that none is processed twice: neither one that the sender repeats, nor one that
//! somebody recorded and sends again to the next `webhooks listen`.

use std::cell::RefCell;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use crate::fs::{create_private_dir, parent_dir, private_open_options, write_atomic};
use crate::webhooks::TOLERANCE;

/// Senders retry within hours, so older deliveries can be forgotten.
const MAX_REMEMBERED: usize = 100_000;

/// A larger file is rewritten at the start, without deliveries whose signatures are too old to be accepted.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// A signature may be made this long before or after it is received.
const REPLAY_WINDOW: SignedDuration = SignedDuration::from_secs(2 * TOLERANCE.as_secs());

/// What identifies a delivery: its ID, and what was signed. The latter also finds a delivery whose ID, timestamp and body
/// were divided in another way, which an ID with a dot allows without changing the signature.
pub(super) struct DeliveryKeys([String; 2]);

impl DeliveryKeys {
    pub(super) fn new(id: &str, timestamp: &str, body: &[u8]) -> Self {
        let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
        Self([hash(b"id", id.as_bytes()), hash(b"signed", &signed)])
    }
}

fn hash(kind: &[u8], text: &[u8]) -> String {
    let digest = Sha256::new().chain_update(kind).chain_update(b"\0").chain_update(text).finalize();
    digest.iter().take(16).fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    InProgress,
    Acknowledged,
}

#[derive(Debug)]
pub(super) struct SeenDeliveries {
    path: PathBuf,
    keys: RefCell<IndexMap<String, State>>,
}

impl SeenDeliveries {
    /// Reads what earlier processes acknowledged.
    pub(super) fn open(state_dir: &Path, now: Timestamp) -> io::Result<Self> {
        let path = state_dir.join("webhooks").join("acknowledged");
        create_private_dir(parent_dir(&path))?;
        let text = match fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let is_recent = |line: &&str| {
            let at = line.split(' ').next().and_then(|seconds| seconds.parse().ok());
            at.and_then(|seconds| Timestamp::from_second(seconds).ok())
                .is_some_and(|at| now.duration_since(at).abs() <= REPLAY_WINDOW)
        };
        let recent: Vec<&str> = text.lines().filter(is_recent).collect();
        if text.len() as u64 > MAX_FILE_BYTES {
            write_atomic(&path, format!("{}\n", recent.join("\n")).as_bytes())?;
        }
        let keys = recent.iter().flat_map(|line| line.split(' ').skip(1));
        let keys = keys.map(|key| (key.to_owned(), State::Acknowledged)).collect();
        Ok(Self { path, keys: RefCell::new(keys) })
    }

    pub(super) fn find(&self, keys: &DeliveryKeys) -> Option<State> {
        let known = self.keys.borrow();
        keys.0.iter().find_map(|key| known.get(key).copied())
    }

    pub(super) fn start(&self, keys: &DeliveryKeys) {
        self.insert(keys, State::InProgress);
    }

    /// The sender retries it.
    pub(super) fn forget(&self, keys: &DeliveryKeys) {
        let mut known = self.keys.borrow_mut();
        for key in &keys.0 {
            known.shift_remove(key);
        }
    }

    /// Remembers the delivery, also for later processes.
    pub(super) fn acknowledge(&self, keys: &DeliveryKeys, now: Timestamp) -> io::Result<()> {
        self.insert(keys, State::Acknowledged);
        let [id, signed] = &keys.0;
        let line = format!("{} {id} {signed}\n", now.as_second());
        private_open_options().append(true).open(&self.path)?.write_all(line.as_bytes())
    }

    fn insert(&self, keys: &DeliveryKeys, state: State) {
        let mut known = self.keys.borrow_mut();
        for key in &keys.0 {
            known.insert(key.clone(), state);
        }
        while known.len() > 2 * MAX_REMEMBERED {
            known.shift_remove_index(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_is_found_by_the_next_process_however_it_is_divided() {
        let dir = tempfile::tempdir().unwrap();
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let keys = DeliveryKeys::new("z.5", "5", b"{}");
        let seen = SeenDeliveries::open(dir.path(), now).unwrap();
        seen.start(&keys);
        assert_eq!(seen.find(&keys), Some(State::InProgress));
        seen.forget(&keys);
        assert_eq!(seen.find(&keys), None);
        seen.acknowledge(&keys, now).unwrap();
        for later in [0, 299, 600] {
            let later = now + SignedDuration::from_secs(later);
            let seen = SeenDeliveries::open(dir.path(), later).unwrap();
            for replay in
                [&keys, &DeliveryKeys::new("z", "5", b"5.{}"), &DeliveryKeys::new("z.5", "9", b"{}")]
            {
                assert_eq!(seen.find(replay), Some(State::Acknowledged));
            }
            assert_eq!(seen.find(&DeliveryKeys::new("z", "5", b"{}")), None);
        }
        let seen = SeenDeliveries::open(dir.path(), now + SignedDuration::from_secs(601)).unwrap();
        assert_eq!(seen.find(&keys), None);
    }
}
