//! A wait for many sessions: is every change told in time, and what does that cost?

use std::collections::HashMap;
use std::io::BufRead as _;

use serde_json::{Value, json};
use uuid::Uuid;

use super::Failure;
use super::measure::{Measured, now};

/// The id of a session that becomes ACTIVE and FINALIZED at these times: the server reads them from it.
fn id(active_at: u64, finalized_at: u64) -> Uuid {
    Uuid::from_u64_pair(active_at, finalized_at)
}

/// The status that a session of this id has at a time.
pub(super) fn status(id: Uuid, at: u64) -> &'static str {
    match id.as_u64_pair() {
        (_, finalized_at) if finalized_at <= at => "FINALIZED",
        (active_at, _) if active_at <= at => "ACTIVE",
        _ => "CREATED",
    }
}

/// Watches so many sessions, whose ids are put behind the arguments, and prints how late their changes were told.
pub(super) fn watch(sessions: usize, program: &str, args: &[&str]) -> Result<(), Failure> {
    let begin = now() + 3_000;
    let ids: Vec<String> = (0..sessions as u64)
        .map(|number| {
            // Spread over some seconds, in an order of their own, and each a second after the other of its session.
            let active = begin + number * 7_919 % 5_000;
            id(active, active + 1_500 + number * 104_729 % 4_000).to_string()
        })
        .collect();
    let args: Vec<&str> = args.iter().copied().chain(ids.iter().map(String::as_str)).collect();
    let mut measured = Measured::start(program, &args)?;
    let mut told: HashMap<(String, String), u64> = HashMap::new();
    for line in measured.output()?.lines() {
        let at = now();
        let session: Value = serde_json::from_str(&line?)?;
        let text = |name: &str| session[name].as_str().unwrap_or_default().to_owned();
        told.entry((text("session_id"), text("status"))).or_insert(at);
    }
    let cost = measured.end()?;
    let mut missed = 0;
    let mut latest = 0;
    for text in &ids {
        let (active, finalized) = text.parse::<Uuid>()?.as_u64_pair();
        for (status, due) in [("ACTIVE", active), ("FINALIZED", finalized)] {
            match told.get(&(text.clone(), status.to_owned())) {
                Some(at) => latest = latest.max(at.saturating_sub(due)),
                None => missed += 1,
            }
        }
    }
    let told = json!({
        "exit": cost.status.code(),
        "missed": missed,
        "latest_ms": latest,
        "wall_ms": cost.wall.as_millis(),
        "cpu_percent": cost.cpu.as_micros() * 100 / cost.wall.as_micros().max(1),
        "peak_kib": cost.peak_kib,
    });
    println!("{told}");
    Ok(())
}
