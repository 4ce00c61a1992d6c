//! A cache of the resources of an account, in the state directory, and the process that refreshes it.
//!
//! The process that completes only reads the file. If the entry is old, it starts a detached process that requests the
//! resources from the API, and waits for it until the deadline; a late response is there for the next Tab.

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

/// The exit code of the refreshing process if another one refreshes the same cache.
pub(super) const EXIT_BUSY: i32 = 3;

/// Entries younger than this are used without a refresh.
const FRESH_FOR: SignedDuration = SignedDuration::from_secs(60);

/// Entries younger than this are used if the refresh fails or is late.
const MAX_STALE: SignedDuration = SignedDuration::from_hours(1);

/// Files older than this are removed, whichever account they belong to.
const MAX_AGE: Duration = Duration::from_secs(24 * 60 * 60);

const POLL_INTERVAL: Duration = Duration::from_millis(3);

#[derive(Debug)]
pub(super) struct Cache {
    path: PathBuf,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct CacheEntry {
    fetched_at: Timestamp,
    /// When the API was last requested, successfully or not: after a failure, it is not requested at every Tab.
    requested_at: Timestamp,
    resources: CachedResources,
}

impl Cache {
    pub(super) fn new(settings: &Settings, account: &Account) -> Self {
        let name = format!("{:016x}.json", account_key(account));
        Self { path: settings.paths.state.join("completions").join(name) }
    }

    /// Returns the cached resources, refreshed if they are old and the response arrives before the deadline.
    pub(super) fn read_or_refresh(
        &self,
        profile: Option<&str>,
        deadline: Instant,
    ) -> Option<CachedResources> {
        let mut entry = self.read();
        if !entry.as_ref().is_some_and(CacheEntry::is_fresh) {
            let child = spawn_refresh(profile);
            entry = child.and_then(|child| self.await_newer(child, entry.as_ref(), deadline)).or(entry);
        }
        entry.filter(CacheEntry::is_usable).map(|entry| entry.resources)
    }

    fn await_newer(
        &self,
        mut child: Child,
        old: Option<&CacheEntry>,
        deadline: Instant,
    ) -> Option<CacheEntry> {
        loop {
            // Polled before the file is read, so that an entry written just before the exit is found.
            let exit = child.try_wait().ok()?;
            let is_newer = |entry: &CacheEntry| old.is_none_or(|old| entry.requested_at > old.requested_at);
            if let Some(newer) = self.read().filter(is_newer) {
                return Some(newer);
            }
            // If another process holds the lock, its entry may arrive in time.
            if exit.is_some_and(|status| status.code() != Some(EXIT_BUSY)) {
                return None;
            }
            let remaining = deadline.saturating_duration_since(Instant::now());
            if remaining.is_zero() {
                return None;
            }
            std::thread::sleep(POLL_INTERVAL.min(remaining));
        }
    }

    fn read(&self) -> Option<CacheEntry> {
        serde_json::from_slice(&fs::read(&self.path).ok()?).ok()
    }

    /// Locks the cache for a refresh, until the returned file is dropped.
    pub(super) fn lock(&self) -> Result<File, TryLockError> {
        create_private_dir(parent_dir(&self.path)).map_err(TryLockError::Error)?;
        let file = private_open_options().open(self.path.with_extension("lock"));
        let file = file.map_err(TryLockError::Error)?;
        file.try_lock()?;
        Ok(file)
    }

    /// Stores what a refresh fetched. If it failed, the resources of the last one that did not are kept.
    pub(super) fn write(&self, fetched: Option<CachedResources>) -> Option<()> {
        self.remove_expired();
        let requested_at = Timestamp::now();
        let entry = match fetched {
            Some(resources) => CacheEntry { fetched_at: requested_at, requested_at, resources },
            None => CacheEntry { requested_at, ..self.read().unwrap_or_default() },
        };
        write_atomic(&self.path, &serde_json::to_vec(&entry).ok()?).ok()
    }

    pub(super) fn read_stale(&self) -> CachedResources {
        self.read().filter(CacheEntry::is_usable).map(|entry| entry.resources).unwrap_or_default()
    }

    pub(super) fn read_fresh(&self) -> Option<CachedResources> {
        Some(self.read().filter(|entry| is_younger(entry.fetched_at, FRESH_FOR))?.resources)
    }

    pub(super) fn is_fresh(&self) -> bool {
        self.read().is_some_and(|entry| entry.is_fresh())
    }

    /// Removes old files, such as those of a removed profile.
    fn remove_expired(&self) {
        for entry in fs::read_dir(parent_dir(&self.path)).into_iter().flatten().flatten() {
            let path = entry.path();
            let modified = entry.metadata().and_then(|file| file.modified()).ok();
            let age = modified.and_then(|at| at.elapsed().ok());
            if age.is_some_and(|age| age > MAX_AGE) && is_cache_file(&path) {
                let _ = fs::remove_file(path);
            }
        }
    }
}

impl CacheEntry {
    fn is_fresh(&self) -> bool {
        is_younger(self.requested_at, FRESH_FOR)
    }

    fn is_usable(&self) -> bool {
        is_younger(self.fetched_at, MAX_STALE)
    }
}

fn is_younger(at: Timestamp, max_age: SignedDuration) -> bool {
    let age = Timestamp::now().duration_since(at);
    // A time in the future was written by a wrong clock.
    !age.is_negative() && age < max_age
}

/// Whether the name is that of a cache file: the directory may be a link to one with other files.
fn is_cache_file(path: &Path) -> bool {
    let name = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
    let is_key = name.len() == 16 && name.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_key && path.extension().is_some_and(|extension| extension == "json" || extension == "lock")
}

/// Cache key of an account. Only 16 bits of the API key's hash go in, so that the file name does not reveal the key.
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

/// Starts the process that refreshes the cache, without any of the standard streams.
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
