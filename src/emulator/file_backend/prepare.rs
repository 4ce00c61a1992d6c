//! What is done to a state file before anybody uses it.

use std::fs;
use std::io;

use super::{FileEmulator, StateFileError, lock};
use crate::emulator::State;
use crate::fs::{create_private_dir, parent_dir, write_atomic};

impl FileEmulator {
    /// Makes the file if there is none, from `seed`, and applies a change to what it holds. Tells whether it was made.
    ///
    /// It must be called on a tokio runtime.
    pub async fn prepare(
        &self,
        seed: State,
        change: impl FnOnce(&mut State),
    ) -> Result<bool, StateFileError> {
        let path = &self.state_file;
        let not_writable = |source| StateFileError::NotWritable { path: path.clone(), source };
        create_private_dir(parent_dir(path)).map_err(not_writable)?;
        let lock = lock(self.sibling_path(".lock")).await.map_err(not_writable)?;
        let before = match fs::read(path) {
            Ok(text) => Some(
                State::read(&text)
                    .map_err(|source| StateFileError::NotAState { path: path.clone(), source })?,
            ),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(StateFileError::Unreadable { path: path.clone(), source }),
        };
        let is_new = before.is_none();
        let mut after = before.clone().unwrap_or(seed);
        change(&mut after);
        if before.as_ref() != Some(&after) {
            write_atomic(path, &after.write()).map_err(not_writable)?;
        }
        drop(lock);
        Ok(is_new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_made_and_one_that_is_there_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let local = FileEmulator::new(folder.path().join("state.json"));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let prepare = |seed, strict| {
            runtime.block_on(local.prepare(seed, |state| state.switches.strict_sums = strict)).unwrap()
        };
        assert!(prepare(State::seed_with_one_location(), true));
        assert!(!prepare(State::seed(), false));
        let mut expected = State::seed_with_one_location();
        expected.switches.strict_sums = false;
        assert_eq!(State::read(&fs::read(&local.state_file).unwrap()), Ok(expected));
    }
}
