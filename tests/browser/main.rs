//! The emulator's page in a real browser: see `page.mjs`. Skipped without node, Chromium and the packages, unless
//! `EVERY_BROWSER=yes`.

// Helpers state what must be true by panicking, as tests do; the lints know only functions marked as tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

fn find_program(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let places: Vec<PathBuf> = env::split_paths(&path).collect();
    names.iter().flat_map(|name| places.iter().map(move |place| place.join(name))).find(|file| file.is_file())
}

#[test]
fn the_page_works_in_a_browser() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let modules = env::var_os("BROWSER_MODULES").map_or_else(|| root.join("target/browser"), PathBuf::from);
    let node = find_program(&["node", "nodejs"]);
    let chromium = find_program(&["chromium", "chromium-browser", "google-chrome"]);
    let has_modules =
        ["playwright-core", "axe-core"].iter().all(|name| modules.join("node_modules").join(name).is_dir());
    let (Some(node), Some(chromium), true) = (node, chromium, has_modules) else {
        assert!(
            env::var_os("EVERY_BROWSER").is_none(),
            "node, chromium, and playwright-core and axe-core in {} are needed",
            modules.display()
        );
        eprintln!(
            "skipped: node, chromium or the npm packages are missing; tests/browser/install gets the packages"
        );
        return;
    };
    let dir = tempfile::tempdir().expect("a directory");
    let output = Command::new(node)
        .arg(root.join("tests/browser/page.mjs"))
        .args([Path::new(env!("CARGO_BIN_EXE_kustom")), &chromium, &modules, dir.path()])
        .output()
        .expect("node");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}{stderr}");
}
