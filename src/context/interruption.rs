//! The ways in which somebody ends a command before its time.

/// Listens for whoever wants this to end: Ctrl-C, or a signal to terminate. From the moment it is made nothing is
/// missed, and the process is not ended by these signals any more; so it is only for who handles them, and never
/// where a question is asked.
pub struct Interruption {
    #[cfg(unix)]
    signals: Option<(tokio::signal::unix::Signal, tokio::signal::unix::Signal)>,
}

impl Interruption {
    /// Begins to listen. It must be called on a tokio runtime.
    #[must_use]
    pub fn listen() -> Self {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let both = signal(SignalKind::interrupt()).and_then(|interrupt| {
                signal(SignalKind::terminate()).map(|terminate| (interrupt, terminate))
            });
            Self { signals: both.ok() }
        }
        #[cfg(not(unix))]
        Self {}
    }

    /// Waits until somebody wants this to end.
    pub async fn come(&mut self) {
        #[cfg(unix)]
        if let Some((interrupt, terminate)) = &mut self.signals {
            tokio::select! {
                Some(()) = interrupt.recv() => return,
                Some(()) = terminate.recv() => return,
                else => {}
            }
        }
        ctrl_c().await;
    }

    /// Whether somebody wanted this to end since it was asked last.
    pub async fn has_come(&mut self) -> bool {
        tokio::select! {
            biased;
            () = self.come() => true,
            () = std::future::ready(()) => false,
        }
    }
}

/// Waits for Ctrl-C. Where it cannot be noticed, it ends the process in the system's way.
pub(super) async fn ctrl_c() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Waits until the terminal is closed. Only for who must do something then: a program that nobody hangs up on, as
/// under `nohup`, would be ended by listening.
pub async fn hang_up() {
    #[cfg(unix)]
    if let Ok(mut signal) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()) {
        signal.recv().await;
        return;
    }
    std::future::pending::<()>().await;
}
