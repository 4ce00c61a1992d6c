//! Putting the scripts where shells look.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::common::harness::TestEnv;

fn steps(env: &TestEnv, args: &[&str]) -> Value {
    let all = [&["completions"], args, &["-o", "json"]].concat();
    env.run(all).assert_code(0).json()
}

fn read(env: &TestEnv, file: &str) -> String {
    fs::read_to_string(env.path().join(file)).unwrap_or_default()
}

fn step(env: &TestEnv, file: &str, result: &str) -> Value {
    json!({"file": env.path().join(file), "result": result})
}

#[test]
fn fish_finds_the_script_and_a_second_time_it_is_there() {
    let env = TestEnv::new();
    let file = ".config/fish/completions/kustom.fish";
    assert_eq!(steps(&env, &["install", "fish"]), json!([step(&env, file, "written")]));
    assert_eq!(read(&env, file), env.run(["completions", "fish"]).stdout_only());
    assert_eq!(steps(&env, &["install", "fish"]), json!([step(&env, file, "already there")]));
    env.file(file, "# Completions of kustom for fish, of another version");
    assert_eq!(steps(&env, &["install", "fish"]), json!([step(&env, file, "replaced")]));
    assert_eq!(steps(&env, &["uninstall", "fish"]), json!([step(&env, file, "removed")]));
    assert!(!env.path().join(file).exists());
    assert_eq!(steps(&env, &["uninstall", "fish"]), json!([step(&env, file, "not there")]));
}

#[test]
fn the_folders_that_variables_name_are_used() {
    let env = TestEnv::new();
    let at = |shell: &str, variable: &str| {
        let folder = env.path().join("own");
        let run = env.command(["completions", "install", shell, "-o", "json"]).env(variable, &folder);
        run.run().json()[0]["file"].as_str().unwrap().to_owned()
    };
    let own = |file: &str| env.path().join("own").join(file).display().to_string();
    assert_eq!(at("fish", "XDG_CONFIG_HOME"), own("fish/completions/kustom.fish"));
    assert_eq!(at("bash", "XDG_DATA_HOME"), own("bash-completion/completions/kustom"));
    assert_eq!(at("bash", "BASH_COMPLETION_USER_DIR"), own("completions/kustom"));
    assert_eq!(at("zsh", "FPATH"), own("_kustom"));
    let relative =
        env.command(["completions", "install", "fish", "-o", "json"]).env("XDG_CONFIG_HOME", "own");
    let fallback = env.path().join(".config/fish/completions/kustom.fish");
    assert_eq!(relative.run().json()[0]["file"], json!(fallback));
}

/// What was put somewhere is found again, also where it would not be put any more.
#[test]
fn what_was_installed_before_something_changed_is_taken_away() {
    let env = TestEnv::new();
    let script = env.path().join(".local/share/zsh/site-functions/_kustom");
    let _ = env.run(["completions", "install", "zsh", "--yes"]).assert_code(0);
    assert!(script.exists());
    let searched = env.path().join("functions");
    std::fs::create_dir(&searched).unwrap();
    let _ = env.command(["completions", "uninstall", "zsh"]).env("FPATH", &searched).run().assert_code(0);
    assert!(!script.exists());
    assert_eq!(read(&env, ".zshrc"), "");
}

#[test]
fn the_shell_is_ones_own_unless_it_is_named() {
    let env = TestEnv::new();
    let own = |shell: &str| env.command(["completions", "install", "-o", "json"]).env("SHELL", shell).run();
    assert_eq!(own("/usr/bin/fish").json()[0]["result"], "written");
    let refused = own("/bin/tcsh").assert_failure(2);
    assert!(refused.contains("it cannot be told which shell is yours"), "{refused}");
}

#[test]
fn a_line_is_added_only_with_consent_and_once() {
    let env = TestEnv::new();
    let (script, rc) = (".local/share/zsh/site-functions/_kustom", ".zshrc");
    env.file(rc, "alias a=b");
    let line = format!("source {}", env.path().join(script).display());
    let outcome = env.run(["completions", "install", "zsh"]).assert_code(0);
    assert!(outcome.stderr.contains(&line), "what is left to do is said: {}", outcome.stderr);
    assert!(outcome.stdout.contains("line missing"), "{}", outcome.stdout);
    assert_eq!(read(&env, rc), "alias a=b");
    let both = |first, second| json!([step(&env, script, first), step(&env, rc, second)]);
    assert_eq!(steps(&env, &["install", "zsh", "--yes"]), both("already there", "line added"));
    let added = format!("alias a=b\n\n# Completions of kustom\n{line}\n");
    assert_eq!(read(&env, rc), added);
    assert_eq!(steps(&env, &["install", "zsh", "--yes"]), both("already there", "already there"));
    assert_eq!(read(&env, rc), added);
    assert_eq!(steps(&env, &["uninstall", "zsh"]), both("removed", "line removed"));
    assert_eq!(read(&env, rc), "alias a=b\n");
}

#[cfg(unix)]
#[test]
fn on_a_terminal_the_line_is_asked_for() {
    use crate::common::pty::PtySession;
    let env = TestEnv::new();
    for (answer, expected) in [("n\r", ""), ("y\r", "source ")] {
        let mut screen = PtySession::open(&env, ["completions", "install", "zsh"], &[]);
        screen.until_asked("Add it?");
        screen.type_in(answer);
        let (code, text) = screen.end();
        assert_eq!(code, 0, "{text}");
        assert!(read(&env, ".zshrc").contains(expected), "{text}");
        assert_eq!(env.path().join(".zshrc").exists(), !expected.is_empty());
    }
}

#[test]
fn a_file_of_somebody_else_is_not_replaced_unasked() {
    let env = TestEnv::new();
    let file = ".config/fish/completions/kustom.fish";
    env.file(file, "# my own\n");
    let refused = env.run(["completions", "install", "fish"]).assert_failure(8);
    assert!(refused.contains("is not a script of kustom's"), "{refused}");
    assert_eq!(read(&env, file), "# my own\n");
    assert_eq!(
        steps(&env, &["uninstall", "fish"]),
        json!([step(&env, file, "kept: not a script of kustom's")])
    );
    assert_eq!(read(&env, file), "# my own\n");
    assert_eq!(steps(&env, &["install", "fish", "--yes"]), json!([step(&env, file, "replaced")]));
}

#[test]
fn powershell_and_elvish_read_a_line_at_their_start() {
    let env = TestEnv::new();
    let config = |file: &str| if cfg!(windows) { file.to_owned() } else { format!(".config/{file}") };
    if cfg!(unix) {
        steps(&env, &["install", "powershell", "--yes"]);
        let script = env.path().join(config("powershell/kustom.ps1"));
        let profile = read(&env, &config("powershell/Microsoft.PowerShell_profile.ps1"));
        assert_eq!(profile, format!("# Completions of kustom\n. '{}'\n", script.display()));
        steps(&env, &["install", "elvish", "--yes"]);
        assert_eq!(read(&env, &config("elvish/rc.elv")), "# Completions of kustom\nuse kustom\n");
        assert!(Path::new(&env.path().join(config("elvish/lib/kustom.elv"))).exists());
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_written_is_told() {
    let env = TestEnv::new();
    env.file(".config", "a file where a folder should be");
    let refused = env.run(["completions", "install", "fish"]).assert_failure(2);
    assert!(refused.contains("cannot write") && refused.contains("kustom.fish"), "{refused}");
}
