//! `.kustom.toml`: the profile and defaults of a directory and those below it.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::Error;
use crate::fs::io_error_message;
use crate::text::line_column;

const FILE_NAME: &str = ".kustom.toml";

const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Anybody who can write to a directory can write this file, so it neither contains a key nor decides where one is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DirectorySettings {
    /// The file, if there is one.
    #[serde(skip)]
    pub path: Option<PathBuf>,
    pub profile: Option<String>,
    pub location: Option<String>,
    pub device: Option<String>,
    pub currency: Option<String>,
}

impl DirectorySettings {
    /// Reads the file in the working directory, or else in the nearest directory above that has one.
    pub(super) fn find() -> Result<Self, Error> {
        let Ok(directory) = std::env::current_dir() else { return Ok(Self::default()) };
        let mut files = directory.ancestors().map(|directory| directory.join(FILE_NAME));
        files.find(|path| path.is_file()).map_or_else(|| Ok(Self::default()), |path| Self::read(&path))
    }

    fn read(path: &Path) -> Result<Self, Error> {
        let shown = path.display();
        let unreadable = |reason: &str| Error::usage(format!("cannot read {shown}: {reason}"));
        let size = path.metadata().map_err(|error| unreadable(&io_error_message(&error)))?.len();
        if size > MAX_FILE_BYTES {
            return Err(unreadable("it is too large"));
        }
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(&io_error_message(&error)))?;
        let settings: Self = toml::from_str(&text).map_err(|error| {
            let (line, _) = line_column(&text, error.span().map_or(0, |span| span.start));
            // The message of serde names the field; a value could be a key that does not belong here.
            let reason = match error.message().split_once("unknown field `") {
                Some((_, rest)) => format!(
                    "'{}' is not a setting of a directory",
                    rest.split('`').next().unwrap_or_default()
                ),
                None => "it is not TOML of this form".to_owned(),
            };
            Error::usage(format!("{shown}, line {line}: {reason}"))
                .hint("use the keys profile, location, device and currency; the others belong in a profile")
        })?;
        Ok(Self { path: Some(path.to_owned()), ..settings })
    }
}
