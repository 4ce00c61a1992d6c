//! `kustom login`

use std::path::PathBuf;

use http::Method;

use super::args;
use super::profiles::row::Row;
use crate::api::{BaseUrl, Request};
use crate::context::{Context, key_from_command};
use crate::error::{Error, Exit, Kind};
use crate::model::Currency;
use crate::profiles::{Document, Environment, KeySource, Profile, check_name};
use crate::secret::{ApiKey, KeyKind};
use crate::settings::{Account, Settings, Variables};

/// Add a profile: checks the key and stores it
///
/// The key is read from standard input, a file or the output of a command, never from an argument, where other
/// users of the machine could see it. With --api-key-command only the command is stored, and the key stays in
/// your password manager.
///
/// The profile is named by --profile, and after its environment otherwise. The first profile becomes the one that
/// is used when none is asked for.
#[derive(Debug, clap::Args)]
#[allow(clippy::doc_markdown, reason = "help is text for people, not Markdown")]
pub struct Args {
    #[command(flatten)]
    key: KeyFlags,
    /// Which service; recognised from the key where it can be
    #[arg(long, value_name = "ENVIRONMENT", value_parser = environment())]
    environment: Option<Environment>,
    /// The username issued with the key, if one was [env: KUSTOM_USERNAME]
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// The merchant id that belongs to the key [env: KUSTOM_MERCHANT_ID]
    #[arg(long, value_name = "ID")]
    merchant_id: Option<String>,
    /// The default location: a name or an id
    #[arg(long, value_name = "LOCATION")]
    location: Option<String>,
    /// The default currency, such as SEK
    #[arg(long, value_name = "CODE")]
    currency: Option<Currency>,
    /// Another host than the environment's: a proxy or an emulator [env: KUSTOM_BASE_URL]
    #[arg(long, value_name = "URL", value_parser = |text: &str| BaseUrl::parse(text))]
    base_url: Option<BaseUrl>,
    /// Store the key without checking it with a call
    #[arg(long)]
    no_check: bool,
}

/// Where the key comes from.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct KeyFlags {
    /// Read the key from standard input
    #[arg(long = "api-key-stdin")]
    stdin: bool,
    /// Read the key from a file
    #[arg(long = "api-key-file", value_name = "FILE")]
    file: Option<PathBuf>,
    /// Store this command, whose output is the key
    #[arg(long = "api-key-command", value_name = "COMMAND")]
    command: Option<String>,
    /// Only to say that a key is never an argument
    #[arg(long = "api-key", value_name = "KEY", hide = true)]
    argument: Option<String>,
}

fn environment() -> impl clap::builder::TypedValueParser<Value = Environment> {
    use clap::builder::{PossibleValuesParser, TypedValueParser as _};
    PossibleValuesParser::new(Environment::ALL.map(Environment::as_str))
        .try_map(|name| Environment::find(&name).ok_or("this environment is not known"))
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Error> {
        let Self { key, environment, username, merchant_id, location, currency, base_url, no_check } = self;
        let store = context.settings.store();
        // A file that cannot be read is told before anything is asked or sent.
        let document = store.read()?;
        let variables = &context.settings.variables;
        let base_url = match (base_url, &variables.base_url) {
            (Some(url), _) => Some(url),
            (None, Some(text)) => Some(BaseUrl::parse(text).map_err(|error| {
                Error::usage(format!("the base URL from KUSTOM_BASE_URL cannot be used: {error}"))
            })?),
            (None, None) => None,
        };
        let username = username.or_else(|| variables.username.clone());
        let merchant_id = merchant_id.or_else(|| variables.merchant_id.clone());
        let (source, key) = key.read(context)?;
        let environment = environment_of(environment, &key, base_url.as_ref())?;
        let name = profile_name(context, environment)?;
        let old = document.profile(&name).filter(|old| old.environment == environment);
        let kept = |of: fn(&Profile) -> &Option<String>| old.and_then(|old| of(old).clone());
        let profile = Profile {
            environment,
            key: Some(source),
            username,
            merchant_id: merchant_id.or_else(|| kept(|old| &old.merchant_id)),
            location: location.or_else(|| kept(|old| &old.location)),
            currency: currency.map(|code| code.to_string()).or_else(|| kept(|old| &old.currency)),
            base_url: base_url.map(|url| url.to_string()).or_else(|| kept(|old| &old.base_url)),
        };
        let account = account_of(context, &name, &profile)?;
        account.check_key(&key)?;
        if !no_check {
            context.wait_for(check(context, account))?;
        }
        let (replaced, row) = store.change(|document| {
            let replaced = document.profile(&name).is_some();
            document.insert(&name, profile.clone());
            if document.active().is_none() {
                document.set_active(Some(&name));
            }
            Ok::<_, Error>((replaced, Row::new(&name, document.active(), &profile)))
        })?;
        context.terminal.one(&row)?;
        let verb = if replaced { "Replaced" } else { "Stored" };
        let path = store.path().display();
        context.terminal.note(&format!("{verb} the profile '{name}' in {path}, which only you can read."));
        context.terminal.note(&next_step(&row));
        Ok(Exit::Done)
    }
}

impl KeyFlags {
    fn read(self, context: &Context) -> Result<(KeySource, ApiKey), Error> {
        let Self { stdin, file, command, argument } = self;
        if argument.is_some() {
            return Err(Error::usage(
                "a key is never an argument, where other users of this machine could see it",
            )
            .hint("give it with --api-key-stdin, --api-key-file FILE or --api-key-command COMMAND"));
        }
        if let Some(command) = command {
            let key = key_from_command(&command)?;
            return Ok((KeySource::Command(command), key));
        }
        let (bytes, whence) = match file {
            Some(path) => (args::read_file(&path)?, path.display().to_string()),
            None if stdin => (context.terminal.read_stdin()?, "standard input".to_owned()),
            None => {
                return Err(Error::new(Kind::Unconfirmed, "the API key is missing")
                    .hint("give it with --api-key-stdin, --api-key-file FILE or --api-key-command COMMAND"));
            }
        };
        let unusable = |why: String| Error::usage(format!("{whence} holds no API key: {why}"));
        let text = String::from_utf8(bytes).map_err(|_| unusable("it is not text".to_owned()))?;
        let key = ApiKey::parse(&text).map_err(|error| unusable(error.to_string()))?;
        Ok((KeySource::Stored(key.clone()), key))
    }
}

/// The environment that is asked for, or that key or host tell.
fn environment_of(
    given: Option<Environment>,
    key: &ApiKey,
    base_url: Option<&BaseUrl>,
) -> Result<Environment, Error> {
    let told = || match key.kind() {
        KeyKind::Live => Some(Environment::Production),
        KeyKind::Test => Some(Environment::Playground),
        KeyKind::Unmarked => Environment::of_host(base_url?.host()),
    };
    given.or_else(told).ok_or_else(|| {
        Error::new(Kind::Unconfirmed, "the key does not tell which environment it is for")
            .hint("give it with --environment production, playground or local")
    })
}

fn profile_name(context: &Context, environment: Environment) -> Result<String, Error> {
    let asked = context.settings.profile.as_ref().or(context.settings.variables.profile.as_ref());
    let Some(name) = asked else {
        if environment == Environment::Local {
            return Err(Error::usage("a profile of the environment 'local' needs a name of its own")
                .hint("name it with --profile NAME"));
        }
        return Ok(environment.to_string());
    };
    check_name(name).map_err(|error| Error::usage(error.to_string()))?;
    Ok(name.clone())
}

/// The account as the profile alone makes it: what is checked is what is stored.
fn account_of(context: &Context, name: &str, profile: &Profile) -> Result<Account, Error> {
    let mut document = Document::empty();
    document.insert(name, profile.clone());
    let settings = Settings {
        profile: Some(name.to_owned()),
        variables: Variables::default(),
        ..context.settings.clone()
    };
    Account::resolve(&settings, &document)
}

/// One harmless call. Only a key that was refused, or an API that does not answer, speaks against storing it.
async fn check(context: &Context, account: Account) -> Result<(), Error> {
    let online = context.connect_as(account)?;
    let request = Request::new(Method::GET, "/ipp/v1/devices").query("page_size", "1");
    match online.client.send(&request).await {
        Ok(_) => Ok(()),
        Err(error) => {
            let status = error.status();
            let error = Error::from(error);
            match error.kind {
                Kind::Credentials => Err(error.hint("nothing was stored")),
                Kind::Refused | Kind::NotFound => {
                    let status = status.unwrap_or_default();
                    context.terminal.warn(&format!(
                        "the API answered {status}, which does not tell whether the key is good: {}",
                        error.message
                    ));
                    Ok(())
                }
                _ => Err(error.hint("nothing was stored; --no-check stores the key without a call")),
            }
        }
    }
}

fn next_step(row: &Row) -> String {
    let name = &row.name;
    if row.active {
        "It is used whenever no other is asked for. Try: kustom devices list".to_owned()
    } else {
        format!("Try: kustom --profile {name} devices list. Use it always: kustom profiles use {name}")
    }
}
