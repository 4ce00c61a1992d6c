//! The scripts in `completions/` are those that the program prints.

use std::fs;
use std::path::Path;

use crate::common::prelude::*;

#[test]
fn the_scripts_are_what_the_program_prints() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions");
    let scripts = [
        ("bash", "kustom.bash"),
        ("zsh", "_kustom"),
        ("fish", "kustom.fish"),
        ("powershell", "kustom.ps1"),
        ("elvish", "kustom.elv"),
    ];
    for (shell, file) in scripts {
        let printed = TestEnv::new().run(["completions", shell]).stdout_only();
        let committed = fs::read_to_string(folder.join(file)).unwrap();
        assert_eq!(printed, committed, "{shell}");
    }
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(files, ["_kustom", "kustom.bash", "kustom.elv", "kustom.fish", "kustom.ps1"]);
}

#[test]
fn a_shell_that_is_not_known_is_refused() {
    TestEnv::new()
        .run(["completions", "tcsh"])
        .assert_failure_with(2, "[possible values: bash, zsh, fish, powershell, elvish]");
    TestEnv::new().run(["completions"]).assert_failure_with(2, "<SHELL>");
}

#[test]
fn on_a_terminal_the_line_that_loads_the_script_is_printed() {
    use crate::common::pty::PtySession;
    let text = PtySession::open(&TestEnv::new(), ["completions", "zsh"], &[]).end_with(0);
    assert!(text.contains("add this line to ~/.zshrc"), "{text}");
    assert!(text.contains("eval \"$(kustom completions zsh)\""), "{text}");
}
