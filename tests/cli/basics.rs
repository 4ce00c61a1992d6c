//! What works without knowing anything: the bare command, its version and its help.

use clap::CommandFactory as _;

use crate::common::harness::Home;

#[test]
fn the_grammar_is_sound() {
    kustom::cli::Cli::command().debug_assert();
}

#[test]
fn help_and_version_are_data() {
    let home = Home::new();
    let version = home.run(["--version"]).quiet();
    assert_eq!(version, format!("kustom {}\n", env!("CARGO_PKG_VERSION")));
    for args in [&[][..], &["--help"], &["-h"], &["help"], &["sessions", "create", "--help"]] {
        let help = home.run(args).quiet();
        assert!(help.contains("Usage: kustom"), "{args:?}: {help}");
    }
    assert!(home.run(["--help"]).quiet().contains("Exit codes:"));
    assert!(!home.profiles_file().exists() && !home.state_folder().exists(), "looking leaves nothing behind");
}
