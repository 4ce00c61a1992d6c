//! The questions of `kustom login`, to somebody who adds an account for the first time.

use futures_util::TryStreamExt as _;

use super::{
    Confirmation, LoginOptions, PendingProfile, account_of, change, check, default_name, infer_environment,
};
use crate::context::App;
use crate::error::{Error, ErrorKind};
use crate::model::{Currency, Location, Page, Resource};
use crate::output::{Choice, Output, Question};
use crate::profiles::{Document, Environment, KeySource, Profile, check_name};
use crate::secret::{ApiKey, Secret};
use crate::settings::Account;
use crate::text::escape_control;

/// What is typed for "none" where Enter means what there is already.
const NONE: &str = "-";

/// Asks for everything that no flag tells, and has the key checked before anything else depends on it.
pub(super) async fn ask(
    wanted: LoginOptions,
    name: Option<String>,
    document: &Document,
    app: &App,
) -> Result<PendingProfile, Error> {
    let LoginOptions { environment, username, merchant_id, location, currency, base_url, completions, check } =
        wanted;
    let output = &*app.output;
    output.status("The API key is in Kustom's portal. What you paste here is not shown.");
    let mut typed_name: Option<(String, Environment)> = None;
    let mut tried: Option<Profile> = None;
    let (name, mut profile, account) = loop {
        let key = ask_key(output).await?;
        let environment = match environment.or_else(|| infer_environment(&key, base_url.as_ref())) {
            Some(environment) => environment,
            None => ask_environment(output).await?,
        };
        // A name that was given for another environment may stand for that one.
        typed_name = typed_name.filter(|(_, of)| *of == environment);
        let name = match (&name, &typed_name) {
            (Some(name), _) | (None, Some((name, _))) => name.clone(),
            (None, None) => {
                let name = ask_name(environment, document, output).await?;
                typed_name = Some((name.clone(), environment));
                name
            }
        };
        let old = tried.as_ref().or_else(|| document.profile(&name));
        let old = old.filter(|old| old.environment == environment);
        let old_of = |of: fn(&Profile) -> &Option<String>| old.and_then(|old| of(old).clone());
        // What was tried and refused is asked for, even if a flag gave it.
        let username = match username.clone().filter(|_| tried.is_none()) {
            None => ask_optional("Username", old_of(|old| &old.username), output).await?,
            given => given,
        };
        let told = username.as_deref().and_then(merchant_of).map(str::to_owned);
        let merchant_id = match merchant_id.clone() {
            None => ask_optional("Merchant id", old_of(|old| &old.merchant_id).or(told), output).await?,
            given => given,
        };
        let profile = Profile {
            environment,
            key: Some(KeySource::Stored(key)),
            username,
            merchant_id,
            location: location.clone().or_else(|| old_of(|old| &old.location)),
            currency: currency.map(|code| code.to_string()).or_else(|| old_of(|old| &old.currency)),
            base_url: base_url.as_ref().map(ToString::to_string).or_else(|| old_of(|old| &old.base_url)),
            completions: completions.or_else(|| old?.completions),
        };
        match checked(&name, &profile, check, app).await {
            Ok(account) => break (name, profile, account),
            Err(error) if error.kind == ErrorKind::Credentials => {
                output.warn(&error.message);
                let what = if profile.username.is_some() { "key and username" } else { "key" };
                output.status(&format!("Look at the {what} and paste it again, or give up with Ctrl-C."));
                tried = Some(profile);
            }
            Err(error) => return Err(error),
        }
    };
    let locations = if check { list_locations(account, app).await } else { Vec::new() };
    if let Some(location) = &location {
        warn_of_unknown(location, &locations, output);
    } else if !locations.is_empty() {
        profile.location = ask_location(&locations, profile.location.as_deref(), output).await?;
    }
    if currency.is_none() {
        profile.currency = ask_currency(profile.currency.take(), &locations, output).await?;
    }
    if let Some(old) = document.profile(&name) {
        let told = format!("The profile '{name}' exists. What changes:");
        let lines: Vec<_> = std::iter::once(told)
            .chain(change::between(old, &profile).into_iter().map(|change| format!("  {change}")))
            .collect();
        if !output.assume_yes() && !output.ask_yes_no(&lines.join("\n"), "Replace it?", false).await? {
            return Err(Error::new(ErrorKind::Unconfirmed, "not confirmed; nothing was stored"));
        }
    }
    let agreed = match document.profile(&name) {
        Some(old) => Confirmation::Replace(Box::new(old.clone())),
        None => Confirmation::Add,
    };
    Ok(PendingProfile { name, profile, agreed })
}

async fn ask_key(output: &Output) -> Result<ApiKey, Error> {
    let check = |text: &str| ApiKey::parse(text).map(drop).map_err(|error| error.to_string());
    let typed: Secret = output.ask_secret("API key", check).await?;
    ApiKey::parse(typed.expose()).map_err(|error| Error::usage(error.to_string()))
}

async fn ask_environment(output: &Output) -> Result<Environment, Error> {
    output.status("The key does not tell which environment it is for.");
    let meaning = |environment| match environment {
        Environment::Production => "real money",
        Environment::Playground => "Kustom's playground",
        Environment::Local => "an emulator on this machine",
    };
    let choices = Environment::ALL.map(|environment| Choice::new(environment.as_str(), meaning(environment)));
    let place = output.select("Environment", &choices).await?;
    Ok(Environment::ALL.get(place).copied().unwrap_or(Environment::Production))
}

async fn ask_name(environment: Environment, document: &Document, output: &Output) -> Result<String, Error> {
    let default = default_name(environment);
    if let Some(name) = default.as_deref().filter(|name| document.profile(name).is_some()) {
        output.status(&format!("There is a profile '{name}'; another name keeps it."));
    }
    let check = move |name: &str| {
        check_name(name).map_err(|error| error.to_string())?;
        match Environment::find(name) {
            Some(other) if other != environment => {
                Err(format!("the key is for {environment}; '{name}' would say otherwise"))
            }
            _ => Ok(()),
        }
    };
    output.ask(Question::new("Profile name").default(default).check(check)).await
}

async fn ask_optional(
    prompt: &str,
    default: Option<String>,
    output: &Output,
) -> Result<Option<String>, Error> {
    let prompt = match &default {
        Some(_) => format!("{prompt} ({NONE} for none)"),
        None => format!("{prompt} (Enter for none)"),
    };
    let answer = output.ask(Question::new(&prompt).default(default).optional()).await?;
    Ok(Some(answer).filter(|answer| !answer.is_empty() && answer != NONE))
}

/// The merchant in a username, which is issued as `<merchant id>-<suffix>` (documented).
fn merchant_of(username: &str) -> Option<&str> {
    username.rsplit_once('-').map(|(merchant, _)| merchant).filter(|merchant| !merchant.is_empty())
}

/// The account of the profile, if the API accepts it.
async fn checked(name: &str, profile: &Profile, check: bool, app: &App) -> Result<Account, Error> {
    let account = account_of(app, name, profile)?;
    if check {
        check::verify_key(app, account.clone()).await?;
    }
    Ok(account)
}

/// The account's locations. That they cannot be listed keeps nobody from logging in.
async fn list_locations(account: Account, app: &App) -> Vec<Resource<Location>> {
    let listed = async {
        let context = app.connect_as(account)?;
        let pages = context.client.locations().pages::<Location>();
        pages.try_collect::<Vec<Page<Location>>>().await.map_err(Error::from)
    };
    match listed.await {
        Ok(pages) => pages.into_iter().flat_map(|page| page.content).collect(),
        Err(error) => {
            app.output.status(&format!(
                "No default location: the locations cannot be listed ({}).",
                error.message.lines().next().unwrap_or_default()
            ));
            Vec::new()
        }
    }
}

async fn ask_location(
    locations: &[Resource<Location>],
    old: Option<&str>,
    output: &Output,
) -> Result<Option<String>, Error> {
    // What is stored is the name, which people know, or the id where two have the same.
    let unique = |name: &&str| {
        locations.iter().filter(|location| location.name.as_deref() == Some(*name)).count() == 1
    };
    let known = |location: &Resource<Location>| {
        let name = location.name.as_deref().filter(unique);
        name.or(location.id.as_deref()).map(str::to_owned)
    };
    let mut offers: Vec<(Choice, Option<String>)> = locations
        .iter()
        .map(|location| {
            let name = location.name.as_deref().or(location.id.as_deref()).unwrap_or_default();
            (Choice::new(name, location.city.as_deref().unwrap_or_default()), known(location))
        })
        .collect();
    let none = (Choice::new("none", ""), None);
    offers.insert(usize::from(locations.len() == 1), none);
    if let Some(old) = old {
        let known = locations.iter().position(|location| is_named(location, old));
        let now = match known.map(|place| place + usize::from(locations.len() != 1)) {
            Some(place) => offers.remove(place),
            None => (Choice::new(old, "as now"), Some(old.to_owned())),
        };
        offers.insert(0, now);
    }
    let choices: Vec<_> = offers.iter().map(|(choice, _)| choice.clone()).collect();
    let place = output.select("Default location", &choices).await?;
    Ok(offers.into_iter().nth(place).and_then(|(_, known)| known))
}

/// Whether a location is meant by a name or an id.
fn is_named(location: &Location, wanted: &str) -> bool {
    let is = |text: Option<&str>| text.is_some_and(|text| text.to_lowercase() == wanted.to_lowercase());
    is(location.id.as_deref()) || is(location.name.as_deref())
}

/// A default location that does not exist would fail later, when somebody waits for it.
fn warn_of_unknown(wanted: &str, locations: &[Resource<Location>], output: &Output) {
    let is_it = |location: &Resource<Location>| {
        let begins = |id: &str| wanted.len() >= 4 && id.to_lowercase().starts_with(&wanted.to_lowercase());
        is_named(location, wanted) || location.id.as_deref().is_some_and(begins)
    };
    if !locations.is_empty() && !locations.iter().any(is_it) {
        output.warn(&format!(
            "the account has no location '{}', which is stored as the default",
            escape_control(wanted)
        ));
    }
}

async fn ask_currency(
    old: Option<String>,
    locations: &[Resource<Location>],
    output: &Output,
) -> Result<Option<String>, Error> {
    let default = old.or_else(|| currency_of(locations).map(|currency| currency.to_string()));
    let prompt = match &default {
        Some(_) => format!("Default currency ({NONE} for none)"),
        None => "Default currency, such as SEK (Enter for none)".to_owned(),
    };
    let check = |code: &str| match code {
        NONE => Ok(()),
        code => code.parse::<Currency>().map(drop).map_err(|error| error.to_string()),
    };
    let answer = output.ask(Question::new(&prompt).default(default).optional().check(check)).await?;
    Ok(answer.parse::<Currency>().ok().map(|currency| currency.to_string()))
}

/// The currency of the country that all locations are in.
fn currency_of(locations: &[Resource<Location>]) -> Option<Currency> {
    let country = locations.first()?.country.as_deref()?;
    let all = locations.iter().all(|location| location.country.as_deref() == Some(country));
    Currency::of_country(country).filter(|_| all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_username_tells_its_merchant() {
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
