//! The lock of a device.

use std::fs::File;

pub(crate) enum LockAttempt {
    Acquired(DeviceLock),
    /// Another process has the lock; this one, if it is known.
    HeldBy(Option<String>),
}

/// Keeps other processes from creating a session on the device until it is dropped or the process ends.
///
/// A device takes one payment at a time. With the lock, an attempt on the device without an outcome is not in progress:
/// its process died.
pub(crate) struct DeviceLock(Box<dyn Guard>);

/// What holds the lock until it is dropped.
pub(super) trait Guard {
    /// Whether it still does.
    fn is_held(&self) -> bool;
}

impl Guard for File {
    fn is_held(&self) -> bool {
        true
    }
}

impl DeviceLock {
    pub(super) fn new(guard: impl Guard + 'static) -> Self {
        Self(Box::new(guard))
    }

    /// Whether it is still held: a lock of PostgreSQL is lost with its connection.
    pub(crate) fn is_held(&self) -> bool {
        self.0.is_held()
    }
}
