//! What was known of an account a moment ago, in a file, and the process that makes it new.
//!
//! Whoever completes reads the file and nothing else. If it is old, a process of its own is started that asks the API;
//! its answer is waited for as long as a person does not notice, and is there for the next time otherwise.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::resources::CachedResources;
use super::{REFRESH, VARIABLE};
use crate::fs::{create_private_dir, parent_dir, private_open_options, write_atomic};
use crate::profiles::KeySource;
use crate::settings::{Account, Settings};

/// What is younger than this is believed without asking.
const FRESH: SignedDuration = SignedDuration::from_secs(60);

/// What is younger than this is better than nothing while the API does not answer.
const MAX_STALE: SignedDuration = SignedDuration::from_hours(1);

/// What is older is removed, whichever account it is of.
const MAX_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// How often it is looked whether the answer is there.
const INTERVAL: Duration = Duration::from_millis(3);

/// The cache of one account.
#[derive(Debug)]
pub(super) struct Cache {
    path: PathBuf,
}

#[derive(Debug, Serialize, Deserialize)]
struct CacheEntry {
    /// When it was known.
    at: Timestamp,
    /// When the API was asked last, whether it answered or not: one that does not is left alone for a while.
    asked: Timestamp,
    known: CachedResources,
}

/// Why nothing can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LockError {
    /// Another process asks already.
    Busy,
    /// The folder cannot be used.
    Impossible,
}

/// Keeps other processes from asking for the same, until it is dropped.
#[derive(Debug)]
pub(super) struct RefreshLock {
    _file: File,
}

impl Cache {
    /// That of an account. Its name tells nothing of the account.
    pub(super) fn new(settings: &Settings, account: &Account) -> Self {
        let name = format!("{:016x}.json", account_key(account));
        Self { path: settings.paths.state.join("completions").join(name) }
    }

    /// What is known, at the latest at this time.
    pub(super) fn get(&self, profile: Option<&str>, deadline: Instant) -> Option<CachedResources> {
        let kept = self.read();
        if kept.as_ref().is_some_and(|kept| is_younger(kept.asked, FRESH)) {
            return kept.filter(|kept| is_younger(kept.at, MAX_STALE)).map(|kept| kept.known);
        }
        let newer = spawn_refresh(profile).and_then(|child| self.await_newer(child, kept.as_ref(), deadline));
        let usable = newer.or(kept).filter(|kept| is_younger(kept.at, MAX_STALE));
        usable.map(|kept| kept.known)
    }

    fn await_newer(
        &self,
        mut child: Child,
        kept: Option<&CacheEntry>,
        deadline: Instant,
    ) -> Option<CacheEntry> {
        loop {
            // Whether it has ended is asked first: what it wrote is then there to be read.
            let ended = child.try_wait().ok()?;
            let is_newer = |read: &CacheEntry| kept.is_none_or(|kept| read.asked > kept.asked);
            if let Some(newer) = self.read().filter(is_newer) {
                return Some(newer);
            }
            // One that was busy leaves the asking to another, which may be about to write.
            if ended.is_some_and(|status| status.code() != Some(super::refresh::BUSY)) {
                return None;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            std::thread::sleep(INTERVAL.min(left));
        }
    }

    fn read(&self) -> Option<CacheEntry> {
        // A cache that is damaged is as good as none.
        serde_json::from_slice(&fs::read(&self.path).ok()?).ok()
    }

    /// The right to ask and to write; `Busy` while another process has it.
    pub(super) fn lock(&self) -> Result<RefreshLock, LockError> {
        create_private_dir(parent_dir(&self.path)).map_err(|_| LockError::Impossible)?;
        let file = private_open_options()
            .open(self.path.with_extension("lock"))
            .map_err(|_| LockError::Impossible)?;
        match file.try_lock() {
            Ok(()) => Ok(RefreshLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Busy),
            Err(TryLockError::Error(_)) => Err(LockError::Impossible),
        }
    }

    /// Writes what is known now.
    pub(super) fn write(&self, _lock: &RefreshLock, known: CachedResources) -> Option<()> {
        self.evict_expired();
        let now = Timestamp::now();
        self.write_entry(&CacheEntry { at: now, asked: now, known })
    }

    /// Writes that nothing is known now but what was known before.
    pub(super) fn note_failure(&self, _lock: &RefreshLock) -> Option<()> {
        let kept = self.read();
        let at = kept.as_ref().map_or(Timestamp::UNIX_EPOCH, |kept| kept.at);
        let known = kept.map(|kept| kept.known).unwrap_or_default();
        self.write_entry(&CacheEntry { at, asked: Timestamp::now(), known })
    }

    /// What is still worth something of what was known.
    pub(super) fn stale_entry(&self) -> CachedResources {
        self.read().filter(|kept| is_younger(kept.at, MAX_STALE)).map(|kept| kept.known).unwrap_or_default()
    }

    fn write_entry(&self, content: &CacheEntry) -> Option<()> {
        write_atomic(&self.path, &serde_json::to_vec(content).ok()?).ok()
    }

    /// Removes what is of no use any more, such as that of an account that was removed.
    fn evict_expired(&self) {
        for entry in fs::read_dir(parent_dir(&self.path)).into_iter().flatten().flatten() {
            let path = entry.path();
            let modified = entry.metadata().and_then(|file| file.modified()).ok();
            if modified.and_then(|at| at.elapsed().ok()).is_some_and(|age| age > MAX_AGE) && is_own(&path) {
                // One that cannot be removed is in nobody's way.
                let _ = fs::remove_file(path);
            }
        }
    }

    /// Whether there is nothing to ask for.
    pub(super) fn is_fresh(&self) -> bool {
        self.read().is_some_and(|kept| is_younger(kept.asked, FRESH))
    }
}

fn is_younger(at: Timestamp, age: SignedDuration) -> bool {
    let is = Timestamp::now().duration_since(at);
    // What is from the future was written by a clock that is wrong.
    !is.is_negative() && is < age
}

/// Whether a file is one of these by its name: somebody's link may have led elsewhere.
fn is_own(path: &Path) -> bool {
    let name = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
    let is_number = name.len() == 16 && name.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_number && path.extension().is_some_and(|extension| extension == "json" || extension == "lock")
}

/// A number that differs where the account does. Of the key it has 16 bits, which tell nobody the others.
fn account_key(account: &Account) -> u64 {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let key = match &account.key.value {
        KeySource::Stored(key) => key.expose(),
        KeySource::Command(command) => command,
    };
    let parts = [
        text(account.profile.as_ref().map(|name| name.value.as_str())),
        account.environment.value.to_string(),
        account.base_url().map(|url| url.to_string()).unwrap_or_default(),
        text(account.username.as_ref().map(|name| name.value.as_str())),
        text(account.merchant_id.as_ref().map(|id| id.value.as_str())),
        format!("{:04x}", xxh3_64(key.as_bytes()) & 0xffff),
    ];
    xxh3_64(parts.join("\0").as_bytes())
}

/// Starts the process that asks the API, away from every stream.
fn spawn_refresh(profile: Option<&str>) -> Option<Child> {
    let mut command = Command::new(std::env::current_exe().ok()?);
    command.arg("--").args(profile).env(VARIABLE, REFRESH);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    #[cfg(windows)]
    {
        use std::os::windows::process::CommandExt as _;
        const DETACHED_PROCESS: u32 = 8;
        const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;
        command.creation_flags(DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP);
    }
    command.spawn().ok()
}
