//! Which lines of a journal are about what, so that a create reads those about its sale and no others.
//!
//! A line mentions an attempt, a session, or both, and an intent its reference too. What has become of an attempt
//! follows from the lines that mention it, those that mention its session, and those about whatever else these
//! mention: they are read in their order, by the same code as a whole journal. So the index has no opinion on
//! anything. It only leaves out lines that cannot matter, and of two things whose keys happen to be equal it leaves
//! out neither.

use std::collections::HashSet;
use std::ops::Range;

use uuid::Uuid;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::attempt::{Event, EventKind, Intent, Journal};

/// Stands for an attempt, a session or a reference: a hash of it, and a short one, because nothing goes wrong when
/// two are equal.
type Key = u32;

/// No key: every other one is odd.
const NONE: Key = 0;

/// The keys of references have this bit. An equal reference is looked for, but leads to nothing else.
const REFERENCE: Key = 1 << 31;

/// The bytes of a record: how far behind the line before it this one begins, and the two keys of what it mentions.
const RECORD: usize = 12;

/// The index of a journal from its beginning up to some line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Index {
    /// Up to here the journal is indexed: the end of a line.
    covered: u64,
    /// Where the last line of it begins.
    last: u64,
    /// The attempts whose outcome was unknown then.
    unknown: Vec<Key>,
    /// A record a line, in their order.
    records: Vec<u8>,
}

impl Index {
    /// Up to where the journal is indexed.
    pub(super) const fn covered(&self) -> u64 {
        self.covered
    }

    /// Adds a line. All lines behind what is covered are added in their order, and then it is told where they end.
    /// `None` for one that begins too far behind the one before it: such a journal has no index.
    pub(super) fn add(&mut self, at: u64, event: &Event) -> Option<()> {
        let gap = u32::try_from(at.checked_sub(self.last)?).ok()?;
        self.last = at;
        let [one, other] = keys(&event.event);
        for number in [gap, one, other] {
            self.records.extend_from_slice(&number.to_le_bytes());
        }
        Some(())
    }

    /// Ends here for now. The journal holds every attempt whose outcome is unknown.
    pub(super) fn end_at(&mut self, covered: u64, journal: &Journal) {
        self.covered = covered;
        let unknown = journal.attempts().iter().filter(|attempt| attempt.outcome.is_unknown());
        self.unknown = unknown.map(|attempt| attempt_key(attempt.id)).collect();
    }

    /// Where the lines stand that tell what has become of every attempt that may be the same sale as `intent`: of
    /// those with its reference, those whose outcome is unknown, and those that `later` events are about.
    pub(super) fn lines_about<'a>(
        &self,
        intent: &Intent,
        later: impl IntoIterator<Item = &'a Event>,
    ) -> Vec<Range<u64>> {
        let mut wanted = Wanted::default();
        wanted.extend(intent.reference().map(reference_key));
        wanted.extend(self.unknown.iter().copied());
        wanted.extend(later.into_iter().flat_map(|event| keys(&event.event)).filter(|key| leads_on(*key)));
        loop {
            let before = wanted.keys.len();
            for (_, keys) in self.records() {
                if keys.iter().any(|key| wanted.has(*key)) {
                    wanted.extend(keys.into_iter().filter(|key| leads_on(*key)));
                }
            }
            if wanted.keys.len() == before {
                break;
            }
        }
        let begins = self.records().map(|(at, _)| at);
        self.records()
            .zip(begins.skip(1).chain([self.covered]))
            .filter(|((_, keys), _)| keys.iter().any(|key| wanted.has(*key)))
            .map(|((begin, _), end)| begin..end)
            .collect()
    }

    /// Where each line begins, and what it mentions.
    fn records(&self) -> impl Iterator<Item = (u64, [Key; 2])> {
        let mut at = 0;
        self.records.chunks_exact(RECORD).map(move |record| {
            at += u64::from(number(&record[..4]));
            (at, [number(&record[4..8]), number(&record[8..])])
        })
    }

    /// The index as bytes.
    pub(super) fn write(&self) -> Vec<u8> {
        let mut bytes = vec![0; 8];
        for number in [self.covered, self.last, self.unknown.len() as u64] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        for key in &self.unknown {
            bytes.extend_from_slice(&key.to_le_bytes());
        }
        bytes.extend_from_slice(&self.records);
        let sum = xxh3_64(&bytes[8..]);
        bytes[..8].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// Reads what [`Self::write`] wrote, from `begin` on; `None` for anything else.
    pub(super) fn read(mut bytes: Vec<u8>, begin: usize) -> Option<Self> {
        let (sum, rest) = bytes.get(begin..)?.split_at_checked(8)?;
        if word(sum) != xxh3_64(rest) {
            return None;
        }
        let (head, rest) = rest.split_at_checked(24)?;
        let [covered, last, unknown] = [&head[..8], &head[8..16], &head[16..]].map(word);
        let unknown = usize::try_from(unknown).ok()?.checked_mul(4)?;
        let (unknown, records) = rest.split_at_checked(unknown)?;
        let (unknown, length) = (unknown.chunks_exact(4).map(number).collect(), records.len());
        if length % RECORD != 0 {
            return None;
        }
        bytes.drain(..bytes.len() - length);
        Some(Self { covered, last, unknown, records: bytes })
    }
}

/// A number of eight bytes as it is written here.
pub(super) fn word(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(0, u64::from_le_bytes)
}

fn number(bytes: &[u8]) -> u32 {
    bytes.try_into().map_or(0, u32::from_le_bytes)
}

/// What a line mentions.
fn keys(event: &EventKind) -> [Key; 2] {
    match event {
        EventKind::Intent { attempt, intent } => {
            [attempt_key(*attempt), intent.reference().map_or(NONE, reference_key)]
        }
        EventKind::Created { attempt, session_id } => [attempt_key(*attempt), session_key(session_id)],
        EventKind::Refused { attempt, .. }
        | EventKind::Unknown { attempt, .. }
        | EventKind::NotProcessed { attempt } => [attempt_key(*attempt), NONE],
        EventKind::StatusObserved { session_id, .. } => [session_key(session_id), NONE],
    }
}

fn attempt_key(id: Uuid) -> Key {
    hash(id.as_bytes(), 1) & !REFERENCE
}

fn session_key(id: &str) -> Key {
    hash(id.as_bytes(), 2) & !REFERENCE
}

fn reference_key(reference: &str) -> Key {
    hash(reference.as_bytes(), 3) | REFERENCE
}

fn hash(bytes: &[u8], kind: u64) -> Key {
    let [a, b, c, d, ..] = xxh3_64_with_seed(bytes, kind).to_le_bytes();
    Key::from_le_bytes([a, b, c, d]) | 1
}

/// Whether what a key stands for has a history of its own.
const fn leads_on(key: Key) -> bool {
    key != NONE && key & REFERENCE == 0
}

/// The keys that are looked for. Most of the others are told apart by one bit of a small table.
struct Wanted {
    keys: HashSet<Key>,
    bits: Vec<u64>,
}

/// The words of the table: 4 KiB, which stays in the processor's nearest memory.
const WORDS: usize = 512;

impl Default for Wanted {
    fn default() -> Self {
        Self { keys: HashSet::new(), bits: vec![0; WORDS] }
    }
}

impl Wanted {
    fn extend(&mut self, keys: impl IntoIterator<Item = Key>) {
        for key in keys {
            let (word, bit) = Self::place(key);
            self.bits[word] |= bit;
            self.keys.insert(key);
        }
    }

    fn has(&self, key: Key) -> bool {
        let (word, bit) = Self::place(key);
        self.bits[word] & bit != 0 && self.keys.contains(&key)
    }

    /// The lowest bit of a key is always set, so it tells nothing apart.
    fn place(key: Key) -> (usize, u64) {
        ((key >> 7) as usize % WORDS, 1 << (key >> 1 & 63))
    }
}
