//! Records in the order they were made, and how much room they take.

use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::model::Metadata;

/// What an allocation takes beside its content.
const ALLOCATION: usize = 16;

/// A node of a map, which has room for eleven pairs and is at least half full when there are several.
const MAP_NODE: usize = 560;
const PAIRS_IN_A_NODE: usize = 6;

/// Something that is kept on a shelf.
pub(super) trait Kept {
    fn id(&self) -> Uuid;

    /// About how many bytes it has beside itself. What changes it is done with [`Shelf::change`].
    fn beside(&self) -> usize;
}

/// Records in the order they were made. To look at they are a slice.
#[derive(Debug, Clone)]
pub(super) struct Shelf<T> {
    records: Vec<T>,
    /// Those of the records, close together: most of the time of a look-up is the way through memory.
    ids: Vec<Uuid>,
    weight: usize,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { records: Vec::new(), ids: Vec::new(), weight: 0 }
    }
}

impl<T> Deref for Shelf<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.records
    }
}

impl<'a, T> IntoIterator for &'a Shelf<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.records.iter()
    }
}

impl<T: PartialEq> PartialEq for Shelf<T> {
    fn eq(&self, other: &Self) -> bool {
        // The weight is that of the records, or it was counted wrongly.
        self.records == other.records && self.weight == other.weight
    }
}

impl<T: Serialize> Serialize for Shelf<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.records.serialize(to)
    }
}

impl<'de, T: Kept + Deserialize<'de>> Deserialize<'de> for Shelf<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let records = Vec::<T>::deserialize(from)?;
        let ids = records.iter().map(T::id).collect();
        let weight = records.iter().map(weight).sum();
        Ok(Self { records, ids, weight })
    }
}

impl<T: Kept> Shelf<T> {
    /// About how many bytes all of them take.
    pub(super) const fn weight(&self) -> usize {
        self.weight
    }

    pub(super) fn get(&self, id: Uuid) -> Option<&T> {
        self.place(id).and_then(|place| self.records.get(place))
    }

    /// One to be changed in a way that leaves its weight as it is.
    pub(super) fn get_mut(&mut self, id: Uuid) -> Option<&mut T> {
        self.place(id).and_then(|place| self.records.get_mut(place))
    }

    /// Changes one in any way.
    pub(super) fn change<R>(&mut self, id: Uuid, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        let record = self.get_mut(id)?;
        let before = weight(record);
        let result = change(record);
        let after = weight(record);
        self.weight = self.weight + after - before;
        Some(result)
    }

    pub(super) fn push(&mut self, record: T) {
        // Growing by half of what is there, as a vector does by itself, would be a lot of room for nothing.
        if self.records.len() == self.records.capacity() {
            let more = (self.records.len() / 8).max(16);
            self.records.reserve_exact(more);
            self.ids.reserve_exact(more);
        }
        self.weight += weight(&record);
        self.ids.push(record.id());
        self.records.push(record);
    }

    /// Forgets the oldest of those that may go, until so many bytes are free or none is left.
    pub(super) fn forget(&mut self, enough: usize, may_go: impl Fn(&T) -> bool) {
        let mut freed = 0;
        self.records.retain(|record| {
            let goes = freed < enough && may_go(record);
            freed += if goes { weight(record) } else { 0 };
            !goes
        });
        if freed > 0 {
            self.weight -= freed;
            self.ids.clear();
            self.ids.extend(self.records.iter().map(T::id));
        }
    }

    fn place(&self, id: Uuid) -> Option<usize> {
        // What is asked for is new more often than not.
        self.ids.iter().rposition(|known| *known == id)
    }
}

/// About how many bytes a record takes.
pub(super) fn weight<T: Kept>(record: &T) -> usize {
    with_beside::<T>(record.beside())
}

/// The same of one that is not made yet, and will have this beside itself.
pub(super) const fn with_beside<T>(beside: usize) -> usize {
    size_of::<T>() + size_of::<Uuid>() + beside
}

/// About how many bytes a text takes beside itself.
pub(super) fn of_text(text: &str) -> usize {
    if text.is_empty() { 0 } else { text.len() + ALLOCATION }
}

/// The same of one that may be missing.
pub(super) fn of_option(text: Option<&String>) -> usize {
    text.map_or(0, |text| of_text(text))
}

/// The same of metadata.
pub(super) fn of_metadata(metadata: &Metadata) -> usize {
    let texts: usize = metadata.iter().map(|(key, value)| of_text(key) + of_text(value)).sum();
    metadata.len().div_ceil(PAIRS_IN_A_NODE) * MAP_NODE + texts
}

/// The same of a list of things that are this large beside themselves.
pub(super) fn of_list<T>(list: &[T], beside: impl Fn(&T) -> usize) -> usize {
    let own = if list.is_empty() { 0 } else { size_of_val(list) + ALLOCATION };
    own + list.iter().map(beside).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Thing(Uuid, String);

    impl Kept for Thing {
        fn id(&self) -> Uuid {
            self.0
        }

        fn beside(&self) -> usize {
            of_text(&self.1)
        }
    }

    fn id(number: usize) -> Uuid {
        Uuid::from_u128(number as u128)
    }

    #[derive(Debug, Clone)]
    enum Step {
        Push(usize),
        Change(usize, usize),
        Forget(usize, usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0_usize..50).prop_map(Step::Push),
            (any::<usize>(), 0_usize..50).prop_map(|(index, length)| Step::Change(index, length)),
            (0_usize..1000, 1_usize..4).prop_map(|(enough, every)| Step::Forget(enough, every)),
        ]
    }

    proptest! {
        #[test]
        fn a_shelf_is_a_list_that_knows_its_weight(steps in proptest::collection::vec(step(), 0..100)) {
            let mut shelf = Shelf::default();
            let mut list: Vec<Thing> = Vec::new();
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Push(length) => {
                        let thing = Thing(id(number), "x".repeat(length));
                        shelf.push(thing.clone());
                        list.push(thing);
                    }
                    Step::Change(index, length) => {
                        let Some(place) = index.checked_rem(list.len()) else { continue };
                        list[place].1 = "y".repeat(length);
                        let changed = shelf.change(list[place].0, |thing| thing.1 = "y".repeat(length));
                        prop_assert!(changed.is_some());
                    }
                    Step::Forget(enough, every) => {
                        let may_go = |thing: &Thing| thing.1.len().is_multiple_of(every);
                        let (before, mut freed) = (shelf.weight(), 0);
                        list.retain(|thing| {
                            let stays = freed >= enough || !may_go(thing);
                            freed += if stays { 0 } else { weight(thing) };
                            stays
                        });
                        shelf.forget(enough, may_go);
                        prop_assert_eq!(before - shelf.weight(), freed);
                    }
                }
                prop_assert_eq!(&*shelf, &*list);
                for thing in &list {
                    prop_assert_eq!(shelf.get(thing.0), Some(thing));
                }
                prop_assert_eq!(shelf.get(id(1000)), None);
                let text = serde_json::to_string(&shelf).unwrap();
                prop_assert_eq!(&serde_json::from_str::<Shelf<Thing>>(&text).unwrap(), &shelf);
            }
        }
    }
}
