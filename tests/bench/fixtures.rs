//! Generates journals and emulator states of any size.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use kustom::emulator::State;
use kustom::emulator::state::{NewSession, NewSimulatedDevice, OpContext, Purchase, STOCKHOLM};
use kustom::model::Metadata;
use serde_json::json;
use uuid::Uuid;

use super::Error;

const TILL: Uuid = Uuid::from_u128(0x0d0d_4000_8000_0000_0000_0000_0001);

/// Writes a journal as earlier versions did, of sessions that were created and paid; every hundredth was refused.
pub(super) fn write_journal(path: &Path, lines: usize) -> Result<(), Error> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    let mut file = BufWriter::new(File::create(path)?);
    let begin = Timestamp::now() - SignedDuration::from_hours(24 * 300);
    let mut remaining = lines;
    for sale in 0_u32.. {
        let at = begin + SignedDuration::from_secs(60 * i64::from(sale));
        let attempt = Uuid::from_u128(0xa000_0000_4000_8000_0000_0000_0000 + u128::from(sale));
        let session = Uuid::from_u128(0x5000_0000_4000_8000_0000_0000_0000 + u128::from(sale)).to_string();
        let intent = json!({"merchant_id": "M1", "device_id": TILL, "order_amount": sale % 900 + 100,
            "purchase_currency": "SEK", "purchase_started_at": at, "merchant_reference1": format!("receipt-{sale}")});
        let outcome = if sale % 100 == 99 {
            vec![json!({"refused": {"attempt": attempt, "reason": "the device is offline"}})]
        } else {
            let order = Uuid::from_u128(u128::from(sale));
            vec![
                json!({"created": {"attempt": attempt, "session_id": session}}),
                json!({"seen": {"session_id": session, "status": "FINALIZED", "order_id": order}}),
            ]
        };
        let intent = json!({"intent": {"attempt": attempt, "intent": intent}});
        for event in std::iter::once(intent).chain(outcome) {
            if remaining == 0 {
                file.flush()?;
                return Ok(());
            }
            remaining -= 1;
            writeln!(file, "{}", json!({"at": at, "event": event}))?;
        }
    }
    Ok(())
}

/// Writes an emulator state with this number of devices, and a session on each.
pub(super) fn write_state(path: &Path, count: usize) -> Result<(), Error> {
    let mut state = State::seed();
    let mut ids = Uuid::new_v4;
    let mut events = Vec::new();
    let mut op = OpContext { now: Timestamp::now(), ids: &mut ids, events: &mut events };
    for number in 0..count {
        let name = format!("Till {number}");
        let new = NewSimulatedDevice { name, location_id: Some(STOCKHOLM), metadata: Metadata::new() };
        let device = state.create_simulated_device(new, &mut op).map_err(refused)?;
        let purchase = Purchase {
            order_amount: 24_950,
            order_tax_amount: None,
            purchase_currency: "SEK".to_owned(),
            purchase_started_at: Some(op.now),
            merchant_reference1: Some(format!("receipt-{number}")),
            merchant_reference2: None,
            merchant_data: None,
            order_items: Vec::new(),
        };
        let device_id = device.id.as_deref().unwrap_or_default().parse()?;
        state
            .create_session(NewSession { device_id, location_id: None, purchase }, &mut op)
            .map_err(refused)?;
    }
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    std::fs::write(path, state.write())?;
    Ok(())
}

fn refused(refusal: impl std::fmt::Debug) -> Error {
    format!("the emulator refused it: {refusal:?}").into()
}
