//! The lock of a device.

#[derive(Debug)]
pub(crate) enum LockAttempt {
    Locked(DeviceLock),
    /// Another process has the lock; this one, if it is known.
    Held(Option<String>),
}

/// Keeps other processes from creating a session on the device until it is dropped or the process ends.
///
/// A device takes one payment at a time. With the lock, an attempt on the device without an outcome is not in progress:
/// its process died.
#[derive(Debug)]
pub(crate) struct DeviceLock {
    _guard: Box<dyn std::any::Any>,
}

impl DeviceLock {
    pub(super) fn new(guard: impl std::any::Any) -> Self {
        Self { _guard: Box::new(guard) }
    }
}
