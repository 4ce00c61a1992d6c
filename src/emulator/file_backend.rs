//! The emulator of the profile `local`: each request runs on a state that is kept in a file, so that commands
//! one after the other, or fifty at once, see the same devices and sessions.
//!
//! Reading takes no lock: the file is only ever replaced by a whole new one. Changing takes a lock on a file
//! beside it, which is never removed, because two processes could otherwise hold locks on two different files
//! of the same name. What was read is kept for the next request, which reads again only when the file is another one.

mod prepare;

use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use http::{Method, Request, Response};
use tower::ServiceExt as _;

use super::state::StateError;
use super::{Emulator, EventQueue, Faults, State};
use crate::fs::{
    FileFingerprint, create_private_dir, io_error_message, parent_dir, private_open_options, write_atomic,
};

/// An emulator whose state is a file. Any number of them, in any number of processes, can share one file.
#[derive(Debug, Clone)]
pub struct FileEmulator {
    state_file: PathBuf,
    last: Arc<Mutex<Option<CachedState>>>,
    events: EventQueue,
    faults: Option<Faults>,
}

/// The state as it was read or written last.
struct CachedState {
    /// It stays open, so that no other file can get its number.
    _file: File,
    identity: FileFingerprint,
    emulator: Emulator,
}

impl fmt::Debug for CachedState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Loaded").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// Why a request on a state file was not carried out. Whatever it says, nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StateFileError {
    /// It is there but cannot be read.
    #[error("the emulator's state file {} cannot be read: {}", .path.display(), io_error_message(.source))]
    Unreadable {
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It can be read but is not a state of this version.
    #[error(
        "the emulator's state file {} is not usable: {source}; delete the file to begin with a new state",
        .path.display()
    )]
    NotAState {
        path: PathBuf,
        /// What is wrong, with line and column.
        source: StateError,
    },
    /// The folder, the lock or the file cannot be written.
    #[error("the emulator's state file {} cannot be written: {}", .path.display(), io_error_message(.source))]
    NotWritable {
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl FileEmulator {
    /// An emulator on this file, which need not exist yet: a missing one is the seed.
    pub fn new(state_file: PathBuf) -> Self {
        Self { state_file, last: Arc::default(), events: EventQueue::default(), faults: None }
    }

    /// What this value and its clones make happen to sessions, for whoever tells others of it. What others do on the
    /// same file is theirs to tell.
    pub fn events(&self) -> EventQueue {
        self.events.clone()
    }

    /// The same with these faults, for a [`Server`](super::Server), which makes them happen.
    pub fn with_faults(self, faults: Faults) -> Self {
        Self { faults: Some(faults), ..self }
    }

    /// What goes wrong when a server offers this emulator.
    pub const fn faults(&self) -> Option<&Faults> {
        self.faults.as_ref()
    }

    /// Answers one request. A request that changes something has its answer only once the change is on disk.
    ///
    /// It must be called on a tokio runtime.
    pub async fn handle(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, StateFileError> {
        if matches!(*request.method(), Method::GET | Method::HEAD) {
            return Ok(answer(&self.load()?.with_faults(self.faults.clone()), request).await);
        }
        let not_writable = |source| StateFileError::NotWritable { path: self.state_file.clone(), source };
        create_private_dir(parent_dir(&self.state_file)).map_err(not_writable)?;
        let lock = lock(self.sibling_path(".lock")).await.map_err(not_writable)?;
        let loaded = self.load()?;
        let emulator = Emulator::new(loaded.state()).with_faults(self.faults.clone());
        let response = answer(&emulator, request).await;
        let changed = emulator
            .with_state(|after, _| loaded.with_state(|before, _| (after != before).then(|| after.write())));
        let happened = emulator.drain_events();
        if let Some(text) = changed {
            write_atomic(&self.state_file, &text).map_err(not_writable)?;
            if let Ok(file) = File::open(&self.state_file) {
                let identity = identity_of(&file);
                self.cache(file, identity, emulator);
            }
        }
        // Told is only what is kept, and in the order in which it was.
        self.events.with(|events| happened.into_iter().for_each(|event| events.push(event)));
        drop(lock);
        Ok(response)
    }

    fn load(&self) -> Result<Emulator, StateFileError> {
        let unreadable = |source| StateFileError::Unreadable { path: self.state_file.clone(), source };
        let mut file = match File::open(&self.state_file) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Emulator::new(State::seed())),
            Err(source) => return Err(unreadable(source)),
        };
        let identity = identity_of(&file);
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = last.as_ref().filter(|last| Some(last.identity) == identity) {
            return Ok(last.emulator.clone());
        }
        drop(last);
        let mut text = Vec::new();
        // What is changed from here on makes the identity another one.
        file.read_to_end(&mut text).map_err(unreadable)?;
        let state = State::read(&text)
            .map_err(|source| StateFileError::NotAState { path: self.state_file.clone(), source })?;
        let emulator = Emulator::new(state);
        self.cache(file, identity, emulator.clone());
        Ok(emulator)
    }

    /// Keeps the state of a file, where the system tells whether it is still that one.
    fn cache(&self, file: File, identity: Option<FileFingerprint>, emulator: Emulator) {
        let loaded = identity.map(|identity| CachedState { _file: file, identity, emulator });
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = loaded;
    }

    fn sibling_path(&self, suffix: &str) -> PathBuf {
        let mut path = self.state_file.clone().into_os_string();
        path.push(suffix);
        path.into()
    }
}

fn identity_of(file: &File) -> Option<FileFingerprint> {
    FileFingerprint::of(&file.metadata().ok()?)
}

async fn answer(emulator: &Emulator, request: Request<Vec<u8>>) -> Response<Vec<u8>> {
    let Ok(response) = emulator.router().oneshot(request.map(Body::from)).await;
    let (parts, body) = response.into_parts();
    // The body is in memory already: reading it cannot fail.
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    Response::from_parts(parts, body.to_vec())
}

/// Takes the lock, waiting for as long as it takes. It is given back when the file is dropped.
async fn lock(path: PathBuf) -> io::Result<File> {
    let file = private_open_options().open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::Error(error)) => Err(error),
        // The holder may be another task of this very thread: waiting here would keep it from ever finishing.
        Err(TryLockError::WouldBlock) => tokio::task::spawn_blocking(move || file.lock().map(|()| file))
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error))),
    }
}

#[cfg(test)]
#[path = "file_backend_tests.rs"]
mod tests;
