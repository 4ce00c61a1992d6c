//! The ways in which somebody ends a command before its time.

/// How somebody wants a command to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Ctrl-C: whoever typed it is there, and can be asked.
    CtrlC,
    /// A signal to terminate, or a terminal that was closed: there is nobody to ask.
    Terminate,
}

/// Listens for whoever wants this to end. From the moment it is made nothing is missed, and the process is not ended
/// by these signals any more; so it is only for who handles them.
pub(crate) struct SignalListener {
    #[cfg(unix)]
    signals: Vec<(Signal, tokio::signal::unix::Signal)>,
}

impl SignalListener {
    /// Begins to listen. It must be called on a tokio runtime.
    ///
    /// `at_terminal` is for who has a terminal to leave in order, or has something to do when it is closed. A program
    /// that nobody can hang up on, as under `nohup`, is not ended by it.
    pub(crate) fn listen(at_terminal: bool) -> Self {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let always =
                [(Signal::CtrlC, SignalKind::interrupt()), (Signal::Terminate, SignalKind::terminate())];
            let there = [(Signal::Terminate, SignalKind::hangup()), (Signal::Terminate, SignalKind::quit())];
            let there = there.into_iter().filter(|(_, kind)| at_terminal && !is_ignored(*kind));
            let kinds = always.into_iter().chain(there);
            // A signal that cannot be listened for ends the process in the system's way.
            let signals =
                kinds.filter_map(|(interrupt, kind)| Some((interrupt, signal(kind).ok()?))).collect();
            Self { signals }
        }
        #[cfg(not(unix))]
        {
            let _ = at_terminal;
            Self {}
        }
    }

    /// Waits until somebody wants this to end.
    #[cfg(unix)]
    pub(crate) async fn recv(&mut self) -> Signal {
        std::future::poll_fn(|context| {
            for (interrupt, signal) in &mut self.signals {
                if signal.poll_recv(context).is_ready() {
                    return std::task::Poll::Ready(*interrupt);
                }
            }
            std::task::Poll::Pending
        })
        .await
    }

    /// Waits until somebody wants this to end.
    #[cfg(not(unix))]
    pub async fn come(&mut self) -> Signal {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Signal::CtrlC
    }

    /// Whether somebody wanted this to end since it was asked last.
    pub(crate) async fn try_recv(&mut self) -> bool {
        tokio::select! {
            biased;
            _ = self.recv() => true,
            () = std::future::ready(()) => false,
        }
    }
}

/// Whether whoever started the program has it ignore this signal. Where that cannot be known it is not so.
#[cfg(unix)]
fn is_ignored(kind: tokio::signal::unix::SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    let place = u32::try_from(kind.as_raw_value()).ok().and_then(|number| number.checked_sub(1));
    place.and_then(|place| 1_u64.checked_shl(place)).is_some_and(|bit| ignored & bit != 0)
}
