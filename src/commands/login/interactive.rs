//! The prompts of `kustom login`.

use clap::ValueEnum as _;

use super::{ProfileArgs, default_name, verify_key};
use crate::commands::resolve::fetch_all;
use crate::context::App;
use crate::error::{Error, ErrorKind};
use crate::model::{Currency, Location, Resource};
use crate::output::{Choice, Output, Question};
use crate::profiles::{Document, Environment, KeySource, Profile, check_name};
use crate::secret::ApiKey;

/// Typed for "none" where Enter keeps the default.
const NONE: &str = "-";

/// Asks for every value that has no flag. The key is checked first, because the locations are listed with it.
pub(super) async fn ask_profile(
    args: &ProfileArgs,
    name: Option<&str>,
    document: &Document,
    app: &App,
) -> Result<(String, Profile), Error> {
    let output = &*app.output;
    output.status("The API key is in Kustom's portal. What you paste here is not shown.");
    let mut rejected: Option<(String, Profile)> = None;
    let (name, mut profile, mut account) = loop {
        let (name, profile) = ask_credentials(args, name, rejected.as_ref(), document, output).await?;
        let check = async {
            let account = app.account_of(&name, &profile)?;
            verify_key(app, account.clone(), args).await?;
            Ok::<_, Error>(account)
        };
        match check.await {
            Ok(account) => break (name, profile, account),
            Err(error) if error.kind == ErrorKind::Credentials => {
                output.warn(&error.message);
                let what = if profile.username.is_some() { "key and username" } else { "key" };
                output.status(&format!("Look at the {what} and paste it again, or give up with Ctrl-C."));
                rejected = Some((name, profile));
            }
            Err(error) => return Err(error),
        }
    };
    let mut locations = Vec::new();
    loop {
        if args.no_check {
            break;
        }
        // The login continues without the locations if they cannot be listed.
        match fetch_all(app.connect_as(account)?.client.locations()).await {
            Ok(all) => locations = all,
            Err(error) if error.names_field("merchant") => {
                output.warn(&Error::from(error).message);
                output.status(
                    "The merchant ID is in Kustom's portal. A username such as M100-1 begins with it.",
                );
                let asked =
                    ask_optional("Merchant ID", profile.merchant_id.take(), |_| Ok(()), output).await?;
                profile.merchant_id = asked;
                if profile.merchant_id.is_some() {
                    account = app.account_of(&name, &profile)?;
                    continue;
                }
            }
            Err(error) => output.status(&format!(
                "No default location: the locations cannot be listed ({}).",
                Error::from(error).message.lines().next().unwrap_or_default()
            )),
        }
        break;
    }
    if args.location.is_none() && !locations.is_empty() {
        profile.location = ask_location(&locations, profile.location.as_deref(), output).await?;
    }
    if args.currency.is_none() {
        let suggested = || currency_of(&locations).map(|currency| currency.to_string());
        let default = profile.currency.take().or_else(suggested);
        let check = |code: &str| code.parse::<Currency>().map(drop).map_err(|error| error.to_string());
        let code = ask_optional("Default currency", default, check, output).await?;
        profile.currency = code.and_then(|code| code.parse::<Currency>().ok()).map(|code| code.to_string());
    }
    if document.profile(&name).is_some() && !output.assume_yes() {
        let exists = format!("The profile '{name}' exists.");
        if !output.ask_yes_no(&exists, "Replace it?", false).await? {
            return Err(Error::new(ErrorKind::Unconfirmed, "not confirmed; nothing was stored"));
        }
    }
    Ok((name, profile))
}

/// Asks for the values that the API checks. What was rejected before is the default now.
async fn ask_credentials(
    args: &ProfileArgs,
    name: Option<&str>,
    rejected: Option<&(String, Profile)>,
    document: &Document,
    output: &Output,
) -> Result<(String, Profile), Error> {
    let key = ask_key(output).await?;
    let environment = match args.environment(&key) {
        Some(environment) => environment,
        None => ask_environment(output).await?,
    };
    // A name that was chosen for another environment may describe that environment.
    let previous = rejected.filter(|(_, profile)| profile.environment == environment);
    let name = match (name, previous) {
        (Some(name), _) => name.to_owned(),
        (None, Some((name, _))) => name.clone(),
        (None, None) => ask_name(environment, document, output).await?,
    };
    let old = previous.map(|(_, profile)| profile).or_else(|| document.profile(&name));
    let old = old.filter(|old| old.environment == environment);
    let mut profile = args.to_profile(environment, KeySource::Stored(key), old);
    if args.username.is_none() || rejected.is_some() {
        let default = old.and_then(|old| old.username.clone());
        profile.username = ask_optional("Username", default, |_| Ok(()), output).await?;
    }
    if args.merchant_id.is_none() {
        let issued_for = profile.username.as_deref().and_then(merchant_of).map(str::to_owned);
        let default = profile.merchant_id.or(issued_for);
        profile.merchant_id = ask_optional("Merchant ID", default, |_| Ok(()), output).await?;
    }
    Ok((name, profile))
}

async fn ask_key(output: &Output) -> Result<ApiKey, Error> {
    let check = |text: &str| ApiKey::parse(text).map(drop).map_err(|error| error.to_string());
    let typed = output.ask_secret("API key", check).await?;
    ApiKey::parse(typed.expose()).map_err(|error| Error::usage(error.to_string()))
}

async fn ask_environment(output: &Output) -> Result<Environment, Error> {
    output.status("The key does not show which environment it is for.");
    let meaning = |environment| match environment {
        Environment::Production => "real money",
        Environment::Playground => "Kustom's playground",
        Environment::Local => "an emulator on this machine",
    };
    let choices = Environment::value_variants()
        .iter()
        .map(|environment| (Choice::new(environment.as_str(), meaning(*environment)), *environment))
        .collect();
    output.select_without_default("Environment", choices).await
}

async fn ask_name(environment: Environment, document: &Document, output: &Output) -> Result<String, Error> {
    let default = default_name(environment);
    if let Some(name) = default.as_deref().filter(|name| document.profile(name).is_some()) {
        output.status(&format!("There is a profile '{name}'; another name keeps it."));
    }
    let check = move |name: &str| {
        check_name(name)?;
        match Environment::from_str(name, false) {
            Ok(other) if other != environment => {
                Err(format!("the key is for {environment}; '{name}' is the name of another environment"))
            }
            _ => Ok(()),
        }
    };
    output.ask(Question::new("Profile name").default(default).check(check)).await
}

async fn ask_optional(
    prompt: &str,
    default: Option<String>,
    check: impl Fn(&str) -> Result<(), String> + Send + 'static,
    output: &Output,
) -> Result<Option<String>, Error> {
    let prompt = match &default {
        Some(_) => format!("{prompt} ({NONE} for none)"),
        None => format!("{prompt} (Enter for none)"),
    };
    let check = move |text: &str| if text == NONE { Ok(()) } else { check(text) };
    let answer = output.ask(Question::new(&prompt).default(default).optional().check(check)).await?;
    Ok(Some(answer).filter(|answer| !answer.is_empty() && answer != NONE))
}

/// The merchant ID in a username of the form `<merchant id>-<suffix>` (documented).
fn merchant_of(username: &str) -> Option<&str> {
    username.rsplit_once('-').map(|(merchant, _)| merchant).filter(|merchant| !merchant.is_empty())
}

/// Asks for a location, with the current one first. A single location comes before "none", several come after it.
async fn ask_location(
    locations: &[Resource<Location>],
    current: Option<&str>,
    output: &Output,
) -> Result<Option<String>, Error> {
    let is_unique = |name: &&str| {
        locations.iter().filter(|location| location.name.as_deref() == Some(*name)).count() == 1
    };
    let is_current = |location: &Location| current.is_some_and(|current| is_named(location, current));
    let mut choices: Vec<(Choice, Option<String>)> = Vec::new();
    for location in locations {
        // The ID is stored only if several locations have the same name.
        let unique_name = location.name.as_deref().filter(is_unique);
        let stored = unique_name.or(location.id.as_deref()).map(str::to_owned);
        let label = location.name.as_deref().or(location.id.as_deref()).unwrap_or_default();
        let choice = (Choice::new(label, location.city.as_deref().unwrap_or_default()), stored);
        choices.insert(if is_current(location) { 0 } else { choices.len() }, choice);
    }
    match current {
        // Such as an ID prefix.
        Some(current) if !locations.iter().any(|location| is_current(location)) => {
            choices.insert(0, (Choice::new(current, "as now"), Some(current.to_owned())));
        }
        _ => {}
    }
    let has_default = locations.len() == 1 || current.is_some();
    choices.insert(usize::from(has_default), (Choice::new("none", ""), None));
    output.select("Default location", choices).await
}

fn is_named(location: &Location, name_or_id: &str) -> bool {
    let is = |text: Option<&str>| text.is_some_and(|text| text.to_lowercase() == name_or_id.to_lowercase());
    is(location.id.as_deref()) || is(location.name.as_deref())
}

/// The currency of the country, if all locations are in the same one.
fn currency_of(locations: &[Resource<Location>]) -> Option<Currency> {
    let country = locations.first()?.country.as_deref()?;
    let is_same = locations.iter().all(|location| location.country.as_deref() == Some(country));
    Currency::of_country(country).filter(|_| is_same)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_username_contains_the_merchant_id() {
        assert_eq!(merchant_of("M100-1"), Some("M100"));
        assert_eq!(merchant_of("N-A-7f"), Some("N-A"));
        assert_eq!(merchant_of("till"), None);
        assert_eq!(merchant_of("-1"), None);
    }

    #[test]
    fn locations_in_one_country_suggest_its_currency() {
        let locations = |countries: &[&str]| -> Vec<Resource<Location>> {
            countries
                .iter()
                .map(|country| Resource::from_json(json!({"country": country})).unwrap())
                .collect()
        };
        let code = |countries| currency_of(&locations(countries)).map(Currency::code);
        assert_eq!(code(&["SE", "SE"]), Some("SEK"));
        assert_eq!(code(&["SE", "NO"]), None);
        assert_eq!(code(&["XX"]), None);
        assert_eq!(code(&[]), None);
    }
}
