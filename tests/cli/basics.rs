//! What needs no configuration: the bare command, its version and its help.

use crate::common::harness::TestEnv;

#[test]
fn the_grammar_is_valid() {
    kustom::command().debug_assert();
}

#[test]
fn help_and_version_are_data() {
    let env = TestEnv::new();
    let version = env.run(["-V"]).stdout_only();
    assert_eq!(version, format!("kustom {}\n", env!("CARGO_PKG_VERSION")));
    for args in [&[][..], &["--help"], &["help"], &["sessions", "create", "--help"]] {
        let help = env.run(args).stdout_only();
        assert!(help.contains("Usage: kustom"), "{args:?}: {help}");
    }
    assert!(!env.profiles_file().exists() && !env.state_folder().exists(), "help must not create files");
}
