//! Says what is built: the version, the commit and the target, for `kustom --version`.
//!
//! Only a release build names its commit. In development each commit would otherwise build everything anew.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What the program is made of, where it is there.
const SOURCES: [&str; 7] =
    ["src", "scenarios", "docs", "completions", "Cargo.toml", "Cargo.lock", "build.rs"];

/// Where `cargo package` notes the commit.
const NOTE: &str = ".cargo_vcs_info.json";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let variable = |name| env::var(name).unwrap_or_default();
    let is_release = variable("PROFILE") == "release";
    let origin = if is_release { origin() } else { Some("debug build".to_owned()) };
    let parts: Vec<_> = origin.into_iter().chain([variable("TARGET")]).collect();
    println!("cargo::rustc-env=BUILT_FROM={} ({})", variable("CARGO_PKG_VERSION"), parts.join(", "));
    if is_release && variable("CARGO_CFG_TARGET_OS") == "linux" {
        // A release build ends at a panic and unwinds nothing: nobody would look into the index of what to unwind by.
        println!("cargo::rustc-link-arg-bins=-Wl,--no-eh-frame-hdr");
    }
}

/// The commit, if it can be told: of a packed crate the one that it was made of, else that of the repository.
fn origin() -> Option<String> {
    if Path::new(NOTE).exists() {
        println!("cargo::rerun-if-changed={NOTE}");
        return noted(&fs::read_to_string(NOTE).ok()?);
    }
    // Any other repository around this folder, such as one of a whole home, says nothing about kustom.
    if !git(&["rev-parse", "--show-prefix"])?.is_empty() {
        return None;
    }
    // Each commit and each change of branch adds a line to this file, whichever way git keeps its branches.
    println!("cargo::rerun-if-changed={}", git(&["rev-parse", "--git-path", "logs/HEAD"])?);
    let sources = SOURCES.iter().filter(|path| Path::new(path).exists());
    sources.for_each(|path| println!("cargo::rerun-if-changed={path}"));
    let head = git(&["-c", "log.showSignature=false", "log", "-1", "--format=%H %cs"])?;
    let (hash, date) = head.split_once(' ')?;
    let status = ["--no-optional-locks", "status", "--porcelain", "--untracked-files=normal", "--"];
    let is_changed = !git(&[&status[..], &SOURCES].concat())?.is_empty();
    Some(format!("{}{} {date}", short(hash)?, if is_changed { "-dirty" } else { "" }))
}

/// `{"git": {"sha1": "…", "dirty": true}, …}`, where `dirty` is there only if it is true.
fn noted(note: &str) -> Option<String> {
    let (_, rest) = note.split_once("\"sha1\"")?;
    let hash = short(rest.split('"').nth(1)?)?;
    Some(format!("{hash}{}", if note.contains("\"dirty\": true") { "-dirty" } else { "" }))
}

/// As long everywhere: how much git itself leaves of a hash depends on what else is in a repository.
fn short(hash: &str) -> Option<&str> {
    hash.get(..7)
}

/// What git answers about the folder of this file, whichever repository the environment names.
fn git(args: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX"] {
        command.env_remove(name);
    }
    let output = command.args(args).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
