//! Time limits under which what has arrived in time counts.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::time::Instant;

/// How long a response may take that is already here when the time is over, as after a laptop slept or the process was
/// stopped: the timer is noticed first.
const GRACE: Duration = Duration::from_millis(250);

/// Waits until the deadline. `None` if nothing has arrived by then.
pub(crate) async fn await_until<T>(deadline: Instant, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    match tokio::time::timeout_at(deadline, &mut future).await {
        Ok(value) => Some(value),
        Err(_) => tokio::time::timeout(GRACE, future).await.ok(),
    }
}

/// Like [`await_until`], for a time from now.
pub(crate) async fn await_for<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    match Instant::now().checked_add(limit) {
        Some(deadline) => await_until(deadline, future).await,
        None => Some(future.await),
    }
}
