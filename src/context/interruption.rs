//! The ways in which somebody ends a command before its time.

/// How somebody wants a command to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupt {
    /// Ctrl-C: whoever typed it is there, and can be asked.
    Key,
    /// A signal to terminate, or a terminal that was closed: there is nobody to ask.
    Signal,
}

/// Listens for whoever wants this to end. From the moment it is made nothing is missed, and the process is not ended
/// by these signals any more; so it is only for who handles them.
pub struct Interruption {
    #[cfg(unix)]
    signals: Vec<(Interrupt, tokio::signal::unix::Signal)>,
}

impl Interruption {
    /// Begins to listen. It must be called on a tokio runtime.
    ///
    /// `at_terminal` is for who has a terminal to leave in order, or has something to do when it is closed. Elsewhere a
    /// program that nobody hangs up on, as under `nohup`, would be ended by listening.
    #[must_use]
    pub fn listen(at_terminal: bool) -> Self {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let always =
                [(Interrupt::Key, SignalKind::interrupt()), (Interrupt::Signal, SignalKind::terminate())];
            let there = [(Interrupt::Signal, SignalKind::hangup()), (Interrupt::Signal, SignalKind::quit())];
            let kinds = always.into_iter().chain(there.into_iter().filter(|_| at_terminal));
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
    pub async fn come(&mut self) -> Interrupt {
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
    pub async fn come(&mut self) -> Interrupt {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Interrupt::Key
    }

    /// Whether somebody wanted this to end since it was asked last.
    pub async fn has_come(&mut self) -> bool {
        tokio::select! {
            biased;
            _ = self.come() => true,
            () = std::future::ready(()) => false,
        }
    }
}
