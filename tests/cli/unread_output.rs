//! Output that nobody reads never keeps a command from ending: within a second of the end of its time limit, or of SIGTERM.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::common::commands::{COMMANDS, CommandLine, arguments, in_parallel, response};
use crate::common::prelude::*;

const TIMEOUT: Duration = Duration::from_millis(400);

/// The start of a process counts too, and the machine runs other tests at the same time. So a command that takes longer gets
/// two more tries: what is late because the machine was busy is not late three times.
const LIMIT: Duration = Duration::from_secs(1);
const TRIES: usize = 3;

/// Such a command is stuck.
const GIVE_UP: Duration = Duration::from_secs(10);

/// The emulator has no time limit: it runs until a signal.
const WITHOUT_TIMEOUT: [&str; 1] = ["dev emulator"];

#[derive(Debug, Clone, Copy)]
enum End {
    Timeout,
    Terminate,
}

/// Starts a command whose stream is full, and ends it. Returns how long it took to exit.
fn time_to_exit(url: &str, (name, args): CommandLine, stream: StandardStream, end: End) -> Duration {
    let env = TestEnv::new().at(url, kustom::emulator::API_KEY);
    let args = args.replace("192.0.2.1:1", "127.0.0.1:0");
    let (key, secret) = ("kco_test_api_9876543210", "whsec_Zm9yIGNhbGxiYWNrcyBhbG9uZQ==");
    let mut words = arguments(&env, url, (name, ""), key, secret);
    words.extend(arguments(&env, url, ("-vv", Box::leak(args.into_boxed_str())), key, secret));
    // The time limits of the table are shorter than the others.
    if let Some(at) = words.iter().position(|word| word == "--timeout") {
        words.drain(at..=at + 1);
    }
    if matches!(end, End::Timeout) {
        words.extend(["--timeout".to_owned(), format!("{} ms", TIMEOUT.as_millis())]);
    }
    let mut running = env.command(&words).full(stream).spawn();
    let start = match end {
        End::Timeout => Instant::now() + TIMEOUT,
        End::Terminate => {
            if until_waiting(&mut running) {
                running.signal("TERM");
            }
            Instant::now()
        }
    };
    let has_ended = running.exits_within(TIMEOUT + GIVE_UP);
    let elapsed = start.elapsed();
    let outcome = if has_ended { running.wait() } else { running.kill() };
    assert_ne!(outcome.code, Some(1), "{outcome:?}");
    elapsed
}

/// Waits until the process waits for something itself: for the reader of its output, or for requests. Returns false if it has
/// ended instead.
fn until_waiting(running: &mut RunningCommand) -> bool {
    const INTERVAL: Duration = Duration::from_millis(20);
    let mut waiting = 0;
    while waiting < 5 {
        if running.exits_within(INTERVAL) {
            return false;
        }
        let state = std::fs::read_to_string(format!("/proc/{}/stat", running.id()));
        // Other systems than Linux do not show it.
        let is_waiting =
            state.is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" S")));
        waiting = if is_waiting || !cfg!(target_os = "linux") { waiting + 1 } else { 0 };
    }
    true
}

#[test]
fn every_command_ends_within_a_second_although_nobody_reads_its_output() {
    // Once a code was used, `enrollments pair` looks for its device without regard to the time limit.
    let is_enrollment = |asked: &Asked| asked.line().contains("/enrollments");
    let server = Server::new(move |asked| {
        let body = response(asked, |resource| {
            if is_enrollment(asked) {
                resource["status"] = "PENDING".into();
            }
        });
        Reply::json(200, &body)
    });
    let url = server.url();
    let streams = [StandardStream::Stdout, StandardStream::Stderr];
    let ends = [End::Timeout, End::Terminate];
    let runs = COMMANDS
        .into_iter()
        .flat_map(|command| streams.map(|stream| (command, stream)))
        .flat_map(|(command, stream)| ends.map(|end| (command, stream, end)))
        .filter(|((name, _), _, end)| !(matches!(end, End::Timeout) && WITHOUT_TIMEOUT.contains(name)));
    let late = Mutex::new(Vec::new());
    in_parallel(8, runs, |(command, stream, end)| {
        let times: Vec<_> = (0..TRIES)
            .map_while(|_| {
                let elapsed = time_to_exit(&url, command, stream, end);
                (elapsed > LIMIT).then_some(elapsed)
            })
            .collect();
        if times.len() == TRIES {
            late.lock().unwrap().push(format!("{}: {stream:?}, {end:?}: {times:?}", command.0));
        }
    });
    assert_eq!(late.into_inner().unwrap(), Vec::<String>::new());
}
