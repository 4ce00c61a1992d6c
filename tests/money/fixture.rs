//! A shop with a till: the program, the wire, the emulator, and a judge who sees both ends of it.

use std::collections::BTreeSet;

use kustom::emulator::state::STOCKHOLM;
use kustom::emulator::{API_KEY, Emulator, MERCHANT_ID, State};
use kustom::ledger::{Attempt, Outcome};
use kustom::model::Metadata;
use serde_json::Value;

use super::faulty_proxy::Wire;
use crate::common::harness::{CommandOutput, TestCommand, TestEnv};
use crate::common::ledger::attempts;

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
        let env = TestEnv::new().at(&wire.url(), API_KEY).env("KUSTOM_MERCHANT_ID", MERCHANT_ID);
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

    pub(crate) fn sessions(&self) -> Vec<Value> {
        let state = serde_json::to_value(self.emulator.state()).expect("a state");
        state["sessions"].as_array().expect("sessions").clone()
    }

    pub(crate) fn charged(&self, sale: &Sale) -> Charged {
        let sessions = self.sessions();
        let of_sale = sessions.iter().filter(|session| session["purchase"]["order_amount"] == sale.amount);
        of_sale.map(|session| session["id"].as_str().expect("an id").to_owned()).collect()
    }

    /// The attempts in the ledger, oldest first.
    pub(crate) fn attempts(&self) -> Vec<Attempt> {
        attempts(&self.env.state_folder())
    }

    pub(crate) fn unknown(&self, sale: &Sale) -> Option<String> {
        let attempts = self.attempts();
        let mut unknown = attempts.iter().filter(|attempt| {
            attempt.intent.order_amount == Some(sale.amount) && attempt.outcome.is_unknown()
        });
        let found = unknown.next().map(|attempt| attempt.id.to_string());
        assert!(unknown.next().is_none(), "a sale was attempted again before it was known: {sale:?}");
        found
    }

    /// Whether this sale may have been charged, for all that the ledger knows.
    pub(crate) fn is_attempted(&self, sale: &Sale) -> bool {
        self.attempts().iter().any(|attempt| {
            let may_exist =
                attempt.outcome.is_unknown() || matches!(attempt.outcome, Outcome::Created { .. });
            attempt.intent.order_amount == Some(sale.amount) && may_exist
        })
    }

    /// Every session of this sale is in the ledger: as created, or as an attempt whose outcome is unknown.
    fn assert_written_down(&self, case: &str, sale: &Sale, charged: &Charged) {
        let attempts = self.attempts();
        let of_sale = attempts.iter().filter(|attempt| attempt.intent.order_amount == Some(sale.amount));
        let (unknown, known): (Vec<_>, Vec<_>) = of_sale.partition(|attempt| attempt.outcome.is_unknown());
        let created = |id: &String| {
            known.iter().any(
                |attempt| matches!(&attempt.outcome, Outcome::Created { session_id, .. } if session_id == id),
            )
        };
        let lost = charged.iter().filter(|id| !created(id)).count();
        assert!(lost <= unknown.len(), "{case}: a session is not in the ledger, {sale:?}: {charged:?}");
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
        let CommandOutput { code, stdout, stderr, .. } = outcome;
        let told = format!("{case}, {sale:?}: exit {code:?}, {before:?} → {after:?}\n{stdout}{stderr}");
        assert!(after.len() <= 1, "charged twice! {told}");
        match code {
            Some(0) => {
                let session: Value =
                    serde_json::from_str(stdout).unwrap_or_else(|_| panic!("no JSON: {told}"));
                let [created] = new[..] else { panic!("nothing was created: {told}") };
                assert_eq!(session["session_id"], created.as_str(), "another session: {told}");
                let known = self.attempts().iter().any(|attempt| {
                    matches!(&attempt.outcome, Outcome::Created { session_id, .. } if session_id == created)
                });
                assert!(known, "created, but not in the ledger: {told}");
            }
            Some(UNKNOWN) => {
                let attempt = attempt_of(outcome);
                let kept = self.attempts().into_iter().find(|kept| kept.id.to_string() == attempt);
                assert!(kept.is_some_and(|kept| kept.outcome.is_unknown()), "not kept as unknown: {told}");
            }
            None => {}
            Some(2..=6 | DUPLICATE) => assert!(new.is_empty(), "said to be nothing, but created: {told}"),
            Some(_) => panic!("no exit code of a create that was asked for like this: {told}"),
        }
        self.assert_written_down(case, sale, &after);
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
            let purchase = &session["purchase"];
            let found = listed.iter().any(|row| {
                row["session_id"] == session["id"]
                    || (row["outcome"] == "unknown"
                        && row["order_amount"] == purchase["order_amount"]
                        && row["purchase_started_at"] == purchase["purchase_started_at"]
                        && row["merchant_reference1"] == purchase["merchant_reference1"])
            });
            assert!(found, "a session is not in the list: {session}");
        }
    }
}

pub(crate) fn device(emulator: &Emulator, name: &str) -> String {
    let new = kustom::emulator::state::NewSimulatedDevice {
        name: name.to_owned(),
        location_id: Some(STOCKHOLM),
        metadata: Metadata::new(),
    };
    let made = emulator.with_state(|state, moment| state.create_simulated_device(new, moment));
    made.expect("a device").id.expect("an id")
}

#[track_caller]
pub(crate) fn attempt_of(outcome: &CommandOutput) -> String {
    let error = error_of(outcome);
    error["attempt"].as_str().unwrap_or_else(|| panic!("no attempt in {error}")).to_owned()
}

#[track_caller]
pub(crate) fn error_of(outcome: &CommandOutput) -> Value {
    let last = outcome.stderr.lines().last().unwrap_or_default();
    let value: Value =
        serde_json::from_str(last).unwrap_or_else(|_| panic!("{}: {}", outcome.command, outcome.stderr));
    value["error"].clone()
}
