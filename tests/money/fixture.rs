//! A shop with a till: the program, the wire, the emulator, and a judge who sees both ends of it.

use std::collections::BTreeSet;

use kustom::emulator::state::STOCKHOLM;
use kustom::emulator::{Emulator, State};
use kustom::ledger::Attempt;
use kustom::model::Session;
use uuid::Uuid;

use super::faulty_proxy::{Fault, Point, Then, Wire};
use crate::common::contract_emulator::{Ask, ask_router};
use crate::common::ledger::attempts;
use crate::common::prelude::*;

/// The exit codes of a create, by name.
pub(crate) const DUPLICATE: i32 = 9;
pub(crate) const UNKNOWN: i32 = 7;

pub(crate) struct Shop {
    pub(crate) emulator: Emulator,
    pub(crate) wire: Wire,
    pub(crate) env: TestEnv,
    pub(crate) device: String,
    pub(crate) runs: usize,
    sales: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct Sale {
    pub(crate) amount: i64,
    pub(crate) reference: Option<String>,
    pub(crate) device: String,
}

impl Sale {
    pub(crate) fn args(&self) -> Vec<String> {
        self.words("json")
    }

    pub(crate) fn words(&self, format: &str) -> Vec<String> {
        let amount = format!("{}.{:02}", self.amount / 100, self.amount % 100);
        let words = ["sessions", "create", "-o", format, "--currency", "SEK", "--device", &self.device];
        let mut args: Vec<String> = words.map(str::to_owned).into();
        args.extend(["--amount".to_owned(), amount]);
        args.extend(
            self.reference.iter().flat_map(|reference| ["--reference".to_owned(), reference.clone()]),
        );
        args
    }
}

pub(crate) type Charged = BTreeSet<String>;

impl Shop {
    pub(crate) fn open() -> Self {
        let emulator = Emulator::new(State::seed());
        let device = device(&emulator, "Till 1");
        let wire = Wire::to(&emulator);
        let env = TestEnv::new().at_emulator(&wire.url());
        Self { emulator, wire, env, device, runs: 0, sales: 0 }
    }

    /// Something new to sell. Amounts have the same number of digits, so that requests have the same length.
    pub(crate) fn sale(&mut self, with_reference: bool) -> Sale {
        self.sales += 1;
        let reference = with_reference.then(|| format!("receipt-{:06}", self.sales));
        Sale { amount: 100_000 + self.sales, reference, device: self.device.clone() }
    }

    pub(crate) fn command(&mut self, sale: &Sale) -> TestCommand<'_> {
        self.runs += 1;
        self.env.command(sale.args())
    }

    /// Creates a session for the sale, with more flags.
    pub(crate) fn create(&self, sale: &Sale, more: &[&str]) -> CommandOutput {
        self.env.command(sale.args()).args(more).run()
    }

    pub(crate) fn created(&self, sale: &Sale) -> Uuid {
        session_id(&self.create(sale, &[]).assert_code(0))
    }

    /// Creates a session whose response is lost, and returns the ID of the attempt.
    pub(crate) fn lose(&self, sale: &Sale, more: &[&str]) -> String {
        self.wire.breaks(Fault::At(Point::Forwarded, Then::Close));
        let attempt = attempt_of(&self.create(sale, more).assert_code(UNKNOWN));
        self.wire.until_quiet();
        attempt
    }

    pub(crate) fn pay(&self, id: Uuid) {
        self.emulator.with_state(|state, moment| state.pay(id, None, moment)).expect("a payment");
    }

    pub(crate) fn cancel(&self, id: Uuid) {
        self.emulator.with_state(|state, moment| state.cancel_session(id, moment)).expect("a cancellation");
    }

    pub(crate) fn status(&self, id: Uuid) -> String {
        let session = self.emulator.with_state(|state, moment| state.session(id, moment.now));
        session.expect("a session").status.expect("a status").to_string()
    }

    pub(crate) fn sessions(&self) -> Vec<Session> {
        let sessions = self.emulator.with_state(|state, moment| state.all_sessions(moment.now));
        sessions.into_iter().map(|session| session.session).collect()
    }

    pub(crate) fn charged(&self, sale: &Sale) -> Charged {
        let sessions = self.sessions().into_iter();
        let of_sale = sessions.filter(|session| session.order_amount == Some(sale.amount));
        of_sale.filter_map(|session| session.session_id).collect()
    }

    /// The attempts in the ledger, oldest first.
    pub(crate) fn attempts(&self) -> Vec<Attempt> {
        attempts(&self.env.state_folder())
    }

    fn attempts_of(&self, sale: &Sale) -> Vec<Attempt> {
        let mut attempts = self.attempts();
        attempts.retain(|attempt| attempt.intent.order_amount == Some(sale.amount));
        attempts
    }

    pub(crate) fn unknown(&self, sale: &Sale) -> Option<String> {
        let mut unknown = self.attempts_of(sale).into_iter().filter(|attempt| attempt.outcome.is_unknown());
        let found = unknown.next().map(|attempt| attempt.id.to_string());
        assert!(unknown.next().is_none(), "a sale was attempted again before it was known: {sale:?}");
        found
    }

    /// Whether this sale may have been charged, for all that the ledger knows.
    pub(crate) fn is_attempted(&self, sale: &Sale) -> bool {
        let mut attempts = self.attempts_of(sale).into_iter();
        attempts.any(|attempt| attempt.outcome.is_unknown() || attempt.session_id().is_some())
    }

    #[track_caller]
    pub(crate) fn judge(
        &self,
        case: &str,
        sale: &Sale,
        before: &Charged,
        outcome: &CommandOutput,
    ) -> Charged {
        self.wire.until_quiet();
        let after = self.charged(sale);
        let new: Vec<&String> = after.difference(before).collect();
        let attempts = self.attempts_of(sale);
        let is_created = |id: &String| attempts.iter().any(|attempt| attempt.session_id() == Some(&**id));
        let CommandOutput { code, stdout, stderr, .. } = outcome;
        let told = format!("{case}, {sale:?}: exit {code:?}, {before:?} → {after:?}\n{stdout}{stderr}");
        assert!(after.len() <= 1, "charged twice! {told}");
        match code {
            Some(0) => {
                let session: Value =
                    serde_json::from_str(stdout).unwrap_or_else(|_| panic!("no JSON: {told}"));
                let [created] = new[..] else { panic!("nothing was created: {told}") };
                assert_eq!(session["session_id"], created.as_str(), "another session: {told}");
                assert!(is_created(created), "created, but not in the ledger: {told}");
            }
            Some(UNKNOWN) => {
                let attempt = attempt_of(outcome);
                let kept = attempts.iter().find(|kept| kept.id.to_string() == attempt);
                assert!(kept.is_some_and(|kept| kept.outcome.is_unknown()), "not kept as unknown: {told}");
            }
            None => {}
            Some(2..=6 | DUPLICATE) => assert!(new.is_empty(), "said to be nothing, but created: {told}"),
            Some(_) => panic!("no exit code of a create that was asked for like this: {told}"),
        }
        // Every session is in the ledger: as created, or as an attempt whose outcome is unknown.
        let lost = after.iter().filter(|id| !is_created(id)).count();
        let unknown = attempts.iter().filter(|attempt| attempt.outcome.is_unknown()).count();
        assert!(lost <= unknown, "a session is not in the ledger: {told}");
        after
    }

    #[track_caller]
    pub(crate) fn judge_stopped(&self, case: &str, sale: &Sale, outcome: &CommandOutput) -> Charged {
        self.wire.until_quiet();
        assert_eq!(outcome.stdout, "", "{case}");
        assert!(!self.is_attempted(sale) && self.charged(sale).is_empty(), "{case}: {}", outcome.stderr);
        Charged::new()
    }

    #[track_caller]
    pub(crate) fn close(&mut self) {
        self.runs += 1;
        let listed = self.env.run(["sessions", "list", "-o", "json"]).json();
        let listed = listed.as_array().expect("a list");
        for session in self.sessions() {
            let session = serde_json::to_value(session).expect("a session");
            let found = listed.iter().any(|row| {
                let is_same = |field: &str| row[field] == session[field];
                is_same("session_id")
                    || (row["outcome"] == "unknown"
                        && ["order_amount", "purchase_started_at", "merchant_reference1"]
                            .into_iter()
                            .all(is_same))
            });
            assert!(found, "a session is not in the list: {session}");
        }
    }
}

pub(crate) fn device(emulator: &Emulator, name: &str) -> String {
    let body = json!({"name": name, "location_id": STOCKHOLM});
    let created = ask_router(emulator, Ask::new("POST", "/ipp/v1/dev/devices").json(&body));
    created.body["id"].as_str().expect("an ID").to_owned()
}

#[track_caller]
pub(crate) fn session_id(outcome: &CommandOutput) -> Uuid {
    outcome.document()["session_id"].as_str().expect("an ID").parse().expect("a UUID")
}

#[track_caller]
pub(crate) fn attempt_of(outcome: &CommandOutput) -> String {
    let error = outcome.last_error();
    error["attempt"].as_str().unwrap_or_else(|| panic!("no attempt in {error}")).to_owned()
}
