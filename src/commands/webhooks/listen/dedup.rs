//! Which deliveries were seen before. Pure.

use std::collections::{HashSet, VecDeque};

/// How many are remembered. A sender that repeats one does so within minutes or hours.
const MAX_REMEMBERED: usize = 100_000;

/// What is known of a delivery that comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeliveryState {
    /// Nothing: it is to be handled, and [`Repeats::end`] says how that ended.
    New,
    /// It was acknowledged before.
    Duplicate,
    /// It is being handled: how that ends is not known.
    InProgress,
}

/// The ids of deliveries.
#[derive(Debug, Default)]
pub(super) struct DedupCache {
    under_way: HashSet<String>,
    acknowledged: HashSet<String>,
    oldest_first: VecDeque<String>,
}

impl DedupCache {
    /// Takes in a delivery that verifies: any other may bear anybody's id.
    pub(super) fn begin(&mut self, id: &str) -> DeliveryState {
        if self.acknowledged.contains(id) {
            DeliveryState::Duplicate
        } else if self.under_way.insert(id.to_owned()) {
            DeliveryState::New
        } else {
            DeliveryState::InProgress
        }
    }

    /// One that is not acknowledged has to come again, and is new then.
    pub(super) fn end(&mut self, id: &str, is_acknowledged: bool) {
        self.under_way.remove(id);
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
    fn only_what_was_acknowledged_is_a_repeat() {
        let mut repeats = DedupCache::default();
        assert_eq!(repeats.begin("a"), DeliveryState::New);
        assert_eq!((repeats.begin("a"), repeats.begin("b")), (DeliveryState::InProgress, DeliveryState::New));
        repeats.end("a", false);
        assert_eq!(repeats.begin("a"), DeliveryState::New);
        repeats.end("a", true);
        assert_eq!(
            (repeats.begin("a"), repeats.begin("b")),
            (DeliveryState::Duplicate, DeliveryState::InProgress)
        );
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut repeats = DedupCache::default();
        for number in 0..=MAX_REMEMBERED {
            let id = number.to_string();
            assert_eq!(repeats.begin(&id), DeliveryState::New);
            repeats.end(&id, true);
        }
        assert_eq!((repeats.begin("1"), repeats.begin("0")), (DeliveryState::Duplicate, DeliveryState::New));
        assert_eq!(repeats.oldest_first.len(), MAX_REMEMBERED);
        assert_eq!(repeats.acknowledged.len(), MAX_REMEMBERED);
    }
}
