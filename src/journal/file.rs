//! The journal on disk: one file a profile, one JSON line an event, appended under a lock and synced.

use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use uuid::Uuid;

use super::attempt::{Event, Journal, What};
use crate::disk;

/// No line is longer than this, in bytes.
const LONGEST_LINE: u64 = 64 * 1024;

/// A profile's journal.
#[derive(Debug, Clone)]
pub struct File {
    path: PathBuf,
}

/// Why the journal cannot be used. Nothing is sent without it.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} the journal {}: {}", .path.display(), disk::words(.reason))]
pub struct JournalError {
    action: &'static str,
    path: PathBuf,
    reason: io::Error,
}

/// Keeps other processes from creating a session on the same device, until it is dropped or the process ends.
///
/// A device takes one payment at a time. With this held, an attempt on the device without an outcome is not one
/// that is under way: whoever made it died.
#[derive(Debug)]
pub struct DeviceLock {
    _file: fs::File,
}

/// The journal while no other process can write to it.
#[derive(Debug)]
pub struct Locked<'a> {
    file: fs::File,
    journal: &'a File,
    _lock: fs::File,
}

impl File {
    /// The journal of this name in the state folder; it need not exist.
    #[must_use]
    pub fn new(state: &Path, name: &str) -> Self {
        Self { path: state.join("journal").join(format!("{name}.jsonl")) }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it; one that does not exist is empty. Whoever writes meanwhile may leave a torn last line, which is
    /// left out.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be read.
    pub fn read(&self) -> Result<Journal, JournalError> {
        match fs::read(&self.path) {
            Ok(bytes) => Ok(Journal::read(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Journal::default()),
            Err(reason) => Err(self.failed("read", reason)),
        }
    }

    /// Keeps other processes from creating a session on this device; `None` while another one does. It does not
    /// wait, so that whoever waits can be interrupted.
    ///
    /// # Errors
    /// [`JournalError`] when the state folder cannot be written.
    pub fn try_lock_device(&self, device: &str) -> Result<Option<DeviceLock>, JournalError> {
        self.create_folder()?;
        // Ids are UUIDs, but nothing promises that they can be the name of a file: a hash of one can.
        let name = Uuid::new_v5(&Uuid::NAMESPACE_OID, device.as_bytes());
        let path = self.path.with_file_name(format!("device-{name}.lock"));
        let file = disk::private().open(&path).map_err(|reason| self.failed("lock", reason))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(DeviceLock { _file: file })),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(reason)) => Err(self.failed("lock", reason)),
        }
    }

    /// Keeps other processes from writing to it until what comes back is dropped. The lock is a file beside it, so
    /// that it can be read, and replaced, meanwhile.
    ///
    /// # Errors
    /// [`JournalError`] when the state folder cannot be written.
    pub fn lock(&self) -> Result<Locked<'_>, JournalError> {
        self.create_folder()?;
        let open = || -> io::Result<Locked<'_>> {
            let lock = disk::private().open(self.path.with_extension("lock"))?;
            lock.lock()?;
            let file = disk::private().read(true).append(true).open(&self.path)?;
            Ok(Locked { file, journal: self, _lock: lock })
        };
        open().map_err(|reason| self.failed("write", reason))
    }

    /// Appends one event, if there is a journal at all.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be written.
    pub fn note(&self, now: Timestamp, event: What) -> Result<(), JournalError> {
        if self.path.exists() { self.lock()?.append(now, event) } else { Ok(()) }
    }

    fn create_folder(&self) -> Result<(), JournalError> {
        disk::create_folder(disk::folder_of(&self.path))
            .map_err(|reason| self.failed("create the folder of", reason))
    }

    fn failed(&self, action: &'static str, reason: io::Error) -> JournalError {
        JournalError { action, path: self.path.clone(), reason }
    }
}

impl Locked<'_> {
    /// Reads the journal as it is now.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be read.
    pub fn read(&mut self) -> Result<Journal, JournalError> {
        let mut read = || -> io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            self.file.seek(SeekFrom::Start(0))?;
            self.file.read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        read().map(|bytes| Journal::read(&bytes)).map_err(|reason| self.journal.failed("read", reason))
    }

    /// Appends one event and makes sure that it survives a power cut.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be written.
    pub fn append(&mut self, now: Timestamp, event: What) -> Result<(), JournalError> {
        let length = self.file.metadata().map(|metadata| metadata.len());
        let write = || -> io::Result<()> {
            let mut line = self.end_the_last_line()?;
            serde_json::to_writer(&mut line, &Event { at: now, event })?;
            line.push(b'\n');
            self.file.write_all(&line)?;
            self.file.sync_data()?;
            if matches!(length, Ok(0)) {
                disk::sync_folder(disk::folder_of(&self.journal.path))
            } else {
                Ok(())
            }
        };
        write().map_err(|reason| {
            // What was not kept for certain must not be found later. If this fails too, it is found: an attempt
            // that is listed as unknown is better than one that is not listed.
            if let Ok(length) = length {
                let _ = self.file.set_len(length);
            }
            self.journal.failed("write", reason)
        })
    }

    /// Replaces the file by these events, whole or not at all.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be written; it is then as it was.
    pub fn replace(self, events: &[Event]) -> Result<(), JournalError> {
        let Self { file, journal, _lock } = self;
        let path = &journal.path;
        let write = || -> io::Result<()> {
            // Where an open file cannot be replaced, it must be closed.
            drop(file);
            let mut content = Vec::new();
            for event in events {
                serde_json::to_writer(&mut content, event)?;
                content.push(b'\n');
            }
            disk::replace(path, &content)
        };
        write().map_err(|reason| journal.failed("write", reason))
    }

    /// Makes the file end with a whole line, as far as it goes, and gives what the next one must begin with.
    ///
    /// A last line without its break was being written when the process or the machine died. What it told was never
    /// relied on, because nothing had been synced, so it is taken away: any other line that cannot be read is damage.
    fn end_the_last_line(&mut self) -> io::Result<Vec<u8>> {
        let length = self.file.metadata()?.len();
        let start = length.saturating_sub(LONGEST_LINE);
        let mut tail = Vec::new();
        self.file.seek(SeekFrom::Start(start))?;
        self.file.read_to_end(&mut tail)?;
        let last = match tail.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => &tail[end + 1..],
            None => tail.as_slice(),
        };
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Intent, Outcome};

    fn now() -> Timestamp {
        "2026-11-22T10:00:00Z".parse().unwrap()
    }

    fn intent(attempt: Uuid) -> What {
        What::Intent { attempt, intent: Intent::default() }
    }

    #[test]
    fn what_is_appended_is_read_and_nobody_else_can_read_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::new(folder.path(), "till");
        assert_eq!(file.read().unwrap().attempts().len(), 0);
        file.lock().unwrap().append(now(), intent(Uuid::from_u128(1))).unwrap();
        assert_eq!(file.read().unwrap().attempts()[0].outcome, Outcome::Pending);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(file.path()), 0o600);
            assert_eq!(mode(file.path().parent().unwrap()), 0o700);
        }
    }

    #[test]
    fn a_line_after_a_torn_one_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::new(folder.path(), "till");
        file.lock().unwrap().append(now(), intent(Uuid::from_u128(1))).unwrap();
        fs::OpenOptions::new().append(true).open(file.path()).unwrap().write_all(b"{\"at\":\"2026").unwrap();
        file.lock().unwrap().append(now(), intent(Uuid::from_u128(2))).unwrap();
        let journal = file.read().unwrap();
        assert_eq!((journal.attempts().len(), journal.damaged()), (2, 0));
    }

    #[test]
    fn many_writers_lose_nothing_even_while_the_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::new(folder.path(), "till");
        std::thread::scope(|scope| {
            for number in 0..20 {
                let file = &file;
                scope.spawn(move || {
                    if number % 5 == 0 {
                        let mut locked = file.lock().unwrap();
                        let kept = locked.read().unwrap().without(|_| false);
                        locked.replace(&kept).unwrap();
                    }
                    file.lock().unwrap().append(now(), intent(Uuid::from_u128(number))).unwrap();
                });
            }
        });
        assert_eq!(file.read().unwrap().attempts().len(), 20);
    }

    #[test]
    fn one_device_is_locked_and_another_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::new(folder.path(), "till");
        let held = file.try_lock_device("d/1").unwrap();
        assert!(held.is_some());
        assert!(file.try_lock_device("d/2").unwrap().is_some());
        assert!(file.try_lock_device("d/1").unwrap().is_none());
        drop(held);
        assert!(file.try_lock_device("d/1").unwrap().is_some());
    }
}
