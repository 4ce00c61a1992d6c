//! Turns Ctrl-C and the signals that end a program into cancellation tokens.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Whether a signal was received that is to end the program, and whether that was SIGTERM.
static IS_INTERRUPTED: AtomicBool = AtomicBool::new(false);
static IS_TERMINATED: AtomicBool = AtomicBool::new(false);

/// Returns true once a signal was received. A wait that blocks the thread (for a lock, another program, or the reader of the
/// output) must check it, because tokens are canceled only while the thread is free.
pub(crate) fn is_interrupted() -> bool {
    IS_INTERRUPTED.load(Ordering::Relaxed)
}

/// Returns true once SIGTERM was received.
pub(crate) fn is_terminated() -> bool {
    IS_TERMINATED.load(Ordering::Relaxed)
}

/// Whether Ctrl-C ends the command, or is held back while the user is asked what to do.
#[derive(Debug, Default)]
pub(crate) struct Interrupts {
    is_held: AtomicBool,
    held: Notify,
}

impl Interrupts {
    /// Until the guard is dropped, Ctrl-C only ends [`Self::wait_for_held`], so that the user can be asked what to do.
    pub(crate) fn hold(&self) -> InterruptHold<'_> {
        self.is_held.store(true, Ordering::Relaxed);
        InterruptHold(self)
    }

    /// Keeps that a signal was received. Returns false for a Ctrl-C that is held. Both receivers of a signal call this,
    /// because either may be the first.
    fn record(&self, signal: Received) -> bool {
        if signal == Received::Interrupt && self.is_held.load(Ordering::Relaxed) {
            return false;
        }
        if signal == Received::Terminate {
            IS_TERMINATED.store(true, Ordering::Relaxed);
        }
        IS_INTERRUPTED.store(true, Ordering::Relaxed);
        true
    }

    /// Waits for a Ctrl-C that is held.
    pub(crate) async fn wait_for_held(&self) {
        self.held.notified().await;
    }
}

pub(crate) struct InterruptHold<'a>(&'a Interrupts);

impl Drop for InterruptHold<'_> {
    fn drop(&mut self) {
        self.0.is_held.store(false, Ordering::Relaxed);
    }
}

/// Cancels `cancel` at the first signal and `abort` at the second. It must be called on a tokio runtime; from then on,
/// these signals no longer end the process.
pub(crate) fn cancel_on_signal(
    cancel: CancellationToken,
    abort: CancellationToken,
    interrupts: Arc<Interrupts>,
) -> io::Result<()> {
    let mut signals = Signals::listen();
    start_listener(&interrupts)?;
    if is_interrupted() {
        cancel.cancel();
    }
    tokio::spawn(async move {
        for token in [cancel, abort] {
            loop {
                let signal = signals.recv().await;
                if interrupts.record(signal) {
                    break;
                }
                interrupts.held.notify_one();
            }
            token.cancel();
        }
    });
    Ok(())
}

/// Makes [`is_interrupted`] true at the first signal, from a thread of its own. From then on, signals no longer end the
/// process.
pub(crate) fn start_listener(interrupts: &Arc<Interrupts>) -> io::Result<()> {
    static STARTED: Once = Once::new();
    let mut result = Ok(());
    STARTED.call_once(|| result = start_thread(Arc::clone(interrupts)));
    result
}

fn start_thread(interrupts: Arc<Interrupts>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    // The handlers must be there before this returns.
    let mut signals = {
        let _guard = runtime.enter();
        Signals::listen()
    };
    let listen = move || {
        runtime.block_on(async {
            loop {
                interrupts.record(signals.recv().await);
            }
        });
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(listen).map(drop)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Received {
    Interrupt,
    Terminate,
    Other,
}

#[cfg(unix)]
struct Signals(Vec<(Received, tokio::signal::unix::Signal)>);

#[cfg(unix)]
impl Signals {
    fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let always =
            [(Received::Interrupt, SignalKind::interrupt()), (Received::Terminate, SignalKind::terminate())];
        // A shell or `nohup` that ignores the end of its terminal wants the program to continue.
        let unless_ignored = [(Received::Other, SignalKind::hangup()), (Received::Other, SignalKind::quit())];
        let others = unless_ignored.into_iter().filter(|(_, kind)| !is_ignored(*kind));
        // A signal without a handler keeps its default action, which ends the process.
        let signals = always.into_iter().chain(others);
        Self(signals.filter_map(|(received, kind)| Some((received, signal(kind).ok()?))).collect())
    }

    async fn recv(&mut self) -> Received {
        std::future::poll_fn(|context| {
            let mut ready = self
                .0
                .iter_mut()
                .filter_map(|(received, signal)| signal.poll_recv(context).is_ready().then_some(*received));
            ready.next().map_or(std::task::Poll::Pending, std::task::Poll::Ready)
        })
        .await
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> Self {
        Self
    }

    async fn recv(&mut self) -> Received {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Received::Interrupt
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
