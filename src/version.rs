//! The version that `kustom --version` and `kustom doctor` print.

/// The version, the commit and the target: `0.1.0 (da9c7ee 2026-11-23, x86_64-unknown-linux-gnu)`.
///
/// `-dirty` after the commit means that the working tree had uncommitted changes. A debug build has `debug build` in place of
/// the commit.
pub(crate) const BUILD: &str = env!("BUILT_FROM");
