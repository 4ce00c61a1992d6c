//! The sessions that the probe has opened and not ended. They are kept in a file, because the API lists no sessions and a
//! killed probe could not find them again.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::Error;
use crate::fs::{create_private_dir, io_error_message, parent_dir, write_atomic_not_durably};

/// A session of the account behind this base URL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct OpenSession {
    base_url: String,
    session_id: Uuid,
}

pub(super) struct OpenSessions {
    path: PathBuf,
    base_url: String,
    all: BTreeSet<OpenSession>,
}

impl OpenSessions {
    /// Reads the file. A damaged one counts as empty, since sessions also end by themselves.
    pub(super) fn read(path: PathBuf, base_url: String) -> Self {
        let text = std::fs::read(&path).unwrap_or_default();
        Self { path, base_url, all: serde_json::from_slice(&text).unwrap_or_default() }
    }

    /// The sessions of this account.
    pub(super) fn ids(&self) -> Vec<Uuid> {
        let own = self.all.iter().filter(|open| open.base_url == self.base_url);
        own.map(|open| open.session_id).collect()
    }

    pub(super) fn add(&mut self, session_id: Uuid) -> Result<(), Error> {
        self.all.insert(OpenSession { base_url: self.base_url.clone(), session_id });
        self.write()
    }

    pub(super) fn remove(&mut self, session_id: Uuid) -> Result<(), Error> {
        self.all.remove(&OpenSession { base_url: self.base_url.clone(), session_id });
        self.write()
    }

    fn write(&self) -> Result<(), Error> {
        let text = serde_json::to_vec(&self.all).unwrap_or_default();
        // After a power cut, the sessions of the file have ended by themselves.
        let written = create_private_dir(parent_dir(&self.path))
            .and_then(|()| write_atomic_not_durably(&self.path, &text));
        written.map_err(|error| {
            let (path, reason) = (self.path.display(), io_error_message(&error));
            Error::usage(format!("cannot write {path}: {reason}"))
                .hint("fix the state folder, or name another one in KUSTOM_STATE")
        })
    }
}
