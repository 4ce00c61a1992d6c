//! Metadata: the pairs of text that enrollments and devices carry.

/// Key to value, in the order of the keys. Carried from an enrollment to the device that uses it (documented).
pub type Metadata = std::collections::BTreeMap<String, String>;
