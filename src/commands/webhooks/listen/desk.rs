//! What is done with a delivery, in this order: verify it, see whether it came before, read its session back, pass it
//! on. It is acknowledged once all of that is done.

use std::cell::RefCell;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::delivery::{Delivery, Outcome};
use super::forward::forward;
use super::receiver::{Answer, Arrived};
use super::seen::{Repeats, Seen};
use crate::commands::sessions::settle::{Settled, settle_by};
use crate::context::Online;
use crate::error::{Error, Kind};
use crate::journal::File;
use crate::model::Session;
use crate::terminal::Terminal;
use crate::text::visible;
use crate::webhooks::{Endpoint, Verifier};

/// How long others may hold the journal, or the device of an attempt, before a callback has to come again.
const LONGEST_SETTLING: Duration = Duration::from_secs(5);

/// How often it is looked whether they are done.
const SETTLING_INTERVAL: Duration = Duration::from_millis(100);

/// What was decided about a delivery.
pub(super) struct Decided {
    pub(super) answer: Answer,
    /// What is shown of it: nothing of one that came before.
    pub(super) delivery: Option<Delivery>,
    /// Where the answer goes.
    pub(super) back: oneshot::Sender<Answer>,
}

/// Decides about deliveries.
pub(super) struct Desk<'a> {
    pub(super) verifier: Verifier,
    pub(super) terminal: &'a Terminal,
    /// The account whose sessions are read back, if that is asked for.
    pub(super) resolver: Option<Online<'a>>,
    pub(super) forward_to: Option<Endpoint>,
    pub(super) repeats: RefCell<Repeats>,
}

impl Desk<'_> {
    /// Decides about a delivery.
    pub(super) async fn decide(&self, arrived: Arrived) -> Decided {
        let Arrived { headers, body, answer: back } = arrived;
        let (answer, mut delivery) = self.handle(&headers, &body).await;
        if let Some(delivery) = &mut delivery {
            delivery.status = Some(answer.status.as_u16());
        }
        Decided { answer, delivery, back }
    }

    async fn handle(&self, headers: &HeaderMap, body: &[u8]) -> (Answer, Option<Delivery>) {
        let now = Timestamp::now();
        let verified = match self.verifier.verify(headers, body, now) {
            Ok(verified) => verified,
            Err(why) => {
                let id = headers.get("webhook-id").and_then(|id| id.to_str().ok());
                let answer = Answer::problem(StatusCode::UNAUTHORIZED, &format!("Refused: {why}."));
                return (answer, Some(Delivery::refused(now, id, &why)));
            }
        };
        let id = verified.id.clone();
        let seen = self.repeats.borrow_mut().begin(&id);
        match seen {
            Seen::New => {}
            Seen::Before => {
                self.terminal.note(&format!("{} came before; it is dropped.", visible(&id)));
                return (Answer::acknowledged(), None);
            }
            Seen::UnderWay => {
                let detail = "It is being handled: how that ends is not known yet.";
                return (Answer::problem(StatusCode::SERVICE_UNAVAILABLE, detail), None);
            }
        }
        let mut delivery = Delivery::verified(now, verified, body);
        let resolved = self.resolve(&mut delivery).await;
        let answer = match (&self.forward_to, resolved) {
            (Some(application), resolved) => {
                if let Err(error) = resolved {
                    // The application decides whether it comes again.
                    self.terminal.warn(&error.message);
                }
                let (answer, failure) = forward(application, headers, body).await;
                if let Some(failure) = failure {
                    delivery.not_acknowledged("application", failure);
                }
                answer
            }
            (None, Err(error)) => {
                delivery.not_acknowledged("unresolved", error.message);
                Answer::problem(StatusCode::SERVICE_UNAVAILABLE, "Its session cannot be read back now.")
            }
            (None, Ok(())) => Answer::acknowledged(),
        };
        self.repeats.borrow_mut().end(&id, delivery.outcome == Outcome::Accepted);
        (answer, Some(delivery))
    }

    /// Reads the session back, and settles what the journal does not know by it. Fails where trying again may help.
    async fn resolve(&self, delivery: &mut Delivery) -> Result<(), Error> {
        let Some(online) = &self.resolver else { return Ok(()) };
        let Some(id) = delivery.session() else {
            self.terminal.warn("a callback names no session, so nothing was read back");
            return Ok(());
        };
        let failed = |error: Error| error.context(&format!("session {id}"));
        let session = match online.client.session(id).await.map_err(Error::from) {
            Ok(session) => session,
            Err(error) if error.kind == Kind::NotFound => {
                self.terminal.warn(&format!("there is no session {id} in this account"));
                return Ok(());
            }
            Err(error) => return Err(failed(error)),
        };
        match settled(id, &session, &online.journal()).await.map_err(failed)? {
            Settled::Attempt(attempt) => delivery.settled_attempt = Some(attempt),
            Settled::Nothing => {}
            Settled::Ambiguous(number) => self.warn_of(id, number, online),
            Settled::Busy => return Err(failed(busy())),
        }
        delivery.session = Some(session);
        Ok(())
    }

    fn warn_of(&self, session: Uuid, number: usize, online: &Online<'_>) {
        let flag = online.settings.profile_flag();
        self.terminal.warn(&format!(
            "session {session} matches {number} unknown attempts; name the one it came of: \
             kustom{flag} sessions recover ATTEMPT --session {session}"
        ));
    }
}

/// Settles by a session what can be settled, in a thread of its own: whoever holds a lock holds up nobody else.
async fn settled(id: Uuid, session: &Session, journal: &File) -> Result<Settled, Error> {
    let settling = async {
        loop {
            let (session, journal) = (session.clone(), journal.clone());
            let thread = tokio::task::spawn_blocking(move || settle_by(id, &session, &journal));
            match thread.await.map_err(|error| Error::new(Kind::Bug, error.to_string()))?? {
                Settled::Busy => tokio::time::sleep(SETTLING_INTERVAL).await,
                settled => return Ok(settled),
            }
        }
    };
    tokio::time::timeout(LONGEST_SETTLING, settling).await.unwrap_or_else(|_| Err(busy()))
}

fn busy() -> Error {
    Error::new(Kind::Unavailable, "another process uses the journal, or is creating a session on this device")
}
