//! Ending scenarios before their time.

use tokio::sync::watch;

/// Ends what listens to its [`Stop`].
pub(crate) struct Stopper(watch::Sender<bool>);

/// Tells whether somebody wants this to end.
#[derive(Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// A pair of which one ends what has clones of the other.
    pub(crate) fn pair() -> (Stopper, Self) {
        let (sender, receiver) = watch::channel(false);
        (Stopper(sender), Self(receiver))
    }

    /// Whether somebody wants this to end.
    pub(crate) fn is_wanted(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until somebody wants this to end; for ever, if nobody can any more.
    pub(crate) async fn wanted(&self) {
        if self.0.clone().wait_for(|wanted| *wanted).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Stopper {
    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }
}
