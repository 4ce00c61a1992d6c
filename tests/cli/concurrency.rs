//! Many processes at once, and processes that are killed: nothing is lost and nothing is left half done.

use std::collections::BTreeSet;
use std::fs;
use std::time::Instant;

use crate::common::prelude::*;

const MANY: usize = 50;

#[test]
fn fifty_logins_at_once_lose_none() {
    let env = TestEnv::new();
    let running: Vec<RunningCommand> = (0..MANY)
        .map(|number| {
            let name = format!("p{number}");
            let args = ["login", "--api-key-stdin", "--no-check", "--profile", &name];
            env.command(args).stdin(format!("kco_test_api_{number:04}\n")).spawn()
        })
        .collect();
    for process in running {
        let _ = process.wait().ok();
    }
    let stored = env.run(["profiles", "list", "-o", "json"]).json();
    let names: BTreeSet<_> =
        stored.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    let expected: Vec<_> = (0..MANY).map(|number| format!("p{number}")).chain(["local".into()]).collect();
    assert_eq!(names, expected.iter().map(String::as_str).collect());
    let text = fs::read_to_string(env.profiles_file()).unwrap();
    for number in 0..MANY {
        assert!(text.contains(&format!("api_key = \"kco_test_api_{number:04}\"")), "{text}");
    }
    assert_eq!(stored.as_array().unwrap().iter().filter(|row| row["active"] == true).count(), 1);
}

#[test]
fn fifty_devices_made_at_once_lose_none() {
    let env = TestEnv::new().local();
    let running: Vec<RunningCommand> = (0..MANY)
        .map(|number| env.command(["dev", "create-device", "--name", &format!("Till {number}")]).spawn())
        .collect();
    for process in running {
        let _ = process.wait().ok();
    }
    let devices = env.run(["devices", "list", "-o", "json"]).json();
    let names: BTreeSet<_> = devices.as_array().unwrap().iter().map(|row| row["name"].to_string()).collect();
    assert_eq!((devices.as_array().unwrap().len(), names.len()), (MANY, MANY));
}

fn kill_at_many_moments(command: impl Fn() -> RunningCommand, reset: impl Fn(), look: impl Fn() -> bool) {
    let (mut undone, mut done, mut ended) = (0, 0, 0);
    reset();
    let started = Instant::now();
    let _ = command().wait().ok();
    let step = started.elapsed() / 60;
    for moment in 0_u32..600 {
        reset();
        let process = command();
        std::thread::sleep(step * moment);
        ended = if process.kill().code == Some(0) { ended + 1 } else { 0 };
        if look() {
            done += 1;
        } else {
            undone += 1;
        }
        if ended == 3 {
            break;
        }
    }
    assert!(undone > 0 && done > 0, "killed before: {undone}, after: {done}");
}

#[test]
fn killing_a_profile_write_leaves_the_old_file_or_the_new_one() {
    let env = TestEnv::new();
    let profiles: Vec<_> = (0..100)
        .map(|number| {
            format!(
                "[profiles.p{number}]\nenvironment = \"playground\"\napi_key = \"kco_test_api_{number}\"\n"
            )
        })
        .collect();
    let old = profiles.join("\n");
    let env = env.with_profiles(&old);
    let login = || {
        env.command(["login", "--api-key-stdin", "--no-check", "--profile", "new"]).stdin("kco_test_api_new")
    };
    login().run().ok();
    let new = fs::read_to_string(env.profiles_file()).unwrap();
    assert!(new.len() > old.len());
    let read = || fs::read_to_string(env.profiles_file()).unwrap();
    kill_at_many_moments(
        || login().spawn(),
        || fs::write(env.profiles_file(), &old).unwrap(),
        || {
            let found = read();
            assert!(found == old || found == new, "neither the old file nor the new one:\n{found}");
            found == new
        },
    );
    login().run().ok();
    let left: BTreeSet<_> = fs::read_dir(env.profiles_file().parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(left, BTreeSet::from(["profiles.toml".to_owned(), "profiles.lock".to_owned()]));
}

#[test]
fn killing_a_command_on_local_leaves_the_old_state_or_the_new_one() {
    let env = TestEnv::new().local();
    env.run(["dev", "create-device", "--name", "Till 1"]).ok();
    let file = env.state_folder().join("local.json");
    let old = fs::read(&file).unwrap();
    kill_at_many_moments(
        || env.command(["dev", "create-device", "--name", "Till 2"]).spawn(),
        || fs::write(&file, &old).unwrap(),
        || {
            let devices = env.run(["devices", "list", "-o", "json"]).json();
            let names = column(&devices, "name");
            assert!(names == ["Till 1"] || names == ["Till 1", "Till 2"], "{names:?}");
            names.len() == 2
        },
    );
}
