//! From an empty home to a named device, with nothing known but what the screen says.

use crate::common::prelude::*;

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
    let shown = PtySession::open(&env, ["enrollments", "pair"], &[]).end_with(3);
    assert!(shown.contains("try everything without an account: add --profile local"), "{shown}");
    let mut screen = PtySession::open(&env, ["--profile", "local", "enrollments", "pair"], &[]);
    screen.answer("Location (type to search):", "\r");
    let shown = screen.until("waiting for the phone");
    let play = told(&shown, "Simulate one in another terminal:", "kustom --profile local dev pos pair");
    env.run(&play).ok();
    screen.answer("Name [", "\r");
    let shown = screen.end_with(0);
    assert!(shown.contains("till 1 is ready."), "{shown}");
    assert!(shown.contains("Take a payment: kustom --profile local sessions create --device"), "{shown}");
}
