//! Many processes create sessions for the same sales, responses are lost, and processes are killed at random: at most one
//! session for each sale, all of them in the ledger, and no wrong exit code.
//!
//! Larger with `SOAK_PROCESSES`, `SOAK_CREATES` (for each process), `SOAK_SALES` and `SOAK_SEED`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::fixture::{DUPLICATE, Sale, Shop, UNKNOWN, attempt_of, device};
use super::shared_ledger::{create_ledger, machine};
use crate::common::postgres::Postgres;
use crate::common::prelude::*;

fn size(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// What one process was asked for, and what it reported.
struct Run {
    sale: usize,
    code: Option<i32>,
    /// The session of exit 0, the attempt of exit 7.
    id: Option<String>,
}

#[test]
fn at_most_one_session_for_each_sale_of_processes_that_share_a_state_directory() {
    let shop = Shop::open();
    let env = TestEnv::new().at_emulator(&shop.wire.url());
    soak(shop, &[&env]);
}

#[test]
fn at_most_one_session_for_each_sale_of_machines_that_share_a_database() {
    let Some(server) = Postgres::shared() else { return };
    let database = create_ledger(server, "soak");
    let shop = Shop::open();
    let machines: Vec<_> = (0..4).map(|till| machine(&shop, &database.url(), &till.to_string())).collect();
    soak(shop, &machines.iter().collect::<Vec<_>>());
}

fn soak(mut shop: Shop, machines: &[&TestEnv]) {
    let (processes, creates) = (size("SOAK_PROCESSES", 4), size("SOAK_CREATES", 12));
    let sales: Vec<Sale> = (0..size("SOAK_SALES", 20)).map(|_| shop.sale(true)).collect();
    let seed = size("SOAK_SEED", 1);
    let faults = shop.emulator.setup().faults.as_ref().expect("faults");
    let fault = "POST /ipp/v1/sessions: drop-after-response-headers 10%".parse().expect("a fault");
    faults.change(|table| table.add(fault)).expect("a place for it");
    let tills: Vec<_> = (0..processes).map(|till| device(&shop.emulator, &format!("Till {till}"))).collect();
    let runs: Vec<Run> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..processes)
            .map(|worker| {
                let (shop, sales, tills) = (&shop, &sales, &tills);
                let env = machines[worker % machines.len()];
                scope.spawn(move || {
                    let mut rng = fastrand::Rng::with_seed((seed * 1000 + worker) as u64);
                    let mut duration = Duration::from_millis(50);
                    let run = |_| {
                        let sale = rng.usize(..sales.len());
                        let args = Sale { device: tills[worker].clone(), ..sales[sale].clone() }.args();
                        let start = Instant::now();
                        let running = env.command(args).spawn();
                        let output = if rng.u8(..100) < 20 {
                            // The moment of the kill is what is random.
                            std::thread::sleep(duration.mul_f64(rng.f64() * 1.2));
                            running.kill()
                        } else {
                            let output = running.wait();
                            duration = duration.mul_f64(0.8) + start.elapsed().mul_f64(0.2);
                            output
                        };
                        let id = match output.code {
                            Some(0) => {
                                let session = output.document();
                                let id = session["session_id"].as_str().expect("an ID").to_owned();
                                // Half of them are paid, the others stay open.
                                if rng.bool() {
                                    let id = id.parse().expect("a UUID");
                                    let _ = shop.emulator.with_state(|state, now| state.pay(id, None, now));
                                }
                                Some(id)
                            }
                            Some(UNKNOWN) => Some(attempt_of(&output)),
                            Some(DUPLICATE) | None => None,
                            code => panic!("exit {code:?} of {}: {}", output.command, output.stderr),
                        };
                        Run { sale, code: output.code, id }
                    };
                    (0..creates).map(run).collect::<Vec<_>>()
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker")).collect()
    });
    shop.wire.until_quiet();
    check(&shop, machines, &sales, &runs);
}

#[allow(clippy::print_stdout, reason = "a long run shows what it did")]
fn check(shop: &Shop, machines: &[&TestEnv], sales: &[Sale], runs: &[Run]) {
    let lists: Vec<Value> =
        machines.iter().map(|machine| machine.run(["sessions", "list", "-o", "json"]).json()).collect();
    assert!(lists.iter().all(|list| *list == lists[0]), "every machine sees the same");
    let rows = lists[0].as_array().expect("a list");
    for (number, sale) in sales.iter().enumerate() {
        let charged = shop.charged(sale);
        assert!(charged.len() <= 1, "charged twice: {sale:?} {charged:?}");
        let of_sale: Vec<_> = rows.iter().filter(|row| row["order_amount"] == sale.amount).collect();
        let may_exist = |row: &&&Value| matches!(row["outcome"].as_str(), Some("created" | "unknown"));
        let live: Vec<_> = of_sale.iter().filter(may_exist).collect();
        assert!(live.len() <= 1, "two attempts may have created {sale:?}: {live:?}");
        for id in &charged {
            let row = live.first().unwrap_or_else(|| panic!("{id} is not in the ledger"));
            assert!(row["outcome"] == "unknown" || row["session_id"] == id.as_str(), "{sale:?} {id}: {row}");
        }
        for run in runs.iter().filter(|run| run.sale == number) {
            let field = match run.code {
                Some(0) => "session_id",
                Some(UNKNOWN) => "attempt",
                _ => continue,
            };
            let id = run.id.as_deref().expect("an ID");
            let kept = live.iter().any(|row| row[field] == id);
            assert!(kept, "exit {:?} of {sale:?}, {id}: {live:?}", run.code);
            assert!(
                run.code != Some(UNKNOWN) || live.iter().all(|row| row["outcome"] == "unknown"),
                "{live:?}"
            );
        }
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for run in runs {
        *counts.entry(run.code.map_or("killed".to_owned(), |code| format!("exit {code}"))).or_default() += 1;
    }
    println!("{} runs: {counts:?}, {} sessions", runs.len(), shop.sessions().len());
    assert!(counts.contains_key("exit 0") && counts.contains_key("exit 9"), "{counts:?}");
}
