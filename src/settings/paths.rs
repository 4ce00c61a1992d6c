//! Where things are kept on this machine.

use std::path::PathBuf;

use directories::ProjectDirs;

use super::EnvVars;
use crate::error::Error;

/// The files and folders of kustom.
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    pub profiles: PathBuf,
    /// The folder of what is remembered between commands.
    pub state: PathBuf,
}

impl Paths {
    /// The platform's folders, unless `KUSTOM_CONFIG` and `KUSTOM_STATE` name others.
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
            (Some(folder), _) => folder.clone(),
            (None, Some(platform)) => {
                // Only Linux tells state from data.
                platform.state_dir().unwrap_or_else(|| platform.data_local_dir()).to_owned()
            }
            (None, None) => return Err(missing("the state", "KUSTOM_STATE")),
        };
        Ok(Self { profiles, state })
    }

    /// The state of the emulator that the profile `local` runs.
    pub(crate) fn local_state(&self) -> PathBuf {
        self.state.join("local.json")
    }
}
