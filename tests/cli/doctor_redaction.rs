//! What `kustom doctor` says is safe to paste: it is what people are asked for when they report a bug.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::common::prelude::*;

const KEY: &str = "kco_test_api_Zx9QvT4mKe7LwPb2";
const UNMARKED: &str = "shared-Hq3Wn8";
const PASSWORD: &str = "hunter22-Gd5";
const FORMATS: [&str; 4] = ["table", "json", "ndjson", "csv"];

#[track_caller]
fn said(env: &TestEnv, code: i32) -> String {
    let folder = env.path().to_str().unwrap().to_owned();
    let encoded = STANDARD.encode(KEY);
    let mut all = String::new();
    for format in FORMATS {
        let outcome = env.command(["doctor", "-o", format]).env("COLUMNS", "4000").run().assert_code(code);
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        for secret in [&KEY["kco_test_api_".len()..], &encoded[..36], UNMARKED, PASSWORD, &folder] {
            assert!(!said.contains(secret), "{} shows {secret}:\n{said}", outcome.command);
        }
        all.push_str(&said);
    }
    all
}

fn gossip(status: u16) -> Server {
    Server::new(move |asked: &Asked| {
        let header = asked.header("authorization").unwrap_or_default().to_owned();
        let to = format!("https://anna:{PASSWORD}@elsewhere.example/{KEY}");
        let content = json!([{"id": KEY, "name": header, "location_id": UNMARKED}]);
        let body =
            json!({"title": KEY, "detail": format!("{header} {UNMARKED}"), "content": content, "last": true});
        Reply::json(status, &body).header("location", &to).header("date", &header)
    })
}

#[test]
fn a_profile_with_a_secret_in_every_field_is_safe_to_paste() {
    for (status, code) in [(200, 0), (401, 3), (302, 6), (400, 5)] {
        let server = gossip(status);
        for key in [KEY, UNMARKED] {
            let env = TestEnv::new().with_profiles(&format!(
                "active = \"x\"\n\"{KEY}\" = 1\n[profiles.x]\nenvironment = \"playground\"\nbase_url = \"{}/{KEY}\"\n\
                 api_key = \"{key}\"\nusername = \"{key}\"\nmerchant_id = \"{key}\"\nlocation = \"{KEY}\"\n\
                 [profiles.y]\nenvironment = \"playground\"\napi_key = \"{UNMARKED}\"\n{UNMARKED} = \"\"\n",
                server.url()
            ));
            let said = said(&env, if status == 200 && key == KEY { 4 } else { code });
            assert!(said.contains("[redacted]") && said.contains("~/config/profiles.toml"), "{said}");
        }
        assert!(!server.asked().is_empty());
    }
}

#[test]
fn variables_and_commands_are_safe_to_paste() {
    let profile = format!(
        "active = \"x\"\n[profiles.x]\nenvironment = \"playground\"\n\
         api_key_command = \"VAULT_TOKEN={PASSWORD} true; printf %s {KEY}\"\n"
    );
    let env = || TestEnv::new().with_profiles(&profile);
    let server = gossip(200);
    let shown = said(&env().env("KUSTOM_BASE_URL", server.url()), 0);
    assert!(shown.contains("the output of a command, from profile 'x'"), "{shown}");
    let password = format!("https://anna:{PASSWORD}@proxy.example");
    let with_url = profile.clone() + &format!("base_url = \"{password}\"\n");
    let _ = said(&TestEnv::new().with_profiles(&with_url), 2);
    let both = TestEnv::new().with_profiles(&with_url).env("KUSTOM_BASE_URL", "http://127.0.0.1:1");
    assert!(said(&both, 6).contains("shadows another from profile 'x'"));
    let _ = said(&env().env("KUSTOM_BASE_URL", &password).env("KUSTOM_API_KEY", KEY), 2);
    let _ = said(&env().env("KUSTOM_PROFILE", KEY), 2);
    let _ = said(&env().env("KUSTOM_PROFILE", UNMARKED).env("KUSTOM_API_KEY", UNMARKED), 2);
    let _ = said(&env().env("KUSTOM_API_KEY", format!("{KEY} {PASSWORD}")), 2);
    let proxy = format!("http://anna:{PASSWORD}@127.0.0.1:1");
    let behind = TestEnv::new().at("https://does-not-exist.invalid", UNMARKED).env("HTTPS_PROXY", proxy);
    let _ = said(&behind, 6);
}

#[test]
fn files_that_cannot_be_used_are_safe_to_paste() {
    for text in [
        format!("api_key = {KEY}"),
        format!("[profiles.\"{KEY} x\"]\nenvironment = \"{UNMARKED}\""),
        format!("[profiles.x]\nenvironment = \"{PASSWORD}\"\napi_key = \"{KEY}\""),
        format!(
            "[profiles.x]\nenvironment = \"local\"\napi_key = \"{KEY}\"\napi_key_command = \"{PASSWORD}\""
        ),
        format!("[profiles.x]\nenvironment = \"local\"\napi_key = \"{KEY} {PASSWORD}\""),
    ] {
        assert!(said(&TestEnv::new().with_profiles(&text), 2).contains("~/config/profiles.toml"));
    }
    let env = TestEnv::new().local();
    let file = env.file("Ångström's files/x", "");
    let said_of_it = said(&env.env("KUSTOM_STATE", file), 6);
    assert!(said_of_it.contains("~/Ångström's files/x cannot be written"), "{said_of_it}");
}

#[test]
fn the_command_that_makes_a_file_private_can_be_pasted_into_a_shell() {
    let env = TestEnv::new();
    let file = env.file("Application Support/kustom/profiles.toml", "");
    set_mode(&file, 0o644);
    let env = env.local().env("KUSTOM_CONFIG", &file);
    let rows = env.run(["doctor", "--offline", "-o", "json"]).json();
    let row = rows.as_array().unwrap().iter().find(|row| row["check"] == "file mode").unwrap();
    let (_, command) = row["next"].as_str().unwrap().split_once("; ").unwrap();
    assert_eq!(command, "chmod 600 ~/'Application Support/kustom/profiles.toml'");
    let status = std::process::Command::new("/bin/sh").args(["-c", command]).env("HOME", env.path()).status();
    assert!(status.unwrap().success());
    assert_eq!(mode(&file), 0o600);
}
