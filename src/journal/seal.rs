//! Whether an index is that of the journal as it is now.
//!
//! Whoever appends to the journal holds its lock and renews the seal of the index. Whoever else changes the journal,
//! an editor, a backup or an older version, leaves another length or other times behind, or another file: the index
//! is then not believed, the journal is read whole, and a new one is made. Nothing needs to be synced or replaced at
//! once for that. An index that was being written when the process or the machine died does not add up.

use jiff::Timestamp;
use xxhash_rust::xxh3::xxh3_64;

use super::index::word;
use crate::fs::FileFingerprint;

/// How many seconds an index is believed before the journal is read whole again: a disk can decay without a change of
/// times.
const BELIEVED: i64 = 24 * 60 * 60;

/// The version of all that an index consists of; one of another version does not add up.
const VERSION: u64 = 1;

/// How many of the journal's last bytes a seal remembers.
pub(super) const LAST_BYTES: u64 = 256;

/// The bytes of a seal: a sum, the version, the time, the identity, and a sum of the last bytes.
pub(super) const LENGTH: usize = 8 * (3 + 7 + 1);

/// What an index says of the journal it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seal {
    identity: FileFingerprint,
    last_bytes: u64,
    /// When the journal was read whole, in seconds.
    read_at: i64,
}

impl Seal {
    /// The seal of a journal that was read whole.
    pub(super) fn new(identity: FileFingerprint, last_bytes: &[u8], now: Timestamp) -> Self {
        Self { identity, last_bytes: xxh3_64(last_bytes), read_at: now.as_second() }
    }

    /// The seal after a change by whoever holds the lock.
    pub(super) fn renewed(self, identity: FileFingerprint, last_bytes: &[u8]) -> Self {
        Self { identity, last_bytes: xxh3_64(last_bytes), ..self }
    }

    /// Whether it is that of this very state of the journal.
    pub(super) fn is_of(&self, identity: FileFingerprint, last_bytes: &[u8]) -> bool {
        self.was_of(identity) && self.last_bytes == xxh3_64(last_bytes)
    }

    /// Whether it was that of the journal before a change.
    pub(super) fn was_of(&self, identity: FileFingerprint) -> bool {
        self.identity == identity
    }

    /// Whether the journal was read whole not long ago.
    pub(super) fn is_recent(&self, now: Timestamp) -> bool {
        (0..BELIEVED).contains(&now.as_second().saturating_sub(self.read_at))
    }

    /// The seal as bytes.
    pub(super) fn write(&self) -> [u8; LENGTH] {
        let [device, inode, length, m, mn, c, cn] = self.identity.to_words();
        let read_at = self.read_at.cast_unsigned();
        let words = [VERSION, read_at, device, inode, length, m, mn, c, cn, self.last_bytes];
        let mut bytes = [0; LENGTH];
        for (place, word) in bytes.chunks_exact_mut(8).skip(1).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        let sum = xxh3_64(&bytes[8..]);
        bytes[..8].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// Reads what [`Self::write`] wrote; `None` for anything else.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..LENGTH)?;
        let words: Vec<u64> = bytes.chunks_exact(8).map(word).collect();
        let [sum, version, read_at, identity @ .., last_bytes] = words.as_slice() else { return None };
        if *sum != xxh3_64(&bytes[8..]) || *version != VERSION {
            return None;
        }
        let identity = FileFingerprint::from_words(identity.try_into().ok()?);
        Some(Self { identity, last_bytes: *last_bytes, read_at: read_at.cast_signed() })
    }
}
