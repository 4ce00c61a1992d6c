//! The detached process that requests the resources of an account and writes them to the cache.

use std::fs::TryLockError;
use std::time::Duration;

use super::cache::{Cache, EXIT_BUSY};
use super::{candidates, exit_process, resources};
use crate::context::App;
use crate::settings::Endpoint;

/// Limit for the requests.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(4);

/// Limit for the process, including a command that prints the key.
const PROCESS_TIMEOUT: Duration = Duration::from_secs(5);

/// Refreshes the cache of the account. Exits the process if that takes too long.
pub(super) fn run(profile: Option<String>) {
    let is_group_leader = detach();
    std::thread::spawn(move || {
        std::thread::sleep(PROCESS_TIMEOUT);
        abort(is_group_leader);
    });
    let _ = refresh(profile);
}

fn refresh(profile: Option<String>) -> Option<()> {
    let settings = candidates::settings(profile)?;
    let account = candidates::account(&settings)?;
    if !account.completions.value || matches!(account.endpoint, Endpoint::InProcess) {
        return None;
    }
    let cache = Cache::new(&settings, &account);
    let _lock = match cache.lock() {
        Ok(lock) => lock,
        Err(TryLockError::WouldBlock) => exit_process(EXIT_BUSY),
        Err(TryLockError::Error(_)) => return None,
    };
    if cache.is_fresh() {
        return Some(());
    }
    cache.write(resources::fetch(&App::new(settings), account, REQUEST_TIMEOUT, cache.read_stale()))
}

/// Leaves the terminal's session, so that no child can prompt there. Returns whether that succeeded.
fn detach() -> bool {
    #[cfg(unix)]
    return rustix::process::setsid().is_ok();
    #[cfg(not(unix))]
    false
}

/// Ends this process, and its children if it leads their process group.
fn abort(is_group_leader: bool) {
    #[cfg(unix)]
    if is_group_leader {
        let _ = rustix::process::kill_current_process_group(rustix::process::Signal::KILL);
    }
    #[cfg(not(unix))]
    let _ = is_group_leader;
    exit_process(0)
}
