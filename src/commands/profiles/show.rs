use serde::Serialize;

use crate::commands::help::text::after_help;
use crate::complete;
use crate::context::App;
use crate::error::{Error, ExitStatus};
use crate::output::{Cell, CellStyle, Column, View};
use crate::profiles::KeySource;
use crate::settings::{Account, Endpoint, Shadow, Source, Sourced};

/// Show the values of a profile with their sources
///
/// The output includes the values of lower precedence that each one shadows. The key itself is never shown.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom profiles show               # the active profile
  kustom profiles show local         # the built-in profile

Next:
  kustom doctor                      # check that it works
"))]
pub(crate) struct Args {
    /// Profile to show [default: the active profile]
    #[arg(value_name = "PROFILE", add = complete::profiles())]
    name: Option<String>,
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { name } = self;
        let account = match name {
            Some(name) => {
                let mut settings = app.settings.clone();
                settings.profile = Some(name);
                Account::resolve(&settings, &settings.store().read()?)?
            }
            None => app.account()?,
        };
        app.output.print_list(list_values(&account))?;
        Ok(ExitStatus::Success)
    }
}

#[derive(Debug, Serialize)]
pub(in crate::commands) struct ValueRow {
    pub(in crate::commands) name: &'static str,
    /// The value, or a description of the key.
    pub(in crate::commands) value: Option<String>,
    pub(in crate::commands) source: Option<Source>,
    pub(in crate::commands) shadows: Vec<Shadow>,
}

impl ValueRow {
    fn new<T>(name: &'static str, sourced: Option<&Sourced<T>>, format: impl Fn(&T) -> String) -> Self {
        Self {
            name,
            value: sourced.map(|sourced| format(&sourced.value)),
            source: sourced.map(|sourced| sourced.source.clone()),
            shadows: sourced.map(|sourced| sourced.shadows.clone()).unwrap_or_default(),
        }
    }

    /// The shadowed values in one line.
    pub(in crate::commands) fn format_shadows(&self) -> String {
        let all: Vec<_> =
            self.shadows.iter().map(|shadow| format!("{} from {}", shadow.value, shadow.source)).collect();
        all.join(", ")
    }
}

pub(in crate::commands) fn list_values(account: &Account) -> Vec<ValueRow> {
    let in_process = Sourced::new("the emulator in this process".to_owned(), Source::BuiltIn);
    let base_url = match &account.endpoint {
        Endpoint::Remote(url) => ValueRow::new("base_url", Some(url), ToString::to_string),
        Endpoint::InProcess => ValueRow::new("base_url", Some(&in_process), Clone::clone),
    };
    let format_key = |key: &KeySource| match key {
        KeySource::Stored(key) => key.describe().to_owned(),
        KeySource::Command(command) => format!("the output of `{command}`"),
    };
    vec![
        ValueRow::new("profile", account.profile.as_ref(), Clone::clone),
        ValueRow::new("environment", Some(&account.environment), ToString::to_string),
        base_url,
        ValueRow::new("api_key", Some(&account.key), format_key),
        ValueRow::new("username", account.username.as_ref(), Clone::clone),
        ValueRow::new("merchant_id", account.merchant_id.as_ref(), Clone::clone),
        ValueRow::new("location", account.location.as_ref(), Clone::clone),
        ValueRow::new("device", account.device.as_ref(), Clone::clone),
        ValueRow::new("currency", account.currency.as_ref(), Clone::clone),
        ValueRow::new("if_busy", account.if_busy.as_ref(), |policy| policy.as_str().to_owned()),
        ValueRow::new("ledger", Some(&account.ledger), ToString::to_string),
        ValueRow::new("completions", Some(&account.completions), ToString::to_string),
    ]
}

impl View for ValueRow {
    const NOUN: &'static str = "value";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("NAME", |row| row.name.into()),
        Column::new("VALUE", |row| match &row.value {
            Some(value) => value.as_str().into(),
            None => Cell::styled("not set", CellStyle::Muted),
        }),
        Column::new("SOURCE", |row| Cell::optional(row.source.as_ref().map(ToString::to_string))),
        Column::new("SHADOWS", |row| row.format_shadows().into()),
    ];
}
