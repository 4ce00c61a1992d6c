//! Putting the scripts where shells look.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::common::harness::Home;

fn steps(home: &Home, args: &[&str]) -> Value {
    let all = [&["completions"], args, &["-o", "json"]].concat();
    home.run(all).exits(0).json()
}

fn read(home: &Home, file: &str) -> String {
    fs::read_to_string(home.path().join(file)).unwrap_or_default()
}

fn step(home: &Home, file: &str, result: &str) -> Value {
    json!({"file": home.path().join(file), "result": result})
}

#[test]
fn fish_finds_the_script_and_a_second_time_it_is_there() {
    let home = Home::new();
    let file = ".config/fish/completions/kustom.fish";
    assert_eq!(steps(&home, &["install", "fish"]), json!([step(&home, file, "written")]));
    assert_eq!(read(&home, file), home.run(["completions", "fish"]).quiet());
    assert_eq!(steps(&home, &["install", "fish"]), json!([step(&home, file, "already there")]));
    home.file(file, "# Completions of kustom for fish, of another version");
    assert_eq!(steps(&home, &["install", "fish"]), json!([step(&home, file, "replaced")]));
    assert_eq!(steps(&home, &["uninstall", "fish"]), json!([step(&home, file, "removed")]));
    assert!(!home.path().join(file).exists());
    assert_eq!(steps(&home, &["uninstall", "fish"]), json!([step(&home, file, "not there")]));
}

#[test]
fn the_folders_that_variables_name_are_used() {
    let home = Home::new();
    let at = |shell: &str, variable: &str| {
        let folder = home.path().join("own");
        let run = home.command(["completions", "install", shell, "-o", "json"]).env(variable, &folder);
        run.run().json()[0]["file"].as_str().unwrap().to_owned()
    };
    let own = |file: &str| home.path().join("own").join(file).display().to_string();
    assert_eq!(at("fish", "XDG_CONFIG_HOME"), own("fish/completions/kustom.fish"));
    assert_eq!(at("bash", "XDG_DATA_HOME"), own("bash-completion/completions/kustom"));
    assert_eq!(at("bash", "BASH_COMPLETION_USER_DIR"), own("completions/kustom"));
    assert_eq!(at("zsh", "FPATH"), own("_kustom"));
    let relative =
        home.command(["completions", "install", "fish", "-o", "json"]).env("XDG_CONFIG_HOME", "own");
    let fallback = home.path().join(".config/fish/completions/kustom.fish");
    assert_eq!(relative.run().json()[0]["file"], json!(fallback));
}

/// What was put somewhere is found again, also where it would not be put any more.
#[test]
fn what_was_installed_before_something_changed_is_taken_away() {
    let home = Home::new();
    let script = home.path().join(".local/share/zsh/site-functions/_kustom");
    let _ = home.run(["completions", "install", "zsh", "--yes"]).exits(0);
    assert!(script.exists());
    let searched = home.path().join("functions");
    std::fs::create_dir(&searched).unwrap();
    let _ = home.command(["completions", "uninstall", "zsh"]).env("FPATH", &searched).run().exits(0);
    assert!(!script.exists());
    assert_eq!(read(&home, ".zshrc"), "");
}

#[test]
fn the_shell_is_ones_own_unless_it_is_named() {
    let home = Home::new();
    let own = |shell: &str| home.command(["completions", "install", "-o", "json"]).env("SHELL", shell).run();
    assert_eq!(own("/usr/bin/fish").json()[0]["result"], "written");
    let refused = own("/bin/tcsh").fails(2);
    assert!(refused.contains("it cannot be told which shell is yours"), "{refused}");
}

#[test]
fn a_line_is_added_only_with_consent_and_once() {
    let home = Home::new();
    let (script, rc) = (".local/share/zsh/site-functions/_kustom", ".zshrc");
    home.file(rc, "alias a=b");
    let line = format!("source {}", home.path().join(script).display());
    let outcome = home.run(["completions", "install", "zsh"]).exits(0);
    assert!(outcome.stderr.contains(&line), "what is left to do is said: {}", outcome.stderr);
    assert!(outcome.stdout.contains("line missing"), "{}", outcome.stdout);
    assert_eq!(read(&home, rc), "alias a=b");
    let both = |first, second| json!([step(&home, script, first), step(&home, rc, second)]);
    assert_eq!(steps(&home, &["install", "zsh", "--yes"]), both("already there", "line added"));
    let added = format!("alias a=b\n\n# Completions of kustom\n{line}\n");
    assert_eq!(read(&home, rc), added);
    assert_eq!(steps(&home, &["install", "zsh", "--yes"]), both("already there", "already there"));
    assert_eq!(read(&home, rc), added);
    assert_eq!(steps(&home, &["uninstall", "zsh"]), both("removed", "line removed"));
    assert_eq!(read(&home, rc), "alias a=b\n");
}

#[cfg(unix)]
#[test]
fn on_a_terminal_the_line_is_asked_for() {
    use crate::common::pty::Screen;
    let home = Home::new();
    for (answer, expected) in [("n\r", ""), ("y\r", "source ")] {
        let mut screen = Screen::open(&home, ["completions", "install", "zsh"], &[]);
        screen.until_asked("Add it?");
        screen.type_in(answer);
        let (code, text) = screen.end();
        assert_eq!(code, 0, "{text}");
        assert!(read(&home, ".zshrc").contains(expected), "{text}");
        assert_eq!(home.path().join(".zshrc").exists(), !expected.is_empty());
    }
}

#[test]
fn a_file_of_somebody_else_is_not_replaced_unasked() {
    let home = Home::new();
    let file = ".config/fish/completions/kustom.fish";
    home.file(file, "# my own\n");
    let refused = home.run(["completions", "install", "fish"]).fails(8);
    assert!(refused.contains("is not a script of kustom's"), "{refused}");
    assert_eq!(read(&home, file), "# my own\n");
    assert_eq!(
        steps(&home, &["uninstall", "fish"]),
        json!([step(&home, file, "kept: not a script of kustom's")])
    );
    assert_eq!(read(&home, file), "# my own\n");
    assert_eq!(steps(&home, &["install", "fish", "--yes"]), json!([step(&home, file, "replaced")]));
}

#[test]
fn powershell_and_elvish_read_a_line_at_their_start() {
    let home = Home::new();
    let config = |file: &str| if cfg!(windows) { file.to_owned() } else { format!(".config/{file}") };
    if cfg!(unix) {
        steps(&home, &["install", "powershell", "--yes"]);
        let script = home.path().join(config("powershell/kustom.ps1"));
        let profile = read(&home, &config("powershell/Microsoft.PowerShell_profile.ps1"));
        assert_eq!(profile, format!("# Completions of kustom\n. '{}'\n", script.display()));
        steps(&home, &["install", "elvish", "--yes"]);
        assert_eq!(read(&home, &config("elvish/rc.elv")), "# Completions of kustom\nuse kustom\n");
        assert!(Path::new(&home.path().join(config("elvish/lib/kustom.elv"))).exists());
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_written_is_told() {
    let home = Home::new();
    home.file(".config", "a file where a folder should be");
    let refused = home.run(["completions", "install", "fish"]).fails(2);
    assert!(refused.contains("cannot write") && refused.contains("kustom.fish"), "{refused}");
}
