//! The shells and their completion scripts.

use clap::ValueEnum;
use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Zsh};

use super::VARIABLE;

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

/// Joins the words that bash splits at `=`, and quotes the candidates, which bash inserts as they are. Within quotes that
/// are open, it omits candidates that would have to end them.
const BASH_WRAPPER: &str = r#"
_kustom() {
    local IFS= word last= prefix= words=() i
    for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
        if [[ ${#words[@]} -gt 1 && ($word == '=' || $last == '=') ]]; then
            words[${#words[@]}-1]+=$word
            [[ $word == '=' ]] && prefix=${words[${#words[@]}-1]}
        else
            words+=("$word")
            prefix=
        fi
        last=$word
    done
    local COMP_WORDS=("${words[@]}") COMP_CWORD=$((${#words[@]} - 1))
    _clap_complete_kustom "$1" "${words[COMP_CWORD]}" "$3" 2> /dev/null
    for i in "${!COMPREPLY[@]}"; do
        word=${COMPREPLY[i]#"$prefix"}
        case $last in
            \'*) [[ $word == *\'* ]] && word= ;;
            \"*) [[ $word == *[\"\$\`\\!]* ]] && word= ;;
            *) printf -v word %q "$word" ;;
        esac
        COMPREPLY[i]=$word
        [[ -n $word ]] || unset "COMPREPLY[i]"
    done
}
complete -o nospace -o bashdefault -o nosort -F _kustom kustom 2> /dev/null ||
    complete -o nospace -o bashdefault -F _kustom kustom
"#;

/// Zsh runs the script as the function `_kustom` when it finds it in a folder of functions.
const ZSH_WRAPPER: &str = r#"
[[ $funcstack[1] == _kustom ]] && _clap_dynamic_completer_kustom "$@"
"#;

impl Shell {
    /// Returns the script that has the shell run the program for candidates.
    pub(crate) fn script(self) -> std::io::Result<String> {
        let (completer, wrapper): (&dyn EnvCompleter, &str) = match self {
            Self::Bash => (&Bash, BASH_WRAPPER),
            Self::Zsh => (&Zsh, ZSH_WRAPPER),
            Self::Fish => (&Fish, ""),
            Self::Elvish => (&Elvish, ""),
            // The script of clap_complete evaluates the line, and with it names that came from the server.
            Self::Powershell => return Ok(include_str!("../../completions/kustom.ps1").to_owned()),
        };
        let mut script = Vec::new();
        completer.write_registration(VARIABLE, "kustom", "kustom", "kustom", &mut script)?;
        Ok(String::from_utf8_lossy(&script).trim().to_owned() + "\n" + wrapper)
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
