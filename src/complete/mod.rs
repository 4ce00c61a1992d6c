//! Shell completions, by the engine of `clap_complete`.
//!
//! The scripts in `completions/` run the program with `KUSTOM_COMPLETE` set to the shell's name, and the words of the line
//! after `--`. This process prints candidates and nothing else: it reports no error, never prompts, sends no request, and
//! exits in time. Names from the account come from a cache that a detached process refreshes.

mod cache;
mod candidates;
mod refresh;
mod resources;
mod shell;

use std::env;
use std::ffi::OsString;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use clap::Command;
use clap_complete::CompleteEnv;
use clap_complete::env::Shells;

pub(crate) use candidates::{
    attempts, currencies, devices, enrollments, events, file_or_stdin, filter, http_methods, locations,
    orders, profiles, sessions, stored_profiles,
};
pub(crate) use shell::Shell;

use crate::output::NameKind;
use crate::settings::{Account, COMPLETE as VARIABLE, Settings};
use cache::Cache;
use resources::ResourceSummary;

/// The value of the variable in the process that refreshes the cache.
const REFRESH: &str = "refresh";

/// When the process exits, even if it waits for a file. A debug build is slow and shares its machine with tests.
const TIME_LIMIT: Duration = Duration::from_millis(if cfg!(debug_assertions) { 5_000 } else { 200 });

/// How long the process waits for the cache, from its start.
const CACHE_TIMEOUT: Duration = Duration::from_millis(180);

/// What the candidate functions need to know, which `clap_complete` calls without the line.
struct Request {
    profile: Option<String>,
    deadline: Instant,
}

static REQUEST: OnceLock<Request> = OnceLock::new();

/// The names in the cache of an account, if it is fresh.
pub(crate) fn cached_names(settings: &Settings, account: &Account) -> Vec<(NameKind, String, String)> {
    let resources = Cache::new(settings, account).read_fresh().unwrap_or_default();
    let named = |kind, summaries: Vec<ResourceSummary>| {
        summaries.into_iter().filter_map(move |summary| Some((kind, summary.id, summary.name?)))
    };
    let locations = named(NameKind::Location, resources.locations);
    locations.chain(named(NameKind::Device, resources.devices)).collect()
}

/// Prints candidates, if the script of a shell runs the program. Returns false for every other command line: the variable
/// alone, which may be left in an environment, must not keep a command from running.
pub(crate) fn run(args: &[OsString], build_command: fn() -> Command) -> bool {
    let Ok(shell) = env::var(VARIABLE) else { return false };
    let is_known = shell == REFRESH || Shells::builtins().completer(&shell).is_some();
    if !is_known || args.get(1).is_none_or(|mark| mark != "--") {
        return false;
    }
    std::panic::set_hook(Box::new(|_| exit_process(0)));
    // These pass the words as they are typed.
    let is_posix = matches!(shell.as_str(), "bash" | "zsh" | "fish");
    let unquote = if is_posix { unquote } else { trim_quote };
    let words: Vec<_> = args[2..].iter().map(|word| unquote(&word.to_string_lossy())).collect();
    if shell == REFRESH {
        refresh::run(words.into_iter().next());
    } else if !words.is_empty() {
        exit_after(TIME_LIMIT);
        print_candidates(words, build_command);
    }
    true
}

fn print_candidates(mut words: Vec<String>, build_command: fn() -> Command) {
    // Fish passes the variables that are set for the command, too.
    let assignments = words.iter().take_while(|word| is_assignment(word)).count();
    words.drain(..assignments);
    // Bash and zsh name the word to complete; for the other shells it is the last.
    let index = env::var("_CLAP_COMPLETE_INDEX").ok().and_then(|index| index.parse().ok());
    let index = index.unwrap_or(words.len().saturating_sub(1));
    let profile = take_profile(&mut words, index);
    let _ = REQUEST.set(Request { profile, deadline: Instant::now() + CACHE_TIMEOUT });

    // With many flags, it is better to offer them only once one is begun. Hidden candidates are still offered where there
    // are no others.
    let is_empty = words.get(index).is_none_or(String::is_empty);
    let build_command = || {
        let mut root = build_command();
        root.build();
        if is_empty { hide_flags(root) } else { root }
    };
    let args = ["kustom", "--"].into_iter().map(str::to_owned).chain(words);
    let current_dir = env::current_dir().ok();
    // An error means that there are no candidates, or nobody to read them.
    let _ = CompleteEnv::with_factory(build_command).var(VARIABLE).try_complete(args, current_dir.as_deref());
}

/// Removes the quotes and backslashes of a word as it is typed, whose quote may still be open.
fn unquote(word: &str) -> String {
    ["", "'", "\""]
        .into_iter()
        .filter_map(|end| shell_words::split(&format!("{word}{end}")).ok())
        .find_map(|words| <[String; 1]>::try_from(words).ok())
        .map_or_else(|| word.to_owned(), |[word]| word)
}

fn trim_quote(word: &str) -> String {
    word.trim_start_matches(['\'', '"']).to_owned()
}

/// Whether a word before the command sets a variable.
fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    })
}

/// Returns the value of `--profile` before the current word, and replaces it: `clap_complete` would read the name of a
/// profile as a command of that name.
fn take_profile(words: &mut [String], current: usize) -> Option<String> {
    let mut profile = None;
    for index in 1..current.min(words.len()) {
        if let Some(name) = words[index].strip_prefix("--profile=") {
            profile = Some(name.to_owned());
        } else if words[index - 1] == "--profile" {
            profile = Some(std::mem::replace(&mut words[index], "_".to_owned()));
        }
    }
    profile
}

fn hide_flags(command: Command) -> Command {
    command.mut_args(|arg| if arg.is_positional() { arg } else { arg.hide(true) }).mut_subcommands(hide_flags)
}

fn exit_after(time: Duration) {
    std::thread::spawn(move || {
        std::thread::sleep(time);
        exit_process(0);
    });
}

/// Exits from any thread, which alone ends a process that waits for a file, such as a pipe in place of the profiles.
#[allow(clippy::exit, reason = "nothing is left to do, and the parent reads the exit code")]
fn exit_process(code: i32) -> ! {
    std::process::exit(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unquoted_as_far_as_they_are_typed() {
        let cases = [
            ("Till", "Till"),
            ("", ""),
            (r"Till\ ", "Till "),
            ("'Till 1", "Till 1"),
            (r#""Till 1"#, "Till 1"),
            (r"'it'\''s", "it's"),
            ("--location='St x", "--location=St x"),
            ("\"\"", ""),
        ];
        for (typed, word) in cases {
            assert_eq!(unquote(typed), word, "{typed}");
        }
    }
}
