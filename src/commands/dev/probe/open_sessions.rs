//! The sessions that the probe has opened and not ended. They are kept in a file, because the API lists no sessions and a
//! killed probe could not find them again.

use std::collections::BTreeSet;
use std::path::PathBuf;

use uuid::Uuid;

use crate::error::Error;
use crate::fs::{create_private_dir, io_error_message, parent_dir, write_atomic};

pub(super) struct OpenSessions {
    path: PathBuf,
    pub(super) ids: BTreeSet<Uuid>,
}

impl OpenSessions {
    /// Reads the file. A damaged one counts as empty, since sessions also end by themselves.
    pub(super) fn read(path: PathBuf) -> Self {
        let text = std::fs::read(&path).unwrap_or_default();
        Self { path, ids: serde_json::from_slice(&text).unwrap_or_default() }
    }

    pub(super) fn add(&mut self, id: Uuid) -> Result<(), Error> {
        self.ids.insert(id);
        self.write()
    }

    pub(super) fn remove(&mut self, id: Uuid) -> Result<(), Error> {
        self.ids.remove(&id);
        self.write()
    }

    fn write(&self) -> Result<(), Error> {
        let text = serde_json::to_vec(&self.ids).unwrap_or_default();
        let written =
            create_private_dir(parent_dir(&self.path)).and_then(|()| write_atomic(&self.path, &text));
        written.map_err(|error| {
            let (path, reason) = (self.path.display(), io_error_message(&error));
            Error::usage(format!("cannot write {path}: {reason}"))
                .hint("fix the state folder, or name another one in KUSTOM_STATE")
        })
    }
}
