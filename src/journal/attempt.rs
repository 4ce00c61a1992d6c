//! Attempts, put together from the events of the file. Pure.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::lines::{self, Content};
use crate::model::SessionStatus;

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When it was written.
    pub at: Timestamp,
    pub event: EventKind,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A session is about to be asked for.
    Intent {
        attempt: Uuid,
        /// What is going to be asked for.
        intent: Intent,
    },
    /// The API made a session.
    Created { attempt: Uuid, session_id: String },
    /// The session was not made: refused, or provably never asked for.
    Refused {
        attempt: Uuid,
        /// Why, in words.
        reason: String,
    },
    /// The session may have been made.
    Unknown {
        attempt: Uuid,
        /// Why that is not known, in words.
        reason: String,
    },
    /// A person found out that the session was not made.
    #[serde(rename = "not_carried_out")]
    NotProcessed { attempt: Uuid },
    /// A session was seen in this status.
    #[serde(rename = "seen")]
    StatusObserved {
        /// The session, which may be of no attempt in this file.
        session_id: String,
        status: String,
        /// Its order, once it is paid.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order_id: Option<String>,
    },
}

/// What was going to be asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Intent {
    /// The merchant, if it was known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merchant_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_amount: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purchase_currency: Option<String>,
    /// When the purchase began, as it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purchase_started_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merchant_reference1: Option<String>,
    /// The merchant's second reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merchant_reference2: Option<String>,
}

impl Intent {
    /// The reference, unless it is empty: an empty one tells nothing apart.
    pub fn reference(&self) -> Option<&str> {
        self.merchant_reference1.as_deref().filter(|reference| !reference.is_empty())
    }
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is known. Either it is under way, or whoever made it died.
    Pending,
    /// The session may exist.
    Unknown(String),
    /// No session was made.
    Refused(String),
    /// A person found out that no session was made.
    NotProcessed,
    Created {
        session_id: String,
        /// Its status when it was last seen.
        status: SessionStatus,
        /// Its order, once it is paid.
        order_id: Option<String>,
    },
}

impl Outcome {
    /// Whether the session may exist without its id being known.
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Pending | Self::Unknown(_))
    }
}

/// One attempt to create a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub id: Uuid,
    /// When it was made.
    pub at: Timestamp,
    /// What was asked for.
    pub intent: Intent,
    /// What came of it.
    pub outcome: Outcome,
}

/// All attempts of a file, in their order.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    attempts: Vec<Attempt>,
    by_id: HashMap<Uuid, usize>,
    by_session: HashMap<String, usize>,
    damaged: usize,
}

impl Journal {
    /// Puts attempts together from the lines of a file. A last line without its line break was being written when
    /// the process or the machine died, and tells nothing. Any other line that cannot be read is damage: it is left
    /// out and counted.
    pub fn read(text: &[u8]) -> Self {
        let mut journal = Self::default();
        lines::each(text, |line| journal.apply_line(line.content));
        journal
    }

    /// Takes in one more line.
    pub(super) fn apply_line(&mut self, content: Content) {
        match content {
            Content::Event(event) => self.apply(event),
            Content::Nothing => {}
            Content::Damage => self.damaged += 1,
        }
    }

    /// Takes in one more event. One about something unheard of counts for nothing.
    pub fn apply(&mut self, Event { at, event }: Event) {
        match event {
            EventKind::Intent { attempt: id, intent } => {
                self.by_id.insert(id, self.attempts.len());
                self.attempts.push(Attempt { id, at, intent, outcome: Outcome::Pending });
            }
            EventKind::Created { attempt, session_id } => {
                let status = SessionStatus::Created;
                let outcome = Outcome::Created { session_id: session_id.clone(), status, order_id: None };
                if let Some(index) = self.set(attempt, outcome) {
                    self.by_session.insert(session_id, index);
                }
            }
            EventKind::Refused { attempt, reason } => {
                self.set(attempt, Outcome::Refused(reason));
            }
            EventKind::Unknown { attempt, reason } => {
                self.set(attempt, Outcome::Unknown(reason));
            }
            EventKind::NotProcessed { attempt } => {
                self.set(attempt, Outcome::NotProcessed);
            }
            EventKind::StatusObserved { session_id, status: seen, order_id: of_order } => {
                let attempt =
                    self.by_session.get(&session_id).and_then(|index| self.attempts.get_mut(*index));
                if let Some(Attempt { outcome: Outcome::Created { status, order_id, .. }, .. }) = attempt {
                    // A terminal status stays; two processes may write what they saw in either order.
                    if !status.is_terminal() {
                        *status = seen.into();
                        *order_id = of_order;
                    }
                }
            }
        }
    }

    /// Sets the outcome of an attempt and gives its place. Once a session is known to exist, nothing makes it
    /// another one, or none.
    fn set(&mut self, attempt: Uuid, outcome: Outcome) -> Option<usize> {
        let index = *self.by_id.get(&attempt)?;
        let attempt = self.attempts.get_mut(index)?;
        if matches!(attempt.outcome, Outcome::Created { .. }) {
            return None;
        }
        attempt.outcome = outcome;
        Some(index)
    }

    /// An attempt by its id.
    pub fn attempt(&self, id: Uuid) -> Option<&Attempt> {
        self.attempts.get(*self.by_id.get(&id)?)
    }

    /// The attempts, oldest first.
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// The attempts, oldest first, and nothing else of it.
    pub fn into_attempts(self) -> Vec<Attempt> {
        self.attempts
    }

    /// How many lines could not be read.
    pub const fn corrupt_lines(&self) -> usize {
        self.damaged
    }

    /// The events of all attempts but those for which `drop` says so; what could not be read is not among them.
    pub fn events_except(&self, drop: impl Fn(&Attempt) -> bool) -> Vec<Event> {
        self.attempts.iter().filter(|attempt| !drop(attempt)).flat_map(Attempt::events).collect()
    }
}

impl Attempt {
    /// The events that make this attempt.
    fn events(&self) -> Vec<Event> {
        let Self { id: attempt, at, intent, outcome } = self;
        let (attempt, at) = (*attempt, *at);
        let mut events = vec![EventKind::Intent { attempt, intent: intent.clone() }];
        match outcome {
            Outcome::Pending => {}
            Outcome::Unknown(reason) => events.push(EventKind::Unknown { attempt, reason: reason.clone() }),
            Outcome::Refused(reason) => events.push(EventKind::Refused { attempt, reason: reason.clone() }),
            Outcome::NotProcessed => events.push(EventKind::NotProcessed { attempt }),
            Outcome::Created { session_id, status, order_id } => {
                events.push(EventKind::Created { attempt, session_id: session_id.clone() });
                events.push(EventKind::StatusObserved {
                    session_id: session_id.clone(),
                    status: status.to_string(),
                    order_id: order_id.clone(),
                });
            }
        }
        events.into_iter().map(|event| Event { at, event }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at() -> Timestamp {
        "2026-11-22T10:00:00Z".parse().unwrap()
    }

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn lines(events: &[EventKind]) -> Vec<u8> {
        let line = |event: &EventKind| {
            let mut line = serde_json::to_vec(&Event { at: at(), event: event.clone() }).unwrap();
            line.push(b'\n');
            line
        };
        events.iter().flat_map(line).collect()
    }

    fn intent(attempt: Uuid) -> EventKind {
        EventKind::Intent { attempt, intent: Intent { order_amount: Some(100), ..Intent::default() } }
    }

    fn seen(session: &str, status: &str) -> EventKind {
        EventKind::StatusObserved { session_id: session.into(), status: status.into(), order_id: None }
    }

    fn outcomes(events: &[EventKind]) -> Vec<Outcome> {
        Journal::read(&lines(events)).attempts().iter().map(|attempt| attempt.outcome.clone()).collect()
    }

    #[test]
    fn an_intent_without_an_outcome_is_unknown() {
        let journal = Journal::read(&lines(&[intent(id(1))]));
        assert!(journal.attempts()[0].outcome.is_unknown());
    }

    #[test]
    fn what_is_seen_of_a_session_belongs_to_its_attempt() {
        let created = EventKind::Created { attempt: id(1), session_id: "s".into() };
        let paid = EventKind::StatusObserved {
            session_id: "s".into(),
            status: "FINALIZED".into(),
            order_id: Some("o".into()),
        };
        let events =
            [seen("s", "ACTIVE"), intent(id(1)), created, seen("t", "FAILED"), paid, seen("s", "ACTIVE")];
        assert_eq!(
            outcomes(&events),
            [Outcome::Created {
                session_id: "s".into(),
                status: SessionStatus::Finalized,
                order_id: Some("o".into())
            }]
        );
    }

    #[test]
    fn a_session_that_exists_cannot_be_declared_away() {
        let created = EventKind::Created { attempt: id(1), session_id: "s".into() };
        let events = [intent(id(1)), created, EventKind::NotProcessed { attempt: id(1) }];
        assert!(matches!(outcomes(&events)[0], Outcome::Created { .. }));
    }

    #[test]
    fn a_torn_last_line_tells_nothing_and_a_damaged_one_is_counted() {
        let whole = lines(&[
            intent(id(1)),
            EventKind::Created { attempt: id(1), session_id: "s".into() },
            intent(id(2)),
        ]);
        for cut in 0..whole.len() {
            let torn = &whole[..cut];
            assert_eq!(Journal::read(torn).corrupt_lines(), 0, "cut at {cut}");
            let mut damaged = torn.to_vec();
            damaged.extend(b"#\n");
            damaged.extend(lines(&[intent(id(3))]));
            let journal = Journal::read(&damaged);
            assert_eq!(journal.corrupt_lines(), 1, "cut at {cut}");
            assert_eq!(journal.attempts().last().unwrap().id, id(3), "cut at {cut}");
        }
        let mut edited = b"\xef\xbb\xbf".to_vec();
        edited.extend(&whole);
        assert_eq!(Journal::read(&edited).attempts().len(), 2, "an editor may put a mark in front");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = Journal::read(&bytes);
        }

        #[test]
        fn what_is_kept_reads_the_same(steps in prop::collection::vec((0_u128..4, 0_u8..6), 0..30)) {
            let events: Vec<_> = steps.iter().map(|(number, step)| {
                let attempt = id(*number);
                match step {
                    0 => intent(attempt),
                    1 => EventKind::Created { attempt, session_id: number.to_string() },
                    2 => EventKind::Refused { attempt, reason: "r".into() },
                    3 => EventKind::Unknown { attempt, reason: "u".into() },
                    4 => EventKind::NotProcessed { attempt },
                    _ => seen(&number.to_string(), "EXPIRED"),
                }
            }).collect();
            let mut unique = std::collections::HashSet::new();
            let events: Vec<_> = events.into_iter()
                .filter(|event| !matches!(event, EventKind::Intent { attempt, .. } if !unique.insert(*attempt)))
                .collect();
            let journal = Journal::read(&lines(&events));
            let kept: Vec<_> = journal.events_except(|_| false).into_iter().map(|event| event.event).collect();
            let again = Journal::read(&lines(&kept));
            prop_assert_eq!(again.attempts(), journal.attempts());
        }
    }
}
