//! Clearing away what a scenario made on an account: it is there for other things too.

use super::request;
use super::run::{Made, Run};
use crate::scenario::act::Thing;

impl Run<'_> {
    /// Cancels what is open, removes devices and withdraws codes. Gives what could not be cleared away, in words.
    pub(super) async fn tidy(self) -> Vec<String> {
        let mut left = Vec::new();
        for thing in [Thing::Session, Thing::Device, Thing::Code] {
            for made in self.made.iter().flatten().filter(|made| made.thing == thing) {
                if let Some(what) = self.remove(made).await {
                    left.push(what);
                }
            }
        }
        left
    }

    async fn remove(&self, made: &Made) -> Option<String> {
        let (what, request) = match made.thing {
            Thing::Session => ("session", request::cancel(made.id)),
            Thing::Device => ("device", request::deregister(made.id)),
            Thing::Code => ("enrollment", request::withdraw(made.id)),
        };
        let error = self.player.client.send(&request).await.err()?;
        // A refusal says that it has ended, was used or is gone already: there is nothing left to clear away.
        let is_gone = matches!(error.status(), Some(400 | 404 | 409 | 410 | 422));
        (!is_gone).then(|| format!("{what} {}: {}", made.id, error.why.sentence()))
    }
}
