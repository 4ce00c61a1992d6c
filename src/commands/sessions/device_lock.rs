//! Lets one process at a time create a session on a device.

use std::time::Duration;

use tokio::time::Instant;

use crate::context::ApiContext;
use crate::error::{Error, ErrorKind};
use crate::ledger::{DeviceLock, LockAttempt};
use crate::text::format_duration;

/// Time between two attempts to lock a device that another process uses.
const LOCK_INTERVAL: Duration = Duration::from_millis(50);

/// How long to wait for a device without `--timeout`. A create takes at most as long as its request and a few retries.
const MAX_LOCK_WAIT: Duration = Duration::from_secs(60);

/// Waits until no other process creates a session on the device. Nothing has been stored or sent yet.
pub(in crate::commands) async fn lock_device(
    device: &str,
    context: &ApiContext<'_>,
) -> Result<DeviceLock, Error> {
    let ledger = context.ledger().await.map_err(hint_nothing_was_sent)?;
    let (start, max_wait) = (Instant::now(), context.settings.timeout.unwrap_or(MAX_LOCK_WAIT));
    let mut is_reported = false;
    loop {
        let holder = match ledger.try_lock_device(device).await.map_err(hint_nothing_was_sent)? {
            LockAttempt::Acquired(lock) => return Ok(lock),
            LockAttempt::HeldBy(holder) => holder,
        };
        let holder = holder.map(|holder| format!(" by {holder}")).unwrap_or_default();
        let message = format!("another session is being created on this device{holder}");
        if start.elapsed() >= max_wait {
            let waited = format_duration(max_wait);
            return Err(Error::new(
                ErrorKind::Unavailable,
                format!("{message}; it has not finished in {waited}"),
            )
            .hint("nothing was sent; if that process hangs or was stopped, end it and try again"));
        }
        if !is_reported {
            context.output.warn(&format!("{message}; waiting for its outcome"));
            is_reported = true;
        }
        tokio::time::sleep(LOCK_INTERVAL).await;
    }
}

/// Adds to an error of the ledger that nothing was sent.
pub(super) fn hint_nothing_was_sent(mut error: Error) -> Error {
    let reason = "nothing was sent: kustom requests a payment only after storing it in the ledger";
    error.hints.insert(0, reason.to_owned());
    error
}
