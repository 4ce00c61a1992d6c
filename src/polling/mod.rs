//! State machines without I/O: an observation in, the next state and what to show out. The command owns the
//! clock, the network and the terminal.

pub(crate) mod pairing;
pub(crate) mod watch;

use std::time::Duration;

/// The longest time that an API which asks for patience is left alone, so that no answer puts a wait to sleep.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);
