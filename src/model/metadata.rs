//! Metadata of enrollments and devices.

/// Sorted by key. The API copies an enrollment's metadata to the device that uses the code (documented).
pub type Metadata = std::collections::BTreeMap<String, String>;
