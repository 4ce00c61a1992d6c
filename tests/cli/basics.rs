//! What works without knowing anything: the bare command, its version and its help.

use crate::common::harness::TestEnv;

#[test]
fn the_grammar_is_sound() {
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
    assert!(!env.profiles_file().exists() && !env.state_folder().exists(), "looking leaves nothing behind");
}

/// The verbs of a noun, and what it says of itself, are only looked at when it is named; beside the others it must not
/// say anything else.
#[test]
fn a_noun_says_the_same_wherever_it_is_listed() {
    let about = |root: &clap::Command| -> Vec<(String, Option<String>)> {
        let nouns = root.get_subcommands().filter(|noun| noun.get_name() != "help");
        nouns.map(|noun| (noun.get_name().to_owned(), noun.get_about().map(ToString::to_string))).collect()
    };
    let mut root = kustom::command();
    let beside = about(&root);
    root.build();
    assert_eq!(beside, about(&root));
    assert!(beside.iter().all(|(_, about)| about.is_some()));
}
