//! Output that nobody reads never keeps a command from ending: at the end of its time limit, or at SIGTERM.

#![cfg(unix)]

use std::sync::Mutex;
use std::time::Duration;

use crate::common::commands::{COMMANDS, arguments, in_parallel, response};
use crate::common::harness::{StandardStream, TestEnv};
use crate::common::server::{Reply, Server};

const TIMEOUT: Duration = Duration::from_millis(400);

/// One second, and some more for a machine that runs other tests at the same time.
const GRACE: Duration = Duration::from_secs(4);

#[test]
fn every_command_ends_although_nobody_reads_its_output() {
    let server = Server::new(|asked| Reply::json(200, &response(asked, |_| {})));
    let streams = [StandardStream::Stdout, StandardStream::Stderr];
    let runs = COMMANDS.into_iter().flat_map(|command| streams.map(|stream| (command, stream)));
    let stuck = Mutex::new(Vec::new());
    in_parallel(8, runs, |((name, args), stream)| {
        let env = TestEnv::new().at(&server.url(), kustom::emulator::API_KEY);
        let args = args.replace("192.0.2.1:1", "127.0.0.1:0");
        let mut words = arguments(
            &env,
            &server.url(),
            (name, ""),
            "kco_test_api_9876543210",
            "whsec_Zm9yIGNhbGxiYWNrcyBhbG9uZQ==",
        );
        words.extend(arguments(&env, &server.url(), ("-vv", Box::leak(args.into_boxed_str())), "", ""));
        if !words.iter().any(|word| word == "--timeout") {
            words.extend(["--timeout".to_owned(), format!("{} ms", TIMEOUT.as_millis())]);
        }
        let mut running = env.command(&words).full(stream).spawn();
        if !running.exits_within(TIMEOUT + GRACE) {
            running.signal("TERM");
            if !running.exits_within(GRACE) {
                stuck.lock().unwrap().push(format!("{} {stream:?}", words.join(" ")));
                let _ = running.kill();
                return;
            }
        }
        let outcome = running.wait();
        assert_ne!(outcome.code, Some(1), "{outcome:?}");
    });
    assert_eq!(stuck.into_inner().unwrap(), Vec::<String>::new());
}
