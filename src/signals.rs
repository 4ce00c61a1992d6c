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
/// output) must check it, because a token only wakes what is asynchronous.
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

/// Cancels `cancel` at the first signal and `abort` at the second, from a thread of its own: the runtime's thread may be
/// blocked. From then on, signals no longer end the process. Later calls do nothing.
pub(crate) fn start_listener(
    cancel: &CancellationToken,
    abort: &CancellationToken,
    interrupts: &Arc<Interrupts>,
) -> io::Result<()> {
    static STARTED: Once = Once::new();
    let mut result = Ok(());
    STARTED.call_once(|| result = start_thread([cancel.clone(), abort.clone()], Arc::clone(interrupts)));
    result
}

fn start_thread(tokens: [CancellationToken; 2], interrupts: Arc<Interrupts>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    // The handlers must be there before this returns.
    let mut signals = {
        let _guard = runtime.enter();
        Signals::listen()
    };
    let listen = move || {
        runtime.block_on(async {
            for token in tokens {
                loop {
                    let signal = signals.recv().await;
                    if signal != Received::Interrupt || !interrupts.is_held.load(Ordering::Relaxed) {
                        IS_TERMINATED.fetch_or(signal == Received::Terminate, Ordering::Relaxed);
                        IS_INTERRUPTED.store(true, Ordering::Relaxed);
                        break;
                    }
                    interrupts.held.notify_one();
                }
                token.cancel();
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
        let ignored = ignored_signals();
        let others = unless_ignored.into_iter().filter(|(_, kind)| !is_in(ignored, *kind));
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

/// The signals that the process was started to ignore, a bit for each. Only Linux shows them; elsewhere there are none.
#[cfg(unix)]
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

#[cfg(unix)]
fn is_in(mask: u64, kind: tokio::signal::unix::SignalKind) -> bool {
    let bit = u32::try_from(kind.as_raw_value() - 1).ok().and_then(|bit| 1_u64.checked_shl(bit));
    bit.is_some_and(|bit| mask & bit != 0)
}
