//! Clearing away what a scenario made on an account: it is there for other things too.

use uuid::Uuid;

use super::run::{CreatedResource, Run};
use crate::api;
use crate::model::SessionStatus;
use crate::scenario::action::ResourceKind;

impl Run<'_> {
    /// Cancels what is open, removes devices and withdraws codes. Gives what could not be cleared away, in words.
    pub(super) async fn cleanup(self) -> Vec<String> {
        let mut left = Vec::new();
        for thing in [ResourceKind::Session, ResourceKind::Device, ResourceKind::Code] {
            for made in self.made.iter().flatten().filter(|made| made.thing == thing) {
                if let Some(what) = self.remove(made).await {
                    left.push(what);
                }
            }
        }
        left
    }

    async fn remove(&self, made: &CreatedResource) -> Option<String> {
        let id = made.id.to_string();
        let (what, request) = match made.thing {
            ResourceKind::Session => ("session", api::cancel_session_request(made.id)),
            ResourceKind::Device => ("device", api::deregister_request(&id)),
            ResourceKind::Code => ("enrollment", api::withdraw_request(&id)),
        };
        let error = self.player.client.send(&request).await.err()?;
        let is_gone = match (error.status(), &made.thing) {
            // A code that cannot be withdrawn was used, and its device is removed by itself.
            (Some(404 | 410), _) | (Some(400 | 409 | 422), ResourceKind::Code) => true,
            (Some(400 | 409 | 422), ResourceKind::Session) => self.has_ended(made.id).await,
            _ => false,
        };
        (!is_gone).then(|| format!("{what} {}: {}", made.id, error.why.message()))
    }

    /// Whether a session that could not be cancelled has ended in another way.
    async fn has_ended(&self, id: Uuid) -> bool {
        let session = self.player.client.session(id).await;
        session.is_ok_and(|session| session.status.as_ref().is_some_and(SessionStatus::is_terminal))
    }
}
