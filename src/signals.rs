//! Turns Ctrl-C and the signals that end a program into cancellation tokens.

use std::io;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

/// Whether a signal was received that is to end the program.
static IS_INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Returns true once a signal was received. A wait that blocks the thread (for a lock, or for the reader of the output)
/// must check it, because tokens are cancelled only while the thread is free.
pub(crate) fn is_interrupted() -> bool {
    IS_INTERRUPTED.load(Ordering::Relaxed)
}

/// Cancels `cancel` at the first signal and `abort` at the second. It must be called on a tokio runtime; from then on,
/// these signals no longer end the process.
pub(crate) fn cancel_on_signal(cancel: CancellationToken, abort: CancellationToken) -> io::Result<()> {
    let mut signals = Signals::listen();
    watch_on_thread()?;
    tokio::spawn(async move {
        for token in [cancel, abort] {
            signals.recv().await;
            token.cancel();
        }
    });
    Ok(())
}

/// Sets [`IS_INTERRUPTED`] from a thread of its own.
fn watch_on_thread() -> io::Result<()> {
    static STARTED: Once = Once::new();
    let mut result = Ok(());
    STARTED.call_once(|| result = start_thread());
    result
}

fn start_thread() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let watch = move || {
        runtime.block_on(async { Signals::listen().recv().await });
        IS_INTERRUPTED.store(true, Ordering::Relaxed);
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(watch).map(drop)
}

#[cfg(unix)]
struct Signals(Vec<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl Signals {
    fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let always = [SignalKind::interrupt(), SignalKind::terminate()];
        // A shell or `nohup` that ignores the end of its terminal wants the program to continue.
        let unless_ignored = [SignalKind::hangup(), SignalKind::quit()];
        let kinds = always.into_iter().chain(unless_ignored.into_iter().filter(|kind| !is_ignored(*kind)));
        // A signal without a handler keeps its default action, which ends the process.
        Self(kinds.filter_map(|kind| signal(kind).ok()).collect())
    }

    async fn recv(&mut self) {
        let poll = |context: &mut std::task::Context<'_>| {
            let received = self.0.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
            if received { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        };
        std::future::poll_fn(poll).await;
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> Self {
        Self
    }

    async fn recv(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Returns true if the process was started with this signal ignored. Only Linux shows it; elsewhere it is false.
#[cfg(unix)]
fn is_ignored(kind: tokio::signal::unix::SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    let bit = u32::try_from(kind.as_raw_value() - 1).ok().and_then(|bit| 1_u64.checked_shl(bit));
    bit.is_some_and(|bit| mask & bit != 0)
}
