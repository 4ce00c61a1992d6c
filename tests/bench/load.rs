//! The helper of `tests/bench/run`: a server, test data, and the measurement of time and memory. Nothing else builds it.

#![allow(clippy::print_stdout, reason = "the script reads its output")]

mod fixtures;
mod measure;
mod server;
#[path = "../common/tls.rs"]
#[allow(clippy::expect_used, dead_code, unreachable_pub, reason = "shared with the tests")]
mod tls;
mod waiting;

type Error = Box<dyn std::error::Error>;

fn main() -> Result<(), Error> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["serve", dir] => server::serve(dir.as_ref()),
        ["journal", file, lines] => fixtures::write_journal(file.as_ref(), lines.parse()?),
        ["state", file, count] => fixtures::write_state(file.as_ref(), count.parse()?),
        ["measure", "--", program, args @ ..] => measure::measure(program, args),
        ["watch", sessions, "--", program, args @ ..] => waiting::watch(sessions.parse()?, program, args),
        _ => Err("serve DIR | journal FILE LINES | state FILE COUNT | measure -- COMMAND | watch SESSIONS -- COMMAND".into()),
    }
}
