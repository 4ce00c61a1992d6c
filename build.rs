//! Sets `BUILT_FROM` for `kustom --version`: the version, the commit and the target.
//!
//! Only a release build names its commit; otherwise every commit would rebuild the crate during development.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The sources of the program; a package contains only some of them.
const SOURCES: [&str; 7] =
    ["src", "scenarios", "docs", "completions", "Cargo.toml", "Cargo.lock", "build.rs"];

/// The file in which `cargo package` stores the commit.
const NOTE: &str = ".cargo_vcs_info.json";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let variable = |name| env::var(name).unwrap_or_default();
    let is_release = variable("PROFILE") == "release";
    let origin = if is_release { origin() } else { Some("debug build".to_owned()) };
    let parts: Vec<_> = origin.into_iter().chain([variable("TARGET")]).collect();
    println!("cargo::rustc-env=BUILT_FROM={} ({})", variable("CARGO_PKG_VERSION"), parts.join(", "));
    if is_release && variable("CARGO_CFG_TARGET_OS") == "linux" {
        // A release build aborts on panic, so the index for unwinding is unused.
        println!("cargo::rustc-link-arg-bins=-Wl,--no-eh-frame-hdr");
    } else if variable("CARGO_CFG_TARGET_OS") == "linux" && variable("CARGO_CFG_TARGET_ENV") == "gnu" {
        // The tests start a debug build thousands of times, and each start would relocate 150,000 addresses.
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}

/// Returns the commit that a package was made from, or else that of the repository.
fn origin() -> Option<String> {
    if Path::new(NOTE).exists() {
        println!("cargo::rerun-if-changed={NOTE}");
        return parse_note(&fs::read_to_string(NOTE).ok()?);
    }
    // A repository around this directory, such as one of the home directory, is not that of kustom.
    if !git(&["rev-parse", "--show-prefix"])?.is_empty() {
        return None;
    }
    // Every commit and every change of branch adds a line to this file.
    println!("cargo::rerun-if-changed={}", git(&["rev-parse", "--git-path", "logs/HEAD"])?);
    let sources = SOURCES.iter().filter(|path| Path::new(path).exists());
    sources.for_each(|path| println!("cargo::rerun-if-changed={path}"));
    let head = git(&["-c", "log.showSignature=false", "log", "-1", "--format=%H %cs"])?;
    let (hash, date) = head.split_once(' ')?;
    let status = ["--no-optional-locks", "status", "--porcelain", "--untracked-files=normal", "--"];
    let is_changed = !git(&[&status[..], &SOURCES].concat())?.is_empty();
    Some(format!("{}{} {date}", short(hash)?, if is_changed { "-dirty" } else { "" }))
}

/// Parses `{"git": {"sha1": "…", "dirty": true}, …}`, where `dirty` is present only if it is true.
fn parse_note(note: &str) -> Option<String> {
    let (_, rest) = note.split_once("\"sha1\"")?;
    let hash = short(rest.split('"').nth(1)?)?;
    Some(format!("{hash}{}", if note.contains("\"dirty\": true") { "-dirty" } else { "" }))
}

/// Truncates a hash to seven digits. The length that git chooses depends on the repository.
fn short(hash: &str) -> Option<&str> {
    hash.get(..7)
}

/// Runs git in the directory of this file, ignoring variables that name another repository.
fn git(args: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX"] {
        command.env_remove(name);
    }
    let output = command.args(args).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
