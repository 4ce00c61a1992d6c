//! The shells: their scripts, and the words and answers that these exchange with the program.

use clap::ValueEnum;

use super::Candidate;

/// A shell that there is a script for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    /// The GNU shell
    Bash,
    /// The Z shell
    Zsh,
    /// The friendly interactive shell
    Fish,
    /// Windows PowerShell, or PowerShell 7
    Powershell,
    /// Elvish
    Elvish,
}

impl Shell {
    /// All of them.
    pub(crate) const ALL: [Self; 5] = [Self::Bash, Self::Zsh, Self::Fish, Self::Powershell, Self::Elvish];

    /// The name that it is asked for by.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
            Self::Powershell => "powershell",
            Self::Elvish => "elvish",
        }
    }

    /// The script that makes the shell ask.
    pub(crate) const fn script(self) -> &'static str {
        match self {
            Self::Bash => include_str!("../../completions/kustom.bash"),
            Self::Zsh => include_str!("../../completions/_kustom"),
            Self::Fish => include_str!("../../completions/kustom.fish"),
            Self::Powershell => include_str!("../../completions/kustom.ps1"),
            Self::Elvish => include_str!("../../completions/kustom.elv"),
        }
    }

    /// Finds a shell by its name.
    pub(super) fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|shell| shell.name() == name)
    }

    /// Whether it is told that a file is wanted, and finds it itself.
    pub(super) const fn offers_files(self) -> bool {
        matches!(self, Self::Bash | Self::Zsh)
    }

    /// The words of the line.
    pub(super) fn words(self, mut words: Vec<String>) -> Option<Vec<String>> {
        if self == Self::Powershell {
            // It drops an empty word, so something stands before the last; and it leaves a quote at its beginning.
            let last = words.pop()?;
            let last = last.strip_prefix('=')?;
            words.push(last.trim_start_matches(['\'', '"']).to_owned());
        }
        Some(words)
    }

    /// The answer: a line each with what it is behind a tab; before them, for zsh, how to go on.
    pub(super) fn lines(self, candidates: &[Candidate], is_file: bool) -> String {
        let kind = match (self, is_file) {
            (Self::Zsh, true) => "files\n",
            (Self::Zsh, false) => "words\n",
            _ => "",
        };
        let line = |Candidate { value, about }: &Candidate| match about.as_str() {
            "" => format!("{value}\n"),
            about => format!("{value}\t{about}\n"),
        };
        std::iter::once(kind.to_owned()).chain(candidates.iter().map(line)).collect()
    }
}
