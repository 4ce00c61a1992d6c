//! The helper of `tests/bench/run`: a server to measure against, the data to measure with, and a watch over a
//! process's time and memory. It is built by that script alone, and no part of the tests or of the program.

#![allow(clippy::print_stdout, reason = "its output is read by the script")]

mod fixtures;
mod measure;
mod server;
mod waiting;

use std::process::ExitCode;

/// Whatever goes wrong ends it, with these words.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["serve", folder] => server::serve(folder.as_ref()),
        ["journal", file, lines] => number(lines).and_then(|lines| fixtures::journal(file.as_ref(), lines)),
        ["state", file, each] => number(each).and_then(|each| fixtures::state(file.as_ref(), each)),
        ["measure", "--", program, args @ ..] => measure::measure(program, args),
        ["watch", sessions, "--", program, args @ ..] => {
            number(sessions).and_then(|sessions| waiting::watch(sessions, program, args))
        }
        _ => Err("serve FOLDER | journal FILE LINES | state FILE EACH | measure -- COMMAND | watch SESSIONS -- COMMAND".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn number(text: &str) -> Result<usize, Failure> {
    text.parse().map_err(|_| format!("'{text}' is not a number").into())
}
