//! The journal on disk: one file a profile, one JSON line an event, appended under a lock and synced.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use uuid::Uuid;

use super::attempt::{Event, Journal, What};

/// Where a file stands that is being rewritten.
const UNFINISHED: &str = ".journal-";

/// A profile's journal.
#[derive(Debug, Clone)]
pub struct File {
    path: PathBuf,
}

/// Why the journal cannot be used. Nothing is sent without it.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} the journal {}: {reason}", .path.display())]
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

    /// Keeps other processes from creating a session on this device; `None` while another one does so. It never
    /// waits, so that whoever waits can be interrupted.
    ///
    /// # Errors
    /// [`JournalError`] when the state folder cannot be written.
    pub fn try_lock_device(&self, device: &str) -> Result<Option<DeviceLock>, JournalError> {
        self.create_folder()?;
        // Ids are UUIDs, but nothing promises that they can be the name of a file: a hash of one can.
        let name = Uuid::new_v5(&Uuid::NAMESPACE_OID, device.as_bytes());
        let path = self.path.with_file_name(format!("device-{name}.lock"));
        let open = || -> io::Result<Option<DeviceLock>> {
            let file = private().truncate(false).open(&path)?;
            match file.try_lock() {
                Ok(()) => Ok(Some(DeviceLock { _file: file })),
                Err(fs::TryLockError::WouldBlock) => Ok(None),
                Err(fs::TryLockError::Error(error)) => Err(error),
            }
        };
        open().map_err(|reason| self.failed("lock", reason))
    }

    /// Keeps other processes from writing to it until what comes back is dropped.
    ///
    /// # Errors
    /// [`JournalError`] when the state folder cannot be written.
    pub fn lock(&self) -> Result<Locked<'_>, JournalError> {
        self.create_folder()?;
        let open = || -> io::Result<fs::File> {
            loop {
                let file = private().read(true).append(true).open(&self.path)?;
                file.lock()?;
                // Whoever held the lock may have put another file in its place.
                if same_file(&file, &self.path) {
                    return Ok(file);
                }
            }
        };
        open().map(|file| Locked { file, journal: self }).map_err(|reason| self.failed("write", reason))
    }

    /// Appends one event, if there is a journal at all.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be written.
    pub fn note(&self, now: Timestamp, event: What) -> Result<(), JournalError> {
        if self.path.exists() { self.lock()?.append(now, event) } else { Ok(()) }
    }

    fn create_folder(&self) -> Result<(), JournalError> {
        let Some(folder) = self.path.parent() else { return Ok(()) };
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).map_err(|reason| self.failed("create the folder of", reason))
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
        let write = || -> io::Result<()> {
            let mut line = Vec::new();
            if !self.ends_with_a_line_break()? {
                // The line in front of it was torn: it must not spoil this one.
                line.push(b'\n');
            }
            serde_json::to_writer(&mut line, &Event { at: now, event })?;
            line.push(b'\n');
            self.file.write_all(&line)?;
            self.file.sync_data()
        };
        write().map_err(|reason| self.journal.failed("write", reason))
    }

    /// Replaces the file by these events, whole or not at all.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be written; it is then as it was.
    pub fn replace(self, events: &[Event]) -> Result<(), JournalError> {
        let path = &self.journal.path;
        let write = || -> io::Result<()> {
            let folder = path.parent().unwrap_or_else(|| Path::new("."));
            let mut file = tempfile::Builder::new().prefix(UNFINISHED).suffix(".tmp").tempfile_in(folder)?;
            for event in events {
                serde_json::to_writer(&mut file, event)?;
                file.write_all(b"\n")?;
            }
            file.as_file().sync_all()?;
            file.persist(path).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(|reason| self.journal.failed("write", reason))
    }

    fn ends_with_a_line_break(&mut self) -> io::Result<bool> {
        if self.file.metadata()?.len() == 0 {
            return Ok(true);
        }
        let mut last = [0];
        self.file.seek(SeekFrom::End(-1))?;
        self.file.read_exact(&mut last)?;
        Ok(last == [b'\n'])
    }
}

/// Options for a file that only the user can read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(unix)]
fn same_file(file: &fs::File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(named)) => identity(open) == identity(named),
        _ => false,
    }
}

/// Elsewhere a file that is open cannot be replaced.
#[cfg(not(unix))]
fn same_file(_file: &fs::File, _path: &Path) -> bool {
    true
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
        OpenOptions::new().append(true).open(file.path()).unwrap().write_all(b"{\"at\":\"2026").unwrap();
        file.lock().unwrap().append(now(), intent(Uuid::from_u128(2))).unwrap();
        let journal = file.read().unwrap();
        assert_eq!((journal.attempts().len(), journal.damaged()), (2, 1));
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
