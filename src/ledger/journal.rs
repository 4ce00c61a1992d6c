//! Imports the journals of earlier versions: one file per profile, one JSON line per event.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

use super::error::{LedgerError, failed};
use super::storage::Storage;
use super::{AccountId, Attempt, Intent, Origin, Outcome};
use crate::text::pluralize;

/// The byte order mark that some editors write at the start of a file.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[derive(Debug, Deserialize)]
struct Event {
    at: Timestamp,
    event: EventKind,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EventKind {
    Intent {
        attempt: Uuid,
        intent: serde_json::Value,
    },
    Created {
        attempt: Uuid,
        session_id: String,
    },
    Refused {
        attempt: Uuid,
        reason: String,
    },
    Unknown {
        attempt: Uuid,
        reason: String,
    },
    NotCarriedOut {
        attempt: Uuid,
    },
    Seen {
        session_id: String,
        status: String,
        #[serde(default)]
        order_id: Option<String>,
    },
}

/// Imports all journals and renames those that were read completely. Returns the errors of the others, whose readable
/// lines are still imported. `environments` gives the environment of a profile.
pub(super) async fn import(
    state: &Path,
    environments: &dyn Fn(&str) -> Option<String>,
    storage: &Storage,
) -> Result<Vec<LedgerError>, LedgerError> {
    let mut damaged = Vec::new();
    for path in journals(state)? {
        let text = read(&path)?;
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        // A journal without a profile is named after its environment.
        let environment = name.strip_prefix('@').map(str::to_owned).or_else(|| environments(name));
        let (attempts, unreadable) = parse(&text, environment.as_deref());
        storage.import(&attempts).await?;
        if unreadable > 0 {
            damaged.push(LedgerError::DamagedJournal { path, lines: pluralize(unreadable, "line") });
        } else {
            put_aside(&path)?;
        }
    }
    Ok(damaged)
}

/// The journals with lines that cannot be read, as errors.
pub(crate) fn find_damaged(state: &Path) -> Result<Vec<LedgerError>, LedgerError> {
    let mut damaged = Vec::new();
    for path in journals(state)? {
        let (_, unreadable) = parse(&read(&path)?, None);
        if unreadable > 0 {
            damaged.push(LedgerError::DamagedJournal { path, lines: pluralize(unreadable, "line") });
        }
    }
    Ok(damaged)
}

/// Treats the damaged journals as imported, as their readable lines are. Returns where they are now.
pub(crate) fn accept_damaged(state: &Path) -> Result<Vec<PathBuf>, LedgerError> {
    journals(state)?.iter().map(|path| put_aside(path)).collect()
}

fn read(path: &Path) -> Result<Vec<u8>, LedgerError> {
    fs::read(path).map_err(failed("read the journal for", path))
}

fn put_aside(path: &Path) -> Result<PathBuf, LedgerError> {
    let mut imported = path.as_os_str().to_owned();
    imported.push(".imported");
    let imported = PathBuf::from(imported);
    fs::rename(path, &imported).map_err(failed("rename the journal of", path))?;
    Ok(imported)
}

fn journals(state: &Path) -> Result<Vec<PathBuf>, LedgerError> {
    let dir = state.join("journal");
    let entries = match fs::read_dir(&dir) {
        Ok(entries) => entries,
        // Without a directory there are no journals, and a ledger that cannot be created says so itself.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(failed("read the journals for", &dir)(error)),
    };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    paths.sort();
    Ok(paths)
}

/// Reads attempts from the lines of a journal, oldest first, and counts the lines that cannot be read. The last line
/// may lack its line break: it was being written when the process or the machine died.
fn parse(text: &[u8], environment: Option<&str>) -> (Vec<Attempt>, usize) {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let mut attempts = Attempts::default();
    let mut unreadable = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let complete = line.strip_suffix(b"\n");
        match serde_json::from_slice(complete.unwrap_or(line)) {
            Ok(event) => {
                if attempts.apply(event, environment).is_none() {
                    unreadable += 1;
                }
            }
            Err(_) if complete.is_none_or(<[u8]>::is_empty) => {}
            Err(_) => unreadable += 1,
        }
    }
    (attempts.by_id.into_values().collect(), unreadable)
}

#[derive(Default)]
struct Attempts {
    by_id: IndexMap<Uuid, Attempt>,
    by_session: HashMap<String, Uuid>,
}

impl Attempts {
    /// `None` if the event cannot be understood. An event about an unknown attempt or session is ignored.
    fn apply(&mut self, Event { at, event }: Event, environment: Option<&str>) -> Option<()> {
        let (id, outcome) = match event {
            EventKind::Intent { attempt: id, intent } => {
                let account = AccountId {
                    environment: environment.map(str::to_owned),
                    merchant_id: intent["merchant_id"].as_str().map(str::to_owned),
                    ..AccountId::default()
                };
                let intent: Intent = serde_json::from_value(intent).ok()?;
                let (origin, outcome) = (Origin::default(), Outcome::Pending);
                // Versions with a journal did not know whether a result was printed.
                let attempt = Attempt { id, at, account, origin, intent, outcome, reported: true };
                self.by_id.entry(id).or_insert(attempt);
                return Some(());
            }
            EventKind::Seen { session_id, status, order_id } => {
                let id = self.by_session.get(&session_id);
                if let Some(attempt) = id.and_then(|id| self.by_id.get_mut(id)) {
                    attempt.observe(&status.into(), order_id.as_deref());
                }
                return Some(());
            }
            EventKind::Created { attempt, session_id } => (attempt, Outcome::created(session_id)),
            EventKind::Refused { attempt, reason } => (attempt, Outcome::Refused(reason)),
            EventKind::Unknown { attempt, reason } => (attempt, Outcome::Unknown(reason)),
            EventKind::NotCarriedOut { attempt } => (attempt, Outcome::NotProcessed),
        };
        if let Some(attempt) = self.by_id.get_mut(&id)
            && attempt.resolve(&outcome)
            && let Outcome::Created { session_id, .. } = outcome
        {
            self.by_session.insert(session_id, id);
        }
        Some(())
    }
}
