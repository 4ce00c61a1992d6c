//! Removes what a scenario created on an account.

use uuid::Uuid;

use super::{CreatedResource, Run};
use crate::api;
use crate::model::SessionStatus;
use crate::scenario::model::ResourceKind;

impl Run<'_> {
    /// Cancels sessions, deregisters devices and withdraws codes. Returns what could not be removed, with the reason.
    pub(super) async fn clean_up(&self) -> Vec<String> {
        let mut leftovers = Vec::new();
        // An open session would keep its device busy, so sessions go first.
        for kind in [ResourceKind::Session, ResourceKind::Device, ResourceKind::Code] {
            for resource in self.created.iter().flatten().filter(|resource| resource.kind == kind) {
                if let Err(reason) = self.remove(resource).await {
                    leftovers.push(reason);
                }
            }
        }
        leftovers
    }

    async fn remove(&self, resource: &CreatedResource) -> Result<(), String> {
        let id = resource.id.to_string();
        let (noun, request) = match resource.kind {
            ResourceKind::Session => ("session", api::cancel_session_request(resource.id)),
            ResourceKind::Device => ("device", api::deregister_request(&id)),
            ResourceKind::Code => ("enrollment", api::withdraw_request(&id)),
        };
        let Err(error) = self.client.send(&request).await else { return Ok(()) };
        let is_gone = match (error.status(), resource.kind) {
            // A code that cannot be withdrawn was used; its device is a resource of its own.
            (Some(404 | 410), _) | (Some(400 | 409 | 422), ResourceKind::Code) => true,
            (Some(400 | 409 | 422), ResourceKind::Session) => self.is_final(resource.id).await,
            _ => false,
        };
        if is_gone { Ok(()) } else { Err(format!("{noun} {id}: {}", error.cause.message())) }
    }

    async fn is_final(&self, session: Uuid) -> bool {
        let session = self.client.session(session).await;
        session.is_ok_and(|session| session.status.as_ref().is_some_and(SessionStatus::is_terminal))
    }
}
