//! Detects duplicate deliveries.

use std::collections::{HashSet, VecDeque};

/// Senders retry within minutes or hours, so old IDs can be forgotten.
const MAX_REMEMBERED: usize = 100_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeliveryState {
    /// The caller processes it, and calls [`DedupCache::end`].
    New,
    /// It was acknowledged before.
    Duplicate,
    /// It is being processed.
    InProgress,
}

#[derive(Debug, Default)]
pub(super) struct DedupCache {
    in_progress: HashSet<String>,
    acknowledged: HashSet<String>,
    oldest_first: VecDeque<String>,
}

impl DedupCache {
    /// Only for a delivery that passed verification, since any other may have a forged ID.
    pub(super) fn begin(&mut self, id: &str) -> DeliveryState {
        if self.acknowledged.contains(id) {
            DeliveryState::Duplicate
        } else if self.in_progress.insert(id.to_owned()) {
            DeliveryState::New
        } else {
            DeliveryState::InProgress
        }
    }

    /// A delivery that is not acknowledged is retried, and is new again then.
    pub(super) fn end(&mut self, id: &str, is_acknowledged: bool) {
        self.in_progress.remove(id);
        if is_acknowledged && self.acknowledged.insert(id.to_owned()) {
            self.oldest_first.push_back(id.to_owned());
            if self.oldest_first.len() > MAX_REMEMBERED
                && let Some(oldest) = self.oldest_first.pop_front()
            {
                self.acknowledged.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_acknowledged_deliveries_are_duplicates() {
        let mut dedup = DedupCache::default();
        assert_eq!(dedup.begin("a"), DeliveryState::New);
        assert_eq!((dedup.begin("a"), dedup.begin("b")), (DeliveryState::InProgress, DeliveryState::New));
        dedup.end("a", false);
        assert_eq!(dedup.begin("a"), DeliveryState::New);
        dedup.end("a", true);
        assert_eq!(
            (dedup.begin("a"), dedup.begin("b")),
            (DeliveryState::Duplicate, DeliveryState::InProgress)
        );
    }

    #[test]
    fn the_oldest_ids_are_forgotten() {
        let mut dedup = DedupCache::default();
        for number in 0..=MAX_REMEMBERED {
            let id = number.to_string();
            assert_eq!(dedup.begin(&id), DeliveryState::New);
            dedup.end(&id, true);
        }
        assert_eq!((dedup.begin("1"), dedup.begin("0")), (DeliveryState::Duplicate, DeliveryState::New));
        assert_eq!(dedup.oldest_first.len(), MAX_REMEMBERED);
        assert_eq!(dedup.acknowledged.len(), MAX_REMEMBERED);
    }
}
