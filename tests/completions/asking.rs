//! Asking as the scripts do.

use std::ffi::OsStr;
use std::fs;
use std::time::Instant;

use crate::common::harness::{Home, PATIENCE};

/// Asks what could stand in place of the last word. Whatever comes of it, nothing else is said.
#[track_caller]
pub(crate) fn ask(home: &Home, words: &[&str]) -> String {
    ask_with(home, words, &[])
}

/// The same with more variables.
#[track_caller]
pub(crate) fn ask_with(home: &Home, words: &[&str], env: &[(&str, &OsStr)]) -> String {
    let run = home.command([&["--", "kustom"], words].concat()).env("KUSTOM_COMPLETE", "fish");
    env.iter().fold(run, |run, (name, value)| run.env(name, value)).run().quiet()
}

/// The values of an answer, without what describes them.
#[track_caller]
pub(crate) fn values(home: &Home, words: &[&str]) -> Vec<String> {
    ask(home, words).lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect()
}

/// Asks again and again until there is an answer: what the account has is asked for in another process.
#[track_caller]
pub(crate) fn ask_until_known(home: &Home, words: &[&str]) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = ask(home, words);
        if !answer.is_empty() {
            return answer;
        }
        assert!(Instant::now() < deadline, "nothing became known for {words:?}");
    }
}

/// The caches there are, each with its content.
pub(crate) fn caches(home: &Home) -> Vec<(std::path::PathBuf, String)> {
    let folder = home.state_folder().join("completions");
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let files = files.filter(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.filter_map(|file| fs::read_to_string(&file).ok().map(|text| (file, text))).collect()
}
