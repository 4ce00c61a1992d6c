//! Asking as the scripts do.

use std::ffi::OsStr;
use std::fs;
use std::time::Instant;

use crate::common::harness::{TIMEOUT, TestEnv};

/// Asks what could stand in place of the last word. Whatever comes of it, nothing else is said.
#[track_caller]
pub(crate) fn ask(env: &TestEnv, words: &[&str]) -> String {
    ask_with(env, words, &[])
}

/// The same with more variables.
#[track_caller]
pub(crate) fn ask_with(env: &TestEnv, words: &[&str], vars: &[(&str, &OsStr)]) -> String {
    let run = env.command([&["--", "kustom"], words].concat()).env("KUSTOM_COMPLETE", "fish");
    vars.iter().fold(run, |run, (name, value)| run.env(name, value)).run().stdout_only()
}

/// The values of an answer, without what describes them.
#[track_caller]
pub(crate) fn values(env: &TestEnv, words: &[&str]) -> Vec<String> {
    ask(env, words).lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect()
}

/// Asks again and again until there is an answer: what the account has is asked for in another process.
#[track_caller]
pub(crate) fn ask_until_known(env: &TestEnv, words: &[&str]) -> String {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let answer = ask(env, words);
        if !answer.is_empty() {
            return answer;
        }
        assert!(Instant::now() < deadline, "nothing became known for {words:?}");
    }
}

/// The caches there are, each with its content.
pub(crate) fn caches(env: &TestEnv) -> Vec<(std::path::PathBuf, String)> {
    let folder = env.state_folder().join("completions");
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let files = files.filter(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.filter_map(|file| fs::read_to_string(&file).ok().map(|text| (file, text))).collect()
}
