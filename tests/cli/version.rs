//! `kustom --version`.

use crate::common::prelude::*;

/// `kustom 0.1.0 (da9c7ee 2026-11-23, x86_64-unknown-linux-gnu)`; a debug build names no commit.
#[test]
fn the_version_names_the_commit_and_the_target() {
    let env = TestEnv::new();
    assert_eq!(env.run(["-V"]).stdout_only(), format!("kustom {}\n", env!("CARGO_PKG_VERSION")));
    let told = env.run(["--version"]).stdout_only();
    let before = format!("kustom {} (", env!("CARGO_PKG_VERSION"));
    let within = told.strip_prefix(&before).and_then(|rest| rest.strip_suffix(")\n"));
    let parts: Vec<_> = within.unwrap_or_else(|| panic!("{told}")).split(", ").collect();
    let target = parts.last().copied().unwrap_or_default();
    assert!(target.starts_with(std::env::consts::ARCH) && target.split('-').count() >= 3, "{told}");
    let is_commit = |text: &str| {
        let (hash, date) = text.split_once(' ').unwrap_or((text, ""));
        let hash = hash.strip_suffix("-dirty").unwrap_or(hash);
        let is_hash = hash.len() == 7 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hash && (date.is_empty() || date.parse::<jiff::civil::Date>().is_ok())
    };
    let is_right = match parts[..parts.len() - 1] {
        [] => !cfg!(debug_assertions),
        [debug] if cfg!(debug_assertions) => debug == "debug build",
        [commit] => is_commit(commit),
        _ => false,
    };
    assert!(is_right, "{told}");
    let doctor = env.run(["doctor", "--offline", "-o", "json", "--profile", "local"]).json();
    assert_eq!(
        format!("{}\n", doctor[0]["finding"].as_str().unwrap()),
        told,
        "doctor prints the same version"
    );
}
