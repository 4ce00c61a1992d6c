//! The journal on disk: one file a profile, one JSON line an event, appended under a lock and synced.

use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use uuid::Uuid;

use super::attempt::{EventKind, Journal};
use super::locked::JournalWriter;
use crate::error::Error;
use crate::fs::{create_private_dir, io_error_message, parent_dir, private_open_options};

/// So many bytes of a journal are read whole at any time: they need no index.
const UNINDEXED: u64 = 64 * 1024;

#[derive(Debug, Clone)]
pub struct JournalFile {
    path: PathBuf,
    unindexed: u64,
}

/// Why the journal cannot be used. Nothing is sent without it.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} the journal {}: {}", .path.display(), io_error_message(.reason))]
pub struct JournalError {
    action: &'static str,
    path: PathBuf,
    reason: io::Error,
}

impl From<JournalError> for Error {
    fn from(error: JournalError) -> Self {
        Self::usage(error.to_string())
            .hint("fix the state folder, or name another one in KUSTOM_STATE; `kustom doctor` checks it")
    }
}

/// Keeps other processes from creating a session on the same device, until it is dropped or the process ends.
///
/// A device takes one payment at a time. With this held, an attempt on the device without an outcome is not one
/// that is under way: whoever made it died.
#[derive(Debug)]
pub struct DeviceLock {
    _file: fs::File,
}

impl JournalFile {
    /// The journal of this name in the state folder; it need not exist.
    pub fn new(state: &Path, name: &str) -> Self {
        Self { path: state.join("journal").join(format!("{name}.jsonl")), unindexed: UNINDEXED }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it; one that does not exist is empty. Whoever writes meanwhile may leave a torn last line, which is
    /// left out.
    pub fn read(&self) -> Result<Journal, JournalError> {
        match fs::read(&self.path) {
            Ok(bytes) => Ok(Journal::read(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Journal::default()),
            Err(reason) => Err(self.failed("read", reason)),
        }
    }

    /// Reads no more than so many bytes from its end: the latest attempts.
    pub fn read_end(&self, limit: u64) -> Result<Journal, JournalError> {
        let read = || -> io::Result<Vec<u8>> {
            let mut file = fs::File::open(&self.path)?;
            let begin = file.metadata()?.len().saturating_sub(limit);
            file.seek(SeekFrom::Start(begin))?;
            let mut bytes = Vec::new();
            file.take(limit).read_to_end(&mut bytes)?;
            if begin > 0 {
                // The first line was cut.
                let line = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1);
                bytes.drain(..line);
            }
            Ok(bytes)
        };
        match read() {
            Ok(bytes) => Ok(Journal::read(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Journal::default()),
            Err(reason) => Err(self.failed("read", reason)),
        }
    }

    /// Keeps other processes from creating a session on this device; `None` while another one does. It does not
    /// wait, so that whoever waits can be interrupted.
    pub fn try_lock_device(&self, device: &str) -> Result<Option<DeviceLock>, JournalError> {
        self.create_folder()?;
        // Ids are UUIDs, but nothing promises that they can be the name of a file: a hash of one can.
        let name = Uuid::new_v5(&Uuid::NAMESPACE_OID, device.as_bytes());
        let path = self.path.with_file_name(format!("device-{name}.lock"));
        let file = private_open_options().open(&path).map_err(|reason| self.failed("lock", reason))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(DeviceLock { _file: file })),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(reason)) => Err(self.failed("lock", reason)),
        }
    }

    /// Keeps other processes from writing to it until what comes back is dropped. The lock is a file beside it, so
    /// that it can be read, and replaced, meanwhile.
    pub fn lock(&self) -> Result<JournalWriter<'_>, JournalError> {
        self.create_folder()?;
        let open = || -> io::Result<JournalWriter<'_>> {
            let lock = private_open_options().open(self.path.with_extension("lock"))?;
            lock.lock()?;
            JournalWriter::open(self, lock)
        };
        open().map_err(|reason| self.failed("write", reason))
    }

    /// Appends one event, if there is a journal at all.
    pub fn note(&self, now: Timestamp, event: EventKind) -> Result<(), JournalError> {
        if self.path.exists() { self.lock()?.append(now, event) } else { Ok(()) }
    }

    fn create_folder(&self) -> Result<(), JournalError> {
        create_private_dir(parent_dir(&self.path))
            .map_err(|reason| self.failed("create the folder of", reason))
    }

    /// The same, indexed from so many bytes on.
    #[cfg(test)]
    pub(super) fn indexed_from(self, unindexed: u64) -> Self {
        Self { unindexed, ..self }
    }

    /// So many bytes are not worth an index.
    pub(super) const fn unindexed(&self) -> u64 {
        self.unindexed
    }

    pub(super) fn failed(&self, action: &'static str, reason: io::Error) -> JournalError {
        JournalError { action, path: self.path.clone(), reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Intent, Outcome};
    use std::io::Write as _;

    fn now() -> Timestamp {
        "2026-11-22T10:00:00Z".parse().unwrap()
    }

    fn intent(attempt: Uuid) -> EventKind {
        EventKind::Intent { attempt, intent: Intent::default() }
    }

    #[test]
    fn what_is_appended_is_read_and_nobody_else_can_read_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = JournalFile::new(folder.path(), "till");
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
    fn the_end_of_a_file_begins_with_a_whole_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = JournalFile::new(folder.path(), "till");
        assert_eq!(file.read_end(100).unwrap().attempts().len(), 0);
        for number in 0..5 {
            file.lock().unwrap().append(now(), intent(Uuid::from_u128(number))).unwrap();
        }
        let line = fs::metadata(file.path()).unwrap().len() / 5;
        let ids = |limit| -> Vec<u128> {
            let journal = file.read_end(limit).unwrap();
            assert_eq!(journal.corrupt_lines(), 0);
            journal.attempts().iter().map(|attempt| attempt.id.as_u128()).collect()
        };
        assert_eq!(ids(line * 5), [0, 1, 2, 3, 4]);
        assert_eq!(ids(line * 5 / 2), [3, 4]);
        assert_eq!(ids(line / 2), []);
    }

    #[test]
    fn a_line_after_a_torn_one_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let file = JournalFile::new(folder.path(), "till");
        file.lock().unwrap().append(now(), intent(Uuid::from_u128(1))).unwrap();
        fs::OpenOptions::new().append(true).open(file.path()).unwrap().write_all(b"{\"at\":\"2026").unwrap();
        file.lock().unwrap().append(now(), intent(Uuid::from_u128(2))).unwrap();
        let journal = file.read().unwrap();
        assert_eq!((journal.attempts().len(), journal.corrupt_lines()), (2, 0));
    }

    #[test]
    fn many_writers_lose_nothing_even_while_the_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = JournalFile::new(folder.path(), "till");
        std::thread::scope(|scope| {
            for number in 0..20 {
                let file = &file;
                scope.spawn(move || {
                    if number % 5 == 0 {
                        let mut locked = file.lock().unwrap();
                        let kept = locked.read().unwrap().events_except(|_| false);
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
        let file = JournalFile::new(folder.path(), "till");
        let held = file.try_lock_device("d/1").unwrap();
        assert!(held.is_some());
        assert!(file.try_lock_device("d/2").unwrap().is_some());
        assert!(file.try_lock_device("d/1").unwrap().is_none());
        drop(held);
        assert!(file.try_lock_device("d/1").unwrap().is_some());
    }
}
