//! An emulator whose state is a file. The file is read and written once per request, so that commands that run one
//! after another, or at the same time, see the same devices and sessions.
//!
//! Reading needs no lock, because the file is only ever replaced atomically. A request that can change something holds
//! a lock on a second file: the state file itself is replaced, so a lock on it would protect nothing.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::{self, Request};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use tokio::sync::Mutex;

use super::state::Rejection;
use super::{Emulator, EventQueue, Setup, State};
use crate::fs::{create_private_dir, io_error_message, parent_dir, private_open_options, write_atomic};

/// The detail of a 503. The path of the file is local information that a client must not see.
const STATE_FILE_UNUSABLE: &str =
    "The emulator cannot use its state file, so it did not process the request. Its log has the reason.";

/// An emulator whose state is a file. Several of them, also in other processes, can share one file.
#[derive(Clone)]
pub struct FileEmulator {
    state_file: PathBuf,
    /// Processes each request on the state that was read for it.
    emulator: Emulator,
    /// Only events whose change is in the file.
    events: EventQueue,
    serving: Arc<Mutex<()>>,
}

/// Why a request was not processed. The state is unchanged.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the emulator's state file {} {problem}", .path.display())]
pub struct StateFileError {
    path: PathBuf,
    /// Completes a sentence that begins with the file.
    problem: String,
}

impl FileEmulator {
    /// The file need not exist yet: without it, the state is that of a new emulator.
    pub fn new(state_file: PathBuf) -> Self {
        Self {
            state_file,
            emulator: Emulator::new(State::seed()).with_setup(Setup::default()),
            events: EventQueue::default(),
            serving: Arc::default(),
        }
    }

    /// The events of requests to this emulator and its clones. Changes by other processes cause no events here.
    pub fn events(&self) -> EventQueue {
        self.events.clone()
    }

    pub fn with_setup(self, setup: Setup) -> Self {
        Self { emulator: self.emulator.with_setup(setup), ..self }
    }

    /// The emulator that processes the requests. Its state is that of the last request.
    pub const fn inner(&self) -> &Emulator {
        &self.emulator
    }

    /// If the file cannot be used, the response is a 503 whose extensions have the error as a [`StateFileError`].
    pub fn router(&self) -> Router {
        self.emulator.router().layer(from_fn_with_state(self.clone(), handle))
    }

    /// Creates the file from `seed` if there is none, and calls `change`, which returns true if it changed the state.
    /// Returns true if the file is new.
    pub async fn prepare(
        &self,
        seed: State,
        change: impl FnOnce(&mut State) -> bool,
    ) -> Result<bool, StateFileError> {
        let _lock = self.lock().await?;
        let existing = self.read()?;
        let is_new = existing.is_none();
        let mut state = existing.unwrap_or(seed);
        if change(&mut state) | state.ensure_instance() || is_new {
            self.write(&state)?;
        }
        Ok(is_new)
    }

    async fn serve(&self, request: Request, next: Next) -> Result<Response, StateFileError> {
        let _serving = self.serving.lock().await;
        let mut lock = if request.method().is_safe() { None } else { Some(self.lock().await?) };
        let mut before = self.read()?.unwrap_or_else(State::seed);
        // Clients identify the emulator by its instance later, so the instance is stored.
        if lock.is_none() && request.uri().path() == "/" && before.instance().is_nil() {
            lock = Some(self.lock().await?);
            before = self.read()?.unwrap_or_else(State::seed);
        }
        if lock.is_some() {
            before.ensure_instance();
        }
        self.emulator.with_state(|state, _| *state = before);
        let response = next.run(request).await;
        let events = self.emulator.events().drain();
        // A rejected request has changed nothing.
        if lock.is_some() && response.status().is_success() {
            self.write(&self.emulator.state())?;
        }
        self.events.add(events);
        Ok(response)
    }

    fn read(&self) -> Result<Option<State>, StateFileError> {
        let text = match fs::read(&self.state_file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.error(format!("cannot be read: {}", io_error_message(&error)))),
        };
        State::read(&text).map(Some).map_err(|reason| {
            self.error(format!("is not usable: {reason}; delete the file to begin with a new state"))
        })
    }

    fn write(&self, state: &State) -> Result<(), StateFileError> {
        write_atomic(&self.state_file, &state.write()).map_err(|error| self.not_writable(&error))
    }

    /// Waits for the lock, which is released when the file is dropped.
    async fn lock(&self) -> Result<File, StateFileError> {
        let lock = async {
            create_private_dir(parent_dir(&self.state_file))?;
            let mut path = self.state_file.clone().into_os_string();
            path.push(".lock");
            let file = private_open_options().open(path)?;
            // The holder may be a task of this thread, so the thread must not block.
            let locking = tokio::task::spawn_blocking(move || file.lock().map(|()| file));
            locking.await.map_err(io::Error::other)?
        };
        lock.await.map_err(|error| self.not_writable(&error))
    }

    fn not_writable(&self, error: &io::Error) -> StateFileError {
        self.error(format!("cannot be written: {}", io_error_message(error)))
    }

    fn error(&self, problem: String) -> StateFileError {
        StateFileError { path: self.state_file.clone(), problem }
    }
}

async fn handle(
    extract::State(emulator): extract::State<FileEmulator>,
    request: Request,
    next: Next,
) -> Response {
    emulator.serve(request, next).await.unwrap_or_else(|error| {
        let mut response =
            Rejection::new(StatusCode::SERVICE_UNAVAILABLE, STATE_FILE_UNUSABLE).into_response();
        response.extensions_mut().insert(error);
        response
    })
}

#[cfg(test)]
#[path = "file_backend_tests.rs"]
mod tests;
