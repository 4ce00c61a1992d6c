//! The profiles file on disk: written whole or not at all, private, under a lock.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::document::{Document, DocumentError};

/// Where a half-written file stands until it is renamed.
const UNFINISHED: &str = ".profiles-";

/// The profiles file.
#[derive(Debug, Clone)]
pub struct Store {
    path: PathBuf,
}

/// Why the profiles file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It could not be read or written; it is as it was.
    #[error("cannot {action} {}: {}", .path.display(), words(.reason))]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// Why not.
        reason: io::Error,
    },
    /// It is not UTF-8.
    #[error("{} is not UTF-8 text", .0.display())]
    Encoding(PathBuf),
    /// It has a mistake in it.
    #[error("{}, {mistake}", .path.display())]
    Mistake {
        /// The file.
        path: PathBuf,
        /// The mistake and its place.
        mistake: DocumentError,
    },
}

/// What the system said, without its error number and without the temporary file that it may name.
fn words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error").map_or(text.as_str(), |(words, _)| words).to_owned()
}

impl Store {
    /// The store in this file, which need not exist.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file; one that does not exist is empty.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read or has a mistake in it.
    pub fn read(&self) -> Result<Document, StoreError> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Document::empty()),
            Err(reason) => return Err(StoreError::Io { action: "read", path: self.path.clone(), reason }),
        };
        let text = String::from_utf8(bytes).map_err(|_| StoreError::Encoding(self.path.clone()))?;
        Document::parse(&text).map_err(|mistake| StoreError::Mistake { path: self.path.clone(), mistake })
    }

    /// Reads the file, changes it and writes it, while no other process can do the same. Whoever reads meanwhile
    /// sees the old file or the new one, whole. When `change` gives an error, nothing is written.
    ///
    /// # Errors
    /// What `change` gives, or [`StoreError`] when the file cannot be read or written.
    pub fn change<R, E: From<StoreError>>(
        &self,
        change: impl FnOnce(&mut Document) -> Result<R, E>,
    ) -> Result<R, E> {
        let _lock = self.lock()?;
        let mut document = self.read()?;
        let result = change(&mut document)?;
        self.write(&document.to_text())?;
        Ok(result)
    }

    /// The file itself where the path is a link to it, as in a folder of dotfiles, so that the link stays one.
    fn target(&self) -> PathBuf {
        fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone())
    }

    fn lock(&self) -> Result<File, StoreError> {
        let folder = folder_of(&self.path);
        let failed = |path: &Path, action, reason| StoreError::Io { action, path: path.to_owned(), reason };
        create_private_folder(folder).map_err(|reason| failed(folder, "create", reason))?;
        let path = self.path.with_extension("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|reason| failed(&path, "write", reason))?;
        lock.lock().map_err(|reason| failed(&path, "lock", reason))?;
        Ok(lock)
    }

    fn write(&self, text: &str) -> Result<(), StoreError> {
        let target = self.target();
        let folder = folder_of(&target);
        let attempt = || -> io::Result<()> {
            remove_unfinished(folder);
            // tempfile makes files with mode 0600.
            let mut file = tempfile::Builder::new().prefix(UNFINISHED).suffix(".tmp").tempfile_in(folder)?;
            file.write_all(text.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(&target).map_err(|error| error.error)?;
            sync_folder(folder)
        };
        attempt().map_err(|reason| StoreError::Io { action: "write", path: target.clone(), reason })
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes a folder for nobody but the user; one that exists is left as it is.
fn create_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Removes what a process that was killed while writing left behind. Only called under the lock, so that nobody
/// else can be writing.
fn remove_unfinished(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            // It stays until the next time if it cannot be removed now.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Makes a rename survive a power cut.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Other systems cannot open a folder to sync it.
#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps, reason = "the same signature as on Unix")]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profiles::{Environment, Profile};

    fn store(folder: &Path) -> Store {
        Store::new(folder.join("kustom").join("profiles.toml"))
    }

    fn add(store: &Store, name: &str) -> Result<(), StoreError> {
        store.change(|document| {
            document.insert(name, Profile::new(Environment::Playground));
            Ok(())
        })
    }

    #[test]
    fn a_missing_file_is_empty_and_the_first_write_makes_it_private() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
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
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
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
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        std::thread::scope(|scope| {
            for number in 0..20 {
                let store = &store;
                scope.spawn(move || add(store, &format!("p{number}")).unwrap());
            }
        });
        assert_eq!(store.read().unwrap().profiles().count(), 20);
    }

    #[test]
    fn a_killed_write_leaves_the_old_file_and_its_remains_are_cleared_away() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        add(&store, "a").unwrap();
        let remains = store.path().with_file_name(".profiles-x.tmp");
        fs::write(&remains, "[profiles.").unwrap();
        assert!(store.read().unwrap().profile("a").is_some());
        add(&store, "b").unwrap();
        assert!(!remains.exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_the_file_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("dotfiles.toml");
        fs::write(&real, "# mine\n").unwrap();
        let link = folder.path().join("profiles.toml");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        add(&Store::new(link.clone()), "a").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(fs::read_to_string(&real).unwrap().starts_with("# mine\n"));
    }
}
