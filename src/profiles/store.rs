//! The profiles file on disk: private, replaced atomically, changed under a lock.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::document::{Document, DocumentError};
use crate::error::Error;
use crate::fs::{
    ReplaceError, create_private_dir, follow_links, io_error_message, lock_file, parent_dir, replace_file,
};

/// How long to wait for another process that is changing the file, unless `--timeout` is shorter.
const LOCK_TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Debug, Clone)]
pub(crate) struct Store {
    path: PathBuf,
    lock_timeout: Duration,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot {action} {}: {}", .path.display(), io_error_message(.reason))]
    Io {
        /// A verb, for the message.
        action: &'static str,
        path: PathBuf,
        reason: io::Error,
    },
    /// Another user could have put an `api_key_command` or a key into it.
    #[error("{} {problem}", .path.display())]
    Untrusted { path: PathBuf, problem: String },
    /// The file is replaced, but not durably.
    #[error("the change was stored in {}, but may be lost in a power cut: {}", .path.display(), io_error_message(.reason))]
    NotDurable { path: PathBuf, reason: io::Error },
    #[error("{} is not UTF-8 text", .0.display())]
    Encoding(PathBuf),
    #[error("{}, {error}", .path.display())]
    Invalid { path: PathBuf, error: DocumentError },
}

impl Store {
    /// The file need not exist.
    pub(crate) const fn new(path: PathBuf) -> Self {
        Self { path, lock_timeout: LOCK_TIMEOUT }
    }

    /// Waits no longer than `timeout` for another process.
    pub(crate) fn with_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.lock_timeout = timeout.map_or(LOCK_TIMEOUT, |timeout| timeout.min(LOCK_TIMEOUT));
        self
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file. A missing file is an empty document.
    pub(crate) fn read(&self) -> Result<Document, StoreError> {
        self.check_owner()?;
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Document::default()),
            Err(reason) => return Err(StoreError::Io { action: "read", path: self.path.clone(), reason }),
        };
        let text = String::from_utf8(bytes).map_err(|_| StoreError::Encoding(self.path.clone()))?;
        Document::parse(&text).map_err(|error| StoreError::Invalid { path: self.path.clone(), error })
    }

    /// Reads, changes and writes the file under a lock. Readers see the old or the new file in full. If `change` fails,
    /// nothing is written.
    pub(crate) fn change<R, E: From<StoreError>>(
        &self,
        change: impl FnOnce(&mut Document) -> Result<R, E>,
    ) -> Result<R, E> {
        let _lock = self.lock()?;
        let mut document = self.read()?;
        let result = change(&mut document)?;
        self.write(&document.to_text())?;
        Ok(result)
    }

    /// The lock lies beside the file itself, so that all links to the file share it.
    fn lock(&self) -> Result<File, StoreError> {
        let failed = |path: &Path, action, reason| StoreError::Io { action, path: path.to_owned(), reason };
        let target = follow_links(&self.path).map_err(|reason| failed(&self.path, "write", reason))?;
        let dir = parent_dir(&target);
        create_private_dir(dir).map_err(|reason| failed(dir, "create", reason))?;
        let path = target.with_extension("lock");
        lock_file(&path, self.lock_timeout).map_err(|reason| failed(&path, "lock", reason))
    }

    fn write(&self, text: &str) -> Result<(), StoreError> {
        replace_file(&self.path, text.as_bytes()).map_err(|error| match error {
            ReplaceError::NotReplaced(reason) => {
                StoreError::Io { action: "write", path: self.path.clone(), reason }
            }
            ReplaceError::NotDurable(reason) => StoreError::NotDurable { path: self.path.clone(), reason },
        })
    }

    /// A missing file has no owner.
    #[cfg(unix)]
    fn check_owner(&self) -> Result<(), StoreError> {
        use std::os::unix::fs::MetadataExt as _;
        let Ok(file) = fs::metadata(&self.path) else { return Ok(()) };
        let user = rustix::process::geteuid().as_raw();
        let untrusted = |problem: String| Err(StoreError::Untrusted { path: self.path.clone(), problem });
        // With sudo, the file belongs to the user who runs it.
        let sudo_user = std::env::var("SUDO_UID").ok().and_then(|id| id.parse().ok()).filter(|_| user == 0);
        if file.uid() != user && file.uid() != 0 && Some(file.uid()) != sudo_user {
            return untrusted(format!(
                "belongs to another user (uid {}), whose commands it could run",
                file.uid()
            ));
        }
        // As ssh treats its configuration. Who can replace the file by one of their own is not its owner.
        if file.is_file() && file.mode() & 0o022 != 0 {
            return untrusted(format!(
                "can be changed by other users (mode {:04o}), whose commands it could run",
                file.mode() & 0o7777
            ));
        }
        Ok(())
    }

    #[cfg(not(unix))]
    const fn check_owner(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let hint = match error {
            StoreError::Io { .. } => {
                "check the folder with `kustom doctor`, or name another file in KUSTOM_CONFIG"
            }
            StoreError::Untrusted { .. } => "see what is in it, then make it yours: chown and `chmod 600`",
            StoreError::NotDurable { .. } => "check the disk; the command need not be repeated",
            StoreError::Encoding(_) | StoreError::Invalid { .. } => {
                "correct the file in an editor; nothing was changed"
            }
        };
        Self::usage(error.to_string()).hint(hint)
    }
}
