//! Measures how late `sessions watch` prints changes of many sessions.

use std::collections::HashMap;
use std::io::BufRead as _;

use serde_json::{Value, json};
use uuid::Uuid;

use super::Error;
use super::measure::{MeasuredProcess, now};

/// Encodes in a session's ID when the server makes it ACTIVE and FINALIZED.
fn session_id(active_at: u64, finalized_at: u64) -> Uuid {
    Uuid::from_u64_pair(active_at, finalized_at)
}

pub(super) fn status(id: Uuid, at: u64) -> &'static str {
    match id.as_u64_pair() {
        (_, finalized_at) if finalized_at <= at => "FINALIZED",
        (active_at, _) if active_at <= at => "ACTIVE",
        _ => "CREATED",
    }
}

/// Watches sessions, whose IDs are appended to the arguments, and prints the largest delay of a change.
pub(super) fn watch(sessions: usize, program: &str, args: &[&str]) -> Result<(), Error> {
    let begin = now() + 3_000;
    let ids: Vec<String> = (0..sessions as u64)
        .map(|number| {
            // Pseudo-random times, with at least a second between the two changes of a session.
            let active = begin + number * 7_919 % 5_000;
            session_id(active, active + 1_500 + number * 104_729 % 4_000).to_string()
        })
        .collect();
    let args: Vec<&str> = args.iter().copied().chain(ids.iter().map(String::as_str)).collect();
    let mut process = MeasuredProcess::start(program, &args)?;
    let mut printed: HashMap<(String, String), u64> = HashMap::new();
    for line in process.stdout()?.lines() {
        let at = now();
        let session: Value = serde_json::from_str(&line?)?;
        let text = |name: &str| session[name].as_str().unwrap_or_default().to_owned();
        printed.entry((text("session_id"), text("status"))).or_insert(at);
    }
    let usage = process.wait()?;
    let mut missed = 0;
    let mut latest = 0;
    for text in &ids {
        let (active, finalized) = text.parse::<Uuid>()?.as_u64_pair();
        for (status, due) in [("ACTIVE", active), ("FINALIZED", finalized)] {
            match printed.get(&(text.clone(), status.to_owned())) {
                Some(at) => latest = latest.max(at.saturating_sub(due)),
                None => missed += 1,
            }
        }
    }
    let result = json!({
        "exit": usage.status.code(),
        "missed": missed,
        "latest_ms": latest,
        "cpu_percent": usage.cpu.as_micros() * 100 / usage.wall.as_micros().max(1),
        "peak_kib": usage.peak_kib,
    });
    println!("{result}");
    Ok(())
}
