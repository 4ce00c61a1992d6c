//! The files and directories of kustom.

use std::path::{Path, PathBuf};

use directories::{BaseDirs, ProjectDirs};

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
        let profiles = match &variables.config {
            Some(file) => absolute("KUSTOM_CONFIG", file)?,
            None => config_dir()?.join("profiles.toml"),
        };
        let state = match &variables.state {
            Some(dir) => absolute("KUSTOM_STATE", dir)?,
            None => state_dir()?,
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

/// The name of kustom's directories within those of the platform.
const NAME: &str = "kustom";

fn config_dir() -> Result<PathBuf, Error> {
    match xdg_dir("XDG_CONFIG_HOME")? {
        Some(dir) => Ok(dir),
        None => Ok(platform_dirs("the profiles", "KUSTOM_CONFIG")?.config_dir().to_owned()),
    }
}

fn state_dir() -> Result<PathBuf, Error> {
    if let Some(dir) = xdg_dir("XDG_STATE_HOME")? {
        return Ok(dir);
    }
    let platform = platform_dirs("the state", "KUSTOM_STATE")?;
    // Only Linux has a directory for state.
    Ok(platform.state_dir().unwrap_or_else(|| platform.data_local_dir()).to_owned())
}

/// kustom's directory in that of an XDG variable, which only Linux has. The `directories` crate ignores a relative one.
fn xdg_dir(name: &'static str) -> Result<Option<PathBuf>, Error> {
    if !cfg!(target_os = "linux") {
        return Ok(None);
    }
    let value = std::env::var_os(name).filter(|value| !value.is_empty());
    value.map(|value| Ok(absolute(name, Path::new(&value))?.join(NAME))).transpose()
}

fn platform_dirs(purpose: &str, variable: &str) -> Result<ProjectDirs, Error> {
    let dirs = ProjectDirs::from("", "", NAME).ok_or_else(|| {
        Error::usage(format!("this machine names no home folder, so there is no place for {purpose}"))
            .hint(format!("name one in {variable}"))
    })?;
    if !dirs.config_dir().is_absolute() {
        return Err(relative("HOME"));
    }
    Ok(dirs)
}

/// The path of a variable, in which `~` is the home directory. It must not depend on the current directory, because each
/// directory would have other profiles and another record of the sessions.
fn absolute(name: &'static str, path: &Path) -> Result<PathBuf, Error> {
    let path = match path.strip_prefix("~") {
        Ok(rest) => {
            let home = BaseDirs::new().map(|dirs| dirs.home_dir().to_owned());
            let home = home.filter(|home| home.is_absolute()).ok_or_else(|| {
                Error::usage(format!("{name} begins with ~, but there is no home folder"))
                    .hint(format!("write an absolute path into {name}"))
            })?;
            home.join(rest)
        }
        Err(_) => path.to_owned(),
    };
    if path.is_absolute() { Ok(path) } else { Err(relative(name)) }
}

fn relative(name: &str) -> Error {
    Error::usage(format!("{name} is a relative path, which depends on the current directory"))
        .hint(format!("write an absolute path into {name}"))
}
