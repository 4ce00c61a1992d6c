//! The standard streams, whose readers may stop reading: a write never keeps a signal or a time limit from ending kustom.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::signals::is_interrupted;

/// How long a write may still take after an interruption, and after the end of a time limit.
const GRACE: Duration = Duration::from_millis(300);

/// How long a server waits for the reader of its log before it drops a line.
const LOG_TIMEOUT: Duration = Duration::from_millis(250);

/// Text that is longer is written without a copy in the buffer.
const BUFFER_SIZE: usize = 64 * 1024;

/// When a write that nobody reads gives up.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Limits {
    /// How long the reader may read nothing.
    pub stall: Option<Duration>,
    /// The end of the time limit of a command that waits.
    pub deadline: Option<Instant>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("interrupted")]
    Interrupted,
    #[error("nobody read it in time")]
    Unread,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

/// Whether a write to the stream was given up. From then on, it is written to only while it has room.
static ABANDONED: [AtomicBool; 2] = [AtomicBool::new(false), AtomicBool::new(false)];

impl Limits {
    /// Why a write that has waited since `start` gives up.
    pub(super) fn check(&self, start: Instant) -> Option<WriteError> {
        let waited = start.elapsed();
        if is_interrupted() && waited >= GRACE {
            return Some(WriteError::Interrupted);
        }
        let is_over = self.deadline.is_some_and(|deadline| Instant::now() >= deadline + GRACE);
        let is_stalled = self.stall.is_some_and(|stall| waited >= stall);
        ((is_over && waited >= GRACE) || is_stalled).then_some(WriteError::Unread)
    }
}

impl Stream {
    fn abandoned(self) -> &'static AtomicBool {
        match self {
            Self::Stdout => &ABANDONED[0],
            Self::Stderr => &ABANDONED[1],
        }
    }

    pub(super) fn is_abandoned(self) -> bool {
        self.abandoned().load(Ordering::Relaxed)
    }

    /// Writes all bytes.
    pub(super) fn write_all(self, bytes: &[u8], limits: &Limits) -> Result<(), WriteError> {
        let mut rest = bytes;
        let mut start = None;
        while !rest.is_empty() {
            if self.has_room(Duration::ZERO) {
                let written = self.write_some(rest)?;
                rest = &rest[written..];
                start = None;
                self.abandoned().store(false, Ordering::Relaxed);
                continue;
            }
            if self.is_abandoned() {
                return Err(WriteError::Unread);
            }
            let start = *start.get_or_insert_with(Instant::now);
            if let Some(error) = limits.check(start) {
                self.abandoned().store(true, Ordering::Relaxed);
                return Err(error);
            }
            self.has_room(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Writes as much as the stream has room for, and returns how much that was.
    pub(super) fn write_available(self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = 0;
        while written < bytes.len() && self.has_room(Duration::ZERO) {
            written += self.write_some(&bytes[written..])?;
        }
        Ok(written)
    }
}

/// Writes a line to stderr unless nobody reads it, for servers: a log must not keep them from responding.
pub(super) fn write_log(line: &str) {
    let limits = Limits { stall: Some(LOG_TIMEOUT), deadline: None };
    // There is no place to report it.
    let _ = Stream::Stderr.write_all(line.as_bytes(), &limits);
}

#[cfg(unix)]
impl Stream {
    /// Whether a write would not wait, which includes one that fails. Waits for that up to `timeout`.
    fn has_room(self, timeout: Duration) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(timeout.subsec_nanos()) };
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let mut streams = [match self {
            Self::Stdout => PollFd::new(&stdout, PollFlags::OUT),
            Self::Stderr => PollFd::new(&stderr, PollFlags::OUT),
        }];
        // An interrupted or failed poll is one without room.
        poll(&mut streams, Some(&timeout)).is_ok_and(|count| count > 0)
    }

    /// Writes at most what a stream with room takes without waiting.
    fn write_some(self, bytes: &[u8]) -> io::Result<usize> {
        /// `PIPE_BUF`: a pipe that is ready has room for as much.
        const PIPE_SIZE: usize = if cfg!(target_os = "linux") { 4096 } else { 512 };
        /// A terminal is ready with less room.
        const TERMINAL_SIZE: usize = 256;
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let max_size = |is_terminal| if is_terminal { TERMINAL_SIZE } else { PIPE_SIZE };
        loop {
            let written = match self {
                Self::Stdout => {
                    let size = max_size(io::IsTerminal::is_terminal(&stdout));
                    rustix::io::write(&stdout, &bytes[..bytes.len().min(size)])
                }
                Self::Stderr => {
                    let size = max_size(io::IsTerminal::is_terminal(&stderr));
                    rustix::io::write(&stderr, &bytes[..bytes.len().min(size)])
                }
            };
            match written {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => return Ok(written),
                Err(rustix::io::Errno::INTR) => {}
                // Somebody made the stream non-blocking.
                Err(rustix::io::Errno::AGAIN) => std::thread::sleep(Duration::from_millis(1)),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(not(unix))]
impl Stream {
    /// Not available on other systems.
    fn has_room(self, _timeout: Duration) -> bool {
        true
    }

    fn write_some(self, bytes: &[u8]) -> io::Result<usize> {
        use io::Write as _;
        match self {
            Self::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(bytes)?;
                stdout.flush()?;
            }
            Self::Stderr => io::stderr().lock().write_all(bytes)?,
        }
        Ok(bytes.len())
    }
}

/// Waits until standard input has data or ended.
#[cfg(unix)]
pub(super) fn wait_for_input(limits: &Limits) -> Result<(), WriteError> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let start = Instant::now();
    let interval = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
    let stdin = io::stdin();
    while !poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&interval)).is_ok_and(|count| count > 0) {
        if is_interrupted() {
            return Err(WriteError::Interrupted);
        }
        if let Some(error) = limits.check(start) {
            return Err(error);
        }
    }
    Ok(())
}

/// Not available on other systems.
#[cfg(not(unix))]
pub(super) fn wait_for_input(_limits: &Limits) -> Result<(), WriteError> {
    Ok(())
}

/// Output for stdout that is not written yet.
#[derive(Debug, Default)]
pub(super) struct Buffer(Vec<u8>);

impl Buffer {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds text, and writes when there is much of it.
    pub(super) fn push(&mut self, bytes: &[u8], limits: &Limits) -> Result<(), WriteError> {
        if self.0.len() + bytes.len() < BUFFER_SIZE {
            self.0.extend_from_slice(bytes);
            return Ok(());
        }
        self.flush(limits)?;
        Stream::Stdout.write_all(bytes, limits)
    }

    /// Adds text without writing.
    pub(super) fn push_later(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Writes everything. What cannot be written is dropped, so that it is not tried again at the exit.
    pub(super) fn flush(&mut self, limits: &Limits) -> Result<(), WriteError> {
        Stream::Stdout.write_all(&std::mem::take(&mut self.0), limits)
    }

    /// Writes what the stream has room for.
    pub(super) fn flush_available(&mut self) -> io::Result<()> {
        let written = Stream::Stdout.write_available(&self.0)?;
        self.0.drain(..written);
        Ok(())
    }
}
