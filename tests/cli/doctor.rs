//! `kustom doctor` checks what a payment needs of this machine.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;

use crate::common::harness::TestEnv;
use crate::common::ledger;

fn check(env: &TestEnv, script: Option<&str>, code: i32, name: &str) -> Value {
    let command = env.command(["doctor", "--offline", "-o", "json"]);
    let command = match script {
        Some(script) => command.through(script),
        None => command,
    };
    let results = command.run().json_with(code);
    let found = results.as_array().unwrap().iter().find(|result| result["check"] == name);
    found.cloned().unwrap_or_else(|| panic!("no {name} in {results:#}"))
}

fn text(result: &Value) -> (&str, &str) {
    (result["level"].as_str().unwrap(), result["finding"].as_str().unwrap())
}

fn env_with_session() -> TestEnv {
    let env = TestEnv::new().local();
    let _ = env.run(["dev", "create-device", "--name", "Till 1"]).ok();
    let _ = env.run(["sessions", "create", "--device", "Till 1", "--amount", "1"]).ok();
    env
}

#[test]
fn a_ledger_that_can_be_used_is_ok() {
    let env = env_with_session();
    assert_eq!(text(&check(&env, None, 0, "state folder")).0, "ok");
    let ledger = check(&env, None, 0, "ledger");
    assert!(
        text(&ledger).0 == "ok" && text(&ledger).1.contains("1 attempt, 0 unknown, 0 damaged"),
        "{ledger}"
    );
}

#[test]
fn a_disk_without_space_is_a_failure() {
    let env = env_with_session();
    let full = "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"";
    let folder = check(&env, Some(full), 6, "state folder");
    assert!(text(&folder).0 == "failure" && text(&folder).1.contains("cannot be written"), "{folder}");
}

/// On a small file system of its own, which needs root or user namespaces.
#[cfg(target_os = "linux")]
#[test]
fn little_free_space_is_a_warning() {
    let may_mount = std::process::Command::new("unshare")
        .args(["-rm", "mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", "/mnt"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !may_mount {
        return;
    }
    let env = env_with_session();
    let script = format!(
        "exec unshare -rm sh -c 'mount -t tmpfs -o size=8m,mode=700 tmpfs \"{}\" && exec \"$0\" \"$@\"' \"$0\" \"$@\"",
        env.state_folder().display()
    );
    let folder = check(&env, Some(&script), 0, "state folder");
    assert!(text(&folder).0 == "warning" && text(&folder).1.ends_with("MiB of free space"), "{folder}");
    assert!(folder["next"].to_string().contains("no session can be created"), "{folder}");
}

#[test]
fn a_ledger_that_is_locked_is_a_failure() {
    let env = env_with_session();
    let lock = ledger::lock(&env.state_folder());
    let locked = env.run(["doctor", "--offline", "-o", "json", "--timeout", "300ms"]).assert_code(6);
    assert!(locked.stdout.contains("locked") || locked.stdout.contains("another process"), "{locked:?}");
    drop(lock);
    assert_eq!(text(&check(&env, None, 0, "ledger")).0, "ok");
}

/// As another user, whom modes stop. Root may do everything.
fn as_nobody(env: &TestEnv) -> Option<&'static str> {
    if !rustix::process::geteuid().is_root() {
        return Some("exec \"$0\" \"$@\"");
    }
    let open = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    open(env.path());
    for entry in fs::read_dir(env.path()).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        open(&entry.path());
    }
    let script = "exec setpriv --reuid=65534 --regid=65534 --clear-groups \"$0\" \"$@\"";
    let works = env.command(["--version"]).through(script).run().code == Some(0);
    works.then_some(script)
}

#[test]
fn a_file_of_another_user_is_named() {
    let env = env_with_session();
    let Some(script) = as_nobody(&env) else { return };
    let file = env.state_folder().join("ledger.db");
    for entry in fs::read_dir(env.state_folder()).unwrap().flatten() {
        let mode = if entry.path() == file { 0o444 } else { 0o666 };
        fs::set_permissions(entry.path(), fs::Permissions::from_mode(mode)).unwrap();
    }
    let folder = check(&env, Some(script), 6, "state folder");
    assert!(text(&folder).1.contains("ledger.db cannot be opened for writing"), "{folder}");
}

#[test]
fn a_clock_that_went_back_is_a_warning() {
    let env = env_with_session();
    let attempt = ledger::attempts(&env.state_folder()).remove(0);
    ledger::change_attempt(&env.state_folder(), &attempt.id.to_string(), |attempt| {
        attempt.at += jiff::SignedDuration::from_hours(1);
    });
    let result = check(&env, None, 0, "ledger");
    assert!(
        text(&result).0 == "warning" && text(&result).1.contains("this machine's clock says"),
        "{result}"
    );
}

#[test]
fn proxy_and_certificate_variables_are_shown_with_their_effect() {
    let remote = |url: &str| TestEnv::new().at(url, "kco_test_api_0123456789");
    let api = "https://api.playground.kustom.co";
    for (env, name, expected) in [
        (
            remote(api).env("HTTPS_PROXY", "http://proxy.example:3128"),
            "proxy",
            "http://proxy.example:3128 (HTTPS_PROXY) is used for",
        ),
        (
            remote(api).env("HTTPS_PROXY", "http://proxy.example:3128").env("NO_PROXY", "kustom.co"),
            "proxy",
            "HTTPS_PROXY, NO_PROXY does not apply to",
        ),
        (
            remote("http://127.0.0.1:1").env("ALL_PROXY", "http://proxy.example"),
            "proxy",
            "ALL_PROXY has no effect on plain http",
        ),
        (remote("http://127.0.0.1:1"), "certificates", "SSL_CERT_FILE has no effect on plain http"),
    ] {
        let result = check(&env, None, 0, name);
        assert!(text(&result).1.contains(expected), "{result}");
    }
    if cfg!(target_os = "linux") {
        let result = check(&remote(api), None, 0, "certificates");
        assert!(text(&result).1.contains("those of SSL_CERT_FILE are trusted"), "{result}");
    }
}

#[test]
fn a_profiles_file_that_others_can_write_is_not_read() {
    let text =
        "active = \"x\"\n[profiles.x]\nenvironment = \"playground\"\napi_key_command = \"touch ran\"\n";
    for mode in [0o620, 0o602, 0o666] {
        let env = TestEnv::new().with_profiles(text);
        fs::set_permissions(env.profiles_file(), fs::Permissions::from_mode(mode)).unwrap();
        let said = env.run(["devices", "list"]).assert_failure(2);
        assert!(said.contains(&format!("can be changed by other users (mode {mode:04o})")), "{said}");
        assert!(said.contains("chmod 600") && !env.path().join("ran").exists(), "{said}");
    }
    if rustix::process::geteuid().is_root() {
        let env = TestEnv::new().with_profiles(text);
        std::os::unix::fs::chown(env.profiles_file(), Some(65534), None).unwrap();
        let said = env.run(["devices", "list"]).assert_failure(2);
        assert!(
            said.contains("belongs to another user (uid 65534)") && !env.path().join("ran").exists(),
            "{said}"
        );
        // The user who runs sudo keeps the file, its owner and its mode.
        let env = env.env("SUDO_UID", "65534");
        let _ = env.run(["profiles", "set", "x", "currency", "SEK"]).ok();
        let file = fs::metadata(env.profiles_file()).unwrap();
        assert_eq!(
            (std::os::unix::fs::MetadataExt::uid(&file), file.permissions().mode() & 0o777),
            (65534, 0o600)
        );
    }
}
