//! Words that people type for a command of another name.

use crate::common::prelude::*;

#[test]
fn everyday_words_work_or_name_the_command_that_does_it() {
    let env = TestEnv::new().local();
    for args in [
        &["phones", "list"][..],
        &["stores", "ls"],
        &["enrolments", "list"],
        &["device", "ls"],
        &["payments", "list"],
        &["whoami"],
        &["version"],
        &["--profile", "local", "tills", "ls"],
        &["profiles", "ls"],
    ] {
        env.run(args).ok();
    }
    for (args, hint) in [
        (&["pay"][..], "take a payment: kustom sessions create --watch"),
        (&["refund"], "refund a payment: kustom orders refund"),
        (&["rm"], "remove a device: kustom devices deregister"),
        (&["rename"], "rename or move a device: kustom devices update"),
        (&["mv"], "rename or move a device: kustom devices update"),
        (&["ls"], "list devices: kustom devices list"),
        (&["logout"], "remove a profile with its key: kustom profiles remove"),
        (&["devices", "list", "--json"], "print JSON with -o json"),
        (&["devices", "list", "--colour", "never"], "write --color"),
        (&["devcies", "list"], "did you mean 'devices'?"),
        (&["devices", "lst"], "did you mean 'list'?"),
        (&["devices", "list", "--limti", "3"], "did you mean '--limit'?"),
    ] {
        let said = env.run(args).assert_failure_with(2, &format!("  hint: {hint}"));
        let lines: Vec<_> = said.lines().collect();
        assert!(
            lines[0].starts_with("error: ") && lines[1..].iter().all(|line| line.starts_with("  hint: ")),
            "{said}"
        );
    }
    // A word that is far off is not suggested.
    for args in [&["xyzzy"][..], &["ps"], &["devices", "list", "--force"]] {
        let said = env.run(args).assert_failure(2);
        assert!(!said.contains("did you mean"), "{args:?}: {said}");
    }
}

#[test]
fn small_mistakes_are_explained_in_words() {
    let env = TestEnv::new().local();
    for (args, message) in [
        (&["devices", "list", "--limit", "0"][..], "write a whole number of at least 1"),
        (&["dev", "emulator", "clock", "advance", "-5m"], "the clock never goes back"),
        (
            &["webhooks", "verify", "--secret-file=s", "--headers=h", "--body=b", "--at", "yesterday"],
            "write a time with its zone",
        ),
        (
            &["sessions", "create", "--device", "x", "--item", "Tea,price=3,50"],
            "price: '3,50' has a decimal comma; write price=3.50",
        ),
        (
            &["sessions", "create", "--device", "x", "--item", "Tea, green,price=3.50"],
            "if the name contains a comma, quote it",
        ),
    ] {
        env.run(args).assert_failure_with(2, message);
    }
    env.run(["dev", "create-device", "--name", "Till 1", "--location", "Stockholm City"]).ok();
    let args =
        ["sessions", "create", "--device", "Till 1", "--dry-run", "--item", "Tea,price=3.50,type=drink"];
    let warned = env.run(args).assert_code(0).stderr;
    assert!(warned.contains("warning: no tax is given in line 1"), "{warned}");
    assert!(warned.contains("warning: the line type 'drink' is not documented"), "{warned}");
    // Durations without a unit are seconds.
    env.run(["devices", "list", "--timeout", "5"]).ok();
    let cart = env.file("cart.csv", "name,price\n\"two\nlines\",1\nx,1,1\n");
    let said = env.run(["sessions", "create", "--device", "Till 1", "--cart", &cart.display().to_string()]);
    assert!(said.clone().assert_failure(2).contains("--cart, line 4: "), "{said:?}");
}

#[test]
fn credentials_of_devices_are_redacted_in_raw_responses() {
    let env = TestEnv::new().local();
    let body = env.file("device.json", "{\"name\": \"Till 1\"}");
    let args = ["api", "POST", "/ipp/v1/dev/devices", "--body", &body.display().to_string()];
    let hidden = env.run(args);
    if hidden.code == Some(0) {
        assert!(!hidden.stdout.contains("emulated_"), "{}", hidden.stdout);
        let shown = env.run(args.iter().chain(&["--show-credentials"])).ok();
        assert!(shown.contains("emulated_"), "{shown}");
    }
}
