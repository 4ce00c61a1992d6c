//! From an empty home to a named device, with nothing known but what the screen says.

use crate::common::harness::TestEnv;
use crate::common::pty::PtySession;

fn told(screen: &str, after: &str, program: &str) -> Vec<String> {
    let line =
        screen.rsplit_once(after).unwrap_or_else(|| panic!("'{after}' is not on the screen:\n{screen}")).1;
    let at = line.find(program).unwrap_or_else(|| panic!("no command after '{after}':\n{screen}"));
    let command = line[at..].lines().next().unwrap();
    command.split_whitespace().skip(1).map(|word| word.trim_end_matches(['`', '.']).to_owned()).collect()
}

#[test]
fn a_stranger_pairs_a_phone_with_what_the_screen_says() {
    let env = TestEnv::new();
    let (code, shown) = PtySession::open(&env, ["enrollments", "pair"], &[]).end();
    assert_eq!(code, 3, "{shown}");
    assert!(shown.contains("try everything without an account: add --profile local"), "{shown}");
    let mut screen = PtySession::open(&env, ["--profile", "local", "enrollments", "pair"], &[]);
    screen.until_asked("Location (type to search):");
    screen.type_in("\r");
    let shown = screen.until("waiting for the phone");
    let play = told(&shown, "Simulate one in another terminal:", "kustom --profile local dev pos pair");
    let _ = env.run(&play).ok();
    screen.until_asked("Name [");
    screen.type_in("\r");
    let (code, shown) = screen.end();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("till 1 is ready."), "{shown}");
    assert!(shown.contains("Take a payment: kustom --profile local sessions create --device"), "{shown}");
}
