//! The process that asks the API what the account has, so that whoever completes need not wait for it.

use std::time::Duration;

use super::cache::{Cache, LockError};
use super::situation;
use super::{exit_process, resources};
use crate::context::App;
use crate::settings::Endpoint;

/// The exit code when another process asks already.
pub(super) const BUSY: i32 = 3;

/// How long asking may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// How long all of it may take, with a command that gives the key.
const LONGEST: Duration = Duration::from_secs(5);

/// Asks, and writes what is known then into the cache. Ends the process if that takes too long.
pub(super) fn run(profile: Option<String>) {
    let is_alone = detach();
    // It is bounded whatever it hangs on, also where it cannot be told so.
    std::thread::spawn(move || {
        std::thread::sleep(LONGEST);
        give_up(is_alone);
    });
    let _ = refresh(profile);
}

fn refresh(profile: Option<String>) -> Option<()> {
    let settings = situation::settings(profile)?;
    let account = situation::account(&settings)?;
    if !account.completions.value || matches!(account.endpoint, Endpoint::InProcess) {
        return None;
    }
    let cache = Cache::new(&settings, &account);
    let lock = match cache.lock() {
        Ok(lock) => lock,
        Err(LockError::Busy) => exit_process(BUSY),
        Err(LockError::Impossible) => return None,
    };
    if cache.is_fresh() {
        return Some(());
    }
    match resources::fetch(&App::new(settings), account, PATIENCE, cache.stale_entry()) {
        Some(known) => cache.write(&lock, known),
        None => cache.note_failure(&lock),
    }
}

/// Leaves the terminal, so that nothing that is started here can ask there; whether that worked.
fn detach() -> bool {
    #[cfg(unix)]
    return rustix::process::setsid().is_ok();
    #[cfg(not(unix))]
    false
}

/// Ends this process, and what it has started.
fn give_up(is_alone: bool) {
    #[cfg(unix)]
    if is_alone {
        let _ = rustix::process::kill_current_process_group(rustix::process::Signal::KILL);
    }
    #[cfg(not(unix))]
    let _ = is_alone;
    exit_process(0)
}
