//! What this program is, as `kustom --version` and `kustom doctor` tell it.

/// The version, the commit and the target: `0.1.0 (da9c7ee 2026-11-23, x86_64-unknown-linux-gnu)`.
///
/// A release build whose sources differ from the commit says so with `-dirty`. Where no commit can be told there is none,
/// and a debug build says that it is one instead.
pub(crate) const BUILD: &str = env!("BUILT_FROM");
