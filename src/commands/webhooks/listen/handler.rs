//! What is done with a delivery, in this order: verify it, see whether it came before, read its session back, pass it
//! on. It is acknowledged once all of that is done.

use std::cell::RefCell;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::dedup::{DedupCache, DeliveryState};
use super::delivery::{Delivery, DeliveryStatus};
use super::forward::forward;
use super::server::{DeliveryResponse, IncomingDelivery};
use crate::callback_poster::CallbackEndpoint;
use crate::commands::sessions::reconcile::{Reconciliation, reconcile_session};
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind};
use crate::journal::JournalFile;
use crate::model::Session;
use crate::output::Output;
use crate::text::escape_control;
use crate::webhooks::Verifier;

/// How long others may hold the journal, or the device of an attempt, before a callback has to come again.
const RECONCILE_TIMEOUT: Duration = Duration::from_secs(5);

/// How often it is looked whether they are done.
const SETTLING_INTERVAL: Duration = Duration::from_millis(100);

/// What was decided about a delivery.
pub(super) struct HandledDelivery {
    pub(super) answer: DeliveryResponse,
    /// What is shown of it: nothing of one that came before.
    pub(super) delivery: Option<Delivery>,
    /// Where the answer goes.
    pub(super) back: oneshot::Sender<DeliveryResponse>,
}

/// Decides about deliveries.
pub(super) struct DeliveryHandler<'a> {
    pub(super) verifier: Verifier,
    pub(super) output: &'a Output,
    /// The account whose sessions are read back, if that is asked for.
    pub(super) resolver: Option<ApiContext<'a>>,
    pub(super) forward_to: Option<CallbackEndpoint>,
    pub(super) repeats: RefCell<DedupCache>,
}

impl DeliveryHandler<'_> {
    /// Decides about a delivery.
    pub(super) async fn handle(&self, arrived: IncomingDelivery) -> HandledDelivery {
        let IncomingDelivery { headers, body, answer: back } = arrived;
        let (answer, mut delivery) = self.respond(&headers, &body).await;
        if let Some(delivery) = &mut delivery {
            delivery.status = Some(answer.status.as_u16());
        }
        HandledDelivery { answer, delivery, back }
    }

    async fn respond(&self, headers: &HeaderMap, body: &[u8]) -> (DeliveryResponse, Option<Delivery>) {
        let now = Timestamp::now();
        let verified = match self.verifier.verify(headers, body, now) {
            Ok(verified) => verified,
            Err(why) => {
                let id = headers.get("webhook-id").and_then(|id| id.to_str().ok());
                let answer = DeliveryResponse::problem(StatusCode::UNAUTHORIZED, &format!("Refused: {why}."));
                return (answer, Some(Delivery::refused(now, id, &why)));
            }
        };
        let id = verified.id.clone();
        let seen = self.repeats.borrow_mut().begin(&id);
        match seen {
            DeliveryState::New => {}
            DeliveryState::Duplicate => {
                self.output.status(&format!("{} came before; it is dropped.", escape_control(&id)));
                return (DeliveryResponse::acknowledged(), None);
            }
            DeliveryState::InProgress => {
                let detail = "It is being handled: how that ends is not known yet.";
                return (DeliveryResponse::problem(StatusCode::SERVICE_UNAVAILABLE, detail), None);
            }
        }
        let mut delivery = Delivery::verified(now, verified, body);
        let resolved = self.resolve(&mut delivery).await;
        let answer = match (&self.forward_to, resolved) {
            (Some(application), resolved) => {
                if let Err(error) = resolved {
                    // The application decides whether it comes again.
                    self.output.warn(&error.message);
                }
                let (answer, failure) = forward(application, headers, body).await;
                if let Some(failure) = failure {
                    delivery.not_acknowledged("application", failure);
                }
                answer
            }
            (None, Err(error)) => {
                delivery.not_acknowledged("unresolved", error.message);
                DeliveryResponse::problem(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "Its session cannot be read back now.",
                )
            }
            (None, Ok(())) => DeliveryResponse::acknowledged(),
        };
        self.repeats.borrow_mut().end(&id, delivery.outcome == DeliveryStatus::Accepted);
        (answer, Some(delivery))
    }

    /// Reads the session back, and settles what the journal does not know by it. Fails where trying again may help.
    async fn resolve(&self, delivery: &mut Delivery) -> Result<(), Error> {
        let Some(context) = &self.resolver else { return Ok(()) };
        let Some(id) = delivery.session() else {
            self.output.warn("a callback names no session, so nothing was read back");
            return Ok(());
        };
        let failed = |error: Error| error.context(&format!("session {id}"));
        let session = match context.client.session(id).await.map_err(Error::from) {
            Ok(session) => session,
            Err(error) if error.kind == ErrorKind::NotFound => {
                self.output.warn(&format!("there is no session {id} in this account"));
                return Ok(());
            }
            Err(error) => return Err(failed(error)),
        };
        match reconcile_blocking(id, &session, &context.journal()).await.map_err(failed)? {
            Reconciliation::Attempt(attempt) => delivery.settled_attempt = Some(attempt),
            Reconciliation::Nothing => {}
            Reconciliation::Ambiguous(number) => self.warn_ambiguous(id, number, context),
            Reconciliation::Busy => return Err(failed(busy())),
        }
        delivery.session = Some(session);
        Ok(())
    }

    fn warn_ambiguous(&self, session: Uuid, number: usize, context: &ApiContext<'_>) {
        let flag = context.settings.profile_flag();
        self.output.warn(&format!(
            "session {session} matches {number} unknown attempts; name the one it came of: \
             kustom{flag} sessions recover ATTEMPT --session {session}"
        ));
    }
}

/// Settles by a session what can be settled, in a thread of its own: whoever holds a lock holds up nobody else.
async fn reconcile_blocking(
    id: Uuid,
    session: &Session,
    journal: &JournalFile,
) -> Result<Reconciliation, Error> {
    let settling = async {
        loop {
            let (session, journal) = (session.clone(), journal.clone());
            let thread = tokio::task::spawn_blocking(move || reconcile_session(id, &session, &journal));
            match thread.await.map_err(|error| Error::new(ErrorKind::Bug, error.to_string()))?? {
                Reconciliation::Busy => tokio::time::sleep(SETTLING_INTERVAL).await,
                settled => return Ok(settled),
            }
        }
    };
    tokio::time::timeout(RECONCILE_TIMEOUT, settling).await.unwrap_or_else(|_| Err(busy()))
}

fn busy() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "another process uses the journal, or is creating a session on this device",
    )
}
