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
        let profiles = match &variables.config {
            Some(file) => file.clone(),
            None => {
                let platform = platform.as_ref().ok_or_else(|| missing("the profiles", "KUSTOM_CONFIG"))?;
                platform.config_dir().join("profiles.toml")
            }
        };
        let state = match &variables.state {
            Some(dir) => dir.clone(),
            None => {
                let platform = platform.as_ref().ok_or_else(|| missing("the state", "KUSTOM_STATE"))?;
                // Only Linux has a directory for state.
                platform.state_dir().unwrap_or_else(|| platform.data_local_dir()).to_owned()
            }
        };
        Ok(Self { profiles, state })
    }

    /// The state file of the emulator in this process.
    pub(crate) fn local_state(&self) -> PathBuf {
        self.state.join("local.json")
    }
}
