//! The shells and their completion scripts.

use clap::ValueEnum;

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
    /// Returns the script that has the shell run the program for candidates. All but that of PowerShell begin with the script
    /// of `clap_complete`, which evaluates the line in PowerShell, and with it names that came from the server.
    pub(crate) const fn script(self) -> &'static str {
        match self {
            Self::Bash => include_str!("../../completions/kustom.bash"),
            Self::Zsh => include_str!("../../completions/_kustom"),
            Self::Fish => include_str!("../../completions/kustom.fish"),
            Self::Powershell => include_str!("../../completions/kustom.ps1"),
            Self::Elvish => include_str!("../../completions/kustom.elv"),
        }
    }

    /// Returns the line that loads the script, and the file that it belongs in.
    pub(crate) const fn startup_line(self) -> (&'static str, &'static str) {
        match self {
            Self::Bash => (r#"eval "$(kustom completions bash)""#, "~/.bashrc"),
            Self::Zsh => (r#"eval "$(kustom completions zsh)""#, "~/.zshrc, after compinit"),
            Self::Fish => ("kustom completions fish | source", "~/.config/fish/config.fish"),
            Self::Powershell => (
                "kustom completions powershell | Out-String | Invoke-Expression",
                "the file that $PROFILE names",
            ),
            Self::Elvish => ("eval (kustom completions elvish | slurp)", "~/.config/elvish/rc.elv"),
        }
    }
}
