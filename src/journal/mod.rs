//! The journal: what was attempted and what came of it, so that no sale is charged twice.
//!
//! The API has no idempotency key and no list of sessions, so this file is both. An intent is written and synced
//! before a session is created, and its outcome after. An intent without an outcome, because the process or the
//! machine died, is an attempt whose outcome is unknown.

mod attempt;
mod duplicates;
mod file;
mod index;
#[cfg(test)]
mod index_tests;
mod lines;
mod locked;
mod seal;

pub use attempt::{Attempt, Event, EventKind, Intent, Journal, Outcome};
pub use duplicates::{DuplicateCandidate, find_duplicates, mismatch};
pub use file::{DeviceLock, JournalError, JournalFile};
pub use locked::JournalWriter;
