//! Faults that a [`Server`](super::Server) injects, so that the error handling of a client can be tested.

mod fault;

use std::sync::{Arc, Mutex, PoisonError};

use http::Method;
use serde::Serialize;

pub use fault::{Effect, Fault, FaultAction};

const MAX_FAULTS: usize = 100;

/// The faults of a server. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<FaultTable>>);

impl Faults {
    pub fn new(table: FaultTable) -> Self {
        Self(Arc::new(Mutex::new(table)))
    }

    /// Calls `operation` while holding the lock, so it must not use this handle.
    pub fn change<R>(&self, operation: impl FnOnce(&mut FaultTable) -> R) -> R {
        operation(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Which requests the faults hit depends only on the seed and on the previous requests.
#[derive(Debug, Clone)]
pub struct FaultTable {
    seed: u32,
    last_id: u32,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    id: u32,
    fault: Fault,
    /// One per fault, so that adding a fault does not change which requests another one hits.
    rng: fastrand::Rng,
    matched: u64,
    hit: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultStatus {
    pub id: u32,
    /// In the syntax that is parsed.
    pub fault: String,
    /// How many requests its method and path matched.
    pub matched: u64,
    pub hit: u32,
    /// How many more requests it can hit, if there is a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<u32>,
}

impl Default for FaultTable {
    fn default() -> Self {
        Self::new(fastrand::u32(..))
    }
}

impl FaultTable {
    pub const fn new(seed: u32) -> Self {
        Self { seed, last_id: 0, entries: Vec::new() }
    }

    pub const fn seed(&self) -> u32 {
        self.seed
    }

    /// Returns `None` if there are too many faults.
    pub fn add(&mut self, fault: Fault) -> Option<FaultStatus> {
        if self.entries.len() >= MAX_FAULTS {
            return None;
        }
        self.last_id = self.last_id.wrapping_add(1);
        let rng = fastrand::Rng::with_seed((u64::from(self.seed) << 32) | u64::from(self.last_id));
        let entry = Entry { id: self.last_id, fault, rng, matched: 0, hit: 0 };
        let status = entry.status();
        self.entries.push(entry);
        Some(status)
    }

    /// Lists all faults, including those that have reached their limit.
    pub fn list(&self) -> Vec<FaultStatus> {
        self.entries.iter().map(Entry::status).collect()
    }

    pub fn clear(&mut self) -> Vec<FaultStatus> {
        let removed = self.list();
        self.entries.clear();
        removed
    }

    /// Returns the ID and the action of the first fault that hits this request.
    pub fn next_hit(&mut self, method: &Method, path: &str) -> Option<(u32, FaultAction)> {
        // Requests that remove faults or identify the emulator must not fail.
        if path == "/" || path == "/emulator" || path.starts_with("/emulator/") {
            return None;
        }
        self.entries.iter_mut().find_map(|entry| entry.try_hit(method, path))
    }
}

impl Entry {
    fn try_hit(&mut self, method: &Method, path: &str) -> Option<(u32, FaultAction)> {
        let is_used_up = self.fault.times.is_some_and(|times| self.hit >= times);
        if is_used_up || !self.fault.matches(method, path) {
            return None;
        }
        self.matched += 1;
        if self.fault.percent.is_some_and(|percent| self.rng.u8(0..100) >= percent) {
            return None;
        }
        self.hit = self.hit.saturating_add(1);
        Some((self.id, self.fault.action))
    }

    fn status(&self) -> FaultStatus {
        let Self { id, fault, matched, hit, .. } = self;
        let left = fault.times.map(|times| times.saturating_sub(*hit));
        FaultStatus { id: *id, fault: fault.to_string(), matched: *matched, hit: *hit, left }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PATH: &str = "/ipp/v1/sessions";

    fn table(seed: u32, faults: &[&str]) -> FaultTable {
        let mut table = FaultTable::new(seed);
        for fault in faults {
            table.add(fault.parse().unwrap()).unwrap();
        }
        table
    }

    fn hits(table: &mut FaultTable, requests: usize) -> Vec<Option<u32>> {
        (0..requests).map(|_| table.next_hit(&Method::POST, PATH).map(|(id, _)| id)).collect()
    }

    #[test]
    fn the_first_fault_below_its_limit_hits() {
        let faults = ["GET /ipp/v1/sessions: drop", "POST /ipp/v1/sessions: 503 x2", "* /ipp/*: drop once"];
        let mut table = table(1, &faults);
        assert_eq!(hits(&mut table, 5), [Some(2), Some(2), Some(3), None, None]);
        let statuses: Vec<_> =
            table.list().into_iter().map(|fault| (fault.matched, fault.hit, fault.left)).collect();
        assert_eq!(statuses, [(0, 0, None), (2, 2, Some(0)), (1, 1, Some(0))]);
        assert_eq!(table.clear().len(), 3);
        assert_eq!(hits(&mut table, 1), [None]);
        // IDs are never reused, so that they are unique in a log.
        assert_eq!(table.add("* /x: drop".parse().unwrap()).unwrap().id, 4);
    }

    #[test]
    fn requests_to_the_emulator_itself_are_never_hit() {
        let mut table = table(1, &["* /*: drop"]);
        for path in ["/", "/emulator", "/emulator/faults", "/emulator/pos/pair"] {
            assert_eq!(table.next_hit(&Method::DELETE, path), None, "{path}");
        }
        assert!(table.next_hit(&Method::GET, "/emulators").is_some());
    }

    #[test]
    fn a_percentage_is_approximately_right() {
        let mut table = table(7, &["* /*: drop 10%"]);
        let hit = hits(&mut table, 10_000).iter().flatten().count();
        // Within six standard deviations, with a fixed seed.
        assert!((820..1180).contains(&hit), "{hit}");
    }

    proptest! {
        #[test]
        fn the_same_seed_and_requests_give_the_same_hits(seed: u32, percent in 1_u32..=100, requests in 0_usize..200) {
            let fault = format!("* /*: drop {percent}%");
            let alone = hits(&mut table(seed, &[&fault]), requests);
            prop_assert_eq!(&hits(&mut table(seed, &[&fault]), requests), &alone);
            prop_assert_eq!(&hits(&mut table(seed, &[&fault, "GET /x: drop 50%"]), requests), &alone);
        }

        #[test]
        fn no_fault_hits_more_often_than_it_may(seed: u32, times in 1_u32..20, percent in 1_u32..=100) {
            let mut table = table(seed, &[&format!("* /*: 503 x{times} {percent}%")]);
            let hit = hits(&mut table, 100).iter().flatten().count();
            prop_assert!(hit <= usize::try_from(times).unwrap());
            let status = table.list().remove(0);
            prop_assert_eq!(usize::try_from(status.hit).unwrap(), hit);
            prop_assert_eq!(status.left, Some(times - status.hit));
            prop_assert!(status.matched <= 100 && status.matched >= u64::from(status.hit));
        }
    }
}
