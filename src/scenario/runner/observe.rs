//! How what a step is about stands after it.

use futures_util::StreamExt as _;
use uuid::Uuid;

use super::run::{Run, object, refused, text};
use crate::api::{self, EnrollmentFilter};
use crate::model::Enrollment;
use crate::scenario::action::{Action, ResourceKind};
use crate::scenario::assertions::StepResult;
use crate::scenario::model::Step;

impl Run<'_> {
    /// Reads the status of what a step is about: what the step was answered is not asked, because that may be another.
    pub(super) async fn look(&self, step: &Step, seen: &mut StepResult) {
        let Some(Some(made)) = step.subject.and_then(|subject| self.made.get(subject)) else { return };
        if matches!(step.act, Action::Get { .. } | Action::Wait { .. }) {
            seen.status = text(seen.answer.as_ref(), "status");
            return;
        }
        let status = match made.thing {
            ResourceKind::Session => match self.player.client.send(&api::read_session_request(made.id)).await
            {
                Ok(answer) => Ok(text(object(&answer.body).as_ref(), "status")),
                Err(error) => Err(error),
            },
            ResourceKind::Code => self.code_status(made.id).await,
            ResourceKind::Device => Ok(None),
        };
        match status {
            Ok(status) => seen.status = status,
            Err(error) => {
                let failed = refused(&error);
                seen.exit = failed.exit;
                let why = failed.said.unwrap_or_default();
                seen.said = Some(format!("the status cannot be read: {why}"));
            }
        }
    }

    /// A code's status. Codes that were withdrawn leave the list (documented).
    async fn code_status(&self, id: Uuid) -> Result<Option<String>, api::Error> {
        let list = self.player.client.enrollments(&EnrollmentFilter::default());
        let mut pages = std::pin::pin!(list.pages::<Enrollment>());
        let id = id.to_string();
        while let Some(page) = pages.next().await {
            let found = page?.content.into_iter().find(|code| code.enrollment_id.as_deref() == Some(&id));
            if let Some(code) = found {
                return Ok(code.status.as_ref().map(ToString::to_string));
            }
        }
        Ok(Some("CANCELLED".to_owned()))
    }
}
