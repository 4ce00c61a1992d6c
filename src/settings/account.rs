//! The account a command uses, and the checks that keep a key from reaching the wrong host.

use super::{DirectorySettings, Settings, Source, Sourced};
use crate::api::{BaseUrl, BaseUrlError};
use crate::emulator;
use crate::error::{Error, ErrorKind};
use crate::ledger::LedgerLocation;
use crate::profiles::{Document, Environment, IfBusy, KeySource, LOCAL, Profile};
use crate::secret::{ApiKey, KeyKind};

/// A placeholder for the emulator in this process, which requests reach without the network.
const LOCAL_BASE_URL: &str = "http://localhost";

#[derive(Debug, Clone)]
pub(crate) enum Endpoint {
    /// The emulator in this process.
    InProcess,
    /// A URL, which may be an emulator on this machine.
    Remote(Sourced<BaseUrl>),
}

/// An account, each value with its source. All checks that do not need the key have passed.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    /// `None` if environment variables alone describe the account.
    pub profile: Option<Sourced<String>>,
    pub environment: Sourced<Environment>,
    pub endpoint: Endpoint,
    pub key: Sourced<KeySource>,
    /// The username issued with the key.
    pub username: Option<Sourced<String>>,
    pub merchant_id: Option<Sourced<String>>,
    /// The default location: a name or an ID.
    pub location: Option<Sourced<String>>,
    /// The default device: a name or an ID.
    pub device: Option<Sourced<String>>,
    pub currency: Option<Sourced<String>>,
    pub if_busy: Option<Sourced<IfBusy>>,
    pub ledger: Sourced<LedgerLocation>,
    /// A command whose output is the password of the ledger's database.
    pub ledger_command: Option<String>,
    /// Whether completions may call the API for this account.
    pub completions: Sourced<bool>,
    /// Environment variables that are set but have no effect on this account.
    pub ignored: Vec<&'static str>,
}

impl Account {
    /// Resolves the account from flags, environment variables and profiles.
    pub(crate) fn resolve(settings: &Settings, profiles: &Document) -> Result<Self, Error> {
        match settings.profile_name(profiles.active()) {
            Some(name) if name.value == LOCAL => Self::local(settings, name),
            Some(name) => match profiles.profile(&name.value) {
                Some(profile) => {
                    let environment = Sourced::new(profile.environment, Source::Profile(name.value.clone()));
                    Self::from_profile(settings, Some(name), environment, profile)
                }
                None => {
                    Err(Error::usage(format!("there is no profile '{}' (from {})", name.value, name.source))
                        .hint(format!("the profiles are: {}", profiles.names().join(", "))))
                }
            },
            None => {
                let environment = infer_environment(settings)?;
                let profile = Profile::new(environment.value);
                Self::from_profile(settings, None, environment, &profile)
            }
        }
    }

    /// The built-in profile. It uses the emulator in this process with a built-in account, or the emulator at
    /// `KUSTOM_BASE_URL` if that is set.
    fn local(settings: &Settings, name: Sourced<String>) -> Result<Self, Error> {
        let variables = &settings.variables;
        let built_in = |text: &str| Sourced::new(text.to_owned(), Source::BuiltIn);
        let key = ApiKey::parse(emulator::API_KEY)
            .map_err(|error| Error::new(ErrorKind::Bug, error.to_string()))?;
        let mut account = Self {
            profile: Some(name),
            environment: Sourced::new(Environment::Local, Source::BuiltIn),
            endpoint: Endpoint::InProcess,
            key: Sourced::new(KeySource::Stored(key), Source::BuiltIn),
            username: None,
            merchant_id: Some(built_in(emulator::MERCHANT_ID)),
            location: from_directory(settings, |file| &file.location),
            device: from_directory(settings, |file| &file.device),
            currency: first([from_directory(settings, |file| &file.currency), Some(built_in("SEK"))]),
            if_busy: None,
            ledger: ledger_location(settings, None)?,
            ledger_command: None,
            completions: Sourced::new(true, Source::BuiltIn),
            ignored: Vec::new(),
        };
        if let Some(base_url) = base_url(settings, None, None)? {
            account.endpoint = Endpoint::Remote(base_url);
            if let Some(key) = key_from_env(settings)? {
                account.key = key;
            }
            account.username = from_env("KUSTOM_USERNAME", variables.username.as_ref());
            account.merchant_id =
                from_env("KUSTOM_MERCHANT_ID", variables.merchant_id.as_ref()).or(account.merchant_id);
        } else {
            let is_set = [
                ("KUSTOM_API_KEY", variables.api_key.is_some()),
                ("KUSTOM_USERNAME", variables.username.is_some()),
                ("KUSTOM_MERCHANT_ID", variables.merchant_id.is_some()),
            ];
            account.ignored = is_set.into_iter().filter(|(_, set)| *set).map(|(name, _)| name).collect();
        }
        account.validate()
    }

    /// An account with a profile's values, each overridden by its environment variable. Without a name, the profile is
    /// empty and environment variables give all values.
    fn from_profile(
        settings: &Settings,
        name: Option<Sourced<String>>,
        environment: Sourced<Environment>,
        profile: &Profile,
    ) -> Result<Self, Error> {
        let variables = &settings.variables;
        let profile_name = name.as_ref().map(|name| name.value.clone()).unwrap_or_default();
        let source = || Source::Profile(profile_name.clone());
        let stored = |text: &Option<String>| text.clone().map(|text| Sourced::new(text, source()));
        if profile.allow_http.is_some() && environment.value != Environment::Local {
            return Err(Error::usage(format!(
                "allow_http is only for profiles of the environment local, but {} is {}",
                environment.source.describe(),
                environment.value
            ))
            .hint("nothing was sent; remove allow_http from the profile"));
        }
        let allow_http = profile.allow_http.as_deref();
        let endpoint = match base_url(settings, stored(&profile.base_url), allow_http)? {
            Some(base_url) => Endpoint::Remote(base_url),
            None => Endpoint::Remote(documented_base_url(environment.value)?),
        };
        let stored_key = profile.key().map(|key| Sourced::new(key, source()));
        let key = Sourced::first([key_from_env(settings)?, stored_key], describe_key).ok_or_else(|| {
            Error::new(ErrorKind::Credentials, format!("the profile '{profile_name}' has no API key"))
                .hint(format!("add one with `kustom login --profile {profile_name} --api-key-stdin`"))
        })?;
        // Username and merchant ID belong to their key. With another key, the profile's would be wrong, and production
        // prompts would name the wrong merchant.
        let is_own_key = matches!(key.source, Source::Profile(_));
        let username = [
            from_env("KUSTOM_USERNAME", variables.username.as_ref()),
            stored(&profile.username).filter(|_| is_own_key || variables.username.is_some()),
        ];
        let merchant_id = [
            from_env("KUSTOM_MERCHANT_ID", variables.merchant_id.as_ref()),
            stored(&profile.merchant_id).filter(|_| is_own_key || variables.merchant_id.is_some()),
        ];
        let completions = match profile.completions {
            // Permission for the profile's own key does not extend to another one.
            Some(allowed) if is_own_key || !allowed => Sourced::new(allowed, source()),
            _ => Sourced::new(completions_by_default(environment.value, &key.value), Source::BuiltIn),
        };
        Self {
            endpoint,
            username: first(username),
            merchant_id: first(merchant_id),
            location: first([from_directory(settings, |file| &file.location), stored(&profile.location)]),
            device: first([from_directory(settings, |file| &file.device), stored(&profile.device)]),
            currency: first([from_directory(settings, |file| &file.currency), stored(&profile.currency)]),
            if_busy: profile.if_busy.map(|policy| Sourced::new(policy, source())),
            ledger: ledger_location(settings, stored(&profile.ledger))?,
            ledger_command: profile.ledger_command.clone(),
            completions,
            ignored: Vec::new(),
            key,
            environment,
            profile: name,
        }
        .validate()
    }

    /// Checks that the host and a stored key belong to the environment.
    fn validate(self) -> Result<Self, Error> {
        let environment = &self.environment;
        if let Endpoint::Remote(url) = &self.endpoint {
            if let Some(host) =
                Environment::of_host(url.value.host()).filter(|host| *host != environment.value)
            {
                let message = format!(
                    "the base URL ({}) is the host of {host}, but the environment ({}) is {}",
                    url.source.describe(),
                    environment.source.describe(),
                    environment.value
                );
                return Err(Error::new(ErrorKind::Credentials, message)
                    .hint("nothing was sent; correct one of the two"));
            }
            if environment.value != Environment::Local && url.value.is_local() && !url.value.is_loopback() {
                return Err(Error::usage(format!(
                    "the base URL (from {}) is plain http to another machine, which is only for emulators, but the \
                     environment ({}) is {}",
                    url.source,
                    environment.source.describe(),
                    environment.value
                ))
                .hint("nothing was sent; use --profile local, or a profile of the environment local"));
            }
            if environment.value == Environment::Local && !url.value.is_local() {
                let source = &url.source;
                let message = format!(
                    "the base URL (from {source}) is not on this machine, but the environment is local"
                );
                return Err(Error::usage(message).hint("use a profile of production or playground for it"));
            }
        }
        if let KeySource::Stored(key) = &self.key.value {
            self.check_key(key)?;
        }
        Ok(self)
    }

    /// Checks that a key belongs to the environment. A key from a command is checked after the command has run.
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

    pub(crate) fn base_url(&self) -> Result<BaseUrl, Error> {
        match &self.endpoint {
            Endpoint::Remote(url) => Ok(url.value.clone()),
            Endpoint::InProcess => {
                BaseUrl::parse(LOCAL_BASE_URL).map_err(|error| Error::new(ErrorKind::Bug, error.to_string()))
            }
        }
    }

    /// The account in a few words, such as `local (emulator)` or `shop (production)`.
    pub(crate) fn describe(&self) -> String {
        let environment = match (&self.endpoint, self.environment.value) {
            (Endpoint::InProcess, _) | (_, Environment::Local) => "emulator",
            (_, environment) => environment.as_str(),
        };
        match &self.profile {
            Some(profile) if profile.value != environment => format!("{} ({environment})", profile.value),
            _ => environment.to_owned(),
        }
    }

    pub(crate) fn is_production(&self) -> bool {
        self.environment.value == Environment::Production
    }
}

/// The environment of an account without a profile, from the key or from the host in `KUSTOM_BASE_URL`.
fn infer_environment(settings: &Settings) -> Result<Sourced<Environment>, Error> {
    let key = key_from_env(settings)?.ok_or_else(|| {
        Error::new(ErrorKind::Credentials, "there is no API key: no profile is active")
            .hint("try everything without an account: add --profile local")
            .hint("add an account with `kustom login`, or choose one with `kustom profiles use NAME`")
    })?;
    let kind = match &key.value {
        KeySource::Stored(key) => key.kind(),
        KeySource::Command(_) => KeyKind::Unmarked,
    };
    let base_url = base_url(settings, None, None)?;
    match (kind, base_url) {
        (KeyKind::Live, _) => Ok(Sourced::new(Environment::Production, Source::Inferred("the key"))),
        (KeyKind::Test, _) => Ok(Sourced::new(Environment::Playground, Source::Inferred("the key"))),
        (KeyKind::Unmarked, Some(url)) => {
            // An unmarked key at an unknown host may be worth real money.
            let fallback = if url.value.is_loopback() { Environment::Local } else { Environment::Production };
            let environment = Environment::of_host(url.value.host()).unwrap_or(fallback);
            Ok(Sourced::new(environment, Source::Inferred("the base URL")))
        }
        (KeyKind::Unmarked, None) => {
            let message = "KUSTOM_API_KEY does not show whether it is for production or playground";
            Err(Error::usage(message)
                .hint("name the host in KUSTOM_BASE_URL, or store the key with `kustom login --environment`"))
        }
    }
}

/// Completions do not use a production key by default, nor run a command for the key, which may ask for a password.
const fn completions_by_default(environment: Environment, key: &KeySource) -> bool {
    matches!(key, KeySource::Stored(_)) && !matches!(environment, Environment::Production)
}

/// Describes a key without revealing it.
fn describe_key(key: &KeySource) -> String {
    match key {
        KeySource::Stored(key) => key.describe().to_owned(),
        KeySource::Command(_) => "a command".to_owned(),
    }
}

fn from_env(name: &'static str, value: Option<&String>) -> Option<Sourced<String>> {
    value.map(|value| Sourced::new(value.clone(), Source::Variable(name)))
}

fn from_directory(
    settings: &Settings,
    value: fn(&DirectorySettings) -> &Option<String>,
) -> Option<Sourced<String>> {
    value(&settings.directory).clone().map(|value| Sourced::new(value, settings.directory_source()))
}

fn first(candidates: [Option<Sourced<String>>; 2]) -> Option<Sourced<String>> {
    Sourced::first(candidates, Clone::clone)
}

fn key_from_env(settings: &Settings) -> Result<Option<Sourced<KeySource>>, Error> {
    let Some(text) = &settings.variables.api_key else { return Ok(None) };
    let key =
        ApiKey::parse(text.expose()).map_err(|error| Error::usage(format!("KUSTOM_API_KEY: {error}")))?;
    Ok(Some(Sourced::new(KeySource::Stored(key), Source::Variable("KUSTOM_API_KEY"))))
}

fn base_url(
    settings: &Settings,
    stored: Option<Sourced<String>>,
    allow_http: Option<&str>,
) -> Result<Option<Sourced<BaseUrl>>, Error> {
    let allow_http = settings.allow_http.as_deref().or(allow_http);
    let candidates = [from_env("KUSTOM_BASE_URL", settings.variables.base_url.as_ref()), stored];
    let parse = |url: &str| BaseUrl::parse_allowing(url, allow_http);
    first_url(candidates, parse, |source, error| unusable_base_url(&source.to_string(), error))
}

/// Parses the first candidate, which shadows the others. An invalid URL may contain a password, so it is not repeated.
fn first_url<T: std::fmt::Display, E>(
    candidates: [Option<Sourced<String>>; 2],
    parse: impl Fn(&str) -> Result<T, E>,
    unusable: impl FnOnce(&Source, E) -> Error,
) -> Result<Option<Sourced<T>>, Error> {
    let describe =
        |url: &String| parse(url).map_or_else(|_| "another".to_owned(), |parsed| parsed.to_string());
    let Some(Sourced { value, source, shadows }) = Sourced::first(candidates, describe) else {
        return Ok(None);
    };
    match parse(&value) {
        Ok(value) => Ok(Some(Sourced { value, source, shadows })),
        Err(error) => Err(unusable(&source, error)),
    }
}

/// The error for a base URL from a flag, a variable or a profile.
pub(crate) fn unusable_base_url(source: &str, error: BaseUrlError) -> Error {
    let report = Error::usage(format!("the base URL from {source} cannot be used: {error}"));
    match error {
        BaseUrlError::PlainHttp => {
            report.hint("for an emulator in a private network, name its host with --allow-http")
        }
        _ => report,
    }
}

fn ledger_location(
    settings: &Settings,
    stored: Option<Sourced<String>>,
) -> Result<Sourced<LedgerLocation>, Error> {
    let candidates = [from_env("KUSTOM_LEDGER", settings.variables.ledger.as_ref()), stored];
    let location = first_url(candidates, LedgerLocation::parse, |source, error| {
        Error::usage(format!("the ledger {} cannot be used: {error}", source.describe()))
            .hint("`kustom help ledger` describes the value")
    })?;
    Ok(location.unwrap_or_else(|| Sourced::new(LedgerLocation::Sqlite, Source::BuiltIn)))
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
