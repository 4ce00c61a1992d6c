//! Random sequences of refunds, with lost responses, killed processes, and two processes or two machines at once.
//!
//! `REFUND_CASES` is the number of sequences.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use crate::common::postgres::{PASSWORD, Postgres};
use crate::common::prelude::*;

type Line = (&'static str, i64, i64, i64, i64, i64);

/// Name, unit price, quantity, tax rate, total and tax. The taxes of a single piece do not add up to those of the line.
const LINES: [Line; 3] =
    [("Pen", 3333, 3, 1200, 9999, 1071), ("Bag", 4950, 1, 2500, 4950, 990), ("Pin", 7, 5, 600, 35, 2)];

#[derive(Debug, Clone)]
struct Step {
    args: Vec<String>,
    trouble: Trouble,
}

#[derive(Debug, Clone, Copy)]
enum Trouble {
    None,
    /// A fault of the emulator, for one request or for all.
    Fault(&'static str),
    /// The process is killed after this number of milliseconds.
    Kill(u64),
    /// Two processes at once.
    Twice,
}

fn a_step() -> impl Strategy<Value = Step> {
    let what = prop_oneof![
        (1_i64..6000)
            .prop_map(|minor| vec!["--amount".to_owned(), format!("{}.{:02}", minor / 100, minor % 100)]),
        (0..LINES.len(), 1_i64..4).prop_map(|(line, quantity)| {
            vec!["--item".to_owned(), format!("{},qty={quantity}", LINES[line].0)]
        }),
        (1_i64..3).prop_map(|pens| {
            vec!["--item".to_owned(), format!("Pen,qty={pens}"), "--item".to_owned(), "Pin,qty=2".to_owned()]
        }),
    ];
    let reference = prop_oneof![3 => Just(None), 1 => (0..3).prop_map(Some)];
    let trouble = prop_oneof![
        3 => Just(Trouble::None),
        1 => Just(Trouble::Fault("drop once")),
        1 => Just(Trouble::Fault("drop-after-response-headers once")),
        1 => Just(Trouble::Fault("truncate once")),
        1 => Just(Trouble::Fault("503 once")),
        1 => Just(Trouble::Fault("drop-after-response-headers")),
        2 => (0_u64..200).prop_map(Trouble::Kill),
        2 => Just(Trouble::Twice),
    ];
    (what, reference, proptest::bool::weighted(0.3), trouble).prop_map(
        |(mut args, reference, again, trouble)| {
            args.extend(
                reference.into_iter().flat_map(|number| ["--reference".to_owned(), format!("r-{number}")]),
            );
            args.extend(again.then(|| "--again".to_owned()));
            Step { args, trouble }
        },
    )
}

struct Shop {
    emulator: EmulatorProcess,
    /// Each with a state directory of its own.
    machines: Vec<TestEnv>,
    order: String,
}

impl Shop {
    fn open(machines: &impl Fn(&EmulatorProcess) -> Vec<TestEnv>) -> Self {
        let emulator = EmulatorProcess::start(&TestEnv::new(), &[]);
        let items: Vec<_> = LINES
            .iter()
            .map(|(name, price, quantity, rate, total, tax)| {
                json!({"name": name, "reference": name, "quantity": quantity, "unit_price": price, "tax_rate": rate,
                    "total_amount": total, "total_tax_amount": tax})
            })
            .collect();
        let total = |of: fn(&Line) -> i64| LINES.iter().map(of).sum::<i64>();
        let device = emulator.json("POST", "/ipp/v1/dev/devices", r#"{"name": "Till 1"}"#)["id"].clone();
        let sale = json!({"device_id": device, "purchase_currency": "SEK", "order_items": items,
            "order_amount": total(|line| line.4), "order_tax_amount": total(|line| line.5)});
        let session = emulator.json("POST", "/ipp/v1/sessions", &sale.to_string())["session_id"].clone();
        let path = format!("/emulator/pos/sessions/{}/pay", session.as_str().unwrap());
        let order = emulator.json("POST", &path, "")["order_id"].as_str().unwrap().to_owned();
        Self { machines: machines(&emulator), emulator, order }
    }

    /// They take turns.
    fn machine(&self, turn: usize) -> &TestEnv {
        &self.machines[turn % self.machines.len()]
    }

    fn args<'a>(&'a self, step: &'a Step) -> impl Iterator<Item = &'a str> {
        let command = ["orders", "refund", &self.order, "-o", "json"];
        command.into_iter().chain(step.args.iter().map(String::as_str))
    }

    /// Runs the step with its trouble, and returns what was reported. A killed process reports nothing.
    fn run(&self, step: &Step, turn: usize) -> Vec<CommandOutput> {
        let machine = self.machine(turn);
        match step.trouble {
            Trouble::None => vec![machine.run(self.args(step))],
            Trouble::Twice => {
                let start = |other| self.machine(turn + other).command(self.args(step)).spawn();
                let running: Vec<_> = (0..2).map(start).collect();
                running.into_iter().map(|running| running.wait()).collect()
            }
            Trouble::Kill(after) => {
                let running = machine.command(self.args(step)).spawn();
                std::thread::sleep(Duration::from_millis(after));
                drop(running.kill());
                Vec::new()
            }
            Trouble::Fault(fault) => {
                let fault =
                    json!({"fault": format!("POST /ordermanagement/v1/orders/{{id}}/refunds: {fault}")});
                let _ = self.emulator.json("POST", "/emulator/faults", &fault.to_string());
                let output = machine.run(self.args(step));
                assert_eq!(self.emulator.status("DELETE", "/emulator/faults", ""), 200);
                vec![output]
            }
        }
    }

    fn order(&self) -> Value {
        self.emulator.json("GET", &format!("/ordermanagement/v1/orders/{}", self.order), "")
    }
}

/// The refunds that a command reported as made, now or before.
fn reported(output: &CommandOutput) -> Option<String> {
    match output.code {
        Some(0) => output.document()["refund_id"].as_str().map(str::to_owned),
        Some(9) => {
            let error = output.last_error();
            error["refund_id"].as_str().map(str::to_owned)
        }
        // Refused, unknown, and what the order does not have.
        Some(2 | 5 | 6 | 7) => None,
        code => panic!("{code:?}: {}", output.stderr),
    }
}

/// Checks the sums of the order, and returns the IDs of its refunds.
fn check(order: &Value) -> BTreeSet<String> {
    let refunds = order["refunds"].as_array().unwrap();
    let (mut sum, mut pieces) = (0, BTreeMap::new());
    for refund in refunds {
        let amount = refund["refunded_amount"].as_i64().unwrap();
        sum += amount;
        let lines = refund["order_lines"].as_array().map(Vec::as_slice).unwrap_or_default();
        let of_lines: i64 = lines.iter().map(|line| line["total_amount"].as_i64().unwrap()).sum();
        assert!(lines.is_empty() || of_lines == amount, "{refund}");
        for line in lines {
            let entry: &mut (i64, i64, i64) = pieces.entry(line["name"].as_str().unwrap()).or_default();
            entry.0 += line["quantity"].as_i64().unwrap();
            entry.1 += line["total_amount"].as_i64().unwrap();
            entry.2 += line["total_tax_amount"].as_i64().unwrap();
        }
    }
    assert_eq!(order["refunded_amount"], sum, "{order}");
    assert!(sum <= order["captured_amount"].as_i64().unwrap(), "{order}");
    for (name, _, quantity, _, total, tax) in LINES {
        let (refunded, amount, refunded_tax) = pieces.get(name).copied().unwrap_or_default();
        assert!(refunded <= quantity && amount <= total && refunded_tax <= tax, "{name}: {order}");
        if refunded == quantity {
            assert_eq!((amount, refunded_tax), (total, tax), "{name}: {order}");
        }
    }
    let ids: BTreeSet<String> =
        refunds.iter().map(|refund| refund["refund_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), refunds.len());
    ids
}

#[test]
fn any_sequence_of_refunds_is_exactly_what_was_reported_and_never_more_than_was_sold() {
    run_sequences(|emulator| vec![emulator.env()]);
}

#[test]
fn so_is_any_sequence_on_two_machines_that_share_a_ledger() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database("refunds");
    let machine = |env: TestEnv| env.env("KUSTOM_LEDGER", database.url()).env("PGPASSWORD", PASSWORD);
    let _ = machine(TestEnv::new().local()).run(["ledger", "init"]).assert_code(0);
    run_sequences(|emulator| (0..2).map(|_| machine(emulator.env())).collect());
}

fn run_sequences(machines: impl Fn(&EmulatorProcess) -> Vec<TestEnv>) {
    let cases = std::env::var("REFUND_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(3);
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 0,
        rng_seed: RngSeed::Fixed(1001),
        ..Config::default()
    };
    let sequence = vec(a_step(), 1..8);
    TestRunner::new(config)
        .run(&sequence, |steps| {
            let shop = Shop::open(&machines);
            let mut known = BTreeSet::new();
            for (turn, step) in steps.iter().enumerate() {
                let before = check(&shop.order());
                let outputs = shop.run(step, turn);
                known.extend(outputs.iter().filter_map(reported));
                let after = check(&shop.order());
                let is_new = after.len() - before.len();
                assert!(is_new <= if matches!(step.trouble, Trouble::Twice) { 2 } else { 1 }, "{step:?}");
                let is_again = step.args.iter().any(|arg| arg == "--again");
                assert!(is_new <= 1 || is_again, "{step:?}: one refund was made twice");
                // Whoever does not know the outcome runs the same command again, on any machine. `--again` would be
                // another refund.
                let next = shop.machine(turn + 1);
                let is_unknown = outputs.is_empty() || outputs.iter().any(|output| output.code == Some(7));
                if is_unknown && !is_again {
                    known.extend(reported(&next.run(shop.args(step))));
                    assert!(
                        check(&shop.order()).len() - before.len() <= 1,
                        "{step:?}: a retry refunded twice"
                    );
                }
                if is_unknown && is_again {
                    let plain = Step {
                        args: step.args.iter().filter(|arg| *arg != "--again").cloned().collect(),
                        trouble: Trouble::None,
                    };
                    known.extend(reported(&next.run(shop.args(&plain))));
                }
            }
            let held = check(&shop.order());
            assert!(known.is_subset(&held), "reported {known:?}, but the emulator holds {held:?}");
            assert_eq!(known, held, "{steps:?}");
            let _ = shop.emulator.kill();
            Ok(())
        })
        .unwrap();
}
