//! What goes wrong on purpose, so that a client can be tried with it.
//!
//! Faults are read and chosen here without any I/O; a [`Server`](super::Server) makes them happen.

mod fault;

use std::sync::{Arc, Mutex, PoisonError};

use http::Method;
use serde::Serialize;

pub use fault::{Effect, Fault, FaultAction, FaultError};

/// How many faults there can be at a time.
const MAX_FAULTS: usize = 100;

/// The faults of a server. Clones are handles on the same ones.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<FaultTable>>);

impl Faults {
    pub fn new(table: FaultTable) -> Self {
        Self(Arc::new(Mutex::new(table)))
    }

    /// Looks at the faults, or changes them, while nobody else does. The closure must not use this handle.
    pub fn change<R>(&self, change: impl FnOnce(&mut FaultTable) -> R) -> R {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Faults in the order in which they were added, and what they have done so far. Which request is hit follows from the
/// seed and from the requests before it alone.
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
    /// Each fault has dice of its own, so that one does not depend on what others are there.
    dice: fastrand::Rng,
    matched: u64,
    hit: u32,
}

/// A fault that hits a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    pub id: u32,
    pub what: FaultAction,
}

/// A fault as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultStatus {
    pub id: u32,
    /// As it can be read.
    pub fault: String,
    /// How many requests it was asked about.
    pub matched: u64,
    /// How many of them it has hit.
    pub hit: u32,
    /// How many it can hit yet, if there is a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<u32>,
}

impl Default for FaultTable {
    /// No faults, and a seed that is another one each time.
    fn default() -> Self {
        Self::new(fastrand::u32(..))
    }
}

impl FaultTable {
    /// No faults. The same seed and the same requests give the same hits.
    pub const fn new(seed: u32) -> Self {
        Self { seed, last_id: 0, entries: Vec::new() }
    }

    /// The seed of the percentages.
    pub const fn seed(&self) -> u32 {
        self.seed
    }

    /// Adds a fault behind those that are there. `None` when there are too many.
    pub fn add(&mut self, fault: Fault) -> Option<FaultStatus> {
        if self.entries.len() >= MAX_FAULTS {
            return None;
        }
        self.last_id = self.last_id.wrapping_add(1);
        let dice = fastrand::Rng::with_seed((u64::from(self.seed) << 32) | u64::from(self.last_id));
        let entry = Entry { id: self.last_id, fault, dice, matched: 0, hit: 0 };
        let shown = entry.show();
        self.entries.push(entry);
        Some(shown)
    }

    /// All of them, those that hit nothing any more too.
    pub fn list(&self) -> Vec<FaultStatus> {
        self.entries.iter().map(Entry::show).collect()
    }

    /// Takes all of them away, and tells what they have done.
    pub fn clear(&mut self) -> Vec<FaultStatus> {
        let shown = self.list();
        self.entries.clear();
        shown
    }

    /// What happens to this request: the first fault that is about it, has a time left and is not spared by its
    /// percentage hits it.
    pub fn next_hit(&mut self, method: &Method, path: &str) -> Option<Hit> {
        // What takes faults away must not fail, and who asks what stands here is to be told.
        if path == "/" || path == "/emulator" || path.starts_with("/emulator/") {
            return None;
        }
        self.entries.iter_mut().find_map(|entry| entry.try_hit(method, path))
    }
}

impl Entry {
    fn try_hit(&mut self, method: &Method, path: &str) -> Option<Hit> {
        let is_over = self.fault.times.is_some_and(|times| self.hit >= times);
        if is_over || !self.fault.matches(method, path) {
            return None;
        }
        self.matched += 1;
        if self.fault.percent.is_some_and(|percent| self.dice.u8(0..100) >= percent) {
            return None;
        }
        self.hit = self.hit.saturating_add(1);
        Some(Hit { id: self.id, what: self.fault.what })
    }

    fn show(&self) -> FaultStatus {
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
        (0..requests).map(|_| table.next_hit(&Method::POST, PATH).map(|hit| hit.id)).collect()
    }

    #[test]
    fn the_first_that_has_a_time_left_hits() {
        let faults = ["GET /ipp/v1/sessions: drop", "POST /ipp/v1/sessions: 503 x2", "* /ipp/*: drop once"];
        let mut table = table(1, &faults);
        assert_eq!(hits(&mut table, 5), [Some(2), Some(2), Some(3), None, None]);
        let shown: Vec<_> =
            table.list().into_iter().map(|shown| (shown.matched, shown.hit, shown.left)).collect();
        assert_eq!(shown, [(0, 0, None), (2, 2, Some(0)), (1, 1, Some(0))]);
        assert_eq!(table.clear().len(), 3);
        assert_eq!(hits(&mut table, 1), [None]);
        // An id is never another fault's, so that a log cannot be misread.
        assert_eq!(table.add("* /x: drop".parse().unwrap()).unwrap().id, 4);
    }

    #[test]
    fn what_takes_faults_away_never_fails() {
        let mut table = table(1, &["* /*: drop"]);
        for path in ["/", "/emulator", "/emulator/faults", "/emulator/pos/pair"] {
            assert_eq!(table.next_hit(&Method::DELETE, path), None, "{path}");
        }
        assert!(table.next_hit(&Method::GET, "/emulators").is_some());
    }

    #[test]
    fn there_cannot_be_more_and_more() {
        let mut table = table(1, &["* /x: drop"; MAX_FAULTS]);
        assert_eq!(table.add("* /x: drop".parse().unwrap()), None);
    }

    #[test]
    fn a_percentage_is_about_right() {
        let mut table = table(7, &["* /*: drop 10%"]);
        let hit = hits(&mut table, 10_000).iter().flatten().count();
        // Six standard deviations, and the dice are the same each time.
        assert!((820..1180).contains(&hit), "{hit}");
    }

    proptest! {
        #[test]
        fn the_same_seed_and_requests_give_the_same_hits(seed: u32, percent in 1_u32..=100, requests in 0_usize..200) {
            let fault = format!("* /*: drop {percent}%");
            let alone = hits(&mut table(seed, &[&fault]), requests);
            prop_assert_eq!(&hits(&mut table(seed, &[&fault]), requests), &alone);
            // Whatever else there is.
            prop_assert_eq!(&hits(&mut table(seed, &[&fault, "GET /x: drop 50%"]), requests), &alone);
        }

        #[test]
        fn no_fault_hits_more_often_than_it_may(seed: u32, times in 1_u32..20, percent in 1_u32..=100) {
            let mut table = table(seed, &[&format!("* /*: 503 x{times} {percent}%")]);
            let hit = hits(&mut table, 100).iter().flatten().count();
            prop_assert!(hit <= usize::try_from(times).unwrap());
            let shown = table.list().remove(0);
            prop_assert_eq!(usize::try_from(shown.hit).unwrap(), hit);
            prop_assert_eq!(shown.left, Some(times - shown.hit));
            prop_assert!(shown.matched <= 100 && shown.matched >= u64::from(shown.hit));
        }
    }
}
