//! Whether an index is that of the journal as it is now.
//!
//! Whoever appends to the journal holds its lock and renews the seal of the index. Whoever else changes the journal,
//! an editor, a backup or an older version, leaves another length or other times behind, or another file: the index
//! is then not believed, the journal is read whole, and a new one is made. Nothing needs to be synced or replaced at
//! once for that. An index that was being written when the process or the machine died does not add up.

use std::fs::Metadata;
use std::time::Duration;

use jiff::Timestamp;
use xxhash_rust::xxh3::xxh3_64;

use super::index::word;

/// How long an index is believed before the journal is read whole again: a disk can decay without a change of times.
const BELIEVED: i64 = 24 * 60 * 60;

/// A file that was changed more recently could be changed again without a trace in its times: the clock of a file
/// system stands still for up to ten milliseconds.
const SETTLED: Duration = Duration::from_millis(20);

/// The version of all that an index consists of; one of another version does not add up.
const VERSION: u64 = 1;

/// How many of the journal's last bytes a seal remembers.
pub(super) const LAST_BYTES: u64 = 256;

/// The bytes of a seal.
pub(super) const LENGTH: usize = WORDS * 8;
const WORDS: usize = 10;

/// What tells a file from another, and from itself before a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    length: u64,
    /// Seconds, and nanoseconds.
    modified: [i64; 2],
    /// The same of the last change of any kind, which nobody can set.
    changed: [i64; 2],
}

impl Identity {
    /// That of a file, where the system tells it.
    #[cfg(unix)]
    #[allow(clippy::unnecessary_wraps, reason = "other systems do not tell it")]
    pub(super) fn of(file: &Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        Some(Self {
            device: file.dev(),
            inode: file.ino(),
            length: file.len(),
            modified: [file.mtime(), file.mtime_nsec()],
            changed: [file.ctime(), file.ctime_nsec()],
        })
    }

    /// Elsewhere a change can go unnoticed, so there is no index.
    #[cfg(not(unix))]
    pub(super) fn of(_file: &Metadata) -> Option<Self> {
        None
    }

    /// After what time any change shows in the times; `None` where the clock is behind the times.
    pub(super) fn settles_in(&self, now: Timestamp) -> Option<Duration> {
        let [seconds, nanoseconds] = self.changed.map(i128::from);
        let age = now.as_nanosecond() - (seconds * 1_000_000_000 + nanoseconds);
        let age = u64::try_from(age).ok().map(Duration::from_nanos)?;
        Some(SETTLED.saturating_sub(age))
    }

    pub(super) const fn length(&self) -> u64 {
        self.length
    }
}

/// What an index says of the journal it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seal {
    identity: Identity,
    last_bytes: u64,
    /// When the journal was read whole, in seconds.
    read_at: i64,
}

impl Seal {
    /// The seal of a journal that was read whole.
    pub(super) fn new(identity: Identity, last_bytes: &[u8], now: Timestamp) -> Self {
        Self { identity, last_bytes: xxh3_64(last_bytes), read_at: now.as_second() }
    }

    /// The seal after a change by whoever holds the lock.
    pub(super) fn renewed(self, identity: Identity, last_bytes: &[u8]) -> Self {
        Self { identity, last_bytes: xxh3_64(last_bytes), ..self }
    }

    /// Whether it is that of this very state of the journal.
    pub(super) fn is_of(&self, identity: Identity, last_bytes: &[u8]) -> bool {
        self.was_of(identity) && self.last_bytes == xxh3_64(last_bytes)
    }

    /// Whether it was that of the journal before a change.
    pub(super) fn was_of(&self, identity: Identity) -> bool {
        self.identity == identity
    }

    /// Whether the journal was read whole not long ago.
    pub(super) fn is_recent(&self, now: Timestamp) -> bool {
        (0..BELIEVED).contains(&now.as_second().saturating_sub(self.read_at))
    }

    /// The seal as bytes.
    pub(super) fn write(&self) -> [u8; LENGTH] {
        let Identity { device, inode, length, modified, changed } = self.identity;
        let [modified, changed] = [modified, changed].map(|time| time.map(i64::cast_unsigned));
        let words: [u64; WORDS - 1] = [
            VERSION ^ self.read_at.cast_unsigned() << 8,
            device,
            inode,
            length,
            modified[0],
            modified[1],
            changed[0],
            changed[1],
            self.last_bytes,
        ];
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
        let words: Vec<u64> = bytes.get(..LENGTH)?.chunks_exact(8).map(word).collect();
        let [sum, about, device, inode, length, m, mn, c, cn, last_bytes] = words.try_into().ok()?;
        if sum != xxh3_64(&bytes[8..LENGTH]) || about & 0xff != VERSION {
            return None;
        }
        let modified = [m, mn].map(u64::cast_signed);
        let changed = [c, cn].map(u64::cast_signed);
        let identity = Identity { device, inode, length, modified, changed };
        Some(Self { identity, last_bytes, read_at: (about >> 8).cast_signed() })
    }
}
