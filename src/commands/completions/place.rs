//! Where a shell looks for completions, and what became of the files there.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use directories::BaseDirs;
use serde::Serialize;

use crate::complete::Shell;
use crate::error::{Error, ErrorKind};
use crate::output::{Column, View};

/// Where bash's own loader of completions is on the systems that have it.
const BASH_LOADERS: [&str; 6] = [
    "/usr/share/bash-completion/bash_completion",
    "/usr/local/share/bash-completion/bash_completion",
    "/etc/bash_completion",
    "/etc/profile.d/bash_completion.sh",
    "/usr/local/etc/profile.d/bash_completion.sh",
    "/opt/homebrew/etc/profile.d/bash_completion.sh",
];

/// What every script says of itself.
const OWN: &str = "Completions of kustom for";

/// Where a script goes.
#[derive(Debug)]
pub(super) struct Place {
    /// The file of the script.
    pub(super) script: PathBuf,
    /// Where the shell does not look there by itself: the file that it reads at its start.
    pub(super) startup: Option<PathBuf>,
}

impl Place {
    /// The places of a shell's script, for the user who asks: the one that is right now, and those that may have been when
    /// something else was installed or set.
    pub(super) fn all(shell: Shell) -> Result<Vec<Self>, Error> {
        let base = BaseDirs::new().ok_or_else(|| {
            Error::usage("this machine names no home folder, so there is no place for completions")
                .hint("print the script with `kustom completions SHELL` and put it where you want it")
        })?;
        let home = base.home_dir();
        let data = folder("XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share"));
        let config = folder("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"));
        Ok(match shell {
            Shell::Bash => {
                let own = folder("BASH_COMPLETION_USER_DIR").unwrap_or_else(|| data.join("bash-completion"));
                let script = own.join("completions/kustom");
                let has_loader = BASH_LOADERS.iter().any(|loader| Path::new(loader).exists());
                let found = has_loader.then(|| Self { script: script.clone(), startup: None });
                let read = Self { script, startup: Some(home.join(".bashrc")) };
                found.into_iter().chain([read]).collect()
            }
            Shell::Zsh => {
                let searched = searched_by_zsh(home);
                let found = searched.map(|folder| Self { script: folder.join("_kustom"), startup: None });
                let read = Self {
                    script: data.join("zsh/site-functions/_kustom"),
                    startup: Some(folder("ZDOTDIR").unwrap_or_else(|| home.to_owned()).join(".zshrc")),
                };
                found.into_iter().chain([read]).collect()
            }
            Shell::Fish => vec![Self { script: config.join("fish/completions/kustom.fish"), startup: None }],
            Shell::Powershell => {
                let folder = if cfg!(windows) {
                    let documents = directories::UserDirs::new();
                    let documents = documents.as_ref().and_then(|dirs| dirs.document_dir());
                    documents.map_or_else(|| home.join("Documents"), Path::to_owned).join("PowerShell")
                } else {
                    config.join("powershell")
                };
                vec![Self {
                    script: folder.join("kustom.ps1"),
                    startup: Some(folder.join("Microsoft.PowerShell_profile.ps1")),
                }]
            }
            Shell::Elvish => {
                let config = if cfg!(windows) { base.config_dir().to_owned() } else { config };
                vec![Self {
                    script: config.join("elvish/lib/kustom.elv"),
                    startup: Some(config.join("elvish/rc.elv")),
                }]
            }
        })
    }

    /// The one that is right now.
    pub(super) fn of(shell: Shell) -> Result<Self, Error> {
        let first = Self::all(shell)?.into_iter().next();
        first.ok_or_else(|| Error::new(ErrorKind::Bug, "a shell without a place for its script"))
    }

    /// The line that makes the shell read the script at its start.
    pub(super) fn line(&self, shell: Shell) -> String {
        let script = self.script.display().to_string();
        match shell {
            Shell::Bash | Shell::Zsh => format!("source {}", shell_words::quote(&script)),
            Shell::Fish => format!("source '{}'", script.replace('\\', r"\\").replace('\'', r"\'")),
            Shell::Powershell => format!(". '{}'", script.replace('\'', "''")),
            Shell::Elvish => "use kustom".to_owned(),
        }
    }
}

/// The shell that is named, or else the user's own.
pub(super) fn shell_or_own(named: Option<Shell>) -> Result<Shell, Error> {
    if let Some(shell) = named {
        return Ok(shell);
    }
    let own = env::var_os("SHELL").map(PathBuf::from);
    let name = own.as_deref().and_then(Path::file_name).and_then(OsStr::to_str);
    let found = name.and_then(|name| Shell::ALL.into_iter().find(|shell| name == shell.name()));
    match (found, name) {
        (Some(shell), _) => Ok(shell),
        (None, None) if cfg!(windows) => Ok(Shell::Powershell),
        (None, Some("pwsh")) => Ok(Shell::Powershell),
        (None, _) => Err(Error::usage("it cannot be told which shell is yours")
            .hint("name it: kustom completions install bash, zsh, fish, powershell or elvish")),
    }
}

/// Whether a script is one of kustom's.
pub(super) fn is_own(script: &[u8]) -> bool {
    memchr::memmem::find(script, OWN.as_bytes()).is_some()
}

/// The folder that a variable names.
fn folder(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).map(PathBuf::from).filter(|folder| folder.is_absolute())
}

/// A folder of the user's own that zsh looks for functions in, if it says so.
fn searched_by_zsh(home: &Path) -> Option<PathBuf> {
    let searched = env::var_os("FPATH")?;
    env::split_paths(&searched).find(|folder| folder.starts_with(home) && folder.is_dir())
}

/// What became of a file.
#[derive(Debug, Serialize)]
pub(super) struct Done {
    pub(super) file: String,
    pub(super) result: &'static str,
}

impl Done {
    pub(super) fn new(file: &Path, result: &'static str) -> Self {
        Self { file: file.display().to_string(), result }
    }
}

impl View for Done {
    const NOUN: &'static str = "file";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::id("FILE", |done| done.file.as_str().into()),
        Column::new("RESULT", |done| done.result.into()),
    ];
}
