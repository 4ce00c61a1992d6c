//! Which account a command speaks for, and the guards between a key and the wrong host.

use super::{Settings, Source, Sourced};
use crate::api::BaseUrl;
use crate::emulator;
use crate::error::{Error, ErrorKind};
use crate::profiles::{Document, Environment, KeySource, LOCAL, Profile};
use crate::secret::{ApiKey, KeyKind};

/// The base URL of the emulator inside the process, which no request leaves by.
pub(crate) const LOCAL_BASE_URL: &str = "http://localhost";

/// Where requests go.
#[derive(Debug, Clone)]
pub(crate) enum Endpoint {
    /// The emulator inside this process.
    InProcess,
    /// Over the network, or to an emulator on this machine.
    Remote(Sourced<BaseUrl>),
}

/// An account, each value with its source. All guards that need no key have been passed.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    /// The profile, unless the environment alone is enough.
    pub profile: Option<Sourced<String>>,
    pub environment: Sourced<Environment>,
    /// Where requests go.
    pub endpoint: Endpoint,
    /// The key, or the command that gives it.
    pub key: Sourced<KeySource>,
    /// The username issued with the key.
    pub username: Option<Sourced<String>>,
    pub merchant_id: Option<Sourced<String>>,
    /// The default location: a name or an id.
    pub location: Option<Sourced<String>>,
    pub currency: Option<Sourced<String>>,
    /// Whether completions may ask the API for this account.
    pub completions: Sourced<bool>,
    /// Variables that are set and count for nothing here.
    pub ignored: Vec<&'static str>,
}

impl Account {
    /// Resolves the account that flags, variables and profiles ask for.
    pub(crate) fn resolve(settings: &Settings, profiles: &Document) -> Result<Self, Error> {
        let name = settings.profile_name(profiles.active());
        match &name {
            Some(name) if name.value == LOCAL => Self::local(settings, name.clone()),
            Some(name) => match profiles.profile(&name.value) {
                Some(profile) => Self::from_profile(settings, name.clone(), profile),
                None => Err(unknown_profile(name, profiles)),
            },
            None => Self::from_env(settings),
        }
    }

    /// The built-in profile: the emulator in this process with its own account, or one on this machine that
    /// `KUSTOM_BASE_URL` names.
    fn local(settings: &Settings, name: Sourced<String>) -> Result<Self, Error> {
        let variables = &settings.variables;
        let built_in = |text: &str| Some(Sourced::new(text.to_owned(), Source::BuiltIn));
        let own_key = ApiKey::parse(emulator::API_KEY)
            .map_err(|error| Error::new(ErrorKind::Bug, error.to_string()))?;
        let mut account = Self {
            profile: Some(name),
            environment: Sourced::new(Environment::Local, Source::BuiltIn),
            endpoint: Endpoint::InProcess,
            key: Sourced::new(KeySource::Stored(own_key), Source::BuiltIn),
            username: None,
            merchant_id: built_in(emulator::MERCHANT_ID),
            location: None,
            currency: built_in("SEK"),
            completions: Sourced::new(true, Source::BuiltIn),
            ignored: Vec::new(),
        };
        if let Some(base_url) = base_url(settings, None)? {
            account.endpoint = Endpoint::Remote(base_url);
            if let Some(key) = key_from_env(settings)? {
                account.key = key;
            }
            account.username = variable(variables.username.as_deref(), "KUSTOM_USERNAME");
            if let Some(id) = variable(variables.merchant_id.as_deref(), "KUSTOM_MERCHANT_ID") {
                account.merchant_id = Some(id);
            }
        } else {
            let set = [
                (variables.api_key.is_some(), "KUSTOM_API_KEY"),
                (variables.username.is_some(), "KUSTOM_USERNAME"),
                (variables.merchant_id.is_some(), "KUSTOM_MERCHANT_ID"),
            ];
            account.ignored = set.into_iter().filter(|(set, _)| *set).map(|(_, name)| name).collect();
        }
        account.validated()
    }

    fn from_profile(settings: &Settings, name: Sourced<String>, profile: &Profile) -> Result<Self, Error> {
        let variables = &settings.variables;
        let source = || Source::Profile(name.value.clone());
        let text = |from_variable: Option<&String>, variable, from_profile: Option<&String>| {
            let candidates = [
                from_variable.map(|text| (Source::Variable(variable), text.clone())),
                from_profile.map(|text| (source(), text.clone())),
            ];
            Sourced::first_of(candidates.into_iter().flatten().collect(), Clone::clone)
        };
        let environment = Sourced::new(profile.environment, source());
        let endpoint = match base_url(settings, profile.base_url.as_deref().map(|url| (source(), url)))? {
            Some(base_url) => Endpoint::Remote(base_url),
            None => Endpoint::Remote(documented_base_url(profile.environment)?),
        };
        let mut keys: Vec<(Source, KeySource)> =
            key_from_env(settings)?.map(|key| (key.source, key.value)).into_iter().collect();
        keys.extend(profile.key.clone().map(|key| (source(), key)));
        let key = Sourced::first_of(keys, describe_key).ok_or_else(|| {
            Error::new(ErrorKind::Credentials, format!("the profile '{}' has no API key", name.value))
                .hint(format!("add one with `kustom login --profile {} --api-key-stdin`", name.value))
        })?;
        // Username and merchant id belong to their key: those of the profile are wrong with another one, and on
        // production the wrong merchant would be named.
        let own_key = matches!(key.source, Source::Profile(_));
        let username = profile.username.as_ref().filter(|_| own_key || variables.username.is_some());
        let merchant_id = profile.merchant_id.as_ref().filter(|_| own_key || variables.merchant_id.is_some());
        Self {
            environment,
            endpoint,
            username: text(variables.username.as_ref(), "KUSTOM_USERNAME", username),
            merchant_id: text(variables.merchant_id.as_ref(), "KUSTOM_MERCHANT_ID", merchant_id),
            location: profile.location.clone().map(|text| Sourced::new(text, source())),
            currency: profile.currency.clone().map(|text| Sourced::new(text, source())),
            completions: match profile.completions {
                // What is allowed is allowed for the profile's own key, and for no other.
                Some(allowed) if own_key || !allowed => Sourced::new(allowed, source()),
                _ => Sourced::new(completions_by_default(profile.environment, &key.value), Source::BuiltIn),
            },
            ignored: Vec::new(),
            key,
            profile: Some(name),
        }
        .validated()
    }

    /// No profile: a key alone tells its environment, a base URL tells the host.
    fn from_env(settings: &Settings) -> Result<Self, Error> {
        let variables = &settings.variables;
        let Some(key) = key_from_env(settings)? else {
            return Err(Error::new(ErrorKind::Credentials, "there is no API key: no profile is active")
                .hint("try everything without an account: add --profile local")
                .hint("add an account with `kustom login`, or choose one with `kustom profiles use NAME`"));
        };
        let kind = match &key.value {
            KeySource::Stored(key) => key.kind(),
            KeySource::Command(_) => KeyKind::Unmarked,
        };
        let base_url = base_url(settings, None)?;
        let from_key = match kind {
            KeyKind::Live => Some(Environment::Production),
            KeyKind::Test => Some(Environment::Playground),
            KeyKind::Unmarked => None,
        };
        let environment = match (&base_url, from_key) {
            (_, Some(environment)) => Sourced::new(environment, Source::Told("the key")),
            (Some(url), None) => {
                // A key that does not tell, at a host that does not tell, may be worth real money.
                let unmarked =
                    if url.value.is_loopback() { Environment::Local } else { Environment::Production };
                let environment = Environment::of_host(url.value.host()).unwrap_or(unmarked);
                Sourced::new(environment, Source::Told("the base URL"))
            }
            (None, None) => {
                return Err(Error::usage(
                    "KUSTOM_API_KEY does not tell whether it is for production or playground",
                )
                .hint(
                    "name the host in KUSTOM_BASE_URL, or store the key with `kustom login --environment`",
                ));
            }
        };
        let endpoint = match base_url {
            Some(base_url) => base_url,
            None => documented_base_url(environment.value)?,
        };
        let completions = completions_by_default(environment.value, &key.value);
        Self {
            profile: None,
            environment,
            endpoint: Endpoint::Remote(endpoint),
            username: variable(variables.username.as_deref(), "KUSTOM_USERNAME"),
            merchant_id: variable(variables.merchant_id.as_deref(), "KUSTOM_MERCHANT_ID"),
            location: None,
            currency: None,
            completions: Sourced::new(completions, Source::BuiltIn),
            ignored: Vec::new(),
            key,
        }
        .validated()
    }

    /// Checks that a host of the service is not spoken to under the name of another environment.
    fn validated(self) -> Result<Self, Error> {
        if let Endpoint::Remote(url) = &self.endpoint
            && let Some(host) = Environment::of_host(url.value.host())
            && host != self.environment.value
        {
            let message = format!(
                "the base URL ({}) is the host of {host}, but the environment ({}) is {}",
                url.source.describe(),
                self.environment.source.describe(),
                self.environment.value
            );
            return Err(
                Error::new(ErrorKind::Credentials, message).hint("nothing was sent; correct one of the two")
            );
        }
        if let Endpoint::Remote(url) = &self.endpoint
            && self.environment.value == Environment::Local
            && !url.value.is_loopback()
        {
            let message = format!(
                "the base URL (from {}) is not on this machine, but the environment is local",
                url.source
            );
            return Err(Error::usage(message).hint("use a profile of production or playground for it"));
        }
        if let KeySource::Stored(key) = &self.key.value {
            self.check_key(key)?;
        }
        Ok(self)
    }

    /// Checks that a key is not of another environment. A key from a command is checked once it is known.
    pub(crate) fn check_key(&self, key: &ApiKey) -> Result<(), Error> {
        let fits = match key.kind() {
            KeyKind::Live => self.environment.value == Environment::Production,
            KeyKind::Test => self.environment.value != Environment::Production,
            KeyKind::Unmarked => true,
        };
        if fits {
            return Ok(());
        }
        let message = format!(
            "{} ({}) does not belong to {} ({})",
            key.describe(),
            self.key.source.describe(),
            self.environment.value,
            self.environment.source.describe()
        );
        Err(Error::new(ErrorKind::Credentials, message).hint(
            "nothing was sent; use a kco_live_… key for production and a kco_test_… key for playground",
        ))
    }

    /// Where requests go.
    pub(crate) fn base_url(&self) -> Result<BaseUrl, Error> {
        match &self.endpoint {
            Endpoint::Remote(url) => Ok(url.value.clone()),
            Endpoint::InProcess => {
                BaseUrl::parse(LOCAL_BASE_URL).map_err(|error| Error::new(ErrorKind::Bug, error.to_string()))
            }
        }
    }

    /// Whether this is about real money.
    pub(crate) fn is_production(&self) -> bool {
        self.environment.value == Environment::Production
    }
}

/// Whether completions may use a key that no profile speaks of: never one of production, and never one that a command
/// gives, which may ask for a password.
const fn completions_by_default(environment: Environment, key: &KeySource) -> bool {
    matches!(key, KeySource::Stored(_)) && !matches!(environment, Environment::Production)
}

/// A key in words that are safe to show.
pub(super) fn describe_key(key: &KeySource) -> String {
    match key {
        KeySource::Stored(key) => key.describe().to_owned(),
        KeySource::Command(_) => "a command".to_owned(),
    }
}

fn variable(text: Option<&str>, name: &'static str) -> Option<Sourced<String>> {
    text.map(|text| Sourced::new(text.to_owned(), Source::Variable(name)))
}

fn key_from_env(settings: &Settings) -> Result<Option<Sourced<KeySource>>, Error> {
    let Some(text) = &settings.variables.api_key else { return Ok(None) };
    let key =
        ApiKey::parse(text.expose()).map_err(|error| Error::usage(format!("KUSTOM_API_KEY: {error}")))?;
    Ok(Some(Sourced::new(KeySource::Stored(key), Source::Variable("KUSTOM_API_KEY"))))
}

fn base_url(
    settings: &Settings,
    of_profile: Option<(Source, &str)>,
) -> Result<Option<Sourced<BaseUrl>>, Error> {
    let of_variable =
        settings.variables.base_url.as_deref().map(|url| (Source::Variable("KUSTOM_BASE_URL"), url));
    let candidates = [of_variable, of_profile].into_iter().flatten().collect();
    // A URL that cannot be used may hold a password: only its source is named.
    let describe =
        |url: &&str| BaseUrl::parse(url).map_or_else(|_| "another".to_owned(), |url| url.to_string());
    let Some(strongest) = Sourced::first_of(candidates, describe) else { return Ok(None) };
    match BaseUrl::parse(strongest.value) {
        Ok(url) => Ok(Some(strongest.map(|_| url))),
        Err(error) => {
            Err(Error::usage(format!("the base URL from {} cannot be used: {error}", strongest.source)))
        }
    }
}

fn documented_base_url(environment: Environment) -> Result<Sourced<BaseUrl>, Error> {
    let Some(host) = environment.host() else {
        return Err(Error::usage(
            "a profile of the environment 'local' needs a base_url, such as that of an emulator",
        )
        .hint("the built-in profile needs none: --profile local"));
    };
    BaseUrl::parse(&format!("https://{host}"))
        .map(|url| Sourced::new(url, Source::BuiltIn))
        .map_err(|error| Error::new(ErrorKind::Bug, error.to_string()))
}

fn unknown_profile(name: &Sourced<String>, profiles: &Document) -> Error {
    let known: Vec<_> = profiles.profiles().map(|(name, _)| name).chain([LOCAL]).collect();
    Error::usage(format!("there is no profile '{}' (from {})", name.value, name.source))
        .hint(format!("the profiles are: {}", known.join(", ")))
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
