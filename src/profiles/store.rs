//! The profiles file on disk: private, replaced atomically, changed under a lock.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::document::{Document, DocumentError};
use crate::error::Error;
use crate::fs::{create_private_dir, io_error_message, parent_dir, private_open_options, write_atomic};

/// How long to wait for another process that is changing the file.
const LOCK_TIMEOUT: Duration = Duration::from_secs(20);

const LOCK_INTERVAL: Duration = Duration::from_millis(10);

#[derive(Debug, Clone)]
pub(crate) struct Store {
    path: PathBuf,
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
    #[error("{} is not UTF-8 text", .0.display())]
    Encoding(PathBuf),
    #[error("{}, {error}", .path.display())]
    Invalid { path: PathBuf, error: DocumentError },
}

impl Store {
    /// The file need not exist.
    pub(crate) const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file. A missing file is an empty document.
    pub(crate) fn read(&self) -> Result<Document, StoreError> {
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

    fn lock(&self) -> Result<File, StoreError> {
        let dir = parent_dir(&self.path);
        let failed = |path: &Path, action, reason| StoreError::Io { action, path: path.to_owned(), reason };
        create_private_dir(dir).map_err(|reason| failed(dir, "create", reason))?;
        let path = self.path.with_extension("lock");
        let lock = private_open_options().open(&path).map_err(|reason| failed(&path, "write", reason))?;
        let deadline = Instant::now() + LOCK_TIMEOUT;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(lock),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    std::thread::sleep(LOCK_INTERVAL);
                }
                Err(TryLockError::WouldBlock) => {
                    let reason = io::Error::new(io::ErrorKind::TimedOut, "another process holds it");
                    return Err(failed(&path, "lock", reason));
                }
                Err(TryLockError::Error(reason)) => return Err(failed(&path, "lock", reason)),
            }
        }
    }

    fn write(&self, text: &str) -> Result<(), StoreError> {
        write_atomic(&self.path, text.as_bytes()).map_err(|reason| StoreError::Io {
            action: "write",
            path: self.path.clone(),
            reason,
        })
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let hint = match error {
            StoreError::Io { .. } => {
                "check the folder with `kustom doctor`, or name another file in KUSTOM_CONFIG"
            }
            StoreError::Encoding(_) | StoreError::Invalid { .. } => {
                "correct the file in an editor; nothing was changed"
            }
        };
        Self::usage(error.to_string()).hint(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profiles::{Environment, Profile};

    fn store(dir: &Path) -> Store {
        Store::new(dir.join("kustom").join("profiles.toml"))
    }

    fn add(store: &Store, name: &str) -> Result<(), StoreError> {
        store.change(|document| {
            document.insert(name, Profile::new(Environment::Playground));
            Ok(())
        })
    }

    #[test]
    fn a_missing_file_is_empty_and_the_first_write_makes_it_private() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        assert_eq!(store.read().unwrap().profiles().count(), 0);
        assert!(!store.path().exists());
        add(&store, "a").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(store.path()), 0o600);
            assert_eq!(mode(store.path().parent().unwrap()), 0o700);
        }
    }

    #[test]
    fn a_change_that_fails_writes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        add(&store, "a").unwrap();
        let before = fs::read(store.path()).unwrap();
        let refused: Result<(), StoreError> = store.change(|document| {
            document.remove("a");
            Err(StoreError::Encoding(PathBuf::new()))
        });
        assert!(refused.is_err());
        assert_eq!(fs::read(store.path()).unwrap(), before);
    }

    #[test]
    fn changes_at_the_same_time_are_all_kept() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        std::thread::scope(|scope| {
            for number in 0..20 {
                let store = &store;
                scope.spawn(move || add(store, &format!("p{number}")).unwrap());
            }
        });
        assert_eq!(store.read().unwrap().profiles().count(), 20);
    }

    #[test]
    fn a_killed_write_leaves_the_old_file_and_its_temporary_file_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        add(&store, "a").unwrap();
        let leftover = store.path().with_file_name(".profiles.toml.x.tmp");
        fs::write(&leftover, "[profiles.").unwrap();
        assert!(store.read().unwrap().profile("a").is_some());
        add(&store, "b").unwrap();
        assert!(!leftover.exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_the_file_stays_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().join("dotfiles.toml");
        fs::write(&real, "# mine\n").unwrap();
        let link = dir.path().join("profiles.toml");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        add(&Store::new(link.clone()), "a").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(fs::read_to_string(&real).unwrap().starts_with("# mine\n"));
    }
}
