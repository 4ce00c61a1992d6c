//! State machines without I/O: they turn observations into the next action. The command owns the clock, the network and
//! the terminal.

pub(crate) mod pairing;
pub(crate) mod watch;

use std::time::Duration;

/// Upper bound for the API's `Retry-After`, so that no response stalls a wait.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);
