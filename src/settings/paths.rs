//! The files and directories of kustom.

use std::path::PathBuf;

use directories::ProjectDirs;

use super::EnvVars;
use crate::error::Error;

#[derive(Debug, Clone)]
pub(crate) struct Paths {
    pub profiles: PathBuf,
    /// The directory of files that are kept between commands.
    pub state: PathBuf,
}

impl Paths {
    /// The platform's directories, unless `KUSTOM_CONFIG` and `KUSTOM_STATE` override them.
    pub(super) fn resolve(variables: &EnvVars) -> Result<Self, Error> {
        let platform = ProjectDirs::from("", "", "kustom");
        let missing = |what: &str, variable: &str| {
            Error::usage(format!("this machine names no home folder, so there is no place for {what}"))
                .hint(format!("name one in {variable}"))
        };
        let profiles = match (&variables.config, &platform) {
            (Some(file), _) => file.clone(),
            (None, Some(platform)) => platform.config_dir().join("profiles.toml"),
            (None, None) => return Err(missing("the profiles", "KUSTOM_CONFIG")),
        };
        let state = match (&variables.state, &platform) {
            (Some(dir), _) => dir.clone(),
            (None, Some(platform)) => {
                // Only Linux has a directory for state.
                platform.state_dir().unwrap_or_else(|| platform.data_local_dir()).to_owned()
            }
            (None, None) => return Err(missing("the state", "KUSTOM_STATE")),
        };
        Ok(Self { profiles, state })
    }

    /// The ledger, unless another machine has it.
    pub(crate) fn ledger(&self) -> PathBuf {
        self.state.join("ledger.db")
    }

    /// The state file of the emulator in this process.
    pub(crate) fn local_state(&self) -> PathBuf {
        self.state.join("local.json")
    }
}
