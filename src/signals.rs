//! Turns Ctrl-C and the signals that end a program into cancellation tokens.

use std::io;

use tokio_util::sync::CancellationToken;

/// Cancels `cancel` at the first signal and `abort` at the second. From then on, these signals no longer end the process.
/// A thread waits for them, because the main thread may wait for a lock or for the reader of its output.
pub(crate) fn cancel_on_signal(cancel: CancellationToken, abort: CancellationToken) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let mut signals = {
        let _context = runtime.enter();
        Signals::listen()
    };
    let wait = async move {
        for token in [cancel, abort] {
            signals.recv().await;
            token.cancel();
        }
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || runtime.block_on(wait)).map(drop)
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
