//! Requests for candidates, as the scripts make them.

use std::ffi::OsStr;
use std::fs;

use crate::common::prelude::*;

/// Returns the candidates for the last word. Flags, which are candidates where there are no others, count only if one is
/// begun.
#[track_caller]
pub(crate) fn ask(env: &TestEnv, words: &[&str]) -> String {
    ask_with(env, words, &[])
}

#[track_caller]
pub(crate) fn ask_with(env: &TestEnv, words: &[&str], vars: &[(&str, &OsStr)]) -> String {
    let run = env.command([&["--", "kustom"], words].concat()).env("KUSTOM_COMPLETE", "fish");
    let candidates = vars.iter().fold(run, |run, (name, value)| run.env(name, value)).run().stdout_only();
    if words.last().is_some_and(|word| word.starts_with('-')) {
        return candidates;
    }
    candidates.split_inclusive('\n').filter(|line| !line.starts_with('-')).collect()
}

#[track_caller]
pub(crate) fn values(env: &TestEnv, words: &[&str]) -> Vec<String> {
    ask(env, words).lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect()
}

#[track_caller]
pub(crate) fn ask_until_known(env: &TestEnv, words: &[&str]) -> String {
    let mut answer = String::new();
    until(&format!("candidates for {words:?}"), || {
        answer = ask(env, words);
        !answer.is_empty()
    });
    answer
}

pub(crate) fn caches(env: &TestEnv) -> Vec<(std::path::PathBuf, String)> {
    let folder = env.state_folder().join("completions");
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let files = files.filter(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.filter_map(|file| fs::read_to_string(&file).ok().map(|text| (file, text))).collect()
}
