//! The clients of `tests/load/run.sh`: `clients URL CLIENTS SECONDS`.

#![allow(clippy::print_stdout, reason = "it prints the result")]

#[allow(clippy::expect_used, reason = "a panic ends the run")]
mod clients;

use std::process::ExitCode;
use std::time::{Duration, Instant};

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, url, clients, seconds, ..] = args.as_slice() else {
        return Err("clients URL CLIENTS SECONDS".into());
    };
    let (clients, time) = (clients.parse()?, Duration::from_secs(seconds.parse()?));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let begun = Instant::now();
    let tally = runtime.block_on(clients::sell(url, clients, |_| begun.elapsed() < time));
    println!(
        "{clients} clients, {:.1} s: {} correct responses, {:.0} per second, slowest {} ms, {} orders",
        begun.elapsed().as_secs_f64(),
        tally.right,
        f64::from(u32::try_from(tally.right)?) / begun.elapsed().as_secs_f64(),
        tally.slowest.as_millis(),
        tally.orders.len(),
    );
    for wrong in tally.wrong.iter().take(10) {
        println!("wrong: {wrong}");
    }
    Ok(if tally.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
