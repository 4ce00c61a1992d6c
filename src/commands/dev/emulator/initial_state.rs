//! What an emulator begins with.

use std::path::{Path, PathBuf};

use crate::args;
use crate::emulator::{Emulator, Faults, FileEmulator, State};
use crate::error::Error;
use crate::output::Output;

/// The state to begin with, and the options to set in whatever state there is.
pub(super) struct InitialState {
    seed: State,
    seed_file: Option<PathBuf>,
    /// Names and values, which fit each other.
    options: Vec<(String, String)>,
}

/// Where the state lives.
pub(super) enum EmulatorBackend {
    Memory(Emulator),
    File(FileEmulator),
}

impl InitialState {
    pub(super) fn read(seed: Option<PathBuf>, options: Vec<(String, String)>) -> Result<Self, Error> {
        let state = seed.as_deref().map_or_else(|| Ok(State::seed()), read_seed)?;
        let begin = Self { seed: state, seed_file: seed, options };
        // Whether a switch can be set does not depend on the state it is set in.
        begin.set_options(&mut begin.seed.clone())?;
        Ok(begin)
    }

    /// The state in this file or, without one, in memory.
    pub(super) async fn account(
        self,
        file: Option<PathBuf>,
        faults: Faults,
        output: &Output,
    ) -> Result<EmulatorBackend, Error> {
        let Some(path) = file else {
            let mut state = self.seed.clone();
            self.set_options(&mut state)?;
            return Ok(EmulatorBackend::Memory(Emulator::new(state).with_faults(Some(faults))));
        };
        let local = FileEmulator::new(path.clone()).with_faults(faults);
        let set = |state: &mut State| drop(self.set_options(state));
        let is_new = local.prepare(self.seed.clone(), set).await.map_err(|error| {
            Error::usage(error.to_string()).hint("mend or delete the file, or name another one with --state")
        })?;
        if let (Some(seed), false) = (&self.seed_file, is_new) {
            let (path, seed) = (path.display(), seed.display());
            output.warn(&format!("there is a state in {path} already, so {seed} is not used"));
        }
        Ok(EmulatorBackend::File(local))
    }

    fn set_options(&self, state: &mut State) -> Result<(), Error> {
        let mut all = self.options.iter();
        all.try_for_each(|(name, value)| state.options.set(name, value)).map_err(Error::usage)
    }
}

fn read_seed(path: &Path) -> Result<State, Error> {
    let text = String::from_utf8(args::read_file(path)?)
        .map_err(|_| Error::usage(format!("{} is not text in UTF-8", path.display())))?;
    State::from_seed(&text).map_err(|error| {
        Error::usage(format!("{}, {error}", path.display()))
            .hint("correct the file in an editor; docs/emulator.md describes its form")
    })
}
