//! Files that only the user can read, and that are replaced whole or not at all.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

/// What the name of a file ends with while it is written.
const TEMP_SUFFIX: &str = ".tmp";

/// The folder of a file.
pub(crate) fn parent_dir(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes a folder, and those above it, for nobody but the user. One that exists is left as it is.
pub(crate) fn create_private_dir(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Options that make a file for nobody but the user (mode 0600), and that leave its content as it is.
pub(crate) fn private_open_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Replaces a file, whole or not at all, and makes sure that this survives a power cut. Whoever calls it must keep
/// others from doing the same: what a killed process left behind is cleared away.
pub(crate) fn write_atomic(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = parent_dir(path);
    let prefix = unfinished_prefix(path);
    remove_unfinished(folder, &prefix);
    // tempfile makes files with mode 0600.
    let mut file = tempfile::Builder::new().prefix(&prefix).suffix(TEMP_SUFFIX).tempfile_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_dir(folder)
}

/// Makes the names in a folder survive a power cut.
#[cfg(unix)]
pub(crate) fn sync_dir(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

/// Other systems cannot open a folder to sync it.
#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps, missing_docs, reason = "the same signature as on Unix")]
pub fn sync_dir(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// What tells a file from another, and from itself before a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileFingerprint {
    device: u64,
    inode: u64,
    length: u64,
    /// Seconds, and nanoseconds.
    modified: [i64; 2],
    /// The same of the last change of any kind, which nobody can set.
    changed: [i64; 2],
}

/// A file that was changed more recently could be changed again without a trace in its times: the clock of a file
/// system stands still for up to ten milliseconds.
const MTIME_GRANULARITY: Duration = Duration::from_millis(20);

impl FileFingerprint {
    /// That of a file, where the system tells it.
    #[cfg(unix)]
    #[allow(clippy::unnecessary_wraps, reason = "other systems do not tell it")]
    pub(crate) fn of(file: &Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        Some(Self {
            device: file.dev(),
            inode: file.ino(),
            length: file.len(),
            modified: [file.mtime(), file.mtime_nsec()],
            changed: [file.ctime(), file.ctime_nsec()],
        })
    }

    /// Elsewhere a change can go unnoticed.
    #[cfg(not(unix))]
    pub const fn of(_file: &Metadata) -> Option<Self> {
        None
    }

    /// The file's length in bytes.
    pub(crate) const fn length(&self) -> u64 {
        self.length
    }

    /// After what time any change shows in the times; `None` where the clock is behind the times.
    pub(crate) fn stable_after(&self, now: Timestamp) -> Option<Duration> {
        let [seconds, nanoseconds] = self.changed.map(i128::from);
        let age = now.as_nanosecond() - (seconds * 1_000_000_000 + nanoseconds);
        let age = u64::try_from(age).ok().map(Duration::from_nanos)?;
        Some(MTIME_GRANULARITY.saturating_sub(age))
    }

    /// As numbers, to be kept.
    pub(crate) fn to_words(self) -> [u64; 7] {
        let Self { device, inode, length, modified, changed } = self;
        let [[m, mn], [c, cn]] = [modified, changed].map(|time| time.map(i64::cast_unsigned));
        [device, inode, length, m, mn, c, cn]
    }

    /// From what [`Self::to_words`] gave.
    pub(crate) fn from_words([device, inode, length, m, mn, c, cn]: [u64; 7]) -> Self {
        let [modified, changed] = [[m, mn], [c, cn]].map(|time| time.map(u64::cast_signed));
        Self { device, inode, length, modified, changed }
    }
}

/// What the system said, without its error number and without the temporary file that it may name.
pub(crate) fn io_error_message(error: &io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error").map_or(text.as_str(), |(words, _)| words).to_owned()
}

fn unfinished_prefix(path: &Path) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push(".");
    prefix
}

fn remove_unfinished(folder: &Path, prefix: &OsString) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        if name.starts_with(prefix.as_encoded_bytes()) && name.ends_with(TEMP_SUFFIX.as_bytes()) {
            // One that cannot be removed now is in nobody's way.
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_what_a_killed_process_left_is_cleared_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept.json");
        fs::write(folder.path().join(".kept.json.abc.tmp"), "half").unwrap();
        fs::write(folder.path().join(".other.json.abc.tmp"), "of another file").unwrap();
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        let mut names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [".other.json.abc.tmp", "kept.json"]);
    }

    #[test]
    fn what_the_system_says_has_no_number() {
        assert_eq!(io_error_message(&io::Error::from_raw_os_error(2)), "No such file or directory");
        assert_eq!(io_error_message(&io::Error::other("plain")), "plain");
    }

    #[test]
    fn a_bare_name_is_in_this_folder() {
        assert_eq!(parent_dir(Path::new("x")), Path::new("."));
        assert_eq!(parent_dir(Path::new("/a/x")), Path::new("/a"));
    }
}
