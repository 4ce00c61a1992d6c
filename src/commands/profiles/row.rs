//! A profile in output, without its key.

use serde::Serialize;

use crate::emulator;
use crate::ledger::LedgerLocation;
use crate::output::{Cell, CellStyle, Column, View};
use crate::profiles::{Environment, IfBusy, KeySource, LOCAL, Profile};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::commands) struct ProfileRow {
    pub(in crate::commands) name: String,
    pub(in crate::commands) active: bool,
    pub(in crate::commands) environment: &'static str,
    /// Where the key is stored, never the key.
    pub(in crate::commands) key: &'static str,
    pub(in crate::commands) username: Option<String>,
    pub(in crate::commands) merchant_id: Option<String>,
    pub(in crate::commands) location: Option<String>,
    pub(in crate::commands) device: Option<String>,
    pub(in crate::commands) currency: Option<String>,
    pub(in crate::commands) if_busy: Option<&'static str>,
    pub(in crate::commands) base_url: Option<String>,
    /// Without a password. `None` if it cannot be used or is the database in the state directory.
    pub(in crate::commands) ledger: Option<String>,
    pub(in crate::commands) completions: Option<bool>,
}

impl ProfileRow {
    pub(in crate::commands) fn new(name: &str, active: Option<&str>, profile: &Profile) -> Self {
        let ledger = profile.ledger.as_deref().and_then(|ledger| LedgerLocation::parse(ledger).ok());
        Self {
            name: name.to_owned(),
            active: active == Some(name),
            environment: profile.environment.as_str(),
            key: match profile.key() {
                Some(KeySource::Stored(_)) => "stored",
                Some(KeySource::Command(_)) => "command",
                None => "none",
            },
            username: profile.username.clone(),
            merchant_id: profile.merchant_id.clone(),
            location: profile.location.clone(),
            device: profile.device.clone(),
            currency: profile.currency.clone(),
            if_busy: profile.if_busy.map(IfBusy::as_str),
            base_url: profile.base_url.clone(),
            ledger: ledger.map(|ledger| ledger.to_string()),
            completions: profile.completions,
        }
    }

    /// The profile `local`.
    pub(in crate::commands) fn built_in(active: Option<&str>) -> Self {
        Self {
            key: "built in",
            merchant_id: Some(emulator::MERCHANT_ID.to_owned()),
            ..Self::new(LOCAL, active, &Profile::new(Environment::Local))
        }
    }
}

impl View for ProfileRow {
    const NOUN: &'static str = "profile";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("NAME", |row| row.name.as_str().into()),
        Column::new("ACTIVE", |row| Cell::styled(if row.active { "yes" } else { "" }, CellStyle::Success)),
        Column::new("ENVIRONMENT", |row| row.environment.into()),
        Column::new("KEY", |row| row.key.into()),
        Column::new("MERCHANT", |row| Cell::optional(row.merchant_id.as_deref())),
        Column::detail("USERNAME", |row| Cell::optional(row.username.as_deref())),
        Column::new("LOCATION", |row| Cell::optional(row.location.as_deref())),
        Column::new("DEVICE", |row| Cell::optional(row.device.as_deref())),
        Column::new("CURRENCY", |row| Cell::optional(row.currency.as_deref())),
        Column::detail("IF BUSY", |row| Cell::optional(row.if_busy)),
        Column::new("BASE URL", |row| Cell::optional(row.base_url.as_deref())),
        Column::detail("LEDGER", |row| Cell::optional(row.ledger.as_deref())),
        Column::detail("COMPLETIONS", |row| Cell::optional(row.completions.map(|value| value.to_string()))),
    ];
}
