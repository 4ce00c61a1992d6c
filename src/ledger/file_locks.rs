//! File systems without locks, such as some network shares: two processes there would not notice each other.

use std::path::Path;

use rusqlite::ffi;

use crate::fs::{create_private_dir, parent_dir, private_open_options};

/// Whether SQLite failed to lock or unlock a file, for another reason than another process.
pub(super) fn is_lock_failure(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    let lock_failures = [
        ffi::SQLITE_IOERR_LOCK,
        ffi::SQLITE_IOERR_RDLOCK,
        ffi::SQLITE_IOERR_UNLOCK,
        ffi::SQLITE_IOERR_CHECKRESERVEDLOCK,
        ffi::SQLITE_IOERR_SHMLOCK,
    ];
    code.is_some_and(|code| lock_failures.contains(&code))
}

/// Whether a file at this path can be locked as SQLite locks its own. It takes a failure to lock its file for another process
/// that has it locked.
#[cfg(unix)]
pub(super) fn can_lock(path: &Path) -> bool {
    use rustix::fs::{FlockOperation, fcntl_lock};
    use rustix::io::Errno;
    // SQLite reports any other failure.
    let Ok(()) = create_private_dir(parent_dir(path)) else { return true };
    let Ok(file) = private_open_options().read(true).open(path) else { return true };
    let locked = fcntl_lock(&file, FlockOperation::NonBlockingLockShared);
    matches!(locked, Ok(()) | Err(Errno::AGAIN | Errno::ACCESS | Errno::INTR))
}

#[cfg(not(unix))]
pub(super) const fn can_lock(_path: &Path) -> bool {
    true
}
