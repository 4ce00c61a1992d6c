//! The names of locations and devices, which tables show instead of their IDs.

use std::collections::{HashMap, HashSet};

/// The length of an ID that distinguishes resources of the same name.
const SHORT_ID_LEN: usize = 8;

/// The kind of resource that an ID belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum NameKind {
    Location,
    Device,
}

impl NameKind {
    /// The field whose value is the ID.
    pub(super) const fn field(self) -> &'static str {
        match self {
            Self::Location => "location_id",
            Self::Device => "device_id",
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Names {
    by_id: HashMap<(NameKind, String), String>,
    count_by_name: HashMap<(NameKind, String), usize>,
    listed: HashSet<NameKind>,
}

impl Names {
    pub(super) fn add(&mut self, kind: NameKind, id: &str, name: &str) {
        if name.trim().is_empty() {
            return;
        }
        let count = |names: &mut HashMap<_, usize>, name: &str, by: isize| {
            let count = names.entry((kind, name.to_owned())).or_default();
            *count = count.saturating_add_signed(by);
        };
        if let Some(old) = self.by_id.insert((kind, id.to_ascii_lowercase()), name.to_owned()) {
            count(&mut self.count_by_name, &old, -1);
        }
        count(&mut self.count_by_name, name, 1);
    }

    /// Returns true if it was called for the kind before.
    pub(super) fn mark_listed(&mut self, kind: NameKind) -> bool {
        !self.listed.insert(kind)
    }

    /// The name, with the start of the ID if several have the same name.
    pub(super) fn get(&self, kind: NameKind, id: &str) -> Option<String> {
        let name = self.by_id.get(&(kind, id.to_ascii_lowercase()))?.clone();
        match self.count_by_name.get(&(kind, name.clone())) {
            Some(2..) => Some(format!("{name} ({})", id.get(..SHORT_ID_LEN).unwrap_or(id))),
            _ => Some(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_several_have_is_distinguished() {
        let mut names = Names::default();
        names.add(NameKind::Device, "aaaaaaaa-1", "Bar");
        names.add(NameKind::Device, "bbbbbbbb-2", "Kiosk");
        assert_eq!(names.get(NameKind::Device, "AAAAAAAA-1").as_deref(), Some("Bar"));
        assert_eq!(names.get(NameKind::Location, "aaaaaaaa-1"), None);
        names.add(NameKind::Device, "bbbbbbbb-2", "Bar");
        assert_eq!(names.get(NameKind::Device, "aaaaaaaa-1").as_deref(), Some("Bar (aaaaaaaa)"));
        names.add(NameKind::Device, "bbbbbbbb-2", "Kiosk");
        assert_eq!(names.get(NameKind::Device, "aaaaaaaa-1").as_deref(), Some("Bar"));
    }
}
