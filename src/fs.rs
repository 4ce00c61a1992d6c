//! Private files that are replaced atomically.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::signals::is_interrupted;

/// The suffix of a file that is being written.
const TEMP_SUFFIX: &str = ".tmp";

pub(crate) fn parent_dir(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

/// Creates a directory and its parents with mode 0700. The mode of existing directories does not change.
pub(crate) fn create_private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// `OpenOptions` that create a file with mode 0600 and do not truncate it.
pub(crate) fn private_open_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Symbolic links that are followed before they count as a loop, as on Linux.
const MAX_LINKS: usize = 40;

/// The file that a path means, through symbolic links. The file need not exist. Replacing a link would replace it by a
/// file, and leave what it points to unchanged.
pub(crate) fn follow_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = parent_dir(&path).join(target),
            // It is no link, or does not exist.
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("there are too many symbolic links"))
}

/// Why a file was not replaced as it should be.
#[derive(Debug)]
pub(crate) enum ReplaceError {
    NotReplaced(io::Error),
    /// The new file is in place, but a power cut may bring back the old one.
    NotDurable(io::Error),
}

/// Replaces a file atomically and durably, through symbolic links. The caller must hold a lock, because temporary files of
/// other writers, which a killed process leaves behind, are removed.
pub(crate) fn write_atomic(path: &Path, content: &[u8]) -> io::Result<()> {
    replace_file(path, content).map_err(|error| match error {
        ReplaceError::NotReplaced(error) | ReplaceError::NotDurable(error) => error,
    })
}

/// Like [`write_atomic`], and says whether the file was replaced. As root, the file keeps its owner.
pub(crate) fn replace_file(path: &Path, content: &[u8]) -> Result<(), ReplaceError> {
    let (path, file) = write_temp_file(path, content).map_err(ReplaceError::NotReplaced)?;
    file.as_file().sync_all().map_err(ReplaceError::NotReplaced)?;
    file.persist(&path).map_err(|error| ReplaceError::NotReplaced(error.error))?;
    sync_dir(parent_dir(&path)).map_err(ReplaceError::NotDurable)
}

/// Like [`write_atomic`], for a file that may be lost in a power cut. This is much faster.
pub(crate) fn write_atomic_not_durably(path: &Path, content: &[u8]) -> io::Result<()> {
    let (path, file) = write_temp_file(path, content)?;
    file.persist(&path).map(drop).map_err(|error| error.error)
}

fn write_temp_file(path: &Path, content: &[u8]) -> io::Result<(PathBuf, tempfile::NamedTempFile)> {
    let path = follow_links(path)?;
    let dir = parent_dir(&path);
    let prefix = temp_prefix(&path);
    remove_temp_files(dir, &prefix);
    // tempfile creates files with mode 0600.
    let mut file = tempfile::Builder::new().prefix(&prefix).suffix(TEMP_SUFFIX).tempfile_in(dir)?;
    file.write_all(content)?;
    keep_owner(&path, dir, file.as_file());
    Ok((path, file))
}

/// With sudo, files of a user stay files of that user.
#[cfg(unix)]
fn keep_owner(path: &Path, dir: &Path, file: &fs::File) {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    if !rustix::process::geteuid().is_root() {
        return;
    }
    if let Ok(owner) = fs::metadata(path).or_else(|_| fs::metadata(dir)) {
        // A file system without owners rejects it.
        let _ = fchown(file, Some(owner.uid()), Some(owner.gid()));
    }
}

#[cfg(not(unix))]
const fn keep_owner(_path: &Path, _dir: &Path, _file: &fs::File) {}

const LOCK_INTERVAL: Duration = Duration::from_millis(10);

/// Locks a file, which contains the process that holds the lock, until the returned file is dropped. Waits for another
/// process up to `timeout`, or until a signal arrives.
pub(crate) fn lock_file(path: &Path, timeout: Duration) -> io::Result<fs::File> {
    let mut lock = private_open_options().read(true).open(path)?;
    let deadline = Instant::now() + timeout;
    loop {
        match lock.try_lock() {
            Ok(()) => break,
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if is_interrupted() => {
                return Err(io::Error::new(io::ErrorKind::Interrupted, "interrupted"));
            }
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(LOCK_INTERVAL),
            Err(TryLockError::WouldBlock) => {
                let holder = fs::read_to_string(path).unwrap_or_default();
                let holder = match holder.trim().parse::<u32>() {
                    Ok(process) => format!("process {process} holds it"),
                    Err(_) => "another process holds it".to_owned(),
                };
                return Err(io::Error::new(io::ErrorKind::TimedOut, holder));
            }
        }
    }
    // Only messages read it.
    let _ = lock.set_len(0).and_then(|()| lock.write_all(std::process::id().to_string().as_bytes()));
    Ok(lock)
}

/// Makes new file names in a directory durable.
#[cfg(unix)]
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    fs::File::open(dir)?.sync_all()
}

/// Other systems cannot sync a directory.
#[cfg(not(unix))]
pub(crate) fn sync_dir(_dir: &Path) -> io::Result<()> {
    Ok(())
}

/// The system's error message without the error number, and without the name of a temporary file.
pub(crate) fn io_error_message(error: &io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error").map_or(text.as_str(), |(message, _)| message).to_owned()
}

fn temp_prefix(path: &Path) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push(".");
    prefix
}

fn remove_temp_files(dir: &Path, prefix: &OsString) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        if name.starts_with(prefix.as_encoded_bytes()) && name.ends_with(TEMP_SUFFIX.as_bytes()) {
            // A file that cannot be removed does no harm.
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_and_its_file_is_replaced() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().unwrap();
        let elsewhere = dir.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        let (first, second) = (dir.path().join("first"), dir.path().join("second"));
        symlink("second", &first).unwrap();
        symlink(elsewhere.join("file"), &second).unwrap();
        for content in ["new", "replaced"] {
            write_atomic(&first, content.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(elsewhere.join("file")).unwrap(), content);
        }
        assert!(first.is_symlink() && second.is_symlink());
        symlink("loop", dir.path().join("loop")).unwrap();
        assert!(write_atomic(&dir.path().join("loop"), b"x").is_err());
    }

    #[test]
    fn a_file_is_replaced_and_temporary_files_of_a_killed_process_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kept.json");
        fs::write(dir.path().join(".kept.json.abc.tmp"), "half").unwrap();
        fs::write(dir.path().join(".other.json.abc.tmp"), "of another file").unwrap();
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        let mut names: Vec<_> =
            fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [".other.json.abc.tmp", "kept.json"]);
    }

    #[test]
    fn io_error_messages_have_no_number() {
        assert_eq!(io_error_message(&io::Error::from_raw_os_error(2)), "No such file or directory");
        assert_eq!(io_error_message(&io::Error::other("plain")), "plain");
    }

    #[test]
    fn a_bare_name_is_in_the_current_directory() {
        assert_eq!(parent_dir(Path::new("x")), Path::new("."));
        assert_eq!(parent_dir(Path::new("/a/x")), Path::new("/a"));
    }
}
