//! The journal while no other process can write to it: what is looked up, and what is appended.

use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::PathBuf;
use std::thread;

use jiff::Timestamp;

use super::attempt::{Event, EventKind, Intent, Journal};
use super::file::{JournalError, JournalFile};
use super::index::Index;
use super::lines::{self, Content};
use super::seal::{self, LAST_BYTES, Seal};
use crate::fs::{FileFingerprint, parent_dir, private_open_options, sync_dir, write_atomic};

/// No line is longer than this, in bytes.
const LONGEST_LINE: u64 = 64 * 1024;

/// Nearly every line is shorter than this.
const USUAL_LINE: u64 = 1024;

/// The journal while no other process can write to it.
#[derive(Debug)]
pub struct JournalWriter<'a> {
    file: fs::File,
    journal: &'a JournalFile,
    _lock: fs::File,
}

impl<'a> JournalWriter<'a> {
    /// Opens the journal whose lock this is.
    pub(super) fn open(journal: &'a JournalFile, lock: fs::File) -> io::Result<Self> {
        let file = private_open_options().read(true).append(true).open(journal.path())?;
        Ok(Self { file, journal, _lock: lock })
    }

    /// Reads the journal as it is now.
    pub fn read(&mut self) -> Result<Journal, JournalError> {
        let read = self.bytes_from(0).map(|bytes| Journal::read(&bytes));
        read.map_err(|reason| self.journal.failed("read", reason))
    }

    /// Reads what the journal tells of attempts that may be the same sale: [`find_duplicates`](super::find_duplicates) finds in it what
    /// it would find in the whole journal, and in its order. What else is in it is left open, but for what is
    /// damaged.
    pub fn read_about(&mut self, intent: &Intent, now: Timestamp) -> Result<Journal, JournalError> {
        let read = match self.look_up(intent, now) {
            Ok(Some(journal)) => Ok(journal),
            Ok(None) => self.read_and_index(now),
            Err(error) => Err(error),
        };
        read.map_err(|reason| self.journal.failed("read", reason))
    }

    /// What the index leads to, if there is one that is of this very journal.
    fn look_up(&mut self, intent: &Intent, now: Timestamp) -> io::Result<Option<Journal>> {
        let Some(identity) = FileFingerprint::of(&self.file.metadata()?) else { return Ok(None) };
        if identity.length() <= self.journal.unindexed() {
            return Ok(None);
        }
        let Ok(bytes) = fs::read(self.index_path()) else { return Ok(None) };
        let Some(seal) = Seal::read(&bytes) else { return Ok(None) };
        if !seal.is_recent(now) || !seal.is_of(identity, &self.last_bytes(identity)?) {
            return Ok(None);
        }
        let Some(mut index) = Index::read(bytes, seal::LENGTH) else { return Ok(None) };
        let covered = index.covered();
        let tail = self.bytes_from(covered)?;
        let Some(tail) = events(&tail, covered) else { return Ok(None) };
        let later = || tail.events.iter().map(|(_, event)| event);
        let mut journal = Journal::default();
        for line in index.lines_about(intent, later()) {
            match Content::of(&self.line(line)?) {
                Content::Event(event) => journal.apply(event),
                // This is not the journal that was indexed.
                Content::Nothing | Content::Damage => return Ok(None),
            }
        }
        for event in later() {
            journal.apply(event.clone());
        }
        if identity.length().saturating_sub(covered) > self.journal.unindexed() {
            let mut whole = tail.events.iter().filter(|(at, _)| *at < tail.end);
            if whole.try_for_each(|(at, event)| index.add(*at, event)).is_some() {
                index.end_at(tail.end, &journal);
                self.keep(&index, &seal);
            }
        }
        Ok(Some(journal))
    }

    /// Reads the journal whole and indexes it.
    fn read_and_index(&mut self, now: Timestamp) -> io::Result<Journal> {
        let identity = FileFingerprint::of(&self.file.metadata()?)
            .filter(|known| known.length() > self.journal.unindexed());
        // What others change from here on makes the identity another one.
        let settles_in = identity.and_then(|known| known.stable_after(now));
        thread::sleep(settles_in.unwrap_or_default());
        let bytes = self.bytes_from(0)?;
        let Some(identity) = identity.filter(|_| settles_in.is_some()) else {
            return Ok(Journal::read(&bytes));
        };
        let covered = end_of_last_line(&bytes);
        let (mut index, mut journal) = (Index::default(), Journal::default());
        let mut added = Some(());
        lines::each(&bytes, |line| {
            if let Content::Event(event) = &line.content
                && line.at < covered
            {
                added = added.and_then(|()| index.add(line.at as u64, event));
            }
            journal.apply_line(line.content);
        });
        // Nothing may be created while there is damage, so nothing need be found fast.
        if journal.corrupt_lines() == 0 && added.is_some() {
            index.end_at(covered as u64, &journal);
            let last = bytes.len().saturating_sub(usize::try_from(LAST_BYTES).unwrap_or(usize::MAX));
            self.keep(&index, &Seal::new(identity, &bytes[last..], now));
        }
        Ok(journal)
    }

    /// Keeps the index for the next one. Without it, the journal is read whole again.
    fn keep(&self, index: &Index, seal: &Seal) {
        let write = || -> io::Result<()> {
            let mut file = private_open_options().truncate(true).open(self.index_path())?;
            file.write_all(&[seal.write().as_slice(), &index.write()].concat())
        };
        if write().is_err() {
            self.forget_index();
        }
    }

    /// Says in the index that the journal was changed by whoever holds the lock.
    fn renew_seal(&mut self, before: Option<FileFingerprint>) -> io::Result<()> {
        let (Some(before), Some(identity)) = (before, FileFingerprint::of(&self.file.metadata()?)) else {
            return Ok(());
        };
        let mut index = fs::OpenOptions::new().read(true).write(true).open(self.index_path())?;
        let mut bytes = [0; seal::LENGTH];
        index.read_exact(&mut bytes)?;
        let Some(seal) = Seal::read(&bytes).filter(|seal| seal.was_of(before)) else { return Ok(()) };
        let seal = seal.renewed(identity, &self.last_bytes(identity)?);
        index.seek(SeekFrom::Start(0))?;
        index.write_all(&seal.write())
    }

    fn forget_index(&self) {
        // One that is left behind is not believed.
        let _ = fs::remove_file(self.index_path());
    }

    fn index_path(&self) -> PathBuf {
        self.journal.path().with_extension("index")
    }

    /// Appends one event and makes sure that it survives a power cut.
    pub fn append(&mut self, now: Timestamp, event: EventKind) -> Result<(), JournalError> {
        let before = self.file.metadata();
        let length = before.as_ref().map(fs::Metadata::len).ok();
        let before = before.ok().and_then(|before| FileFingerprint::of(&before));
        let write = || -> io::Result<()> {
            let mut line = self.end_the_last_line()?;
            serde_json::to_writer(&mut line, &Event { at: now, event })?;
            line.push(b'\n');
            self.file.write_all(&line)?;
            self.file.sync_data()?;
            if length == Some(0) {
                sync_dir(parent_dir(self.journal.path()))?;
            }
            // Without it, the journal is read whole the next time.
            let _ = self.renew_seal(before);
            Ok(())
        };
        write().map_err(|reason| {
            // What was not kept for certain must not be found later. If this fails too, it is found: an attempt
            // that is listed as unknown is better than one that is not listed.
            if let Some(length) = length {
                let _ = self.file.set_len(length);
            }
            self.journal.failed("write", reason)
        })
    }

    /// Replaces the file by these events, whole or not at all.
    pub fn replace(self, events: &[Event]) -> Result<(), JournalError> {
        // What is forgotten must not be in the index either.
        self.forget_index();
        let Self { file, journal, _lock } = self;
        let path = journal.path();
        let write = || -> io::Result<()> {
            // Where an open file cannot be replaced, it must be closed.
            drop(file);
            let mut content = Vec::new();
            for event in events {
                serde_json::to_writer(&mut content, event)?;
                content.push(b'\n');
            }
            write_atomic(path, &content)
        };
        write().map_err(|reason| journal.failed("write", reason))
    }

    /// Makes the file end with a whole line, as far as it goes, and gives what the next one must begin with.
    ///
    /// A last line without its break was being written when the process or the machine died. What it told was never
    /// relied on, because nothing had been synced, so it is taken away: any other line that cannot be read is damage.
    fn end_the_last_line(&mut self) -> io::Result<Vec<u8>> {
        let length = self.file.metadata()?.len();
        let mut tail = self.bytes_from(length.saturating_sub(USUAL_LINE))?;
        if end_of_last_line(&tail) == 0 {
            tail = self.bytes_from(length.saturating_sub(LONGEST_LINE))?;
        }
        let last = &tail[end_of_last_line(&tail)..];
        if last.is_empty() {
            return Ok(Vec::new());
        }
        if serde_json::from_slice::<Event>(last).is_ok() {
            // Somebody edited the file.
            return Ok(vec![b'\n']);
        }
        self.file.set_len(length - last.len() as u64)?;
        Ok(Vec::new())
    }

    fn bytes_from(&mut self, begin: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(begin))?;
        self.file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn last_bytes(&mut self, identity: FileFingerprint) -> io::Result<Vec<u8>> {
        self.bytes_from(identity.length().saturating_sub(LAST_BYTES))
    }

    /// The first line in a part of the file.
    fn line(&mut self, part: Range<u64>) -> io::Result<Vec<u8>> {
        self.file.seek(SeekFrom::Start(part.start))?;
        let mut line = Vec::new();
        (&self.file).take(part.end - part.start).read_to_end(&mut line)?;
        let end = line.iter().position(|byte| *byte == b'\n').map_or(line.len(), |end| end + 1);
        line.truncate(end);
        Ok(line)
    }
}

/// The events behind the lines that are indexed.
struct Tail {
    events: Vec<(u64, Event)>,
    /// Where the last line that has its line break ends.
    end: u64,
}

/// The events of a part of the journal that begins at `at`; `None` when it is damaged.
fn events(text: &[u8], at: u64) -> Option<Tail> {
    let mut events = Vec::new();
    for line in lines::lines(text, usize::try_from(at).ok()?) {
        match line.content {
            Content::Event(event) => events.push((line.at as u64, event)),
            Content::Nothing => {}
            Content::Damage => return None,
        }
    }
    Some(Tail { events, end: at + end_of_last_line(text) as u64 })
}

/// Where the last line that has its line break ends.
fn end_of_last_line(text: &[u8]) -> usize {
    text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1)
}
