//! `kustom dev probe`

mod carts;
mod clean_up;
mod devices;
mod enrollments;
mod facts;
mod lists;
mod measure;
mod measurement;
mod open_sessions;
mod operations;
mod orders;
mod payouts;
mod prober;
mod response_check;
mod sessions;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use self::facts::{Fact, Observations};
use self::open_sessions::OpenSessions;
use self::prober::Prober;
use super::emulator_only::is_emulator_here;
use super::run::files;
use crate::commands::help::text::after_help;
use crate::context::{ApiContext, App};
use crate::emulator::EmulatorOptions;
use crate::error::{Error, ExitStatus};
use crate::output::{Cell, CellStyle, Column, View};

/// Find out how the API behaves where its documents do not say
///
/// Creates simulated devices, enrollments and sessions on a playground account, taps with every outcome, captures and
/// refunds the orders, reads payouts, and compares every response with its description. It prints each fact with what
/// kustom assumes and what was seen, and the options with which the emulator behaves the same. It removes what it creates,
/// except the orders, and what an earlier run left behind.
///
/// The file contains no key, no ID and no other value of the account, so you can publish it. A fact that the account cannot
/// show, such as the fees of an account without payouts, is "not seen". On an emulator, the probe advances the clock to
/// measure durations and to get a payout. Production profiles are rejected.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom --profile local dev probe                     # on the built-in emulator
  kustom --profile playground dev probe --yes

Next:
  kustom dev emulator --options-from probe.json
"))]
pub(crate) struct Args {
    /// Also wait until a session expires, for up to two hours
    #[arg(long)]
    wait: bool,
    /// File to write the result to
    #[arg(long, value_name = "FILE", default_value = "probe.json")]
    file: PathBuf,
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { wait, file } = self;
        let context = app.connect()?;
        context.forbid_production()?;
        if context.account.merchant_id.is_none() {
            return Err(Error::usage("the probe needs the merchant ID, which the lists of the API require")
                .hint("set KUSTOM_MERCHANT_ID, or add merchant_id to the profile"));
        }
        files::check_writable(&file)?;
        app.block_on_with_cleanup(probe(context.for_cleanup(), wait, &file, app))
    }
}

async fn probe(context: ApiContext<'_>, wait: bool, file: &Path, app: &App) -> Result<ExitStatus, Error> {
    let is_emulator = is_emulator_here(&context).await;
    if !is_emulator {
        let question = "Create simulated devices, enrollments, sessions and orders on this account, and remove all but the orders again?";
        context.output.confirm(question).await?;
    }
    let path = app.settings.paths.state.join("probe-sessions.json");
    let sessions = OpenSessions::read(path, context.account.base_url()?.to_string());
    let currency = context.account.currency.as_ref().map_or("SEK", |currency| currency.value.as_str());
    let mut prober = Prober::new(
        context.client.clone(),
        app.cancel.clone(),
        wait,
        is_emulator,
        currency.to_owned(),
        sessions,
    );
    let result = prober.run().await;
    // An interruption ends the probe, but not the clean-up.
    prober.cancel = CancellationToken::new();
    let left = prober.clean_up().await;
    for resource in &left {
        context.output.warn(&format!("not removed: {resource}"));
    }
    result.map_err(|error| match left.as_slice() {
        [] => error.hint("everything that the probe created was removed"),
        _ => error.hint("run the probe again: it removes what this run left behind"),
    })?;
    let environment = context.account.environment.value.as_str();
    report(&prober, environment, file, &context)
}

fn report(
    prober: &Prober,
    environment: &str,
    file: &Path,
    context: &ApiContext<'_>,
) -> Result<ExitStatus, Error> {
    let Observations { options, responses, .. } = &prober.seen;
    let facts = prober.seen.facts();
    let document = json!({
        "kustom": env!("CARGO_PKG_VERSION"),
        "environment": environment,
        "emulator": prober.is_emulator,
        "options": options,
        "facts": facts,
        "responses": responses,
    });
    let text = format!("{document:#}\n");
    files::replace_file(file, text.as_bytes())?;
    context.output.print_list(facts)?;
    context.output.status(&format!("Wrote {}, which contains nothing of the account.", file.display()));
    let defaults = EmulatorOptions::default();
    let differing = options.iter().filter(|(name, value)| defaults.get(name).as_ref() != Some(value));
    let flags: Vec<_> = differing.map(|(name, value)| format!(" --option {name}={value}")).collect();
    context.output.status(&if flags.is_empty() {
        "The emulator behaves the same by default.".to_owned()
    } else {
        format!("An emulator that behaves the same: kustom dev emulator{}", flags.concat())
    });
    Ok(ExitStatus::Success)
}

/// The options of a file that the probe wrote, by name.
pub(super) fn read_options(path: &Path) -> Result<Vec<(String, String)>, Error> {
    let invalid = |reason: String| {
        Error::usage(format!("{} cannot be used: {reason}", path.display()))
            .hint("write the file with `kustom dev probe`, or set options with --option NAME=VALUE")
    };
    let document: Value = serde_json::from_slice(&crate::args::read_file(path)?)
        .map_err(|error| invalid(format!("it is not JSON: {error}")))?;
    let options = document.get("options").and_then(Value::as_object);
    let options = options.ok_or_else(|| invalid("it has no object 'options'".to_owned()))?;
    let mut checked = EmulatorOptions::default();
    let read = |(name, value): (&String, &Value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        checked.set(name, &value).map_err(invalid)?;
        Ok((name.clone(), value))
    };
    options.iter().map(read).collect()
}

impl View for Fact {
    const NOUN: &'static str = "fact";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::fixed("FACT", |fact| fact.name.into()),
        Column::new("ASSUMED", |fact| fact.assumed.into()),
        Column::new("SEEN", |fact| match &fact.seen {
            Some(seen) if *seen == fact.assumed => Cell::styled("as assumed", CellStyle::Muted),
            Some(seen) => seen.as_str().into(),
            None => Cell::styled("not seen", CellStyle::Muted),
        }),
        Column::wide("OPTION", |fact| Cell::optional(fact.option.as_deref())),
    ];
}

#[cfg(test)]
mod tests;
