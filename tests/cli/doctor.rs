//! `kustom doctor` checks what a payment needs of this machine.

use std::fs;
use std::path::Path;

use crate::common::ledger;
use crate::common::prelude::*;

pub(crate) const OFFLINE: [&str; 4] = ["doctor", "--offline", "-o", "json"];

/// The level and the text of a finding.
#[track_caller]
pub(crate) fn finding<'a>(rows: &'a Value, check: &str) -> (&'a str, &'a str) {
    let found = rows.as_array().unwrap().iter().find(|row| row["check"] == check);
    let found = found.unwrap_or_else(|| panic!("no {check} in {rows:#}"));
    (found["level"].as_str().unwrap(), found["finding"].as_str().unwrap_or_default())
}

/// Runs `doctor`, and compares the level of a finding and a part of its text.
#[track_caller]
pub(crate) fn assert_finding(command: TestCommand<'_>, code: i32, check: &str, level: &str, text: &str) {
    let rows = command.run().json_with(code);
    let found = finding(&rows, check);
    assert!(found.0 == level && found.1.contains(text), "{check}: {found:?}");
}

fn env_with_session() -> TestEnv {
    let env = TestEnv::new().local();
    env.run(["dev", "create-device", "--name", "Till 1"]).ok();
    env.run(["sessions", "create", "--device", "Till 1", "--amount", "1"]).ok();
    env
}

#[test]
fn a_ledger_that_can_be_used_is_ok() {
    let env = env_with_session();
    assert_finding(env.command(OFFLINE), 0, "state folder", "ok", "");
    assert_finding(env.command(OFFLINE), 0, "ledger", "ok", "1 attempt, 0 unknown, 0 damaged");
}

#[test]
fn a_disk_without_space_is_a_failure() {
    let full = "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"";
    let env = env_with_session();
    assert_finding(env.command(OFFLINE).through(full), 6, "state folder", "failure", "cannot be written");
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
    let folder = env.command(OFFLINE).through(&script);
    assert_finding(folder, 0, "state folder", "warning", "MiB of free space");
    let _ = env.command(OFFLINE).through(&script).run().assert_stdout("no session can be created");
}

#[test]
fn a_ledger_that_is_locked_is_a_failure() {
    let env = env_with_session();
    let lock = ledger::lock(&env.state_folder());
    let locked = env.run(["doctor", "--offline", "-o", "json", "--timeout", "300ms"]).assert_code(6);
    assert!(locked.stdout.contains("locked") || locked.stdout.contains("another process"), "{locked:?}");
    drop(lock);
    assert_finding(env.command(OFFLINE), 0, "ledger", "ok", "");
}

/// As another user, whom modes stop. Root may do everything.
fn as_nobody(env: &TestEnv) -> Option<&'static str> {
    if !rustix::process::geteuid().is_root() {
        return Some("exec \"$0\" \"$@\"");
    }
    let open = |path: &Path| set_mode(path, 0o777);
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
        set_mode(entry.path(), mode);
    }
    let text = "ledger.db cannot be opened for writing";
    assert_finding(env.command(OFFLINE).through(script), 6, "state folder", "failure", text);
}

#[test]
fn a_clock_that_went_back_is_a_warning() {
    let env = env_with_session();
    let attempt = ledger::attempts(&env.state_folder()).remove(0);
    ledger::change_attempt(&env.state_folder(), &attempt.id.to_string(), |attempt| {
        attempt.at += jiff::SignedDuration::from_hours(1);
    });
    assert_finding(env.command(OFFLINE), 0, "ledger", "warning", "this machine's clock says");
}

#[test]
fn proxy_and_certificate_variables_are_shown_with_their_effect() {
    let remote = |url: &str| TestEnv::new().at(url, KEY);
    let (api, emulator) = ("https://api.playground.kustom.co", "http://127.0.0.1:1");
    let proxied = || remote(api).env("HTTPS_PROXY", "http://proxy.example:3128");
    for (env, check, text) in [
        (proxied(), "proxy", "http://proxy.example:3128 (HTTPS_PROXY) is used for"),
        (proxied().env("NO_PROXY", "kustom.co"), "proxy", "HTTPS_PROXY, NO_PROXY does not apply to"),
        (remote(emulator).env("ALL_PROXY", "http://p"), "proxy", "ALL_PROXY has no effect on plain http"),
        (remote(emulator), "certificates", "SSL_CERT_FILE has no effect on plain http"),
        #[cfg(target_os = "linux")]
        (remote(api), "certificates", "those of SSL_CERT_FILE are trusted"),
    ] {
        let rows = env.run(OFFLINE).json();
        assert!(finding(&rows, check).1.contains(text), "{rows:#}");
    }
}

#[test]
fn a_profiles_file_that_others_can_write_is_not_read() {
    let text =
        "active = \"x\"\n[profiles.x]\nenvironment = \"playground\"\napi_key_command = \"touch ran\"\n";
    for mode in [0o620, 0o602, 0o666] {
        let env = TestEnv::new().with_profiles(text);
        set_mode(env.profiles_file(), mode);
        let said = env
            .run(["devices", "list"])
            .assert_failure_with(2, &format!("can be changed by other users (mode {mode:04o})"));
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
        env.run(["profiles", "set", "x", "currency", "SEK"]).ok();
        let owner = std::os::unix::fs::MetadataExt::uid(&fs::metadata(env.profiles_file()).unwrap());
        assert_eq!((owner, mode(env.profiles_file())), (65534, 0o600));
    }
}
