//! Runs a program for its output.

use std::io::{self, Read as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::fs::io_error_message;
use crate::output::{copy_to_stderr, is_stderr_terminal};
use crate::signals::is_interrupted;
use crate::text::format_duration;

const MAX_OUTPUT_BYTES: usize = 64 * 1024;

/// How often a running program is checked: often at first, and rarely when it takes long.
const POLL_INTERVALS: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(50)];

/// How long the rest of the output may take after the program exited, if another program keeps it open.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(200);

/// The same as long as there is no complete line. On a busy machine, the thread that reads the output may be late.
const FIRST_LINE_TIMEOUT: Duration = Duration::from_secs(5);

/// Completes a sentence that begins with the program.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChildError {
    #[error("could not be run: {}", io_error_message(.0))]
    Io(#[from] io::Error),
    #[error("exited with {0}")]
    Failed(ExitStatus),
    #[error("took longer than {}", format_duration(*.0))]
    TimedOut(Duration),
    #[error("printed more than {} KiB", MAX_OUTPUT_BYTES / 1024)]
    TooMuchOutput,
    #[error("was interrupted")]
    Interrupted,
}

/// Runs a program without standard input and returns what it printed. It is done when it exits, even if it leaves another
/// program behind that keeps its output open.
pub(crate) fn run(mut command: Command, timeout: Duration) -> Result<Vec<u8>, ChildError> {
    // Only on a terminal does the program get the same one: a program that reads kustom's messages from a pipe must not wait
    // for a program that is left behind.
    let stderr = if is_stderr_terminal() { Stdio::inherit() } else { Stdio::piped() };
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr).spawn()?;
    let messages = forward_messages(&mut child);
    let result = read_until_exit(&mut child, timeout);
    // This returns as soon as the thread has ended.
    let _ = messages.recv_timeout(DRAIN_TIMEOUT);
    if result.is_err() {
        // It may have exited already.
        let _ = child.kill();
        let _ = child.wait();
    }
    result
}

fn read_until_exit(child: &mut Child, timeout: Duration) -> Result<Vec<u8>, ChildError> {
    let chunks = read_in_thread(child);
    let (started, mut exited) = (Instant::now(), None::<Instant>);
    let mut output = Vec::new();
    loop {
        if exited.is_none() {
            match child.try_wait()? {
                Some(status) if status.success() => exited = Some(Instant::now()),
                Some(status) => return Err(ChildError::Failed(status)),
                None if is_interrupted() => return Err(ChildError::Interrupted),
                None if started.elapsed() > timeout => return Err(ChildError::TimedOut(timeout)),
                None => {}
            }
        }
        let wait = match exited {
            None => (started.elapsed() / 10).clamp(POLL_INTERVALS[0], POLL_INTERVALS[1]),
            // What it printed is in the pipe, which another program may keep open.
            Some(exited) if output.contains(&b'\n') => DRAIN_TIMEOUT.saturating_sub(exited.elapsed()),
            Some(exited) => FIRST_LINE_TIMEOUT.saturating_sub(exited.elapsed()),
        };
        match chunks.recv_timeout(wait) {
            Ok(chunk) => output.extend(chunk?),
            Err(_) if exited.is_some() => return Ok(output),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => thread::sleep(wait),
        }
        if output.len() > MAX_OUTPUT_BYTES {
            return Err(ChildError::TooMuchOutput);
        }
    }
}

/// Prints what the program writes to stderr. The sender is dropped with the last message.
fn forward_messages(child: &mut Child) -> Receiver<()> {
    let (sender, receiver) = channel();
    if let Some(messages) = child.stderr.take() {
        thread::spawn(move || {
            copy_to_stderr(messages);
            drop(sender);
        });
    }
    receiver
}

/// The thread ends with the output. If that stays open, it ends with kustom.
fn read_in_thread(child: &mut Child) -> Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver) = channel();
    if let Some(mut stdout) = child.stdout.take() {
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                let chunk = match stdout.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(length) => Ok(buffer[..length].to_vec()),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => Err(error),
                };
                let is_last = chunk.is_err();
                if sender.send(chunk).is_err() || is_last {
                    break;
                }
            }
        });
    }
    receiver
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn run_shell(script: &str, timeout: Duration) -> Result<String, String> {
        let mut shell = Command::new("sh");
        shell.args(["-c", script]);
        let output = run(shell, timeout).map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&output).into_owned())
    }

    #[test]
    fn a_program_is_bounded_and_done_when_it_exits() {
        let minute = Duration::from_mins(1);
        assert_eq!(run_shell("cat; echo key", minute), Ok("key\n".to_owned()));
        assert_eq!(run_shell("exec 1>&-; sleep 0.1", minute), Ok(String::new()));
        let started = Instant::now();
        assert_eq!(run_shell("sleep 50 & echo key", minute), Ok("key\n".to_owned()));
        let late = "(sleep 0.5; echo key; exec sleep 50) & exit 0";
        assert_eq!(run_shell(late, minute), Ok("key\n".to_owned()));
        assert_eq!(run_shell("yes", minute), Err("printed more than 64 KiB".to_owned()));
        let timeout = Duration::from_millis(300);
        assert_eq!(run_shell("exec sleep 50", timeout), Err("took longer than 300 ms".to_owned()));
        assert!(started.elapsed() < Duration::from_secs(30));
        assert!(run_shell("echo key; exit 3", minute).unwrap_err().contains('3'));
        let large = run_shell("head -c 60000 /dev/zero | tr '\\0' x", minute).unwrap();
        assert_eq!(large.len(), 60_000);
    }
}
