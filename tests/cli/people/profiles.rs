//! `profiles set` and `rename`, `.kustom.toml`, and the account that a change was made to.

use std::fs;

use crate::common::prelude::*;

const PROFILES: &str = "# mine\nactive = \"shop\"\n\n[profiles.shop]\nenvironment = \"playground\"\n\
                        api_key = \"kco_test_api_1\" # rotate in June\n";

#[test]
fn one_value_is_changed_and_the_rest_of_the_file_stays() {
    let env = TestEnv::new().with_profiles(PROFILES);
    let _ = env
        .run(["profiles", "set", "location", "Stockholm City"])
        .assert_code(0)
        .assert_stderr("Set location of the profile 'shop' to Stockholm City.");
    env.run(["profiles", "set", "shop", "currency", "nok"]).ok();
    env.run(["profiles", "set", "shop", "device", "Till 1"]).ok();
    let text = fs::read_to_string(env.profiles_file()).unwrap();
    let expected =
        format!("{PROFILES}location = \"Stockholm City\"\ncurrency = \"NOK\"\ndevice = \"Till 1\"\n");
    assert_eq!(text, expected);
    env.run(["profiles", "set", "device", ""]).ok();
    assert!(!fs::read_to_string(env.profiles_file()).unwrap().contains("device"));
    let before = fs::read_to_string(env.profiles_file()).unwrap();
    for (args, message) in [
        (&["profiles", "set", "colour", "blue"][..], "a profile has no key 'colour'"),
        (&["profiles", "set", "currency", "gold"], "currency: 'gold' is not an ISO 4217 currency code"),
        (&["profiles", "set", "api_key", "kco_test_api_2"], "a key is never an argument"),
        (&["profiles", "set", "environment", "production"], "does not belong to production"),
        (&["profiles", "set", "nope", "currency", "SEK"], "there is no profile 'nope'"),
        (&["profiles", "set", "local", "currency", "SEK"], "is built in"),
    ] {
        let said = env.run(args).err();
        assert!(said.contains(message), "{args:?}: {said}");
        assert!(!said.contains("kco_test_api_2"), "{said}");
    }
    assert_eq!(fs::read_to_string(env.profiles_file()).unwrap(), before);
}

#[test]
fn a_profile_is_renamed_with_its_comments_and_stays_active() {
    let env = TestEnv::new().with_profiles(PROFILES);
    let _ = env
        .run(["profiles", "rename", "shop", "store"])
        .assert_code(0)
        .assert_stderr("Renamed the profile 'shop' to 'store'.");
    assert_eq!(fs::read_to_string(env.profiles_file()).unwrap(), PROFILES.replace("shop", "store"));
    for (args, message) in [
        (["profiles", "rename", "store", "local"], "built-in profile"),
        (["profiles", "rename", "store", "store"], "there is already a profile 'store'"),
        (["profiles", "rename", "nope", "x"], "there is no profile 'nope'"),
    ] {
        assert!(env.run(args).assert_failure(2).contains(message), "{args:?}");
    }
}

#[test]
fn a_directory_sets_a_profile_and_defaults_and_no_key() {
    let env = TestEnv::new();
    env.file(
        ".kustom.toml",
        "profile = \"local\"\nlocation = \"Göteborg Haga\"\ndevice = \"Till 1\"\ncurrency = \"NOK\"\n",
    );
    env.run(["dev", "create-device", "--name", "Till 1"]).ok();
    let device = env.run(["devices", "get", "Till 1", "--columns", "location"]).ok();
    assert!(device.contains("Göteborg Haga"), "{device}");
    let session = env.run(["sessions", "create", "--amount", "5", "-o", "json"]).json();
    assert_eq!(session["purchase_currency"], "NOK");
    let report = env.run(["doctor", "--offline"]).ok();
    assert!(report.contains(".kustom.toml"), "{report}");
    // A flag and a variable come first.
    assert!(
        env.run(["sessions", "create", "--amount", "5", "--currency", "SEK", "-o", "json"])
            .ok()
            .contains("SEK")
    );
    for key in ["api_key", "base_url", "api_key_command", "ledger", "merchant_id"] {
        env.file(".kustom.toml", format!("profile = \"local\"\n{key} = \"secret-value\"\n"));
        let said = env
            .run(["devices", "list"])
            .assert_failure_with(2, &format!("line 2: '{key}' is not a setting of a directory"));
        assert!(!said.contains("secret-value"), "{said}");
    }
    env.file(".kustom.toml", "profile = 1\n");
    assert!(env.run(["devices", "list"]).assert_failure(2).contains("line 1"));
}

#[test]
fn a_change_names_the_account_and_a_sentence_confirms_it() {
    let env = TestEnv::new().local();
    let said = |args: &[&str]| env.run(args).assert_code(0).stderr;
    assert_eq!(
        said(&["dev", "create-device", "--name", "Till 1", "--location", "Stockholm City"]),
        "Created Till 1. [local (emulator)]\n"
    );
    assert_eq!(
        said(&["devices", "update", "Till 1", "--name", "Counter"]),
        "Renamed Till 1 to Counter. [local (emulator)]\n"
    );
    assert_eq!(
        said(&["devices", "update", "Counter", "--location", "Göteborg Haga"]),
        "Moved Counter to Göteborg Haga. [local (emulator)]\n"
    );
    assert_eq!(said(&["devices", "deregister", "Counter"]), "Deregistered Counter. [local (emulator)]\n");
}

#[test]
fn a_profile_that_cannot_list_anything_fails_doctor_and_the_hint_names_the_command() {
    let server = Server::new(|asked| match asked.line().as_str() {
        "GET /ipp/v1/devices" => Reply::json(200, &serde_json::json!({"content": []})),
        _ => Reply::problem(400, "x-merchant-id is required"),
    });
    let env = server.env();
    let report = env.run(["doctor"]).assert_code(5).assert_stdout("✗ lists");
    assert!(report.stdout.contains("kustom profiles set merchant_id ID"), "{}", report.stdout);
    let last = report.stderr.lines().last().unwrap();
    assert!(last.contains(" ok") && last.contains("1 failure"), "{last}");
}
