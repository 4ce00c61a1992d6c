//! The initial state of an emulator, from `--state`, `--seed` and `--option`.

use std::path::{Path, PathBuf};

use crate::args;
use crate::emulator::{Emulator, Faults, FileEmulator, State};
use crate::error::Error;
use crate::output::Output;

pub(super) struct InitialState {
    seed: State,
    seed_file: Option<PathBuf>,
    /// Names and valid values.
    options: Vec<(String, String)>,
}

pub(super) enum EmulatorBackend {
    Memory(Emulator),
    File(FileEmulator),
}

impl InitialState {
    pub(super) fn read(seed: Option<PathBuf>, options: Vec<(String, String)>) -> Result<Self, Error> {
        let state = seed.as_deref().map_or_else(|| Ok(State::seed()), read_seed)?;
        Ok(Self { seed: state, seed_file: seed, options })
    }

    /// Keeps the state in `file`, or in memory.
    pub(super) async fn create_backend(
        self,
        file: Option<PathBuf>,
        faults: Faults,
        output: &Output,
    ) -> Result<EmulatorBackend, Error> {
        let Self { mut seed, seed_file, options } = self;
        let set_options = |state: &mut State| {
            for (name, value) in &options {
                // The values were checked when the arguments were parsed.
                let _ = state.options.set(name, value);
            }
            !options.is_empty()
        };
        let Some(path) = file else {
            set_options(&mut seed);
            return Ok(EmulatorBackend::Memory(Emulator::new(seed).with_faults(Some(faults))));
        };
        let emulator = FileEmulator::new(path.clone()).with_faults(faults);
        let is_new = emulator.prepare(seed, set_options).await.map_err(|error| {
            Error::usage(error.to_string()).hint("fix or delete the file, or use another one with --state")
        })?;
        if let (Some(seed_file), false) = (&seed_file, is_new) {
            let (path, seed_file) = (path.display(), seed_file.display());
            output.warn(&format!("{path} already has a state, so {seed_file} is not used"));
        }
        Ok(EmulatorBackend::File(emulator))
    }
}

fn read_seed(path: &Path) -> Result<State, Error> {
    let text = String::from_utf8(args::read_file(path)?)
        .map_err(|_| Error::usage(format!("{} is not text in UTF-8", path.display())))?;
    State::from_seed(&text).map_err(|error| {
        Error::usage(format!("{}, {error}", path.display()))
            .hint("fix the file in an editor; docs/emulator.md describes its format")
    })
}
