//! Lines on stderr about what a server does.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use super::Output;
use crate::secret::Redactor;
use crate::text::escape_control;

/// How many lines wait for whoever reads stderr. What comes then is left out: a server does not wait for its reader.
const QUEUE_CAPACITY: usize = 4096;

/// Writes lines to stderr from a thread of its own, so that a reader who has stopped reading holds up nothing else.
pub(crate) struct StderrLog {
    lines: LogSender,
    written: Receiver<()>,
}

/// Takes the lines of a [`Log`]. Clones write to the same one.
#[derive(Clone)]
pub(crate) struct LogSender {
    queue: SyncSender<String>,
    left_out: Arc<AtomicU64>,
}

impl Output {
    /// Begins a log.
    pub(crate) fn log(&self) -> io::Result<StderrLog> {
        let (queue, waiting) = sync_channel(QUEUE_CAPACITY);
        let (done, written) = sync_channel::<()>(0);
        let lines = LogSender { queue, left_out: Arc::default() };
        let left_out = Arc::clone(&lines.left_out);
        std::thread::Builder::new().name("log".to_owned()).spawn(move || {
            // Its end is what `finish` waits for.
            let _done = done;
            write_all(&waiting, &left_out);
        })?;
        Ok(StderrLog { lines, written })
    }
}

impl StderrLog {
    /// Where lines are handed in.
    pub(crate) fn lines(&self) -> LogSender {
        self.lines.clone()
    }

    /// Waits until everything is written, but not for a reader who does not read. Every [`Lines`] must be gone.
    pub(crate) fn finish(self, patience: Duration) {
        let Self { lines, written } = self;
        drop(lines);
        let (Ok(()) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected)) =
            written.recv_timeout(patience);
    }
}

impl LogSender {
    /// Writes a line, soon.
    pub(crate) fn write(&self, line: impl Into<String>) {
        if let Err(TrySendError::Full(_)) = self.queue.try_send(line.into()) {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn write_all(waiting: &Receiver<String>, left_out: &AtomicU64) {
    while let Ok(first) = waiting.recv() {
        let mut text = String::new();
        for line in std::iter::once(first).chain(waiting.try_iter().take(QUEUE_CAPACITY)) {
            text.push_str(&escape_control(&Redactor::default().redact(&line)));
            text.push('\n');
        }
        let missing = left_out.swap(0, Ordering::Relaxed);
        if missing > 0 {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "… {missing} more lines, which were not read in time");
        }
        // Where stderr is gone there is nobody left to tell.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}
