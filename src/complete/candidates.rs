//! Completers for the values of arguments. Each stands beside the arguments that it completes.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::time::Duration;

use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, PathCompleter};
use jiff::Timestamp;
use unicode_normalization::UnicodeNormalization as _;

use super::REQUEST;
use super::cache::Cache;
use super::resources::{self, CachedResources, ResourceSummary};
use crate::context::App;
use crate::global_args::GlobalArgs;
use crate::ledger::{Attempt, Filter, LedgerLocation};
use crate::model::{CallbackType, Currency, MIN_ID_PREFIX_LEN};
use crate::output::format_amount;
use crate::profiles::LOCAL;
use crate::settings::{Account, Endpoint, Settings};
use crate::text::{escape_control, format_age, has_unsafe, normalize_text};

const MAX_SESSIONS: usize = 100;

/// The length of an ID in a description.
const SHORT_ID_LEN: usize = 8;

/// Devices by name, or by ID where the name is not unique or an ID is begun.
pub(crate) fn devices() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| filter_resources(current, |known| &known.devices))
}

/// Locations, as [`devices`].
pub(crate) fn locations() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| filter_resources(current, |known| &known.locations))
}

/// Enrollments by ID; their codes are never shown.
pub(crate) fn enrollments() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| filter_resources(current, |known| &known.enrollments))
}

/// Sessions in the ledger, newest first.
pub(crate) fn sessions() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let candidates = newest_attempts(&Filter::default()).into_iter().filter_map(|attempt| {
            let about = describe_attempt(attempt.status()?.as_str(), &attempt);
            Some((attempt.session_id()?.to_owned(), about))
        });
        filter(current, candidates)
    })
}

/// Orders of the sales that were paid, newest first; by reference if one is begun.
pub(crate) fn orders() -> ArgValueCompleter {
    ArgValueCompleter::new(complete_order)
}

fn complete_order(current: &OsStr) -> Vec<CompletionCandidate> {
    let attempts = newest_attempts(&Filter::default());
    let mut candidates = Vec::new();
    for attempt in &attempts {
        let Some(order) = attempt.order_id() else { continue };
        let about = describe_attempt("", attempt);
        candidates.push((order.to_owned(), about.clone()));
        let reference = attempt.intent.merchant_reference1.clone().unwrap_or_default();
        if !current.is_empty() && !reference.starts_with('-') && !reference.is_empty() {
            candidates.push((reference, about));
        }
    }
    filter(current, candidates)
}

/// Attempts whose outcome is unknown, newest first.
pub(crate) fn attempts() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let unknown = newest_attempts(&Filter { unknown: true, ..Filter::default() });
        let describe = |attempt: &Attempt| (attempt.id.to_string(), describe_attempt("unknown", attempt));
        filter(current, unknown.iter().map(describe))
    })
}

/// The profiles of the profiles file and the built-in one.
pub(crate) fn profiles() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let mut candidates = complete_stored_profile(current);
        candidates.extend(filter(current, [(LOCAL, "built in: the emulator")]));
        candidates
    })
}

/// The profiles of the profiles file.
pub(crate) fn stored_profiles() -> ArgValueCompleter {
    ArgValueCompleter::new(complete_stored_profile)
}

fn complete_stored_profile(current: &OsStr) -> Vec<CompletionCandidate> {
    let document = settings(profile()).and_then(|settings| settings.store().read().ok());
    let document = document.unwrap_or_default();
    filter(current, document.profiles().map(|(name, profile)| (name, profile.environment.as_str())))
}

pub(crate) fn events() -> ArgValueCompleter {
    let events = CallbackType::ALL.iter().map(|event| (event.short(), event.meaning()));
    ArgValueCompleter::new(move |current: &OsStr| filter(current, events.clone()))
}

pub(crate) fn currencies() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        filter(current, Currency::all().map(|currency| (currency.code().to_owned(), currency.name())))
    })
}

pub(crate) fn http_methods() -> ArgValueCompleter {
    let methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];
    ArgValueCompleter::new(move |current: &OsStr| filter(current, methods.map(|method| (method, ""))))
}

pub(crate) fn file_or_stdin() -> ArgValueCompleter {
    ArgValueCompleter::new(PathCompleter::file().stdio())
}

/// Keeps the values that begin with the current word, in any case if no value does in the same case. Letters may be
/// composed or decomposed. Values with control characters are never offered.
pub(crate) fn filter<V: Into<String>, A: AsRef<str>>(
    current: &OsStr,
    candidates: impl IntoIterator<Item = (V, A)>,
) -> Vec<CompletionCandidate> {
    // The end of the word is kept, because a space may be part of a name that continues.
    let normalize = |text: &str| text.nfc().collect::<String>();
    let current = normalize(&current.to_string_lossy());
    let lower = current.to_lowercase();
    let candidates = candidates.into_iter().map(|(value, about)| (value.into(), about));
    let mut candidates: Vec<(String, A)> = candidates
        .filter(|(value, _)| normalize(value).to_lowercase().starts_with(&lower) && !has_unsafe(value))
        .collect();
    if candidates.iter().any(|(value, _)| normalize(value).starts_with(&current)) {
        candidates.retain(|(value, _)| normalize(value).starts_with(&current));
    }
    candidates
        .into_iter()
        .map(|(value, about)| {
            let about = escape_control(about.as_ref());
            CompletionCandidate::new(value).help((!about.is_empty()).then(|| about.into_owned().into()))
        })
        .collect()
}

fn filter_resources(
    current: &OsStr,
    select: fn(&CachedResources) -> &[ResourceSummary],
) -> Vec<CompletionCandidate> {
    let Some(known) = known_resources() else { return Vec::new() };
    let resources = select(&known);
    let mut count_by_name: HashMap<String, usize> = HashMap::new();
    for name in resources.iter().filter_map(|resource| resource.name.as_deref()) {
        *count_by_name.entry(normalize_text(name).to_lowercase()).or_default() += 1;
    }
    let is_usable = |resource: &ResourceSummary, name: &str| {
        let key = normalize_text(name).to_lowercase();
        let is_id_prefix = |other: &ResourceSummary| {
            key.len() >= MIN_ID_PREFIX_LEN
                && other.id != resource.id
                && other.id.to_lowercase().starts_with(&key)
        };
        count_by_name.get(&key) == Some(&1)
            && !resources.iter().any(is_id_prefix)
            && !key.is_empty()
            && !name.starts_with('-')
            && !has_unsafe(name)
    };
    let mut candidates = Vec::new();
    for resource in resources {
        let name = resource.name.as_deref().filter(|name| is_usable(resource, name));
        if let Some(name) = name {
            candidates.push((name.to_owned(), describe_resource(resource, false, &known)));
        }
        if name.is_none() || !current.is_empty() {
            candidates.push((resource.id.clone(), describe_resource(resource, true, &known)));
        }
    }
    candidates.sort_by_cached_key(|(value, _)| value.to_lowercase());
    filter(current, candidates)
}

fn describe_resource(resource: &ResourceSummary, with_name: bool, known: &CachedResources) -> String {
    let location = resource.location_id.as_deref().map(|id| {
        let location = known.locations.iter().find(|location| location.id == id);
        location.and_then(|location| location.name.as_deref()).unwrap_or(id.get(..SHORT_ID_LEN).unwrap_or(id))
    });
    let name = resource.name.as_deref().filter(|_| with_name);
    let parts = [name, location, resource.kind.as_deref()];
    let parts: Vec<_> = parts.into_iter().flatten().filter(|part| !part.trim().is_empty()).collect();
    parts.join(", ")
}

fn describe_attempt(status: &str, attempt: &Attempt) -> String {
    let intent = &attempt.intent;
    let amount = format_amount(intent.order_amount, intent.purchase_currency.as_deref());
    let age = format_age(Timestamp::now().duration_since(attempt.at).unsigned_abs());
    let parts = [status, &amount, intent.merchant_reference1.as_deref().unwrap_or_default(), &age];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(", ")
}

/// Returns what the cache knows of the account, if completions may use its key.
fn known_resources() -> Option<CachedResources> {
    let settings = settings(profile())?;
    let account = account(&settings)?;
    if !account.completions.value {
        return None;
    }
    match account.endpoint {
        Endpoint::InProcess => {
            resources::fetch(&App::new(settings), account, Duration::MAX, CachedResources::default())
        }
        Endpoint::Remote(_) => {
            let profile = settings.profile.as_deref();
            Cache::new(&settings, &account).read_or_refresh(profile, REQUEST.get()?.deadline)
        }
    }
}

fn newest_attempts(filter: &Filter) -> Vec<Attempt> {
    let read = || {
        let app = App::new(settings(profile())?);
        let account = app.account().ok()?;
        // A shared ledger may be far away, and its password may need a prompt.
        if matches!(account.ledger.value, LedgerLocation::Postgres(_)) {
            return None;
        }
        let attempts = async { app.open_ledger(&account).await?.attempts(filter, MAX_SESSIONS).await };
        app.block_on(attempts).ok()
    };
    read().unwrap_or_default().attempts
}

fn profile() -> Option<String> {
    REQUEST.get().and_then(|request| request.profile.clone())
}

/// Resolves the settings of a command that never prompts.
pub(super) fn settings(profile: Option<String>) -> Option<Settings> {
    let global = GlobalArgs { profile, quiet: true, no_input: true, ..GlobalArgs::default() };
    Settings::resolve(global).ok()
}

pub(super) fn account(settings: &Settings) -> Option<Account> {
    App::new(settings.clone()).account().ok()
}
