//! The script of a picture, as a person wrote it down.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Columns of every picture: room for the longest line, so that none is broken.
pub(crate) const COLUMNS: u16 = 96;

/// The recording of one command. `docs/pictures/pair.toml` explains the format.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    /// What the window is called.
    pub(crate) title: String,
    /// Rows of the terminal.
    pub(crate) rows: u16,
    /// From how many seconds a wait counts down; without it, it counts up.
    pub(crate) countdown: Option<u64>,
    /// What the emulator begins with.
    pub(crate) seed: String,
    /// One after another.
    #[serde(rename = "frame")]
    pub(crate) frames: Vec<Step>,
}

/// What leads to a frame, and how long it is shown.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// An action.
    #[serde(rename = "do")]
    pub(crate) act: Option<Act>,
    /// What the screen shows then, all of it.
    #[serde(default)]
    pub(crate) until: Vec<String>,
    seconds: f64,
}

/// What somebody does.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Act {
    /// Types this at the shell, in pieces, each of which is a frame of its own.
    Type(Vec<String>),
    /// Presses Enter at the shell.
    Enter,
    /// Presses these keys at a question of the program.
    Answer(String),
    /// Does something with the phone.
    Phone(OnPhone),
}

/// An action on the phone.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OnPhone {
    UseCode,
    ChooseCard,
    Pay,
}

impl Script {
    /// Reads `docs/pictures/NAME.toml`.
    pub(crate) fn read(name: &str) -> Self {
        let path = dir().join(name).with_extension("toml");
        let text = fs::read_to_string(&path).expect("a script");
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

impl Step {
    /// How long it is shown, in milliseconds.
    pub(crate) fn length(&self) -> u64 {
        let length = std::time::Duration::try_from_secs_f64(self.seconds).expect("seconds");
        u64::try_from(length.as_millis()).expect("not for ever")
    }
}

/// Where scripts and pictures are.
pub(crate) fn dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures")
}
